// Losses of yes-or-no questions, one for each element. Targets have the input's shape and are 0 to 1.

/// `−w·(t·log x + (1 − t)·log(1 − x))` of probabilities x, the logarithms at least −100:
/// `torch.nn.functional.binary_cross_entropy`. Of logits `binaryCrossEntropyWithLogits` is more exact.
/// - Parameter weight: a factor for each element, broadcast to the input's shape.
/// - Throws: `TorchError` when the shapes differ or an input is not between 0 and 1.
public func binaryCrossEntropy(
  _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean
) throws -> Tensor {
  try requireSameShape(input, target, "binaryCrossEntropy")
  return try Aten.bce(input, target, weight?.expand(target.shape), reduction)
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

/// Focal loss of logits, torchvision's `sigmoid_focal_loss`: with `p = σ(x)` and `q = p·t + (1 − p)·(1 − t)`, the
/// probability that was given to the truth,
///
///     (alpha·t + (1 − alpha)·(1 − t)) · (1 − q)^gamma · binaryCrossEntropyWithLogits(x, t)
///
/// What is right already counts little. Ours in that torch.nn has none; argument names and defaults are
/// torchvision's.
/// - Parameters:
///   - alpha: the weight of the positive targets, 0…1; −1 for no weights.
///   - gamma: how little the easy ones count; with 0 and no `alpha` it is the binary cross-entropy.
/// - Throws: `TorchError` when the shapes differ or `alpha` is neither −1 nor between 0 and 1.
/// - Source: Lin et al. 2017, https://arxiv.org/abs/1708.02002
public func sigmoidFocalLoss(
  _ inputs: Tensor, _ targets: Tensor, alpha: Double = 0.25, gamma: Double = 2, reduction: Reduction = .none
) throws -> Tensor {
  guard (0...1).contains(alpha) || alpha == -1 else {
    throw TorchError("alpha of sigmoidFocalLoss must be between 0 and 1, or -1, not \(alpha)")
  }
  let p = try Aten.sigmoid(inputs)
  let entropy = try binaryCrossEntropyWithLogits(inputs, targets, reduction: .none)
  let truth = try p * targets + (1 - p) * (1 - targets)
  var loss = try entropy * (1 - truth).pow(gamma)
  if alpha >= 0 {
    let weight = try alpha * targets + (1 - alpha) * (1 - targets)
    loss = try weight * loss
  }
  switch reduction {
  case .none: return loss
  case .mean: return try loss.mean()
  case .sum: return try loss.sum()
  case .batchmean: throw TorchError("only klDiv has the reduction batchmean")
  }
}

/// `binaryCrossEntropy(_:_:)` with settings: `torch.nn.BCELoss`.
public struct BCELoss: Loss, Sendable {
  public var weight: Tensor?
  public var reduction: Reduction

  public init(weight: Tensor? = nil, reduction: Reduction = .mean) {
    self.weight = weight
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try binaryCrossEntropy(input, target, weight: weight, reduction: reduction)
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

/// `sigmoidFocalLoss(_:_:)` with settings; ours, and with the mean as default, like the other losses.
public struct SigmoidFocalLoss: Loss, Sendable {
  public var alpha: Double
  public var gamma: Double
  public var reduction: Reduction

  public init(alpha: Double = 0.25, gamma: Double = 2, reduction: Reduction = .mean) {
    self.alpha = alpha
    self.gamma = gamma
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    try sigmoidFocalLoss(input, target, alpha: alpha, gamma: gamma, reduction: reduction)
  }
}

extension Aten {
  static let bce = Operator("aten::binary_cross_entropy")
  static let bceWithLogits = Operator("aten::binary_cross_entropy_with_logits")
}
