/// Gradients divided by a running mean of their size: `torch.optim.RMSprop`.
///
///     v = alpha·v + (1 − alpha)·g²              a = centered ? √(v − ḡ²) : √v
///     b = momentum·b + g / (a + eps)            ḡ = alpha·ḡ + (1 − alpha)·g
///     p = p − lr·b
///
/// with g = grad + weightDecay·p. Bit for bit the steps of PyTorch's default implementation.
/// - Source: Tieleman & Hinton 2012, lecture 6.5; https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
public final class RMSprop: Optimizer<RMSprop.Settings>, AnyOptimizer {
  /// The settings of a group of parameters.
  public struct Settings: OptimizerSettings {
    public var lr: Double
    /// The share of the running mean that stays at each step.
    public var alpha: Double
    public var eps: Double
    public var weightDecay: Double
    public var momentum: Double
    /// Divides by the standard deviation instead of the root of the mean square.
    public var centered: Bool
    public var maximize: Bool

    /// - Precondition: no number is negative.
    public init(
      lr: Double = 1e-2, alpha: Double = 0.99, eps: Double = 1e-8, weightDecay: Double = 0,
      momentum: Double = 0, centered: Bool = false, maximize: Bool = false
    ) {
      self.lr = lr
      self.alpha = alpha
      self.eps = eps
      self.weightDecay = weightDecay
      self.momentum = momentum
      self.centered = centered
      self.maximize = maximize
    }
  }

  /// - Precondition: no number is negative.
  public convenience init(
    _ parameters: [Tensor], lr: Double = 1e-2, alpha: Double = 0.99, eps: Double = 1e-8,
    weightDecay: Double = 0, momentum: Double = 0, centered: Bool = false, maximize: Bool = false
  ) {
    let settings = Settings(
      lr: lr, alpha: alpha, eps: eps, weightDecay: weightDecay, momentum: momentum, centered: centered,
      maximize: maximize)
    self.init([Group(parameters, settings)])
  }

  public init(_ groups: [Group]) { super.init(groups: groups) }

  public var momentums: [Double]? {
    get { groups.map(\.settings.momentum) }
    set { if let newValue { set(\.momentum, newValue, "the momentums") } }
  }

  private func moments(_ s: Settings) -> [String] {
    ["square_avg"] + (s.momentum > 0 ? ["momentum_buffer"] : []) + (s.centered ? ["grad_avg"] : [])
  }

  override func problem(_ s: Settings) -> String? {
    if !(s.lr >= 0 && s.eps >= 0 && s.momentum >= 0) { return "lr, eps and momentum must not be negative" }
    if !(s.alpha >= 0 && s.weightDecay >= 0) { return "alpha and weightDecay must not be negative" }
    return nil
  }

  override func stateNames(_ settings: Settings) -> [String] { ["step"] + moments(settings) }

  override func update(_ group: Group, _ range: Range<Int>) throws {
    let s = group.settings
    for (index, parameter) in zip(range, group.parameters) {
      guard var gradient = parameter.grad else { continue }
      let memory = try memory(index, parameter, moments(s))
      if s.maximize { gradient = try Aten.neg(gradient) }
      _ = try count(memory)
      if s.weightDecay != 0 { gradient = try Aten.add(gradient, parameter, s.weightDecay) }
      let square = memory["square_avg"]!
      try Aten.mulScalarInPlace(square, s.alpha)
      try Aten.addcmulInPlace(square, gradient, gradient, 1 - s.alpha)
      let size: Tensor
      if s.centered, let mean = memory["grad_avg"] {
        try Aten.lerpScalarInPlace(mean, gradient, 1 - s.alpha)
        size = try Aten.sqrtInPlace(try Aten.addcmul(square, mean, mean, -1))
      } else {
        size = try Aten.sqrt(square)
      }
      try Aten.addScalarInPlace(size, s.eps, 1)
      guard s.momentum > 0 else {
        try Aten.addcdivInPlace(parameter, gradient, size, -s.lr)
        continue
      }
      // A schedule may have turned the momentum on after the first step.
      let buffer = try memory["momentum_buffer"] ?? Aten.zerosLike(parameter)
      state[index]["momentum_buffer"] = buffer
      try Aten.mulScalarInPlace(buffer, s.momentum)
      try Aten.addcdivInPlace(buffer, gradient, size, 1)
      try Aten.addInPlace(parameter, buffer, -s.lr)
    }
  }
}

extension Aten {
  static let addcmul = Operator("aten::addcmul")
}
