import Testing

@testable import SwiftTorchLayers

/// A person's own loss: the mean of the entropies of odd images alone.
private struct OddImages: Loss {
  func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    let odd = try isOdd(target)
    return try (crossEntropy(input, target, reduction: .none) * odd).sum() / odd.sum()
  }
  private func isOdd(_ target: Tensor) throws -> Tensor { try target.remainder(2).to(.float32) }
  func divisor(_ input: Tensor, _ target: Tensor) throws -> Tensor? { try isOdd(target).sum() }
  func counted(_ target: Tensor) throws -> Tensor? { try target.remainder(2) .== 1 }
}

@Suite("Metrics of batches", .serialized)
struct RunningMetricsTests {
  /// 30 images whose pixels are small whole numbers, their classes in turn.
  private static func loader(_ size: Int, shuffle: Bool = false) throws -> DataLoader {
    let dataset = ImageDataset(
      images: try Tensor((0..<30 * 4).map { UInt8($0 * 37 % 256) }, shape: [30, 1, 2, 2]),
      labels: try Tensor((0..<30).map { Int64($0 % 4) }), classes: ["a", "b", "c", "d"])
    return try DataLoader(
      dataset, batchSize: size, shuffle: shuffle, normalization: Normalization(mean: [0.5], std: [0.25]))
  }

  private static let weighted = [
    CrossEntropyLoss(weight: try! Tensor([10, 1, 0.1, 5] as [Float])), CrossEntropyLoss(ignoreIndex: 2),
    CrossEntropyLoss(weight: try! Tensor([10, 1, 0.1, 5] as [Float]), ignoreIndex: 0, labelSmoothing: 0.2),
  ]

  @Test("with class weights and ignored images, evaluate gives the loss over all images at once (case 24)")
  func evaluation() throws {
    try Torch.manualSeed(7)
    let model = Sequential {
      Flatten()
      Linear(inFeatures: 4, outFeatures: 4)
    }
    for loss in Self.weighted {
      let whole = try Self.loader(30).epoch().next()!
      let expected = try noGrad { try loss(model(whole.images), whole.labels).item(as: Double.self) }
      for size in [30, 7, 1] {
        let own = try evaluate(model, Self.loader(size), loss: loss).loss
        // 30 terms in single precision, none negative.
        #expect(abs(own - expected) <= 64 * 0x1p-24 * expected, "\(loss), batches of \(size)")
      }
    }
  }

  @Test("a loss of one's own says what it divided by and what counts")
  func ownLoss() throws {
    let model = Flatten()
    let whole = try Self.loader(30).epoch().next()!
    let logits = try model(whole.images)
    let odd = try (whole.labels.remainder(2) .== 1)
    let expected = try crossEntropy(logits, whole.labels, reduction: .none).maskedSelect(odd).mean()
      .item(as: Double.self)
    let right = try (logits.argmax(dim: 1) .== whole.labels).maskedSelect(odd).sum().item(as: Double.self)
    for size in [30, 7, 1] {
      let own = try evaluate(model, Self.loader(size), loss: OddImages())
      #expect(abs(own.loss - expected) <= 64 * 0x1p-24 * expected, "batches of \(size)")
      #expect(own.accuracy == right / 15 && own.count == 30)
    }
  }

  @Test("where no image counts there is no loss and no accuracy; where all count nothing is asked")
  func nothingCounts() throws {
    let none = CrossEntropyLoss(ignoreIndex: -100)
    let dataset = ImageDataset(
      images: try Tensor.zeros([3, 1, 2, 2], dtype: .uint8),
      labels: try Tensor.full([3], -100, dtype: .int64),
      classes: ["a", "b", "c", "d"])
    let loader = try DataLoader(dataset, batchSize: 2, normalization: Normalization(mean: [0], std: [1]))
    let result = try evaluate(Flatten(), loader, loss: none)
    #expect(result.loss.isNaN && result.accuracy.isNaN && result.count == 3)
    let sums = try RunningMetrics(CrossEntropyLoss(), Self.loader(30))
    #expect(Array(sums.state.keys) == ["loss", "right"])
  }

  private static func trainer(_ loss: any Loss) throws -> Trainer {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(9)
    let model = Sequential {
      Flatten()
      Linear(inFeatures: 4, outFeatures: 4)
    }
    return try Trainer(
      model, optimizer: SGD(model.parameters(), lr: 0.1), loader: loader(7, shuffle: true), loss: loss)
  }

  /// A training that was interrupted after some batches.
  private static func stopped(_ loss: any Loss, after batches: Int) throws -> Trainer {
    let trainer = try trainer(loss)
    var asked = 0
    try trainer.fit(
      epochs: 1,
      shouldStop: {
        asked += 1
        return asked > batches
      })
    return trainer
  }

  @Test(
    "in the middle of an epoch a checkpoint keeps the sums: the resumed epoch has the same loss and accuracy")
  func checkpoint() throws {
    for loss in Self.weighted as [any Loss] + [OddImages()] {
      let whole = try Self.trainer(loss)
      try whole.fit(epochs: 1)
      let (tensors, metadata) = try Self.stopped(loss, after: 3).checkpoint()
      let resumed = try Self.trainer(loss)
      try resumed.restore(tensors, metadata: metadata)
      try resumed.fit(epochs: 1)
      #expect(resumed.history[0].trainLoss == whole.history[0].trainLoss, "\(loss)")
      #expect(resumed.history[0].trainAccuracy == whole.history[0].trainAccuracy, "\(loss)")
    }
  }

  @Test("in a checkpoint from before there were divisors, each image that was seen counts 1")
  func olderCheckpoint() throws {
    let loss = Self.weighted[2]
    let stopped = try Self.stopped(loss, after: 2)
    var (tensors, metadata) = try stopped.checkpoint()
    #expect(tensors.removeValue(forKey: "epoch.divisor") != nil)
    #expect(tensors.removeValue(forKey: "epoch.counted") != nil)
    let resumed = try Self.trainer(loss)
    try resumed.restore(tensors, metadata: metadata)
    let (old, right) = try (
      #require(tensors["epoch.loss"]).item(as: Double.self),
      #require(tensors["epoch.right"]).item(as: Double.self)
    )
    #expect(try resumed.sums.read() == (old / 14, right / 14))
    try resumed.fit(epochs: 1)
    #expect(resumed.history[0].trainLoss.isFinite)
  }
}
