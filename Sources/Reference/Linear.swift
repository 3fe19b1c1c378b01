/// A dense layer, `y = x·Wᵀ + b`, with x `[…, I]`, W `[O, I]`, b `[O]`; parameters: weight, and bias where
/// there is one.
public struct Linear: Layer {
  /// Whether matrix products are OpenBLAS's; otherwise they are loops.
  public var fast: Bool
  public init(fast: Bool = false) { self.fast = fast }

  /// `C = A·B` by loops: A `[m, k]`, B `[k, n]`, each transposed on demand.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  static func product<Scalar: Real>(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Scalar], transposeA: Bool, _ b: [Scalar], transposeB: Bool,
    bias: [Scalar]?
  ) -> [Scalar] {
    var result: [Scalar] = []
    for i in 0..<m {
      for j in 0..<n {
        var sum = Scalar.Sum()
        for l in 0..<k {
          sum.add(a[transposeA ? l * m + i : i * k + l], times: b[transposeB ? j * k + l : l * n + j])
        }
        if let bias { sum.add(bias[j]) }
        result.append(sum.total(roundings: bias == nil ? 1 : 2))
      }
    }
    return result
  }

  private func multiply<Scalar: Real>(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Scalar], transposeA: Bool, _ b: [Scalar], transposeB: Bool,
    bias: [Scalar]? = nil
  ) -> [Scalar] {
    guard fast else {
      return Self.product(
        m, n, k, a, transposeA: transposeA, b, transposeB: transposeB, bias: bias)
    }
    var result = Scalar.gemm(
      m, n, k, a, transposeA: transposeA, b, transposeB: transposeB, roundings: bias == nil ? 1 : 2,
      terms: bias == nil ? k : k + 1)
    if let bias {
      for place in result.indices { result[place] = result[place].adding(bias[place % n], terms: k) }
    }
    return result
  }

  /// Backward: `∂x = g·W`, `∂W = gᵀ·x`, `∂b = Σ_n g`.
  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (w, bias) = (parameters[0], parameters.count > 1 ? parameters[1] : nil)
    let (outputs, inputs) = (w.shape[0], w.shape[1])
    let rows = x.shape.dropLast().reduce(1, *)
    let y = multiply(
      rows, outputs, inputs, x.values, transposeA: false, w.values, transposeB: true, bias: bias?.values)
    return Evaluated(NDArray(y, shape: Array(x.shape.dropLast()) + [outputs])) { gradient in
      let dx = multiply(
        rows, inputs, outputs, gradient.values, transposeA: false, w.values, transposeB: false)
      let dw = multiply(
        outputs, inputs, rows, gradient.values, transposeA: true, x.values, transposeB: false)
      var found = [NDArray(dw, shape: w.shape)]
      if bias != nil {
        found.append(Convolution.biasGradient(gradient.reshaped([rows, outputs])))
      }
      return Gradients(NDArray(dx, shape: x.shape), found)
    }
  }
}
