/// How a model does on a data set.
public struct Evaluation: Sendable {
  /// The share of right answers, 0…1.
  public let accuracy: Double
  /// The mean loss of an image.
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
  let sums = try RunningMetrics(device: loader.device)
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
          try fast?(batch.images) ?? model(batch.images)
        }.to(.float32)
        let value = try loss(logits, batch.labels)
        predictions.append(try sums.add(logits: logits, labels: batch.labels, loss: value, loss.reduction))
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
  private let loss: Tensor
  private let right: Tensor
  private(set) var count = 0

  init(device: Device) throws {
    loss = try Tensor(0 as Double).to(device)
    right = try Tensor(0 as Int64).to(device)
  }

  /// Adds a batch and returns the class of each image. `reduction` is how `loss` became what it is.
  @discardableResult
  func add(logits: Tensor, labels: Tensor, loss value: Tensor, _ reduction: Reduction) throws -> Tensor {
    count += labels.numel
    return try addOnDevice(logits: logits, labels: labels, loss: value, reduction)
  }

  /// The device's part of `add`, which a graph can repeat.
  @discardableResult
  func addOnDevice(logits: Tensor, labels: Tensor, loss value: Tensor, _ reduction: Reduction) throws
    -> Tensor
  {
    try noGrad {
      let size = labels.numel
      let predictions = try Aten.argmax(logits.detach(), 1, false)
      let sum = reduction == .none ? try Aten.sumAll(value.detach(), nil as DType?) : try value.detach()
      let isMean = reduction == .mean || reduction == .batchmean
      try Aten.addInPlace(loss, sum, isMean ? size : 1)
      try Aten.addInPlace(right, try Aten.sumAll(try Aten.eq(predictions, labels), nil as DType?), 1)
      return predictions
    }
  }

  /// The mean loss of an image, and the share of right answers.
  func read() throws -> (loss: Double, accuracy: Double) {
    guard count > 0 else { return (0, 0) }
    let mean = try loss.item(as: Double.self) / Double(count)
    // NaN has a sign, which would be printed.
    return (mean.isNaN ? .nan : mean, try right.item(as: Double.self) / Double(count))
  }

  /// Counts images whose loss and right answers a graph has added.
  func count(_ images: Int) { count += images }

  /// Begins anew, with the same tensors.
  func reset() throws {
    try noGrad { for sum in [loss, right] { _ = try Aten.zeroInPlace(sum) } }
    count = 0
  }

  /// The sums themselves, to be saved and set again.
  package var state: (loss: Tensor, right: Tensor) { (loss, right) }

  func restore(loss: Tensor, right: Tensor, count: Int) throws {
    try self.loss.copy_(loss)
    try self.right.copy_(right)
    self.count = count
  }
}

extension Aten {
  static let sumAll = Operator("aten::sum")
}
