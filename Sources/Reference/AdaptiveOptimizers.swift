/// A mean that forgets: `share·mean + (1 − share)·value`.
private func mean<Scalar: Real>(_ mean: [Scalar], _ values: [Scalar], share: Double) -> [Scalar] {
  zip(mean, values).map { $0.scaled(by: share) + $1.scaled(by: 1 - share) }
}

private func zeros<Scalar: Real>(_ like: [Scalar]) -> [Scalar] { like.map { _ in Scalar(0) } }

/// Gradients divided by a running mean of their size:
///
///     v = alpha·v + (1 − alpha)·g²              a = centered ? √(v − ḡ²) : √v
///     b = momentum·b + g / (a + eps)            ḡ = alpha·ḡ + (1 − alpha)·g
///     p = p − lr·b
/// - Source: Tieleman & Hinton 2012, lecture 6.5
public struct RMSprop: OptimizerFormula {
  public var lr: Double
  public var alpha = 0.99
  public var eps = 1e-8
  public var weightDecay = 0.0
  public var momentum = 0.0
  public var centered = false

  public init(
    lr: Double, alpha: Double = 0.99, eps: Double = 1e-8, weightDecay: Double = 0, momentum: Double = 0,
    centered: Bool = false
  ) {
    self.lr = lr
    self.alpha = alpha
    self.eps = eps
    self.weightDecay = weightDecay
    self.momentum = momentum
    self.centered = centered
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public func update<Scalar: Real>(
    _ parameter: [Scalar], gradient: [Scalar], memory: [String: [Scalar]], step: Int
  ) -> (parameter: [Scalar], memory: [String: [Scalar]]) {
    let g = decayed(gradient, parameter, weightDecay)
    let v = mean(memory["square_avg"] ?? zeros(g), g.map { $0 * $0 }, share: alpha)
    var after = ["square_avg": v]
    var variance = v
    if centered {
      let middle = mean(memory["grad_avg"] ?? zeros(g), g, share: alpha)
      after["grad_avg"] = middle
      variance = zip(v, middle).map { $0 - $1 * $1 }
    }
    let size = variance.map { $0.sqrt() + $0.constant(1).scaled(by: eps) }
    guard momentum > 0 else {
      let p = parameter.indices.map { parameter[$0] - g[$0].scaled(by: lr) / size[$0] }
      return (p, after)
    }
    let before = memory["momentum_buffer"] ?? zeros(g)
    let buffer = g.indices.map { before[$0].scaled(by: momentum) + g[$0] / size[$0] }
    after["momentum_buffer"] = buffer
    return (zip(parameter, buffer).map { $0 - $1.scaled(by: lr) }, after)
  }
}

/// Gradients divided by the root of the sum of all squares so far:
///
///     s = s + g²                p = p − lr / (1 + (t − 1)·lrDecay) · g / (√s + eps)
/// - Source: Duchi, Hazan & Singer 2011, https://jmlr.org/papers/v12/duchi11a.html
public struct Adagrad: OptimizerFormula {
  public var lr: Double
  public var lrDecay = 0.0
  public var weightDecay = 0.0
  public var initialAccumulatorValue = 0.0
  public var eps = 1e-10

  public init(
    lr: Double, lrDecay: Double = 0, weightDecay: Double = 0, initialAccumulatorValue: Double = 0,
    eps: Double = 1e-10
  ) {
    self.lr = lr
    self.lrDecay = lrDecay
    self.weightDecay = weightDecay
    self.initialAccumulatorValue = initialAccumulatorValue
    self.eps = eps
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public func update<Scalar: Real>(
    _ parameter: [Scalar], gradient: [Scalar], memory: [String: [Scalar]], step: Int
  ) -> (parameter: [Scalar], memory: [String: [Scalar]]) {
    let g = decayed(gradient, parameter, weightDecay)
    let first = g.map { $0.constant(1).scaled(by: initialAccumulatorValue) }
    let sum = zip(memory["sum"] ?? first, g).map { $0 + $1 * $1 }
    let rate = lr / (1 + Double(step - 1) * lrDecay)
    let p = parameter.indices.map { place in
      let size = sum[place].sqrt() + sum[place].constant(1).scaled(by: eps)
      return parameter[place] - g[place].scaled(by: rate) / size
    }
    return (p, ["sum": sum])
  }
}

/// Steps as large as the steps before, in proportion to the gradient:
///
///     v = rho·v + (1 − rho)·g²                  d = √(u + eps) / √(v + eps) · g
///     u = rho·u + (1 − rho)·d²                  p = p − lr·d
/// - Source: Zeiler 2012, https://arxiv.org/abs/1212.5701
public struct Adadelta: OptimizerFormula {
  public var lr: Double
  public var rho = 0.9
  public var eps = 1e-6
  public var weightDecay = 0.0

  public init(lr: Double, rho: Double = 0.9, eps: Double = 1e-6, weightDecay: Double = 0) {
    self.lr = lr
    self.rho = rho
    self.eps = eps
    self.weightDecay = weightDecay
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public func update<Scalar: Real>(
    _ parameter: [Scalar], gradient: [Scalar], memory: [String: [Scalar]], step: Int
  ) -> (parameter: [Scalar], memory: [String: [Scalar]]) {
    let g = decayed(gradient, parameter, weightDecay)
    let v = mean(memory["square_avg"] ?? zeros(g), g.map { $0 * $0 }, share: rho)
    let before = memory["acc_delta"] ?? zeros(g)
    let delta = g.indices.map { place in
      let least = g[place].constant(1).scaled(by: eps)
      return (before[place] + least).sqrt() / (v[place] + least).sqrt() * g[place]
    }
    let u = mean(before, delta.map { $0 * $0 }, share: rho)
    return (
      zip(parameter, delta).map { $0 - $1.scaled(by: lr) }, ["square_avg": v, "acc_delta": u]
    )
  }
}
