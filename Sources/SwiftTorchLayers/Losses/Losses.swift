/// How a loss over many values becomes one: PyTorch's `reduction`.
public enum Reduction: Int, Sendable, OperatorArgument {
  /// Each value by itself.
  case none = 0
  case mean = 1
  case sum = 2

  public func append(to arguments: inout OperatorArguments) throws { try rawValue.append(to: &arguments) }
}

/// Softmax and negative log-likelihood in one: `torch.nn.functional.cross_entropy`.
///
/// `−w[t]·log(e^{x[t]} / Σⱼ e^{xⱼ})`; the mean divides by the sum of the weights used.
/// - Parameters:
///   - input: logits `[N, C]`, `[C]` or `[N, C, d₁, …]`.
///   - target: class numbers `[N]` (int64), or probabilities of the input's shape.
///   - weight: a factor for each class, `[C]`.
///   - ignoreIndex: targets of this number do not count.
///   - labelSmoothing: this share of the target is spread over all classes evenly.
/// - Throws: `TorchError` when shapes do not fit or a target is no class.
public func crossEntropy(
  _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100,
  reduction: Reduction = .mean, labelSmoothing: Double = 0
) throws -> Tensor {
  try Aten.crossEntropyLoss(input, target, weight, reduction, ignoreIndex, labelSmoothing)
}

/// `−w[t]·x[t]` of log-probabilities: `torch.nn.functional.nll_loss`. Arguments as in `crossEntropy`.
public func nllLoss(
  _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100,
  reduction: Reduction = .mean
) throws -> Tensor {
  try Aten.nllLossNd(input, target, weight, reduction, ignoreIndex)
}

/// `(x − t)²`: `torch.nn.functional.mse_loss`.
/// - Throws: `TorchError` when the shapes differ; PyTorch would broadcast them with a warning.
public func mseLoss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) throws -> Tensor {
  try requireSameShape(input, target, "mseLoss")
  return try Aten.mseLoss(input, target, reduction)
}

/// `−w·(p·t·log σ(x) + (1 − t)·log(1 − σ(x)))`, computed without overflow:
/// `torch.nn.functional.binary_cross_entropy_with_logits`.
/// - Parameters:
///   - weight: a factor for each element, broadcast to the input's shape.
///   - posWeight: the factor `p` of the positive targets.
public func binaryCrossEntropyWithLogits(
  _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean,
  posWeight: Tensor? = nil
) throws -> Tensor {
  try requireSameShape(input, target, "binaryCrossEntropyWithLogits")
  return try Aten.bceWithLogits(input, target, weight, posWeight, reduction)
}

private func requireSameShape(_ input: Tensor, _ target: Tensor, _ name: String) throws {
  guard input.shape == target.shape else {
    throw TorchError(
      "\(name) needs input and target of one shape, got \(input.summary) and \(target.summary)")
  }
}

/// A loss as an object that keeps its settings.
public protocol Loss {
  func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor
  /// How the values of a batch become the result, `.mean` unless a loss says otherwise: metrics need it to
  /// add up batches.
  var reduction: Reduction { get }
}

extension Loss {
  public var reduction: Reduction { .mean }
}

/// `crossEntropy(_:_:)` with settings: `torch.nn.CrossEntropyLoss`.
public struct CrossEntropyLoss: Loss, Sendable {
  public var weight: Tensor?
  public var ignoreIndex: Int
  public var reduction: Reduction
  public var labelSmoothing: Double

  public init(
    weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean, labelSmoothing: Double = 0
  ) {
    self.weight = weight
    self.ignoreIndex = ignoreIndex
    self.reduction = reduction
    self.labelSmoothing = labelSmoothing
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try crossEntropy(
      input, target, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction,
      labelSmoothing: labelSmoothing)
  }
}

/// `nllLoss(_:_:)` with settings: `torch.nn.NLLLoss`.
public struct NLLLoss: Loss, Sendable {
  public var weight: Tensor?
  public var ignoreIndex: Int
  public var reduction: Reduction

  public init(weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean) {
    self.weight = weight
    self.ignoreIndex = ignoreIndex
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try nllLoss(input, target, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction)
  }
}

/// `mseLoss(_:_:)` with settings: `torch.nn.MSELoss`.
public struct MSELoss: Loss, Sendable {
  public var reduction: Reduction

  public init(reduction: Reduction = .mean) { self.reduction = reduction }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try mseLoss(input, target, reduction: reduction)
  }
}

/// `binaryCrossEntropyWithLogits(_:_:)` with settings: `torch.nn.BCEWithLogitsLoss`.
public struct BCEWithLogitsLoss: Loss, Sendable {
  public var weight: Tensor?
  public var reduction: Reduction
  public var posWeight: Tensor?

  public init(weight: Tensor? = nil, reduction: Reduction = .mean, posWeight: Tensor? = nil) {
    self.weight = weight
    self.reduction = reduction
    self.posWeight = posWeight
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try binaryCrossEntropyWithLogits(
      input, target, weight: weight, reduction: reduction, posWeight: posWeight)
  }
}

extension Aten {
  static let crossEntropyLoss = Operator("aten::cross_entropy_loss")
  static let nllLossNd = Operator("aten::nll_loss_nd")
  static let mseLoss = Operator("aten::mse_loss")
  static let bceWithLogits = Operator("aten::binary_cross_entropy_with_logits")
}
