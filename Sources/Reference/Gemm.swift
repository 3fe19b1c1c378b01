import COpenBLAS

/// Matrix products by OpenBLAS, for what plain loops would take too long.
public enum Gemm {
  /// Why OpenBLAS cannot be used; nil when it can.
  public static var problem: String? { openblas_load().error.map { String(cString: $0) } }

  /// `A·B` of A `[m, k]` and B `[k, n]`, each transposed on demand.
  /// - Precondition: the shapes fit and OpenBLAS is installed.
  public static func product(
    _ a: NDArray<Double>, transposeA: Bool = false, _ b: NDArray<Double>, transposeB: Bool = false
  ) -> NDArray<Double> {
    let (m, k) = transposeA ? (a.shape[1], a.shape[0]) : (a.shape[0], a.shape[1])
    let (k2, n) = transposeB ? (b.shape[1], b.shape[0]) : (b.shape[0], b.shape[1])
    precondition(k == k2, "\(a.shape) and \(b.shape) do not multiply")
    guard let dgemm = openblas_load().dgemm else { preconditionFailure(problem ?? "OpenBLAS is missing") }
    var c = NDArray<Double>(shape: [m, n])
    guard m > 0, n > 0 else { return c }
    c.values.withUnsafeMutableBufferPointer { c in
      dgemm(
        101, transposeA ? 112 : 111, transposeB ? 112 : 111, Int32(m), Int32(n), Int32(k), 1, a.values,
        Int32(max(1, a.shape[1])), b.values, Int32(max(1, b.shape[1])), 0, c.baseAddress!, Int32(n))
    }
    return c
  }
}

/// A dense layer, `y = x·Wᵀ + b`, with x `[N, I]`, W `[O, I]`, b `[O]`.
public enum Linear {
  public static func forward(
    _ x: NDArray<Double>, weight: NDArray<Double>, bias: NDArray<Double>?
  ) -> NDArray<Double> {
    var y = Gemm.product(x, weight, transposeB: true)
    guard let bias else { return y }
    for place in y.values.indices { y.values[place] += bias.values[place % bias.count] }
    return y
  }

  /// `∂x = g·W`, `∂W = gᵀ·x`, `∂b = Σ_n g`.
  public static func backward(
    _ x: NDArray<Double>, weight: NDArray<Double>, gradient: NDArray<Double>
  ) -> (input: NDArray<Double>, weight: NDArray<Double>, bias: NDArray<Double>) {
    var db = NDArray<Double>(shape: [weight.shape[0]])
    for place in gradient.values.indices { db.values[place % db.count] += gradient.values[place] }
    return (Gemm.product(gradient, weight), Gemm.product(gradient, transposeA: true, x), db)
  }
}
