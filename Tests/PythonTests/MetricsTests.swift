import Foundation
import SwiftTorchLayers
import Testing

/// Its logits are the first pixels in double precision: the same numbers whatever batch an image is in.
private final class Pixels: Module {
  override func forward(_ input: Tensor) throws -> Tensor {
    try input.to(.float64).flatten(startDim: 1).narrow(1, 0, 4)
  }
}

@Suite(.serialized)
struct MetricsTests {
  struct Case: Sendable {
    let name: String
    let python: String
    let make: @Sendable () throws -> any Loss
  }

  private static let weights = [10, 1, 0.1, 5]

  private static let cases = [
    Case(name: "plain", python: "") { CrossEntropyLoss() },
    Case(name: "weights", python: "weight=\(weights)") { CrossEntropyLoss(weight: try Tensor(weights)) },
    Case(name: "ignored", python: "ignore_index=2") { CrossEntropyLoss(ignoreIndex: 2) },
    Case(name: "ignored no class", python: "ignore_index=9") { CrossEntropyLoss(ignoreIndex: 9) },
    Case(name: "weights, ignored", python: "weight=\(weights), ignore_index=0") {
      CrossEntropyLoss(weight: try Tensor(weights), ignoreIndex: 0)
    },
    Case(name: "smoothing", python: "label_smoothing=0.1") { CrossEntropyLoss(labelSmoothing: 0.1) },
    Case(
      name: "smoothing, weights, ignored",
      python: "weight=\(weights), ignore_index=1, label_smoothing=0.3"
    ) { CrossEntropyLoss(weight: try Tensor(weights), ignoreIndex: 1, labelSmoothing: 0.3) },
    Case(name: "sum", python: "weight=\(weights), ignore_index=1, reduction='sum'") {
      CrossEntropyLoss(weight: try Tensor(weights), ignoreIndex: 1, reduction: .sum)
    },
    Case(name: "none", python: "weight=\(weights), ignore_index=1, reduction='none'") {
      CrossEntropyLoss(weight: try Tensor(weights), ignoreIndex: 1, reduction: .none)
    },
  ]

  /// 45 images; of the "ignored no class" case, every fifth label is no class.
  private static func dataset(_ item: Case) throws -> ImageDataset {
    try Torch.manualSeed(7)
    let labels = (0..<45).map {
      Int64(item.name == "ignored no class" && $0 % 5 == 0 ? 9 : [0, 1, 2, 3, 0, 0, 1, 2][$0 % 8])
    }
    return ImageDataset(
      images: try Tensor.randint(0, 255, [45, 1, 2, 2]).to(.uint8), labels: try Tensor(labels),
      classes: ["a", "b", "c", "d"])
  }

  private static let normalization = Normalization(mean: [0.5], std: [0.25])

  @Test("evaluation and training metrics are Python's over all images at once, whatever the batch size")
  func sameAsPython() throws {
    try Peer.singleThreaded()
    func write(_ tensor: Tensor) throws -> String {
      let path = Peer.temporaryFile("numbers.bin")
      try Data(try tensor.bytes()).write(to: URL(fileURLWithPath: path))
      return path
    }
    let rows = try Self.cases.map { item in
      let dataset = try Self.dataset(item)
      let logits = try Pixels()(Self.normalization(dataset.images))
      return [item.name, try write(logits), try write(dataset.labels), item.python]
    }
    let peer = try Peer.run("metrics.py", [Peer.cases(rows)])
    for item in Self.cases {
      let expected = try #require(peer[item.name]).scalars(as: Double.self)
      // No term is negative: each sum of n of them is off by at most n roundings, theirs and ours, and so is the sum of
      // weights that divides it; few more are in between.
      let bound = 4 * Double(45 + 8) * 0x1p-53 * expected[0]
      for size in [1, 7, 30, 45] {
        let loader = try DataLoader(
          Self.dataset(item), batchSize: size, normalization: Self.normalization)
        let own = try evaluate(Pixels(), loader, loss: item.make())
        #expect(
          abs(own.loss - expected[0]) <= bound, "\(item.name), batches of \(size): \(own.loss), \(expected)")
        #expect(own.accuracy == expected[1] && own.count == 45, "\(item.name), batches of \(size)")
        // A batch of one that is ignored has the loss NaN, and so has its gradient; a loss of each image has none.
        guard size > 1, item.make().reduction != .none else { continue }
        let free = try Tensor.zeros([1], dtype: .float64, requiresGrad: true)
        let trainer = try Trainer(
          Added(free), optimizer: SGD([free], lr: 0), loader: loader, loss: item.make())
        try trainer.fit(epochs: 1, validation: loader)
        let epoch = trainer.history[0]
        for (loss, accuracy) in [
          (epoch.trainLoss, epoch.trainAccuracy),
          (epoch.validationLoss ?? .nan, epoch.validationAccuracy ?? .nan),
        ] {
          #expect(
            abs(loss - expected[0]) <= bound && accuracy == expected[1], "\(item.name), batches of \(size)")
        }
      }
    }
  }

  /// `Pixels` with a number added to every logit, which changes no loss.
  private final class Added: Module {
    let pixels = Pixels()
    @Parameter var offset: Tensor
    init(_ offset: Tensor) { _offset = Parameter(wrappedValue: offset) }
    override func forward(_ input: Tensor) throws -> Tensor { try pixels(input) + offset }
  }

  @Test(
    "the losses that a run writes to metrics.csv and that evaluate gives are Python's over all images at once"
  )
  func run() throws {
    try Peer.singleThreaded()
    let path = Peer.temporaryFile("run")
    var configuration = RunConfiguration()
    (configuration.model, configuration.epochs, configuration.threads) = ("softmax", 1, 1)
    (configuration.limit, configuration.validationSplit, configuration.batchSize) = (530, 0.3, 64)
    let run = try TrainingRun(configuration, output: path)
    #expect(try run.train() == .finished)
    let lines = try String(contentsOfFile: "\(path)/metrics.csv", encoding: .utf8).split(separator: "\n")
    let cells = lines[1].split(separator: ",", omittingEmptySubsequences: false)
    let test = try run.evaluateTest()

    let data = try NamedDataset.fashionMNIST.load(.train)
    let kept = try KeptImages(
      labels: data.labels.scalars(), classes: 10, limit: 530, validationSplit: 0.3, seed: 0, choice: .byClass)
    let sets = [
      ("validation", try data.selecting(kept.validation)),
      ("test", try NamedDataset.fashionMNIST.load(.test)),
    ]
    let model = run.trainer.model.eval()
    let rows = try sets.map { name, set in
      let normalization = try #require(run.configuration.normalization)
      let logits = try noGrad { try model(normalization(set.images)).to(.float64) }
      let files = ["logits", "labels"].map { Peer.temporaryFile($0) }
      try Data(try logits.bytes()).write(to: URL(fileURLWithPath: files[0]))
      try Data(try set.labels.bytes()).write(to: URL(fileURLWithPath: files[1]))
      return [name] + files + [""]
    }
    let peer = try Peer.run("metrics.py", [Peer.cases(rows)])
    for (name, loss, accuracy, count) in [
      ("validation", Double(cells[3]), Double(cells[4]), 159), ("test", test.loss, test.accuracy, 10_000),
    ] {
      let expected = try #require(peer[name]).scalars(as: Double.self)
      // Single precision: a batch's sum of 64 terms, a loss of 10 exponentials, logits of 784 products.
      let bound = Double(64 + 10 + 784) * 0x1p-24 * max(1, expected[0])
      #expect(try abs(#require(loss) - expected[0]) <= bound, "\(name)")
      // Logits that rounding brings past each other may change an answer.
      #expect(try abs(#require(accuracy) - expected[1]) <= 1 / Double(count), "\(name)")
    }
  }
}
