#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Adam with the largest gradient in place of the mean square: `torch.optim.Adamax`.
///
///     m = β₁·m + (1 − β₁)·g          u = max(β₂·u, |g| + eps)          p = p − lr / (1 − β₁ᵗ) · m / u
///
/// with g = grad + weightDecay·p. Bit for bit the steps of PyTorch's default implementation.
/// - Source: Kingma & Ba 2015, section 7.1, https://arxiv.org/abs/1412.6980
public final class Adamax: Optimizer<Adamax.Settings>, AnyOptimizer {
  /// The settings of a group of parameters.
  public struct Settings: OptimizerSettings {
    public var lr: Double
    public var betas: (Double, Double)
    public var eps: Double
    public var weightDecay: Double
    public var maximize: Bool

    /// - Precondition: `0 ≤ betas < 1`; the others are not negative.
    public init(
      lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
      maximize: Bool = false
    ) {
      self.lr = lr
      self.betas = betas
      self.eps = eps
      self.weightDecay = weightDecay
      self.maximize = maximize
    }
  }

  /// - Precondition: `0 ≤ betas < 1`; the others are not negative.
  public convenience init(
    _ parameters: [Tensor], lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8,
    weightDecay: Double = 0, maximize: Bool = false
  ) {
    let settings = Settings(lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, maximize: maximize)
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

  override func stateNames(_ settings: Settings) -> [String] { ["step", "exp_avg", "exp_inf"] }

  override func update(_ group: Group, _ range: Range<Int>) throws {
    let s = group.settings
    for (index, parameter) in zip(range, group.parameters) {
      guard var gradient = parameter.grad else { continue }
      let memory = try memory(index, parameter, ["exp_avg", "exp_inf"])
      let (m, largest) = (memory["exp_avg"]!, memory["exp_inf"]!)
      let step = try count(memory)
      if s.maximize { gradient = try Aten.neg(gradient) }
      if s.weightDecay != 0 { gradient = try Aten.add(gradient, parameter, s.weightDecay) }
      try Aten.lerpScalarInPlace(m, gradient, 1 - s.betas.0)
      try Aten.mulScalarInPlace(largest, s.betas.1)
      let size = try Aten.addScalarInPlace(try Aten.abs(gradient), s.eps, 1)
      try largest.copy_(try Aten.maximum(largest, size))
      try Aten.addcdivInPlace(parameter, m, largest, -(s.lr / (1 - pow(s.betas.0, step))))
    }
  }
}
