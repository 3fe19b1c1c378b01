/// Gradients divided by the root of the sum of all squares so far: `torch.optim.Adagrad`.
///
///     s = s + g²                p = p − lr / (1 + (t − 1)·lrDecay) · g / (√s + eps)
///
/// with g = grad + weightDecay·p and t the number of the step. Bit for bit the steps of PyTorch's default
/// implementation.
/// - Source: Duchi, Hazan & Singer 2011, https://jmlr.org/papers/v12/duchi11a.html
public final class Adagrad: Optimizer<Adagrad.Settings>, AnyOptimizer {
  /// The settings of a group of parameters.
  public struct Settings: OptimizerSettings {
    public var lr: Double
    public var lrDecay: Double
    public var weightDecay: Double
    /// What the sum of squares starts with.
    public var initialAccumulatorValue: Double
    public var eps: Double
    public var maximize: Bool

    /// - Precondition: no number is negative.
    public init(
      lr: Double = 1e-2, lrDecay: Double = 0, weightDecay: Double = 0, initialAccumulatorValue: Double = 0,
      eps: Double = 1e-10, maximize: Bool = false
    ) {
      self.lr = lr
      self.lrDecay = lrDecay
      self.weightDecay = weightDecay
      self.initialAccumulatorValue = initialAccumulatorValue
      self.eps = eps
      self.maximize = maximize
    }
  }

  /// - Precondition: no number is negative.
  public convenience init(
    _ parameters: [Tensor], lr: Double = 1e-2, lrDecay: Double = 0, weightDecay: Double = 0,
    initialAccumulatorValue: Double = 0, eps: Double = 1e-10, maximize: Bool = false
  ) {
    let settings = Settings(
      lr: lr, lrDecay: lrDecay, weightDecay: weightDecay, initialAccumulatorValue: initialAccumulatorValue,
      eps: eps, maximize: maximize)
    self.init([Group(parameters, settings)])
  }

  public init(_ groups: [Group]) { super.init(groups: groups) }

  override func problem(_ s: Settings) -> String? {
    if !(s.lr >= 0 && s.lrDecay >= 0 && s.eps >= 0) { return "lr, lrDecay and eps must not be negative" }
    if !(s.weightDecay >= 0 && s.initialAccumulatorValue >= 0) {
      return "weightDecay and initialAccumulatorValue must not be negative"
    }
    return nil
  }

  override func stateNames(_ settings: Settings) -> [String] { ["step", "sum"] }

  override func update(_ group: Group, _ range: Range<Int>) throws {
    let s = group.settings
    for (index, parameter) in zip(range, group.parameters) {
      guard var gradient = parameter.grad else { continue }
      let isFirst = state[index].isEmpty
      let memory = try memory(index, parameter, ["sum"])
      let sum = memory["sum"]!
      if isFirst { try Aten.fillInPlace(sum, s.initialAccumulatorValue) }
      let step = try count(memory)
      if s.maximize { gradient = try Aten.neg(gradient) }
      if s.weightDecay != 0 { gradient = try Aten.add(gradient, parameter, s.weightDecay) }
      try Aten.addcmulInPlace(sum, gradient, gradient, 1)
      let size = try Aten.sqrt(sum)
      try Aten.addScalarInPlace(size, s.eps, 1)
      try Aten.addcdivInPlace(parameter, gradient, size, -(s.lr / (1 + (step - 1) * s.lrDecay)))
    }
  }
}
