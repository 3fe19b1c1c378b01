/// How a model does on a data set.
public struct Evaluation: Sendable {
  /// The share of right answers, 0…1.
  public let accuracy: Double
  /// The mean cross-entropy.
  public let loss: Double
  /// The number of images.
  public let count: Int
  /// The class that was given to each image.
  public let predictions: [Int]
}

/// Runs `model` in evaluation mode over all of `loader`'s images, in their order, without recording.
/// - Parameter shouldStop: asked before every batch; true ends with `CancellationError`.
public func evaluate(
  _ model: Module, _ loader: DataLoader, precision: Precision = .float32, shouldStop: () -> Bool = { false }
) throws -> Evaluation {
  let wasTraining = model.training
  model.eval()
  defer { model.train(wasTraining) }
  return try noGrad {
    var predictions: [Tensor] = []
    let sums = try RunningMetrics(device: loader.device)
    let epoch = try loader.epoch()
    while let batch = try epoch.next() {
      if shouldStop() { throw CancellationError() }
      let logits = try withPrecision(precision, loader.device) { try model(batch.images) }.to(.float32)
      predictions.append(try sums.add(logits: logits, labels: batch.labels, loss: nil))
    }
    let (loss, accuracy) = try sums.read()
    return Evaluation(
      accuracy: accuracy, loss: loss, count: loader.dataset.count,
      predictions: predictions.isEmpty ? [] : try predictions.flatMap { try $0.scalars(as: Int.self) })
  }
}

/// Runs `body` under autocast when `precision` asks for it.
func withPrecision<Result>(_ precision: Precision, _ device: Device, _ body: () throws -> Result) throws
  -> Result
{
  guard let type = precision.autocastType else { return try body() }
  return try autocast(device, dtype: type, body)
}

/// Sums of loss and right answers that stay on the device until somebody looks: reading a number at every
/// step would make a GPU wait.
final class RunningMetrics {
  private let loss: Tensor
  private let right: Tensor
  private(set) var count = 0

  init(device: Device) throws {
    loss = try Tensor(0 as Double).to(device)
    right = try Tensor(0 as Int64).to(device)
  }

  /// Adds a batch and returns the class of each image. `loss` is the batch's mean; nil computes it.
  @discardableResult
  func add(logits: Tensor, labels: Tensor, loss batchLoss: Tensor?) throws -> Tensor {
    try noGrad {
      let size = labels.numel
      let mean = try batchLoss?.detach() ?? crossEntropy(logits, labels)
      let predictions = try Aten.argmax(logits.detach(), 1, false)
      try Aten.addInPlace(loss, mean, size)
      try Aten.addInPlace(right, try Aten.sumAll(try Aten.eq(predictions, labels), nil as DType?), 1)
      count += size
      return predictions
    }
  }

  func read() throws -> (loss: Double, accuracy: Double) {
    guard count > 0 else { return (0, 0) }
    return (try loss.item(as: Double.self) / Double(count), try right.item(as: Double.self) / Double(count))
  }

  /// The sums themselves, to be saved and set again.
  var state: (loss: Tensor, right: Tensor) { (loss, right) }

  func restore(loss: Tensor, right: Tensor, count: Int) throws {
    try self.loss.copy_(loss)
    try self.right.copy_(right)
    self.count = count
  }
}

extension Aten {
  static let sumAll = Operator("aten::sum")
}
