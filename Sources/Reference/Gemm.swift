import COpenBLAS

/// Matrix products by OpenBLAS, for what plain loops would take too long.
public enum Gemm {
  /// Why OpenBLAS cannot be used; nil when it can.
  public static var problem: String? { openblas_load().error.map { String(cString: $0) } }

  /// The file that the products come from, as the dynamic loader sees it.
  public static var library: String? { openblas_library().map { String(cString: $0) } }

  /// Threads that a product may use.
  public static func setNumThreads(_ count: Int) {
    openblas_load().set_num_threads?(Int32(clamping: max(1, count)))
  }

  private static func leading(_ rows: Int, _ columns: Int, _ transposed: Bool) -> Int32 {
    Int32(max(1, transposed ? rows : columns))
  }

  static func product(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Double], _ transposeA: Bool, _ b: [Double], _ transposeB: Bool
  ) -> [Double] {
    guard let dgemm = openblas_load().dgemm else { preconditionFailure(problem ?? "OpenBLAS is missing") }
    guard m > 0, n > 0, k > 0 else { return [Double](repeating: 0, count: m * n) }
    return [Double](unsafeUninitializedCapacity: m * n) { c, count in
      dgemm(
        101, transposeA ? 112 : 111, transposeB ? 112 : 111, Int32(m), Int32(n), Int32(k), 1, a,
        leading(m, k, transposeA), b, leading(k, n, transposeB), 0, c.baseAddress!, Int32(n))
      count = m * n
    }
  }

  static func product(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Float], _ transposeA: Bool, _ b: [Float], _ transposeB: Bool
  ) -> [Float] {
    guard let sgemm = openblas_load().sgemm else { preconditionFailure(problem ?? "OpenBLAS is missing") }
    guard m > 0, n > 0, k > 0 else { return [Float](repeating: 0, count: m * n) }
    return [Float](unsafeUninitializedCapacity: m * n) { c, count in
      sgemm(
        101, transposeA ? 112 : 111, transposeB ? 112 : 111, Int32(m), Int32(n), Int32(k), 1, a,
        leading(m, k, transposeA), b, leading(k, n, transposeB), 0, c.baseAddress!, Int32(n))
      count = m * n
    }
  }
}
