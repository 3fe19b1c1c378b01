import Foundation
import Testing

@testable import SwiftTorchLayers

@Suite("Data and metrics, worked by hand", .serialized)
struct DataTests {
  /// Two pictures of two channels and two pixels: 0 51 102 153 in the first channel, 255 once in the second.
  private static func pictures() throws -> ImageDataset {
    ImageDataset(
      images: try Tensor([0, 51, 0, 0, 102, 153, 0, 255] as [UInt8], shape: [2, 2, 1, 2]),
      labels: try Tensor([0, 1]), classes: ["a", "b"])
  }

  @Test("images are divided by 255, then the channel's mean is taken off, then its deviation divides")
  func normalization() throws {
    let applied = try Normalization(mean: [0.2, 0], std: [0.5, 2])(Self.pictures().images)
    let expected = [-0.4, 0, 0, 0, 0.4, 0.8, 0, 0.5]
    #expect(try zip(applied.scalars(as: Double.self), expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test("a shuffled loader gives every image once, with its own label")
  func loader() throws {
    let count = 50
    let dataset = ImageDataset(
      images: try Tensor((0..<count).map(UInt8.init), shape: [count, 1, 1, 1]),
      labels: try Tensor((0..<count).map { $0 * 3 }), classes: [])
    let loader = try DataLoader(
      dataset, batchSize: 8, shuffle: true, normalization: Normalization(mean: [0], std: [1.0 / 255]))
    var orders: [[Int]] = []
    for _ in 0..<2 {
      let epoch = try loader.epoch()
      var order: [Int] = []
      while let batch = try epoch.next() {
        let images = try batch.images.round().scalars(as: Int.self)
        #expect(try batch.labels.scalars(as: Int.self) == images.map { $0 * 3 })
        order += images
      }
      #expect(order.sorted() == Array(0..<count) && order != order.sorted())
      orders.append(order)
    }
    #expect(orders[0] != orders[1])
  }

  @Test("the optimizer of a run has all of its settings", arguments: OptimizerName.allCases, [false, true])
  func optimizers(_ name: OptimizerName, exact: Bool) throws {
    var configuration = RunConfiguration()
    configuration.optimizer = name
    (configuration.lr, configuration.weightDecay, configuration.exact) = (0.1, 0.5, exact)
    configuration.momentum = name.hasMomentum ? 0.9 : 0
    let parameters = [try Tensor.ones([2])]
    let made = configuration.makeOptimizer(parameters)
    #expect(made.learningRates == [0.1])
    if name.hasMomentum { #expect(made.momentums == [0.9]) }
    // A gradient of zero shows the decay alone: but for adadelta's own steps all go down.
    parameters[0].grad = try Tensor.zeros([2])
    try made.step()
    let moved = try parameters[0].scalars(as: Double.self)
    #expect(moved.allSatisfy { $0 < 1 }, "\(name): \(moved)")
  }

  @Test("each epoch's metrics are its own: with a rate of zero all epochs are alike")
  func epochMetrics() throws {
    try Torch.setNumThreads(1)
    let dataset = try Self.pictures()
    let model = Sequential([Flatten(), Linear(inFeatures: 4, outFeatures: 2, bias: false)])
    try model.loadStateDict(["1.weight": Tensor([[0, 0, 0, 0], [0, 0, 0, 1]] as [[Float]])])
    let loader = try DataLoader(dataset, normalization: Normalization(mean: [0, 0], std: [1, 1]))
    let trainer = try Trainer(model, optimizer: SGD(model.parameters(), lr: 0), loader: loader)
    try trainer.fit(epochs: 3)
    // Logits 0 0 and 0 1 for the classes 0 and 1: losses ln 2 and ln(1 + 1/e), both right.
    let loss = (0.6931471805599453 + 0.31326168751822286) / 2
    for epoch in trainer.history {
      #expect(abs(epoch.trainLoss - loss) < 1e-6 && epoch.trainAccuracy == 1, "\(epoch)")
    }
    #expect(trainer.history.map(\.epoch) == [1, 2, 3])

    // With a rate, the second epoch's loss is that of a training that begins with its weights.
    func trained() throws -> Module {
      let model = Sequential([Flatten(), Linear(inFeatures: 4, outFeatures: 2, bias: false)])
      try model.loadStateDict(["1.weight": Tensor.zeros([2, 4])])
      return model
    }
    func fit(_ model: Module, epochs: Int) throws -> [Double] {
      let trainer = try Trainer(model, optimizer: SGD(model.parameters(), lr: 0.5), loader: loader)
      try trainer.fit(epochs: epochs)
      return trainer.history.map(\.trainLoss)
    }
    let whole = try fit(trained(), epochs: 2)
    let inTwo = try trained()
    #expect(try whole == fit(inTwo, epochs: 1) + fit(inTwo, epochs: 1) && whole[1] < whole[0])
  }

  @Test("metrics.csv has a line for each epoch, its numbers under their names")
  func metricsFile() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "torchlayers-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let folder = try RunFolder(new: path, name: "run")
    try folder.write([
      EpochMetrics(
        epoch: 1, trainLoss: 0.5, trainAccuracy: 0.25, validationLoss: 0.75, validationAccuracy: 0.125,
        seconds: 2,
        imagesPerSecond: 30, learningRate: 0.01),
      EpochMetrics(epoch: 2, trainLoss: .nan, trainAccuracy: 1, seconds: 4, imagesPerSecond: 15),
    ])
    let lines = try String(contentsOfFile: folder.metrics, encoding: .utf8).split(separator: "\n")
    let rows = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    let table = rows.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(rows[0], $0)) }
    #expect(
      table == [
        [
          "epoch": "1", "train_loss": "0.5", "train_accuracy": "0.25", "validation_loss": "0.75",
          "validation_accuracy": "0.125", "seconds": "2.0", "images_per_second": "30.0",
          "learning_rate": "0.01",
        ],
        [
          "epoch": "2", "train_loss": "nan", "train_accuracy": "1.0", "validation_loss": "",
          "validation_accuracy": "", "seconds": "4.0", "images_per_second": "15.0", "learning_rate": "",
        ],
      ])
  }
}
