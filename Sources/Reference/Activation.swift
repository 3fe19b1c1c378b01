/// A function of each element by itself.
public enum Activation: String, Layer, CaseIterable {
  /// `max(x, 0)`
  case relu
  /// `1 / (1 + e⁻ˣ)`
  case sigmoid
  /// `(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)`
  case tanh

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private func forward<Scalar: Real>(_ x: [Scalar]) -> [Scalar] {
    switch self {
    case .relu: x.map { $0.rectified() }
    case .sigmoid: x.map { $0.sigmoid() }
    case .tanh: x.map { $0.tanh() }
    }
  }

  /// `g·y'`, where y' is 1 above zero, `y(1 − y)` or `1 − y²`.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private func backward<Scalar: Real>(_ x: [Scalar], _ y: [Scalar], _ g: [Scalar]) -> [Scalar] {
    let one = Scalar(1)
    switch self {
    case .relu:
      // NaN lets the gradient through.
      return zip(x, g).map { $0.error == 0 ? ($0.value <= 0 ? Scalar(0) : $1) : $0.step() * $1 }
    case .sigmoid: return zip(y, g).map { ($1 * ((one - $0) * $0)) }
    case .tanh: return zip(y, g).map { ($1 * (one - $0 * $0)) }
    }
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let y = forward(x.values)
    return Evaluated(NDArray(y, shape: x.shape)) {
      Gradients(NDArray(backward(x.values, y, $0.values), shape: x.shape))
    }
  }
}

/// Each element times a mask that was drawn before: what is kept has `1 / (1 − p)`, the rest 0.
public struct Dropout: Layer {
  public let p: Double
  /// Which elements are kept; nil keeps all and divides by nothing, as in evaluation.
  public let kept: [Bool]?

  public init(p: Double, kept: [Bool]?) {
    self.p = p
    self.kept = kept
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    guard let kept else { return Evaluated(x) { Gradients($0) } }
    func apply(_ x: NDArray<Scalar>) -> NDArray<Scalar> {
      // The mask is divided by 1 − p, itself rounded; a 16-bit format keeps the mask, too.
      NDArray(
        zip(x.values, kept).map { $1 ? $0.scaled(by: 1 / (1 - p)) : Scalar(0) * $0 },
        shape: x.shape)
    }
    return Evaluated(apply(x)) { Gradients(apply($0)) }
  }
}
