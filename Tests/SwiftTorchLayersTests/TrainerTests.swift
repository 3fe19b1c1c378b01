import SwiftTorchLayers
import Testing

@Suite("Trainer", .serialized)
struct TrainerTests {
  private static func makeTrainer() throws -> (trainer: Trainer, validation: DataLoader) {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(9)
    let dataset = ImageDataset(
      images: try Tensor((0..<60 * 16).map { UInt8($0 * 37 % 256) }, shape: [60, 1, 4, 4]),
      labels: try Tensor((0..<60).map { $0 % 3 }), classes: ["a", "b", "c"])
    let normalization = try Normalization(of: dataset)
    let model = Sequential {
      Flatten()
      Linear(inFeatures: 16, outFeatures: 8)
      Dropout()
      Linear(inFeatures: 8, outFeatures: 3)
    }
    let loader = try DataLoader(dataset, batchSize: 20, shuffle: true, normalization: normalization)
    let validation = try DataLoader(dataset, batchSize: 20, normalization: normalization)
    return (try Trainer(model, optimizer: Adam(model.parameters()), loader: loader), validation)
  }

  // An epoch asks before each of its 3 batches and at its end, then validation asks before each of its 3.
  @Test(
    "interrupted at any question, in training or validation, a restored run ends as if it had not been",
    arguments: 0..<14)
  func interruption(_ question: Int) throws {
    let (whole, validation) = try Self.makeTrainer()
    #expect(try whole.fit(epochs: 2, validation: validation) == .finished)

    let (stopped, _) = try Self.makeTrainer()
    var asked = 0
    let outcome = try stopped.fit(
      epochs: 2, validation: validation,
      shouldStop: {
        asked += 1
        return asked > question
      })
    #expect(outcome == .interrupted)
    let (tensors, metadata) = try stopped.checkpoint()

    let (resumed, _) = try Self.makeTrainer()
    try resumed.restore(tensors, metadata: metadata)
    #expect(try resumed.fit(epochs: 2, validation: validation) == .finished)
    for (key, tensor) in whole.model.stateDict() {
      #expect(try resumed.model.stateDict()[key]?.equal(tensor) == true, "\(key)")
    }
    func numbers(_ trainer: Trainer) -> [[Double?]] {
      trainer.history.map { [$0.trainLoss, $0.trainAccuracy, $0.validationLoss, $0.validationAccuracy] }
    }
    #expect(numbers(whole) == numbers(resumed))
  }
}
