/// Steps as large as the steps before, in proportion to the gradient: `torch.optim.Adadelta`.
///
///     v = rho·v + (1 − rho)·g²                  d = √(u + eps) / √(v + eps) · g
///     u = rho·u + (1 − rho)·d²                  p = p − lr·d
///
/// with g = grad + weightDecay·p. Bit for bit the steps of PyTorch's default implementation.
/// - Source: Zeiler 2012, https://arxiv.org/abs/1212.5701
public final class Adadelta: Optimizer<Adadelta.Settings>, AnyOptimizer {
  /// The settings of a group of parameters.
  public struct Settings: OptimizerSettings {
    /// A factor of the step, which has its size from the steps before.
    public var lr: Double
    /// The share of the running means that stays at each step.
    public var rho: Double
    public var eps: Double
    public var weightDecay: Double
    public var maximize: Bool

    /// - Precondition: `0 ≤ rho ≤ 1`; the others are not negative.
    public init(
      lr: Double = 1, rho: Double = 0.9, eps: Double = 1e-6, weightDecay: Double = 0, maximize: Bool = false
    ) {
      self.lr = lr
      self.rho = rho
      self.eps = eps
      self.weightDecay = weightDecay
      self.maximize = maximize
    }
  }

  /// - Precondition: `0 ≤ rho ≤ 1`; the others are not negative.
  public convenience init(
    _ parameters: [Tensor], lr: Double = 1, rho: Double = 0.9, eps: Double = 1e-6, weightDecay: Double = 0,
    maximize: Bool = false
  ) {
    let settings = Settings(lr: lr, rho: rho, eps: eps, weightDecay: weightDecay, maximize: maximize)
    self.init([Group(parameters, settings)])
  }

  public init(_ groups: [Group]) { super.init(groups: groups) }

  override func problem(_ s: Settings) -> String? {
    if !(s.lr >= 0 && s.eps >= 0 && s.weightDecay >= 0) {
      return "lr, eps and weightDecay must not be negative"
    }
    if !((0...1).contains(s.rho)) { return "rho must be between 0 and 1, not \(s.rho)" }
    return nil
  }

  override func stateNames(_ settings: Settings) -> [String] { ["step", "square_avg", "acc_delta"] }

  override func update(_ group: Group, _ range: Range<Int>) throws {
    let s = group.settings
    for (index, parameter) in zip(range, group.parameters) {
      guard var gradient = parameter.grad else { continue }
      let memory = try memory(index, parameter, ["square_avg", "acc_delta"])
      let (square, steps) = (memory["square_avg"]!, memory["acc_delta"]!)
      _ = try count(memory)
      if s.maximize { gradient = try Aten.neg(gradient) }
      if s.weightDecay != 0 { gradient = try Aten.add(gradient, parameter, s.weightDecay) }
      try Aten.mulScalarInPlace(square, s.rho)
      try Aten.addcmulInPlace(square, gradient, gradient, 1 - s.rho)
      let size = try Aten.sqrtInPlace(try Aten.addScalar(square, s.eps, 1))
      let delta = try Aten.sqrtInPlace(try Aten.addScalar(steps, s.eps, 1))
      try Aten.divInPlace(delta, size)
      try Aten.mulInPlace(delta, gradient)
      try Aten.mulScalarInPlace(steps, s.rho)
      try Aten.addcmulInPlace(steps, delta, delta, 1 - s.rho)
      try Aten.addInPlace(parameter, delta, -s.lr)
    }
  }
}
