#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Adam that divides by the mean square only when enough steps have gone into it: `torch.optim.RAdam`.
///
///     m = β₁·m + (1 − β₁)·g                 v = β₂·v + (1 − β₂)·g²           m̂ = m / (1 − β₁ᵗ)
///     ρ∞ = 2 / (1 − β₂) − 1                 ρ = ρ∞ − 2·t·β₂ᵗ / (1 − β₂ᵗ)
///     r = √((ρ − 4)(ρ − 2)·ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)·ρ))
///     p = p − lr·m̂·(ρ > 5 ? r·√(1 − β₂ᵗ) / (√v + eps) : 1)
///
/// with g = grad + weightDecay·p, or `decoupledWeightDecay`, which shrinks p itself. Bit for bit the steps of
/// PyTorch's default implementation.
/// - Source: Liu et al. 2020, https://arxiv.org/abs/1908.03265
public final class RAdam: Optimizer<RAdam.Settings>, AnyOptimizer {
  /// The settings of a group of parameters.
  public struct Settings: OptimizerSettings {
    public var lr: Double
    public var betas: (Double, Double)
    public var eps: Double
    public var weightDecay: Double
    public var decoupledWeightDecay: Bool
    public var maximize: Bool

    /// - Precondition: `0 ≤ betas < 1`; the others are not negative.
    public init(
      lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
      decoupledWeightDecay: Bool = false, maximize: Bool = false
    ) {
      self.lr = lr
      self.betas = betas
      self.eps = eps
      self.weightDecay = weightDecay
      self.decoupledWeightDecay = decoupledWeightDecay
      self.maximize = maximize
    }
  }

  /// - Precondition: `0 ≤ betas < 1`; the others are not negative.
  public convenience init(
    _ parameters: [Tensor], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8,
    weightDecay: Double = 0, decoupledWeightDecay: Bool = false, maximize: Bool = false
  ) {
    let settings = Settings(
      lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, decoupledWeightDecay: decoupledWeightDecay,
      maximize: maximize)
    self.init([Group(parameters, settings)])
  }

  public init(_ groups: [Group]) { super.init(groups: groups) }

  public var momentums: [Double]? {
    get { groups.map(\.settings.betas.0) }
    set { if let newValue { set(\.betas.0, newValue, "the momentums") } }
  }

  override func problem(_ s: Settings) -> String? {
    betaProblem(lr: s.lr, eps: s.eps, weightDecay: s.weightDecay, betas: s.betas)
  }

  override func stateNames(_ settings: Settings) -> [String] { ["step", "exp_avg", "exp_avg_sq"] }

  override func update(_ group: Group, _ range: Range<Int>) throws {
    let s = group.settings
    for (index, parameter) in zip(range, group.parameters) {
      guard var gradient = parameter.grad else { continue }
      let memory = try memory(index, parameter, ["exp_avg", "exp_avg_sq"])
      let (m, v) = (memory["exp_avg"]!, memory["exp_avg_sq"]!)
      let step = try count(memory)
      if s.maximize { gradient = try Aten.neg(gradient) }
      if s.weightDecay != 0 {
        if s.decoupledWeightDecay {
          try Aten.mulScalarInPlace(parameter, 1 - s.lr * s.weightDecay)
        } else {
          gradient = try Aten.add(gradient, parameter, s.weightDecay)
        }
      }
      try Aten.lerpScalarInPlace(m, gradient, 1 - s.betas.0)
      try Aten.mulScalarInPlace(v, s.betas.1)
      try Aten.addcmulInPlace(v, gradient, gradient, 1 - s.betas.1)

      let correction = 1 - pow(s.betas.1, step)
      var change = try Aten.mulScalar(try Aten.divScalar(m, 1 - pow(s.betas.0, step)), s.lr)
      let longest = 2 / (1 - s.betas.1) - 1
      let length = longest - 2 * step * pow(s.betas.1, step) / correction
      if length > 5 {
        let size = try Aten.sqrt(v)
        try Aten.addScalarInPlace(size, s.eps, 1)
        change = try Aten.mul(change, try pow(correction, 0.5) / size)
        change = try Aten.mulScalar(change, rectification(length, longest))
      }
      try Aten.addInPlace(parameter, change, -1)
    }
  }

  private func rectification(_ length: Double, _ longest: Double) -> Double {
    let above = (length - 4) * (length - 2) * longest
    return pow(above / ((longest - 4) * (longest - 2) * length), 0.5)
  }
}
