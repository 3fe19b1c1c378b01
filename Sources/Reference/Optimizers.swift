/// The settings and formula of an optimizer, for one parameter.
public protocol OptimizerFormula: Sendable {
  /// The parameter after a step, and what is remembered of it.
  /// - Parameters:
  ///   - memory: what the step before left, by PyTorch's names; empty at first.
  ///   - step: the number of this step, from 1.
  func update<Scalar: Real>(
    _ parameter: [Scalar], gradient: [Scalar], memory: [String: [Scalar]], step: Int
  ) -> (parameter: [Scalar], memory: [String: [Scalar]])
}

/// Stochastic gradient descent:
///
///     g = gradient + weightDecay·p
///     b = momentum·b + (1 − dampening)·g        (the first step: b = g)
///     p = p − lr·(nesterov ? g + momentum·b : b)
public struct SGD: OptimizerFormula {
  public var lr: Double
  public var momentum = 0.0
  public var dampening = 0.0
  public var weightDecay = 0.0
  public var nesterov = false

  public init(
    lr: Double, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0, nesterov: Bool = false
  ) {
    self.lr = lr
    self.momentum = momentum
    self.dampening = dampening
    self.weightDecay = weightDecay
    self.nesterov = nesterov
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public func update<Scalar: Real>(
    _ parameter: [Scalar], gradient: [Scalar], memory: [String: [Scalar]], step: Int
  ) -> (parameter: [Scalar], memory: [String: [Scalar]]) {
    var parameter = parameter
    let gradient = decayed(gradient, parameter, weightDecay)
    guard momentum != 0 else {
      for place in parameter.indices { parameter[place] = parameter[place] - gradient[place].scaled(by: lr) }
      return (parameter, [:])
    }
    let buffer =
      memory["momentum_buffer"].map {
        zip($0, gradient).map { $0.scaled(by: momentum) + $1.scaled(by: 1 - dampening) }
      } ?? gradient
    for place in parameter.indices {
      let along = nesterov ? gradient[place] + buffer[place].scaled(by: momentum) : buffer[place]
      parameter[place] = parameter[place] - along.scaled(by: lr)
    }
    return (parameter, ["momentum_buffer": buffer])
  }
}

/// Adaptive moments:
///
///     m = β₁·m + (1 − β₁)·g                 v = β₂·v + (1 − β₂)·g²
///     p = p − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + eps)
///
/// Weight decay is added to the gradient, or, decoupled (AdamW), shrinks the parameter.
/// - Source: Kingma & Ba 2015, https://arxiv.org/abs/1412.6980; Loshchilov & Hutter 2019,
///   https://arxiv.org/abs/1711.05101
public struct Adam: OptimizerFormula {
  public var lr: Double
  public var betas = (0.9, 0.999)
  public var eps = 1e-8
  public var weightDecay = 0.0
  public var decoupled = false
  public var amsgrad = false

  public init(
    lr: Double, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
    decoupled: Bool = false, amsgrad: Bool = false
  ) {
    self.lr = lr
    self.betas = betas
    self.eps = eps
    self.weightDecay = weightDecay
    self.decoupled = decoupled
    self.amsgrad = amsgrad
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public func update<Scalar: Real>(
    _ parameter: [Scalar], gradient: [Scalar], memory: [String: [Scalar]], step: Int
  ) -> (parameter: [Scalar], memory: [String: [Scalar]]) {
    let zeros = [Scalar](repeating: Scalar(0), count: parameter.count)
    var parameter = parameter
    var (m, v) = (memory["exp_avg"] ?? zeros, memory["exp_avg_sq"] ?? zeros)
    var largest = memory["max_exp_avg_sq"] ?? zeros
    let stepSize = lr / (1 - power(betas.0, step))
    let correction = (1 - power(betas.1, step)).squareRoot()
    for place in parameter.indices {
      var g = gradient[place]
      if decoupled {
        parameter[place] = parameter[place].scaled(by: 1 - lr * weightDecay)
      } else if weightDecay != 0 {
        g = g + parameter[place].scaled(by: weightDecay)
      }
      m[place] = m[place].scaled(by: betas.0) + g.scaled(by: 1 - betas.0)
      v[place] = v[place].scaled(by: betas.1) + (g * g).scaled(by: 1 - betas.1)
      if amsgrad { largest[place] = largest[place].larger(v[place]) }
      let second = amsgrad ? largest[place] : v[place]
      let denominator = second.sqrt().scaled(by: 1 / correction) + gradient[place].constant(1).scaled(by: eps)
      parameter[place] = parameter[place] - m[place].scaled(by: stepSize) / denominator
    }
    var memory = ["exp_avg": m, "exp_avg_sq": v]
    if amsgrad { memory["max_exp_avg_sq"] = largest }
    return (parameter, memory)
  }
}

/// `baseᵉ` of a whole number e.
func power(_ base: Double, _ exponent: Int) -> Double {
  (0..<exponent).reduce(1) { product, _ in product * base }
}

/// The gradient with the weight decay that is not decoupled.
func decayed<Scalar: Real>(_ gradient: [Scalar], _ parameter: [Scalar], _ weightDecay: Double) -> [Scalar] {
  weightDecay == 0 ? gradient : zip(gradient, parameter).map { $0 + $1.scaled(by: weightDecay) }
}
