#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Adam with Nesterov's momentum: `torch.optim.NAdam`.
///
///     μₜ = β₁·(1 − 0.96^(t·momentumDecay) / 2)
///     m = β₁·m + (1 − β₁)·g                 v = β₂·v + (1 − β₂)·g²          a = √(v / (1 − β₂ᵗ)) + eps
///     p = p − lr·(1 − μₜ) / (1 − Πᵢ₌₁..ₜ μᵢ) · g / a − lr·μₜ₊₁ / (1 − Πᵢ₌₁..ₜ₊₁ μᵢ) · m / a
///
/// with g = grad + weightDecay·p, or `decoupledWeightDecay`, which shrinks p itself. Bit for bit the steps of
/// PyTorch's default implementation.
/// - Source: Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ
public final class NAdam: Optimizer<NAdam.Settings>, AnyOptimizer {
  /// The settings of a group of parameters.
  public struct Settings: OptimizerSettings {
    public var lr: Double
    public var betas: (Double, Double)
    public var eps: Double
    public var weightDecay: Double
    public var momentumDecay: Double
    public var decoupledWeightDecay: Bool
    public var maximize: Bool

    /// - Precondition: `0 ≤ betas < 1`; the others are not negative.
    public init(
      lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
      momentumDecay: Double = 4e-3, decoupledWeightDecay: Bool = false, maximize: Bool = false
    ) {
      self.lr = lr
      self.betas = betas
      self.eps = eps
      self.weightDecay = weightDecay
      self.momentumDecay = momentumDecay
      self.decoupledWeightDecay = decoupledWeightDecay
      self.maximize = maximize
    }
  }

  /// - Precondition: `0 ≤ betas < 1`; the others are not negative.
  public convenience init(
    _ parameters: [Tensor], lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8,
    weightDecay: Double = 0, momentumDecay: Double = 4e-3, decoupledWeightDecay: Bool = false,
    maximize: Bool = false
  ) {
    let settings = Settings(
      lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, momentumDecay: momentumDecay,
      decoupledWeightDecay: decoupledWeightDecay, maximize: maximize)
    self.init([Group(parameters, settings)])
  }

  public init(_ groups: [Group]) { super.init(groups: groups) }

  public var momentums: [Double]? {
    get { groups.map(\.settings.betas.0) }
    set { if let newValue { set(\.betas.0, newValue, "the momentums") } }
  }

  override func problem(_ s: Settings) -> String? {
    if !(s.momentumDecay >= 0) { return "momentumDecay must not be negative" }
    return betaProblem(lr: s.lr, eps: s.eps, weightDecay: s.weightDecay, betas: s.betas)
  }

  override func stateNames(_ settings: Settings) -> [String] {
    ["step", "mu_product", "exp_avg", "exp_avg_sq"]
  }

  override var numberNames: Set<String> { ["step", "mu_product"] }

  override func update(_ group: Group, _ range: Range<Int>) throws {
    let s = group.settings
    for (index, parameter) in zip(range, group.parameters) {
      guard var gradient = parameter.grad else { continue }
      if state[index].isEmpty {
        _ = try self.memory(index, parameter, ["exp_avg", "exp_avg_sq"])
        state[index]["mu_product"] = try Tensor(1 as Float)
      }
      let memory = state[index]
      let (m, v, product) = (memory["exp_avg"]!, memory["exp_avg_sq"]!, memory["mu_product"]!)
      let step = try count(memory)
      if s.maximize { gradient = try Aten.neg(gradient) }
      if s.weightDecay != 0 {
        if s.decoupledWeightDecay {
          try Aten.mulScalarInPlace(parameter, 1 - s.lr * s.weightDecay)
        } else {
          gradient = try Aten.add(gradient, parameter, s.weightDecay)
        }
      }
      func mu(_ step: Double) -> Double { s.betas.0 * (1 - 0.5 * pow(0.96, step * s.momentumDecay)) }
      let (now, next) = (mu(step), mu(step + 1))
      try Aten.mulScalarInPlace(product, now)
      try Aten.lerpScalarInPlace(m, gradient, 1 - s.betas.0)
      try Aten.mulScalarInPlace(v, s.betas.1)
      try Aten.addcmulInPlace(v, gradient, gradient, 1 - s.betas.1)
      let size = try Aten.sqrt(try Aten.divScalar(v, 1 - pow(s.betas.1, step)))
      try Aten.addScalarInPlace(size, s.eps, 1)
      let products = try product.item(as: Double.self)
      try Aten.addcdivInPlace(parameter, gradient, size, -s.lr * (1 - now) / (1 - products))
      try Aten.addcdivInPlace(parameter, m, size, -s.lr * next / (1 - products * next))
    }
  }
}
