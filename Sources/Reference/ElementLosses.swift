/// A loss that compares each element with a target of its own.
public protocol ElementLoss: Layer {
  var target: [Double] { get }
  var reduction: Reduction { get }
  /// The loss of an element and its derivative by the element; the derivative is multiplied with `g`.
  func term<Scalar: Real>(_ x: Scalar, _ place: Int) -> Scalar
  func slope<Scalar: Real>(_ x: Scalar, _ place: Int, times g: Scalar) -> Scalar
  /// What the mean divides by, for an input of this shape.
  func divisor(_ shape: [Int]) -> Double
}

extension ElementLoss {
  public func divisor(_ shape: [Int]) -> Double { Double(shape.reduce(1, *)) }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let n = Scalar(divisor(x.shape))
    let terms = x.values.enumerated().map { term($1, $0) }
    return Evaluated(reduction.apply(NDArray(terms, shape: x.shape), weight: n)) { gradient in
      let dx = x.values.enumerated().map { place, x in
        slope(x, place, times: reduction.factor(gradient, place, weight: n))
      }
      return Gradients(NDArray(dx, shape: x.shape))
    }
  }
}

/// `|x − t|`
public struct AbsoluteError: ElementLoss {
  public let target: [Double]
  public let reduction: Reduction

  public init(target: [Double], reduction: Reduction = .mean) {
    self.target = target
    self.reduction = reduction
  }

  public func term<Scalar: Real>(_ x: Scalar, _ place: Int) -> Scalar {
    (x - Scalar(target[place])).magnitude()
  }

  public func slope<Scalar: Real>(_ x: Scalar, _ place: Int, times g: Scalar) -> Scalar {
    sign(x - Scalar(target[place])) * g
  }
}

/// A square near the target that goes on as a line: the smooth L1 loss and Huber's, with `d = |x − t|`.
public struct RoundedError: ElementLoss {
  public let target: [Double]
  public let limit: Double
  /// Divides the square by the limit; off, the line is multiplied with it.
  public let isSmoothL1: Bool
  public let reduction: Reduction

  /// The smooth L1 loss: `d²/(2·beta)` below `beta`, else `d − beta/2`.
  public static func smoothL1(target: [Double], beta: Double, reduction: Reduction = .mean) -> RoundedError {
    RoundedError(target: target, limit: beta, isSmoothL1: true, reduction: reduction)
  }

  /// Huber's loss: `d²/2` up to `delta`, then `delta·(d − delta/2)`.
  public static func huber(target: [Double], delta: Double, reduction: Reduction = .mean) -> RoundedError {
    RoundedError(target: target, limit: delta, isSmoothL1: false, reduction: reduction)
  }

  public func term<Scalar: Real>(_ x: Scalar, _ place: Int) -> Scalar {
    let d = (x - Scalar(target[place])).magnitude()
    if d.value < limit {
      let square = (d * d).scaled(by: 0.5)
      return isSmoothL1 ? square / x.constant(1).scaled(by: limit) : square
    }
    let line = d - x.constant(1).scaled(by: limit / 2)
    return isSmoothL1 ? line : line.scaled(by: limit)
  }

  public func slope<Scalar: Real>(_ x: Scalar, _ place: Int, times g: Scalar) -> Scalar {
    let d = x - Scalar(target[place])
    if d.magnitude().value < limit {
      // The mean's 1 / n is rounded by itself before it is multiplied: one rounding more than a division has.
      let part = d * g * Scalar(1)
      return isSmoothL1 ? part / x.constant(1).scaled(by: limit) : part
    }
    let part = sign(d) * g * Scalar(1)
    return isSmoothL1 ? part : part.scaled(by: limit)
  }
}

/// `eˣ − t·x` of the logarithm of a rate, or `x − t·log(x + eps)` of the rate itself; `full` adds
/// `t·log t − t + log(2πt)/2` where t is above 1.
public struct PoissonNegativeLogLikelihood: ElementLoss {
  public let target: [Double]
  public let logInput: Bool
  public let full: Bool
  public let eps: Double
  public let reduction: Reduction

  public init(
    target: [Double], logInput: Bool = true, full: Bool = false, eps: Double = 1e-8,
    reduction: Reduction = .mean
  ) {
    self.target = target
    self.logInput = logInput
    self.full = full
    self.eps = eps
    self.reduction = reduction
  }

  private func shifted<Scalar: Real>(_ x: Scalar) -> Scalar { x + x.constant(1).scaled(by: eps) }

  public func term<Scalar: Real>(_ x: Scalar, _ place: Int) -> Scalar {
    let t = x.constant(target[place])
    let loss = logInput ? x.exp() - t * x : x - t * shifted(x).log()
    guard full, target[place] > 1 else { return loss }
    let stirling = t * t.log() - t + (t.scaled(by: 2 * .pi)).log().scaled(by: 0.5)
    return loss + stirling
  }

  public func slope<Scalar: Real>(_ x: Scalar, _ place: Int, times g: Scalar) -> Scalar {
    let t = x.constant(target[place])
    return logInput ? g * x.exp() - g * t : g - g * t / shifted(x)
  }
}

/// `t·(log t − x)` of log-probabilities x, or of a target that is one, `eᵗ·(t − x)`.
public struct KullbackLeibler: ElementLoss {
  public let target: [Double]
  public let logTarget: Bool
  /// The mean divides by the number of rows only.
  public let perRow: Bool
  public let reduction: Reduction

  public init(
    target: [Double], logTarget: Bool = false, perRow: Bool = false, reduction: Reduction = .mean
  ) {
    self.target = target
    self.logTarget = logTarget
    self.perRow = perRow
    self.reduction = reduction
  }

  public func divisor(_ shape: [Int]) -> Double { Double(perRow ? shape[0] : shape.reduce(1, *)) }

  public func term<Scalar: Real>(_ x: Scalar, _ place: Int) -> Scalar {
    let t = x.constant(target[place])
    if logTarget { return t.exp() * (t - x) }
    return (target[place] == 0 ? Scalar(0) : t * t.log()) - t * x
  }

  public func slope<Scalar: Real>(_ x: Scalar, _ place: Int, times g: Scalar) -> Scalar {
    let t = x.constant(target[place])
    return -(logTarget ? t.exp() * g : t * g)
  }
}

/// −1, 0 or 1: with an error where the computation may be on another side of zero.
func sign<Scalar: Real>(_ x: Scalar) -> Scalar { x.step() - (-x).step() }
