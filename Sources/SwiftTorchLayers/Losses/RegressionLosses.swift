// Losses of numbers that should be near other numbers. Targets have the input's shape; PyTorch would broadcast
// others, with a warning.

/// `(x − t)²`: `torch.nn.functional.mse_loss`.
/// - Throws: `TorchError` when the shapes differ.
public func mseLoss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) throws -> Tensor {
  try requireSameShape(input, target, "mseLoss")
  return try Aten.mseLoss(input, target, reduction)
}

/// `|x − t|`: `torch.nn.functional.l1_loss`. Its slope at 0 is 0.
/// - Throws: `TorchError` when the shapes differ.
public func l1Loss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) throws -> Tensor {
  try requireSameShape(input, target, "l1Loss")
  return try Aten.l1Loss(input, target, reduction)
}

/// `d²/(2·beta)` where `d = |x − t|` is below `beta`, else `d − beta/2`: `torch.nn.functional.smooth_l1_loss`.
/// - Parameter beta: where the square ends; 0 gives `l1Loss`.
/// - Throws: `TorchError` when the shapes differ or `beta` is negative.
/// - Source: Girshick 2015, https://arxiv.org/abs/1504.08083
public func smoothL1Loss(
  _ input: Tensor, _ target: Tensor, reduction: Reduction = .mean, beta: Double = 1
) throws -> Tensor {
  try requireSameShape(input, target, "smoothL1Loss")
  if beta == 0 { return try Aten.l1Loss(input, target, reduction) }
  return try Aten.smoothL1Loss(input, target, reduction, beta)
}

/// `d²/2` where `d = |x − t|` is at most `delta`, else `delta·(d − delta/2)`: `torch.nn.functional.huber_loss`.
/// - Throws: `TorchError` when the shapes differ or `delta` is not positive.
/// - Source: Huber 1964, https://doi.org/10.1214/aoms/1177703732
public func huberLoss(
  _ input: Tensor, _ target: Tensor, reduction: Reduction = .mean, delta: Double = 1
) throws -> Tensor {
  try requireSameShape(input, target, "huberLoss")
  return try Aten.huberLoss(input, target, reduction, delta)
}

/// `eˣ − t·x` of the logarithm x of a rate and a count t: `torch.nn.functional.poisson_nll_loss`.
/// - Parameters:
///   - logInput: off, the input is the rate itself: `x − t·log(x + eps)`.
///   - full: adds Stirling's approximation of `log t!`, `t·log t − t + log(2πt)/2` where t is above 1.
/// - Throws: `TorchError` when the shapes differ.
public func poissonNLLLoss(
  _ input: Tensor, _ target: Tensor, logInput: Bool = true, full: Bool = false, eps: Double = 1e-8,
  reduction: Reduction = .mean
) throws -> Tensor {
  try requireSameShape(input, target, "poissonNLLLoss")
  return try Aten.poissonNLLLoss(input, target, logInput, full, eps, reduction)
}

/// `mseLoss(_:_:)` with settings: `torch.nn.MSELoss`.
public struct MSELoss: Loss, Sendable {
  public var reduction: Reduction

  public init(reduction: Reduction = .mean) { self.reduction = reduction }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try mseLoss(input, target, reduction: reduction)
  }
}

/// `l1Loss(_:_:)` with settings: `torch.nn.L1Loss`.
public struct L1Loss: Loss, Sendable {
  public var reduction: Reduction

  public init(reduction: Reduction = .mean) { self.reduction = reduction }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try l1Loss(input, target, reduction: reduction)
  }
}

/// `smoothL1Loss(_:_:)` with settings: `torch.nn.SmoothL1Loss`.
public struct SmoothL1Loss: Loss, Sendable {
  public var reduction: Reduction
  public var beta: Double

  public init(reduction: Reduction = .mean, beta: Double = 1) {
    self.reduction = reduction
    self.beta = beta
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try smoothL1Loss(input, target, reduction: reduction, beta: beta)
  }
}

/// `huberLoss(_:_:)` with settings: `torch.nn.HuberLoss`.
public struct HuberLoss: Loss, Sendable {
  public var reduction: Reduction
  public var delta: Double

  public init(reduction: Reduction = .mean, delta: Double = 1) {
    self.reduction = reduction
    self.delta = delta
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try huberLoss(input, target, reduction: reduction, delta: delta)
  }
}

/// `poissonNLLLoss(_:_:)` with settings: `torch.nn.PoissonNLLLoss`.
public struct PoissonNLLLoss: Loss, Sendable {
  public var logInput: Bool
  public var full: Bool
  public var eps: Double
  public var reduction: Reduction

  public init(logInput: Bool = true, full: Bool = false, eps: Double = 1e-8, reduction: Reduction = .mean) {
    self.logInput = logInput
    self.full = full
    self.eps = eps
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try poissonNLLLoss(input, target, logInput: logInput, full: full, eps: eps, reduction: reduction)
  }
}

extension Aten {
  static let mseLoss = Operator("aten::mse_loss")
  static let l1Loss = Operator("aten::l1_loss")
  static let smoothL1Loss = Operator("aten::smooth_l1_loss")
  static let huberLoss = Operator("aten::huber_loss")
  static let poissonNLLLoss = Operator("aten::poisson_nll_loss")
}
