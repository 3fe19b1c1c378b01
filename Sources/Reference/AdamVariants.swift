/// What Adam's variants share: the running means of gradient and square, after a step.
private func moments<Scalar: Real>(
  _ g: [Scalar], _ memory: [String: [Scalar]], _ betas: (Double, Double)
) -> (m: [Scalar], v: [Scalar]) {
  let zeros = [Scalar](repeating: Scalar(0), count: g.count)
  let m = zip(memory["exp_avg"] ?? zeros, g).map { $0.scaled(by: betas.0) + $1.scaled(by: 1 - betas.0) }
  let v = zip(memory["exp_avg_sq"] ?? zeros, g).map {
    $0.scaled(by: betas.1) + ($1 * $1).scaled(by: 1 - betas.1)
  }
  return (m, v)
}

/// Adam with the largest gradient in place of the mean square:
///
///     m = β₁·m + (1 − β₁)·g          u = max(β₂·u, |g| + eps)          p = p − lr / (1 − β₁ᵗ) · m / u
/// - Source: Kingma & Ba 2015, section 7.1, https://arxiv.org/abs/1412.6980
public struct Adamax: OptimizerFormula {
  public var lr: Double
  public var betas = (0.9, 0.999)
  public var eps = 1e-8
  public var weightDecay = 0.0

  public init(
    lr: Double, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0
  ) {
    self.lr = lr
    self.betas = betas
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
    let m = moments(g, memory, betas).m
    let before = memory["exp_inf"] ?? g.map { _ in Scalar(0) }
    let largest = zip(before, g).map {
      $0.scaled(by: betas.1).larger($1.magnitude() + $1.constant(1).scaled(by: eps))
    }
    let rate = lr / (1 - power(betas.0, step))
    let p = parameter.indices.map { parameter[$0] - m[$0].scaled(by: rate) / largest[$0] }
    return (p, ["exp_avg": m, "exp_inf": largest])
  }
}

/// Adam with Nesterov's momentum, whose coefficient `μₜ = β₁·(1 − 0.96^(t·momentumDecay) / 2)` grows:
///
///     a = √(v / (1 − β₂ᵗ)) + eps
///     p = p − lr·(1 − μₜ) / (1 − Πᵢ₌₁..ₜ μᵢ) · g / a − lr·μₜ₊₁ / (1 − Πᵢ₌₁..ₜ₊₁ μᵢ) · m / a
/// - Source: Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ
public struct NAdam: OptimizerFormula {
  public var lr: Double
  public var betas = (0.9, 0.999)
  public var eps = 1e-8
  public var weightDecay = 0.0
  public var momentumDecay = 4e-3
  public var decoupled = false

  public init(
    lr: Double, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
    momentumDecay: Double = 4e-3, decoupled: Bool = false
  ) {
    self.lr = lr
    self.betas = betas
    self.eps = eps
    self.weightDecay = weightDecay
    self.momentumDecay = momentumDecay
    self.decoupled = decoupled
  }

  private func mu(_ step: Int) -> Double {
    betas.0 * (1 - Libm.exp(Libm.log(0.96) * Double(step) * momentumDecay) / 2)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public func update<Scalar: Real>(
    _ parameter: [Scalar], gradient: [Scalar], memory: [String: [Scalar]], step: Int
  ) -> (parameter: [Scalar], memory: [String: [Scalar]]) {
    let start = decoupled ? parameter.map { $0.scaled(by: 1 - lr * weightDecay) } : parameter
    let g = decayed(gradient, parameter, decoupled ? 0 : weightDecay)
    let (m, v) = moments(g, memory, betas)
    // PyTorch keeps the product in float32, whatever the type of the parameters.
    let before = memory["mu_product"]?.first?.value ?? 1
    let product = Double(Float(before) * Float(mu(step)))
    let ofGradient = lr * (1 - mu(step)) / (1 - product)
    let ofMoment = lr * mu(step + 1) / (1 - product * mu(step + 1))
    let correction = 1 - power(betas.1, step)
    let p = start.indices.map { place in
      let size = v[place].scaled(by: 1 / correction).sqrt() + g[place].constant(1).scaled(by: eps)
      return start[place] - g[place].scaled(by: ofGradient) / size - m[place].scaled(by: ofMoment) / size
    }
    return (p, ["exp_avg": m, "exp_avg_sq": v, "mu_product": [Scalar(product)]])
  }
}

/// Adam that divides by the mean square only when enough steps have gone into it:
///
///     ρ∞ = 2 / (1 − β₂) − 1                 ρ = ρ∞ − 2·t·β₂ᵗ / (1 − β₂ᵗ)
///     r = √((ρ − 4)(ρ − 2)·ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)·ρ))
///     p = p − lr / (1 − β₁ᵗ) · m · (ρ > 5 ? r·√(1 − β₂ᵗ) / (√v + eps) : 1)
/// - Source: Liu et al. 2020, https://arxiv.org/abs/1908.03265
public struct RAdam: OptimizerFormula {
  public var lr: Double
  public var betas = (0.9, 0.999)
  public var eps = 1e-8
  public var weightDecay = 0.0
  public var decoupled = false

  public init(
    lr: Double, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
    decoupled: Bool = false
  ) {
    self.lr = lr
    self.betas = betas
    self.eps = eps
    self.weightDecay = weightDecay
    self.decoupled = decoupled
  }

  /// The factor of the step when the mean square counts, else nil.
  private func rectification(_ step: Int) -> Double? {
    let left = power(betas.1, step)
    let longest = 2 / (1 - betas.1) - 1
    let length = longest - 2 * Double(step) * left / (1 - left)
    guard length > 5 else { return nil }
    let share = (length - 4) / (longest - 4) * ((length - 2) / (longest - 2)) * (longest / length)
    return share.squareRoot()
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public func update<Scalar: Real>(
    _ parameter: [Scalar], gradient: [Scalar], memory: [String: [Scalar]], step: Int
  ) -> (parameter: [Scalar], memory: [String: [Scalar]]) {
    let start = decoupled ? parameter.map { $0.scaled(by: 1 - lr * weightDecay) } : parameter
    let g = decayed(gradient, parameter, decoupled ? 0 : weightDecay)
    let (m, v) = moments(g, memory, betas)
    let factor = rectification(step)
    let correction = (1 - power(betas.1, step)).squareRoot()
    let p = start.indices.map { place -> Scalar in
      let change = m[place].scaled(by: 1 / (1 - power(betas.0, step))).scaled(by: lr)
      guard let factor else { return start[place] - change }
      let one = change.constant(1)
      let inverse = one / (v[place].sqrt() + one.scaled(by: eps))
      return start[place] - (change * inverse.scaled(by: correction)).scaled(by: factor)
    }
    return (p, ["exp_avg": m, "exp_avg_sq": v])
  }
}
