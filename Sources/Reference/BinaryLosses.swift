/// `−w·(t·log x + (1 − t)·log(1 − x))` of probabilities, the logarithms at least −100, and x·(1 − x) in the
/// derivative at least 10⁻¹².
public struct BinaryCrossEntropy: ElementLoss {
  public let target: [Double]
  /// A factor for each element.
  public let weight: [Double]?
  public let reduction: Reduction

  public init(target: [Double], weight: [Double]? = nil, reduction: Reduction = .mean) {
    self.target = target
    self.weight = weight
    self.reduction = reduction
  }

  private func bounded<Scalar: Real>(_ logarithm: Scalar) -> Scalar {
    let least = logarithm.constant(-100)
    return logarithm.value.isInfinite ? least : logarithm.larger(least)
  }

  private func weighted<Scalar: Real>(_ value: Scalar, _ place: Int) -> Scalar {
    weight.map { value * Scalar($0[place]) } ?? value
  }

  public func term<Scalar: Real>(_ x: Scalar, _ place: Int) -> Scalar {
    let t = x.constant(target[place])
    let one = x.constant(1)
    return weighted((t - one) * bounded((-x).log1p()) - t * bounded(x.log()), place)
  }

  public func slope<Scalar: Real>(_ x: Scalar, _ place: Int, times g: Scalar) -> Scalar {
    let one = x.constant(1)
    // libtorch's constant is a float32 in every format.
    let variance = ((one - x) * x).larger(one.scaled(by: Double(Float(1e-12))))
    return weighted(g * (x - x.constant(target[place])) / variance, place)
  }
}

/// Focal loss of logits: with `p = σ(x)` and `q = p·t + (1 − p)·(1 − t)`,
///
///     (alpha·t + (1 − alpha)·(1 − t)) · (1 − q)^gamma · (log-loss of x and t)
/// - Source: Lin et al. 2017, https://arxiv.org/abs/1708.02002
public struct SigmoidFocal: ElementLoss {
  public let target: [Double]
  /// nil for no weights.
  public let alpha: Double?
  /// A whole number.
  public let gamma: Int
  public let reduction: Reduction

  public init(target: [Double], alpha: Double? = 0.25, gamma: Int = 2, reduction: Reduction = .mean) {
    self.target = target
    self.alpha = alpha
    self.gamma = gamma
    self.reduction = reduction
  }

  private func power<Scalar: Real>(_ x: Scalar, _ exponent: Int) -> Scalar {
    (1..<max(1, exponent)).reduce(exponent > 0 ? x : x.constant(1)) { product, _ in product * x }
  }

  /// `(1 − t)·x − log σ(x)`, without overflow.
  private func entropy<Scalar: Real>(_ x: Scalar, _ t: Scalar) -> Scalar {
    let decay = (-x.magnitude()).exp().log1p()
    let logSigmoid = (x.value < 0 ? x : Scalar(0)) - decay
    return (x.constant(1) - t) * x - logSigmoid
  }

  /// `1 − q`
  private func doubt<Scalar: Real>(_ p: Scalar, _ t: Scalar) -> Scalar {
    let one = t.constant(1)
    return one - (p * t + (one - p) * (one - t))
  }

  private func weighted<Scalar: Real>(_ value: Scalar, _ t: Scalar) -> Scalar {
    guard let alpha else { return value }
    return (t.scaled(by: alpha) + (t.constant(1) - t).scaled(by: 1 - alpha)) * value
  }

  public func term<Scalar: Real>(_ x: Scalar, _ place: Int) -> Scalar {
    let t = x.constant(target[place])
    return weighted(entropy(x, t) * power(doubt(x.sigmoid(), t), gamma), t)
  }

  /// `w·(1 − q)^γ·(p − t) − w·γ·(1 − q)^(γ − 1)·(log-loss)·(t − (1 − t))·p·(1 − p)`, in the order of the chain rule.
  public func slope<Scalar: Real>(_ x: Scalar, _ place: Int, times g: Scalar) -> Scalar {
    let (t, one) = (x.constant(target[place]), x.constant(1))
    let p = x.sigmoid()
    let doubt = doubt(p, t)
    let g = weighted(g, t)
    let throughEntropy = (p - t) * (g * power(doubt, gamma))
    guard gamma > 0 else { return throughEntropy }
    let ofPower = power(doubt, gamma - 1).scaled(by: Double(gamma))
    let ofTruth = -(g * entropy(x, t) * ofPower)
    let ofP = ofTruth * t - ofTruth * (one - t)
    return throughEntropy + ofP * (one - p) * p
  }
}
