import COpenBLAS

/// Matrix products by OpenBLAS, for what plain loops would take too long; by loops where there is no OpenBLAS.
public enum Gemm {
  /// Why OpenBLAS cannot be used; nil when it can.
  public static var problem: String? { openblas_load().error.map { String(cString: $0) } }

  /// The file that the products come from, as the dynamic loader sees it; nil when loops compute them.
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
    guard let dgemm = openblas_load().dgemm else { return loops(m, n, k, a, transposeA, b, transposeB) }
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
    guard let sgemm = openblas_load().sgemm else { return loops(m, n, k, a, transposeA, b, transposeB) }
    guard m > 0, n > 0, k > 0 else { return [Float](repeating: 0, count: m * n) }
    return [Float](unsafeUninitializedCapacity: m * n) { c, count in
      sgemm(
        101, transposeA ? 112 : 111, transposeB ? 112 : 111, Int32(m), Int32(n), Int32(k), 1, a,
        leading(m, k, transposeA), b, leading(k, n, transposeB), 0, c.baseAddress!, Int32(n))
      count = m * n
    }
  }

  /// The product by loops: each row of C is a sum of rows of B, which the compiler makes vector code of.
  @specialized(where Number == Float)
  @specialized(where Number == Double)
  static func loops<Number: BinaryFloatingPoint>(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Number], _ transposeA: Bool, _ b: [Number], _ transposeB: Bool
  ) -> [Number] {
    var c = [Number](repeating: 0, count: m * n)
    guard m > 0, n > 0, k > 0 else { return c }
    let a = transposeA ? transposed(a, rows: k, columns: m) : a
    let b = transposeB ? transposed(b, rows: n, columns: k) : b
    // As many columns at a time as stay in the nearest cache while the rows of B pass.
    let width = 1024
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeMutableBufferPointer { c in
          for first in stride(from: 0, to: n, by: width) {
            let count = min(width, n - first)
            for row in 0..<m {
              let out = c.baseAddress! + (row * n + first)
              let factors = a.baseAddress! + row * k
              var term = 0
              while term + 4 <= k {
                let x = (factors[term], factors[term + 1], factors[term + 2], factors[term + 3])
                let rows = b.baseAddress! + (term * n + first)
                for column in 0..<count {
                  out[column] +=
                    (x.0 * rows[column] + x.1 * rows[n + column])
                    + (x.2 * rows[2 * n + column] + x.3 * rows[3 * n + column])
                }
                term += 4
              }
              while term < k {
                let (x, rows) = (factors[term], b.baseAddress! + (term * n + first))
                for column in 0..<count { out[column] += x * rows[column] }
                term += 1
              }
            }
          }
        }
      }
    }
    return c
  }

  /// `matrix` as `[columns, rows]`.
  private static func transposed<Number>(_ matrix: [Number], rows: Int, columns: Int) -> [Number] {
    [Number](unsafeUninitializedCapacity: rows * columns) { out, count in
      for row in 0..<rows {
        for column in 0..<columns {
          (out.baseAddress! + (column * rows + row)).initialize(to: matrix[row * columns + column])
        }
      }
      count = rows * columns
    }
  }
}
