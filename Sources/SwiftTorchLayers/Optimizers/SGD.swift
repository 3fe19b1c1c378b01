/// Stochastic gradient descent with momentum: `torch.optim.SGD`.
///
///     g = grad + weightDecay·p
///     b = momentum·b + (1 − dampening)·g        (the first step: b = g)
///     p = p − lr·(nesterov ? g + momentum·b : b)
///
/// Bit for bit the steps of PyTorch's default implementation; `fused` computes each parameter's step in one
/// pass, faster, with other rounding.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
public final class SGD: Optimizer<SGD.Settings>, CapturableOptimizer {
  /// The settings of a group of parameters.
  public struct Settings: OptimizerSettings {
    public var lr: Double
    public var momentum: Double
    public var dampening: Double
    public var weightDecay: Double
    public var nesterov: Bool
    public var maximize: Bool

    public init(
      lr: Double = 1e-3, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0,
      nesterov: Bool = false, maximize: Bool = false
    ) {
      self.lr = lr
      self.momentum = momentum
      self.dampening = dampening
      self.weightDecay = weightDecay
      self.nesterov = nesterov
      self.maximize = maximize
    }
  }

  private let fused: Bool

  /// - Precondition: settings are not negative; Nesterov needs momentum and no dampening.
  public convenience init(
    _ parameters: [Tensor], lr: Double = 1e-3, momentum: Double = 0, dampening: Double = 0,
    weightDecay: Double = 0, nesterov: Bool = false, maximize: Bool = false, fused: Bool = false
  ) {
    let settings = Settings(
      lr: lr, momentum: momentum, dampening: dampening, weightDecay: weightDecay, nesterov: nesterov,
      maximize: maximize)
    self.init([Group(parameters, settings)], fused: fused)
  }

  public init(_ groups: [Group], fused: Bool = false) {
    self.fused = fused
    super.init(groups: groups)
  }

  public var momentums: [Double]? {
    get { groups.map(\.settings.momentum) }
    set { if let newValue { set(\.momentum, newValue, "the momentums") } }
  }

  public var isCapturable: Bool { fused && parametersShareDevice }

  public var recordedSettings: [Double] {
    groups.map(\.settings).flatMap { [$0.momentum, $0.dampening, $0.weightDecay] }
  }

  public func refreshLearningRates() throws { try rates.refresh(learningRates, starts) }

  override func problem(_ s: Settings) -> String? {
    if !(s.lr >= 0 && s.momentum >= 0 && s.weightDecay >= 0) {
      return "lr, momentum and weightDecay must not be negative"
    }
    if !(!s.nesterov || (s.momentum > 0 && s.dampening == 0)) {
      return "nesterov needs momentum above 0 and dampening 0"
    }
    return nil
  }

  override func stateNames(_ settings: Settings) -> [String] {
    settings.momentum == 0 ? [] : ["momentum_buffer"]
  }

  override func update(_ group: Group, _ range: Range<Int>) throws {
    let s = group.settings
    if fused { return try updateFused(group, range) }
    for (index, parameter) in zip(range, group.parameters) {
      guard var gradient = parameter.grad else { continue }
      if s.maximize { gradient = try Aten.neg(gradient) }
      if s.weightDecay != 0 { gradient = try Aten.add(gradient, parameter, s.weightDecay) }
      if s.momentum != 0 {
        let buffer: Tensor
        if let known = state[index]["momentum_buffer"] {
          buffer = known
          try Aten.mulScalarInPlace(buffer, s.momentum)
          try Aten.addInPlace(buffer, gradient, 1 - s.dampening)
        } else {
          buffer = try gradient.detach().clone()
          state[index]["momentum_buffer"] = buffer
        }
        gradient = s.nesterov ? try Aten.add(gradient, buffer, s.momentum) : buffer
      }
      try Aten.addInPlace(parameter, gradient, -s.lr)
    }
  }

  private func updateFused(_ group: Group, _ range: Range<Int>) throws {
    let s = group.settings
    // Parameters at their first step form a call of their own: the operator starts all buffers or none.
    let known = range.map { state[$0]["momentum_buffer"] }
    for first in [true, false] {
      var parameters: [Tensor] = []
      var gradients: [Tensor] = []
      var buffers: [Tensor] = []
      for (offset, parameter) in group.parameters.enumerated() {
        let isFirst = s.momentum != 0 && known[offset] == nil
        guard isFirst == first, let gradient = parameter.grad else { continue }
        parameters.append(parameter)
        gradients.append(gradient)
        guard s.momentum != 0 else { continue }
        // A first step that is left out leaves its buffer as it was made.
        let buffer =
          try known[offset] ?? (infinite == nil ? Aten.emptyLike(gradient) : Aten.zerosLike(gradient))
        state[range.lowerBound + offset]["momentum_buffer"] = buffer
        buffers.append(buffer)
      }
      guard !parameters.isEmpty else { continue }
      let rate = try rates.tensor(range.lowerBound, s.lr, for: parameters)
      let lr: any OperatorArgument = if let rate { rate } else { s.lr }
      _ = try (rate == nil ? Aten.fusedSGD : Aten.fusedSGDTensorRate).tensors(
        parameters, gradients, buffers, s.weightDecay, s.momentum, lr, s.dampening, s.nesterov,
        s.maximize, first, nil as Tensor?, infinite)
    }
  }
}

extension Aten {
  static let fusedSGD = Operator("aten::_fused_sgd_")
  static let fusedSGDTensorRate = Operator("aten::_fused_sgd_.tensor_lr")
}
