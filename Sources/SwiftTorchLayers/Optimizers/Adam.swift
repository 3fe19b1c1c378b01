#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The settings of a group of parameters of `Adam` and `AdamW`.
public struct AdamSettings: OptimizerSettings {
  public var lr: Double
  public var betas: (Double, Double)
  public var eps: Double
  public var weightDecay: Double
  public var amsgrad: Bool
  public var maximize: Bool

  /// - Precondition: `0 ≤ betas < 1`; the others are not negative.
  public init(
    lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
    amsgrad: Bool = false, maximize: Bool = false
  ) {
    self.lr = lr
    self.betas = betas
    self.eps = eps
    self.weightDecay = weightDecay
    self.amsgrad = amsgrad
    self.maximize = maximize
  }
}

/// What `Adam` and `AdamW` share.
///
///     m = β₁·m + (1 − β₁)·g                 v = β₂·v + (1 − β₂)·g²
///     p = p − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + eps)
///
/// Bit for bit the steps of PyTorch's default implementation; `fused` computes each parameter's step in one
/// pass, faster, with other rounding.
/// - Source: Kingma & Ba 2015, https://arxiv.org/abs/1412.6980
public class AdamBase: Optimizer<AdamSettings>, CapturableOptimizer {
  let fused: Bool
  private let decoupledWeightDecay: Bool

  init(_ groups: [Group], fused: Bool, decoupledWeightDecay: Bool) {
    self.fused = fused
    self.decoupledWeightDecay = decoupledWeightDecay
    super.init(groups: groups)
  }

  public var momentums: [Double]? {
    get { groups.map(\.settings.betas.0) }
    set { if let newValue { set(\.betas.0, newValue, "the momentums") } }
  }

  public var isCapturable: Bool { fused && parametersShareDevice }

  public var recordedSettings: [Double] {
    groups.map(\.settings).flatMap { [$0.betas.0, $0.betas.1, $0.eps, $0.weightDecay] }
  }

  public func refreshLearningRates() throws { try rates.refresh(learningRates, starts) }

  override func problem(_ s: AdamSettings) -> String? {
    betaProblem(lr: s.lr, eps: s.eps, weightDecay: s.weightDecay, betas: s.betas)
  }

  override func stateNames(_ settings: AdamSettings) -> [String] {
    ["step", "exp_avg", "exp_avg_sq"] + (settings.amsgrad ? ["max_exp_avg_sq"] : [])
  }

  private func prepare(_ index: Int, _ parameter: Tensor, amsgrad: Bool) throws {
    guard state[index].isEmpty else { return }
    let zeros = { try Aten.zerosLike(parameter) }
    // The fused operator wants the step count where the parameter is.
    state[index] = [
      "step": try Tensor(0 as Float).to(fused ? parameter.device : .cpu), "exp_avg": try zeros(),
      "exp_avg_sq": try zeros(),
    ]
    if amsgrad { state[index]["max_exp_avg_sq"] = try zeros() }
  }

  override func update(_ group: Group, _ range: Range<Int>) throws {
    if fused { return try updateFused(group, range) }
    let s = group.settings
    for (index, parameter) in zip(range, group.parameters) {
      guard var gradient = parameter.grad else { continue }
      try prepare(index, parameter, amsgrad: s.amsgrad)
      let memory = state[index]
      let (count, m, v) = (memory["step"]!, memory["exp_avg"]!, memory["exp_avg_sq"]!)
      if s.maximize { gradient = try Aten.neg(gradient) }
      try Aten.addScalarInPlace(count, 1, 1)
      if s.weightDecay != 0 {
        if decoupledWeightDecay {
          try Aten.mulScalarInPlace(parameter, 1 - s.lr * s.weightDecay)
        } else {
          gradient = try Aten.add(gradient, parameter, s.weightDecay)
        }
      }
      try Aten.lerpScalarInPlace(m, gradient, 1 - s.betas.0)
      try Aten.mulScalarInPlace(v, s.betas.1)
      try Aten.addcmulInPlace(v, gradient, gradient, 1 - s.betas.1)

      let step = try count.item(as: Double.self)
      let stepSize = s.lr / (1 - pow(s.betas.0, step))
      let correction = pow(1 - pow(s.betas.1, step), 0.5)
      var second = v
      if s.amsgrad, let largest = memory["max_exp_avg_sq"] {
        try largest.copy_(try Aten.maximum(largest, v))
        second = largest
      }
      let denominator = try Aten.divScalar(try Aten.sqrt(second), correction)
      try Aten.addScalarInPlace(denominator, s.eps, 1)
      try Aten.addcdivInPlace(parameter, m, denominator, -stepSize)
    }
  }

  private func updateFused(_ group: Group, _ range: Range<Int>) throws {
    let s = group.settings
    var parameters: [Tensor] = []
    var gradients: [Tensor] = []
    var lists: [String: [Tensor]] = [:]
    for (index, parameter) in zip(range, group.parameters) {
      guard let gradient = parameter.grad else { continue }
      try prepare(index, parameter, amsgrad: s.amsgrad)
      parameters.append(parameter)
      gradients.append(gradient)
      // A loaded count is on the CPU.
      state[index]["step"] = try state[index]["step"]?.to(parameter.device)
      for (name, tensor) in state[index] { lists[name, default: []].append(tensor) }
    }
    guard !parameters.isEmpty else { return }
    let counts = lists["step"] ?? []
    if let infinite {
      // A step that is left out does not count.
      _ = try Aten.foreachAddTensor.tensors(counts, try Aten.rsub(infinite, 1))
    } else {
      _ = try Aten.foreachAddScalar.tensors(counts, 1)
    }
    let rate = try rates.tensor(range.lowerBound, s.lr, for: parameters)
    let lr: any OperatorArgument = if let rate { rate } else { s.lr }
    let operation =
      switch (decoupledWeightDecay, rate != nil) {
      case (false, false): Aten.fusedAdam
      case (false, true): Aten.fusedAdamTensorRate
      case (true, false): Aten.fusedAdamW
      case (true, true): Aten.fusedAdamWTensorRate
      }
    _ = try operation.tensors(
      parameters, gradients, lists["exp_avg"] ?? [], lists["exp_avg_sq"] ?? [],
      s.amsgrad ? lists["max_exp_avg_sq"] ?? [] : [], counts, lr, s.betas.0, s.betas.1,
      s.weightDecay, s.eps, s.amsgrad, s.maximize, nil as Tensor?, infinite)
  }
}

/// Adaptive moments: `torch.optim.Adam`. `weightDecay` is added to the gradient.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.Adam.html
public final class Adam: AdamBase {
  /// - Precondition: `0 ≤ betas < 1`; the others are not negative.
  public convenience init(
    _ parameters: [Tensor], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8,
    weightDecay: Double = 0, amsgrad: Bool = false, maximize: Bool = false, fused: Bool = false
  ) {
    let settings = AdamSettings(
      lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad, maximize: maximize)
    self.init([Group(parameters, settings)], fused: fused)
  }

  public init(_ groups: [Group], fused: Bool = false) {
    super.init(groups, fused: fused, decoupledWeightDecay: false)
  }
}

/// Adam whose weight decay shrinks the parameter itself: `torch.optim.AdamW`.
/// - Source: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101
public final class AdamW: AdamBase {
  /// - Precondition: `0 ≤ betas < 1`; the others are not negative.
  public convenience init(
    _ parameters: [Tensor], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8,
    weightDecay: Double = 1e-2, amsgrad: Bool = false, maximize: Bool = false, fused: Bool = false
  ) {
    let settings = AdamSettings(
      lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad, maximize: maximize)
    self.init([Group(parameters, settings)], fused: fused)
  }

  public init(_ groups: [Group], fused: Bool = false) {
    super.init(groups, fused: fused, decoupledWeightDecay: true)
  }
}

extension Aten {
  static let fusedAdam = Operator("aten::_fused_adam_")
  static let fusedAdamTensorRate = Operator("aten::_fused_adam_.tensor_lr")
  static let fusedAdamW = Operator("aten::_fused_adamw_")
  static let fusedAdamWTensorRate = Operator("aten::_fused_adamw_.tensor_lr")
}
