/// How a loss over many values becomes one: PyTorch's `reduction`.
public enum Reduction: Int, Sendable, OperatorArgument {
  /// Each value by itself.
  case none = 0
  case mean = 1
  case sum = 2
  /// The sum divided by the number of rows; only `klDiv` has it.
  case batchmean = 3

  public func append(to arguments: inout OperatorArguments) throws {
    guard self != .batchmean else { throw TorchError("only klDiv has the reduction batchmean") }
    try rawValue.append(to: &arguments)
  }
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

/// `t·(log t − x)` of log-probabilities x: `torch.nn.functional.kl_div`, the Kullback–Leibler divergence of the
/// distribution t from the one that the input describes.
/// - Parameters:
///   - reduction: `.batchmean` is the divergence of a row on average; `.mean` divides by the number of classes, too.
///   - logTarget: the target is log-probabilities: `eᵗ·(t − x)`.
/// - Throws: `TorchError` when the shapes differ; PyTorch would broadcast them.
public func klDiv(
  _ input: Tensor, _ target: Tensor, reduction: Reduction = .mean, logTarget: Bool = false
) throws -> Tensor {
  try requireSameShape(input, target, "klDiv")
  guard reduction == .batchmean else { return try Aten.klDiv(input, target, reduction, logTarget) }
  let sum = try Aten.klDiv(input, target, Reduction.sum, logTarget)
  return input.shape.isEmpty ? sum : try sum / input.shape[0]
}

func requireSameShape(_ input: Tensor, _ target: Tensor, _ name: String) throws {
  guard input.shape == target.shape else {
    throw TorchError(
      "\(name) needs input and target of one shape, got \(input.summary) and \(target.summary)")
  }
}

/// A loss as an object that keeps its settings.
///
/// Metrics add up the losses of batches. So that the sum is the loss of all targets at once, whatever the batch size, a
/// loss whose mean does not divide by the number of targets says what it divides by.
public protocol Loss {
  func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor

  /// How the values of a batch become the result, `.mean` unless a loss says otherwise.
  var reduction: Reduction { get }

  /// What the mean over this batch divided by, for example the sum of its targets' weights: a tensor of one element on
  /// the batch's device, from which nothing is read on the way. Nil, unless a loss says otherwise: by the number of
  /// targets that count. A loss of another reduction than a mean is not asked.
  func divisor(_ input: Tensor, _ target: Tensor) throws -> Tensor?

  /// Which targets count, a bool for each; the others are left out of the accuracy, too. Nil, unless a loss says
  /// otherwise: all of them.
  func counted(_ target: Tensor) throws -> Tensor?
}

extension Loss {
  public var reduction: Reduction { .mean }
  public func divisor(_ input: Tensor, _ target: Tensor) throws -> Tensor? { nil }
  public func counted(_ target: Tensor) throws -> Tensor? { nil }
}

/// What the losses of class numbers have in common: a weight for each class, and a number that is no class.
private protocol ClassLoss: Loss {
  var weight: Tensor? { get }
  var ignoreIndex: Int { get }
}

extension ClassLoss {
  /// Of class numbers the sum of their weights; nil without weights, and for probabilities.
  fileprivate func sumOfWeights(_ target: Tensor) throws -> Tensor? {
    guard let weight, let counts = try notIgnored(target) else { return nil }
    // An ignored target may be no class: it gets the weight of class 0, and then none.
    let classes = try (target * counts).flatten()
    let weights = try weight.detach().to(.float64).indexSelect(dim: 0, classes)
    return try weights.maskedFill(~counts.flatten(), 0).sum()
  }

  fileprivate func notIgnored(_ target: Tensor) throws -> Tensor? {
    target.dtype.isFloatingPoint ? nil : try target .!= ignoreIndex
  }
}

/// `crossEntropy(_:_:)` with settings: `torch.nn.CrossEntropyLoss`.
public struct CrossEntropyLoss: ClassLoss, Sendable {
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

  public func divisor(_ input: Tensor, _ target: Tensor) throws -> Tensor? { try sumOfWeights(target) }
  public func counted(_ target: Tensor) throws -> Tensor? { try notIgnored(target) }
}

/// `nllLoss(_:_:)` with settings: `torch.nn.NLLLoss`.
public struct NLLLoss: ClassLoss, Sendable {
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

  public func divisor(_ input: Tensor, _ target: Tensor) throws -> Tensor? { try sumOfWeights(target) }
  public func counted(_ target: Tensor) throws -> Tensor? { try notIgnored(target) }
}

/// `klDiv(_:_:)` with settings: `torch.nn.KLDivLoss`.
public struct KLDivLoss: Loss, Sendable {
  public var reduction: Reduction
  public var logTarget: Bool

  public init(reduction: Reduction = .mean, logTarget: Bool = false) {
    self.reduction = reduction
    self.logTarget = logTarget
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try klDiv(input, target, reduction: reduction, logTarget: logTarget)
  }
}

extension Aten {
  static let crossEntropyLoss = Operator("aten::cross_entropy_loss")
  static let nllLossNd = Operator("aten::nll_loss_nd")
  static let klDiv = Operator("aten::kl_div")
}
