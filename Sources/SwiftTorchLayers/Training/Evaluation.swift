/// How a model does on a data set.
public struct Evaluation: Sendable {
  /// The share of right answers among the images that count (see `Loss.counted`), 0…1; NaN when none does.
  public let accuracy: Double
  /// The loss of all images at once, whatever the batch size: for a mean what the loss says, for a sum that of an image
  /// that counts.
  public let loss: Double
  /// The number of images.
  public let count: Int
  /// The class that was given to each image.
  public let predictions: [Int]
}

/// Runs `model` in evaluation mode over `loader`'s images, in their order, without recording.
/// - Parameters:
///   - frozen: on the CPU compute by a `FrozenModel` where the model allows it and `precision` is float32.
///   - shouldStop: asked before every batch; true ends with `CancellationError`.
public func evaluate(
  _ model: Module, _ loader: DataLoader, loss: any Loss = CrossEntropyLoss(),
  precision: Precision = .float32, frozen: Bool = false, shouldStop: () -> Bool = { false }
) throws -> Evaluation {
  let sums = try RunningMetrics(loss, loader)
  let predictions = try model.evaluating {
    try noGrad {
      var predictions: [Tensor] = []
      let epoch = try loader.epoch()
      var fast: FrozenModel?
      while let batch = try epoch.next() {
        if shouldStop() { throw CancellationError() }
        if predictions.isEmpty, frozen, precision == .float32, loader.device == .cpu {
          fast = try FrozenModel(model, example: batch.images)
        }
        let logits = try withPrecision(precision, loader.device) {
          let logits = try fast?(batch.images) ?? model(batch.images)
          return logits.dtype == .float64 ? logits : try logits.to(.float32)
        }
        let value = try loss(logits, batch.labels)
        predictions.append(try sums.addOnDevice(logits: logits, labels: batch.labels, loss: value))
        sums.count(batch.labels.numel)
      }
      return predictions
    }
  }
  let (mean, accuracy) = try sums.read()
  return Evaluation(
    accuracy: accuracy, loss: mean, count: sums.count,
    predictions: try predictions.flatMap { try $0.scalars(as: Int.self) })
}

/// Runs `body` under autocast when `precision` asks for it.
public func withPrecision<Result>(_ precision: Precision, _ device: Device, _ body: () throws -> Result)
  throws
  -> Result
{
  guard let type = precision.autocastType else { return try body() }
  return try autocast(device, dtype: type, body)
}

/// Sums of loss and right answers that stay on the device until somebody looks: reading a number at every
/// step would make a GPU wait.
package final class RunningMetrics {
  private let rule: any Loss
  /// Whether some of the data set's targets do not count.
  private let ignores: Bool
  private let loss: Tensor
  private let right: Tensor
  /// The targets that count; in use only where some do not.
  private let counted: Tensor
  /// The sum of the divisors; in use only as soon as the loss has told one.
  private let divisor: Tensor
  private var hasDivisor = false
  /// The targets that were seen.
  private(set) var count = 0

  /// - Parameter loader: its labels show, once, whether all targets count.
  init(_ rule: any Loss, _ loader: DataLoader) throws {
    let device = loader.device
    self.rule = rule
    loss = try Tensor(0 as Double).to(device)
    right = try Tensor(0 as Int64).to(device)
    counted = try Tensor(0 as Int64).to(device)
    divisor = try Tensor(0 as Double).to(device)
    let labels = try loader.dataset.labels.to(device)
    ignores = try noGrad { try rule.counted(labels)?.all().item(as: Bool.self) == false }
  }

  /// Adds a batch, but for `count(_:)`, and returns the class of each image: the device's part, which a graph can
  /// repeat.
  @discardableResult
  func addOnDevice(logits: Tensor, labels: Tensor, loss value: Tensor) throws -> Tensor {
    guard logits.ndim == 2, logits.shape[0] == labels.numel, logits.shape[1] > 1 else {
      throw TorchError(
        "the model gives \(logits.summary) for \(labels.numel) images; what is counted here is classes, so that a number "
          + "for each of two or more is needed, [\(labels.numel), classes]")
    }
    return try noGrad {
      let predictions = try Aten.argmax(logits.detach(), 1, false)
      var hits = try Aten.eq(predictions, labels)
      let counts = ignores ? try rule.counted(labels) : nil
      if let counts { hits = try hits & counts }
      try Aten.addInPlace(right, try Aten.sumAll(hits, nil as DType?), 1)
      let number = try counts.map { try Aten.sumAll($0, nil as DType?) }
      try add(value.detach(), logits, labels, number)
      if let number { try Aten.addInPlace(counted, number, 1) }
      return predictions
    }
  }

  /// - Parameter number: how many targets count; nil for all.
  private func add(_ value: Tensor, _ logits: Tensor, _ labels: Tensor, _ number: Tensor?) throws {
    switch rule.reduction {
    case .sum: try Aten.addInPlace(loss, value, 1)
    case .none: try Aten.addInPlace(loss, try Aten.sumAll(value, nil as DType?), 1)
    case .mean, .batchmean:
      let told = try rule.divisor(logits.detach(), labels)
      if told != nil, !hasDivisor {
        // Until now, of this epoch or of an older checkpoint, a target counted 1.
        _ = ignores ? try divisor.copy_(counted) : try divisor.fill_(count)
        hasDivisor = true
      }
      guard let weight = told ?? number else {
        try Aten.addInPlace(loss, value, labels.numel)
        if hasDivisor { try divisor.add_(labels.numel) }
        return
      }
      let exact = try weight.to(.float64)
      // A batch of which nothing counts has 0/0 as its mean, and no part in the sum.
      try loss.add_(try (value.to(.float64) * exact).maskedFill(exact .== 0, 0))
      if hasDivisor { try divisor.add_(exact) }
    }
  }

  /// The loss of all that was added, and the share of right answers among the targets that count.
  func read() throws -> (loss: Double, accuracy: Double) {
    guard count > 0 else { return (0, 0) }
    let answers = ignores ? try counted.item(as: Double.self) : Double(count)
    let mean = try loss.item(as: Double.self) / (hasDivisor ? try divisor.item(as: Double.self) : answers)
    let accuracy = try right.item(as: Double.self) / answers
    // NaN has a sign, which would be printed.
    return (mean.isNaN ? .nan : mean, accuracy.isNaN ? .nan : accuracy)
  }

  /// Counts images that were added on the device, perhaps by a graph.
  func count(_ images: Int) { count += images }

  /// Begins anew, with the same tensors.
  func reset() throws {
    try noGrad { for sum in [loss, right, counted, divisor] { _ = try Aten.zeroInPlace(sum) } }
    count = 0
  }

  /// The sums themselves by name, to be saved and set again: those in use.
  package var state: StateDict {
    var sums: StateDict = ["loss": loss, "right": right]
    if ignores { sums["counted"] = counted }
    if hasDivisor { sums["divisor"] = divisor }
    return sums
  }

  /// Sets what `state` gave. Where a checkpoint is older than a sum, every image that was seen counts 1.
  func restore(_ sums: StateDict, count: Int) throws {
    guard let loss = sums["loss"], let right = sums["right"] else {
      throw TorchError("the checkpoint lacks the metrics")
    }
    try self.loss.copy_(loss)
    try self.right.copy_(right)
    _ = try sums["counted"].map { try counted.copy_($0) } ?? counted.fill_(count)
    hasDivisor = sums["divisor"] != nil
    if let sum = sums["divisor"] { try divisor.copy_(sum) }
    self.count = count
  }
}

extension Aten {
  static let sumAll = Operator("aten::sum")
}
