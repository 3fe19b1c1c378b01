import Foundation
import Testing

@testable import SwiftTorchLayers

/// MNIST's four files with the images sorted by class: image `i` has the number `i` as its first two pixels and the class
/// of its label as all the others, 20 to a class.
private struct SortedData {
  let folder: String
  static let (training, test) = (1000, 200)

  init() throws {
    folder =
      FileManager.default.temporaryDirectory.appendingPathComponent("torchlayers-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, count) in [("train", Self.training), ("t10k", Self.test)] {
      let labels = (0..<count).map { UInt8($0 * 10 / count) }
      let images = labels.enumerated().flatMap { index, label in
        [UInt8(index / 256), UInt8(index % 256)] + [UInt8](repeating: label * 20, count: 78)
      }
      func size(_ number: Int) -> [UInt8] { [0, 0, UInt8(number / 256), UInt8(number % 256)] }
      try Data([0, 0, 8, 3] + size(count) + size(10) + size(8) + images).write(
        to: URL(fileURLWithPath: "\(folder)/\(name)-images-idx3-ubyte"))
      try Data([0, 0, 8, 1] + size(count) + labels).write(
        to: URL(fileURLWithPath: "\(folder)/\(name)-labels-idx1-ubyte"))
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  func configuration() -> RunConfiguration {
    var made = RunConfiguration()
    (made.model, made.data, made.dataDir) = ("softmax", "mnist", folder)
    (made.epochs, made.batchSize, made.seed, made.lr) = (4, 20, 3, 0.01)
    return made
  }

  /// The numbers that are in the images' first two pixels.
  static func numbers(_ dataset: ImageDataset) throws -> [Int] {
    let pixels = try dataset.images.flatten(startDim: 1).to(.int64)
    return try (pixels.narrow(1, 0, 1) * 256 + pixels.narrow(1, 1, 1)).scalars()
  }
}

@Suite("The images that a run keeps", .serialized)
struct KeptImagesTests {
  private static func kept(
    _ labels: [Int], limit: Int? = nil, split: Double = 0, seed: UInt64 = 0, choice: ImageChoice? = .byClass
  ) throws -> KeptImages {
    try KeptImages(
      labels: labels, classes: 10, limit: limit, validationSplit: split, seed: seed, choice: choice)
  }

  private static let sorted = (0..<1000).map { $0 / 100 }

  @Test("of each class its share, in the file's order, none in both parts, chosen by the seed alone")
  func shares() throws {
    for (limit, split) in [(nil, 0.2), (300, 0), (303, 0.1), (1000, 0.5), (5000, 0.0015)] as [(Int?, Double)]
    {
      let random = try Generator.default().state()
      let kept = try Self.kept(Self.sorted, limit: limit, split: split, seed: 5)
      let total = min(limit ?? 1000, 1000)
      #expect(kept.validation.count == Int((Double(total) * split).rounded()))
      #expect(kept.training.count + kept.validation.count == total)
      #expect(Set(kept.training + kept.validation).count == total)
      #expect(kept.training == kept.training.sorted() && kept.validation == kept.validation.sorted())
      for counts in [kept.counts.training, kept.counts.validation] {
        #expect(counts.max()! - counts.min()! <= 1, "\(counts)")
      }
      let again = try Self.kept(Self.sorted, limit: limit, split: split, seed: 5)
      #expect(again.training == kept.training && again.validation == kept.validation)
      let other = try Self.kept(Self.sorted, limit: limit, split: split, seed: 6)
      #expect(other.training != kept.training || total == 1000 && split == 0)
      #expect(try Generator.default().state().equal(random))
    }
    // The start of each class would be the rule of older runs over again.
    #expect(try Self.kept(Self.sorted, limit: 300).training.contains { $0 % 100 > 50 })
  }

  @Test(
    "shares are in proportion, the largest remainders are rounded up, and no share is larger than its class")
  func proportion() {
    #expect(KeptImages.shares(of: 10, [50, 30, 20]) == [5, 3, 2])
    #expect(KeptImages.shares(of: 11, [50, 30, 20]) == [6, 3, 2])
    #expect(KeptImages.shares(of: 2, [1, 1, 1]) == [1, 1, 0])
    #expect(KeptImages.shares(of: 6, [1, 0, 5]) == [1, 0, 5])
    #expect(KeptImages.shares(of: 1, [3, 97]) == [0, 1])
  }

  @Test("with neither flag all images are kept as they are; without a choice the rule is that of older runs")
  func olderRule() throws {
    let all = try Self.kept(Self.sorted)
    #expect(all.training == Array(0..<1000) && all.validation.isEmpty)
    let older = try Self.kept(Self.sorted, limit: 300, split: 0.1, choice: nil)
    #expect(older.training == Array(0..<270) && older.validation == Array(270..<300))
    #expect(try Self.kept(Self.sorted, limit: 100, split: 0.0001, choice: nil).validation.isEmpty)
  }

  @Test("a share that rounds to no image, or to all of them, is refused")
  func noShare() {
    #expect(
      message { try Self.kept(Self.sorted, limit: 100, split: 0.0001) }
        == "the validation split 0.0001 of 100 images is not one image; choose at least 0.01, or leave it out"
    )
    #expect(message { try Self.kept(Self.sorted, limit: 2, split: 0.9) }.contains("leaves none to train on"))
  }

  @Test("what was kept is said: numbers, of many classes their range, and a class that a part lacks")
  func sentences() throws {
    let names = (0..<10).map(String.init)
    let even = try Self.kept(Self.sorted, split: 0.2).counts
    #expect(
      even.sentences(classes: names) == [
        "training on 800 images: 80 of each class", "validating on 200 images: 20 of each class",
      ])
    let rare = try KeptImages(
      labels: [0, 0, 1] + [Int](repeating: 2, count: 97), classes: 3, limit: nil, validationSplit: 0.1,
      seed: 0,
      choice: .byClass)
    #expect(
      rare.counts.sentences(classes: ["a", "b", "c"]) == [
        "training on 90 images: 2 of a, 1 of b, 87 of c", "validating on 10 images: 0 of a, 0 of b, 10 of c",
        "warning: no image to validate with of the classes a, b",
      ])
    let many = KeptImages.Counts(training: [3, 4] + [Int](repeating: 4, count: 98), validation: [])
    #expect(
      many.sentences(classes: (0..<100).map(String.init)) == [
        "training on 399 images: 3 to 4 of each of the 100 classes"
      ])
  }

  @Test("on data sorted by class validation sees every class, and its accuracy rises (case 15)")
  func sortedData() throws {
    let data = try SortedData()
    defer { data.remove() }
    var configuration = data.configuration()
    configuration.validationSplit = 0.2
    let run = try TrainingRun(configuration, output: "\(data.folder)/run")
    #expect(try run.train() == .finished)
    #expect(try #require(run.trainer.history.last?.validationAccuracy) > 0.5)
    #expect(run.configuration.keptImages?.validation == [Int](repeating: 20, count: 10))
    #expect(try run.folder.readConfiguration() == run.configuration)
    configuration.validationSplit = 0.0001
    #expect(
      message { try TrainingRun(configuration, output: "\(data.folder)/none") }.contains("is not one image"))
    #expect(!FileManager.default.fileExists(atPath: "\(data.folder)/none"))
  }

  @Test("no validation image is trained on, and none is varied; together they are what the limit leaves")
  func apart() throws {
    let data = try SortedData()
    defer { data.remove() }
    var configuration = data.configuration()
    (configuration.limit, configuration.validationSplit, configuration.augment) = (500, 0.3, .standard)
    let run = try TrainingRun(configuration, output: "\(data.folder)/run")
    let validation = try #require(run.validation)
    let training = try SortedData.numbers(run.trainer.loader.dataset)
    let held = try SortedData.numbers(validation.dataset)
    #expect(training.count == 350 && held.count == 150 && Set(training + held).count == 500)
    // What validation computes with is the images themselves, in the file's order; training varies its own.
    let normalization = try #require(run.configuration.normalization)
    var seen: [Tensor] = []
    let epoch = try validation.epoch()
    while let batch = try epoch.next() { seen.append(batch.images) }
    #expect(try cat(seen).equal(normalization(validation.dataset.images)) && held == held.sorted())
    let rows = try Tensor.arange(20)
    let varied = try run.trainer.loader.batch(at: rows).images
    #expect(try !varied.equal(normalization(run.trainer.loader.dataset.images.narrow(0, 0, 20))))
  }

  @Test("a run whose config.json names no choice goes on with the images that it began with")
  func olderRun() throws {
    let data = try SortedData()
    defer { data.remove() }
    var configuration = data.configuration()
    (configuration.limit, configuration.validationSplit) = (500, 0.2)
    let made = try TrainingRun(configuration, output: "\(data.folder)/run")
    let text = try String(contentsOfFile: made.folder.configuration, encoding: .utf8)
    // As it was written before: without the choice and the numbers.
    var older = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(older.removeValue(forKey: "image_choice") as? String == "by-class")
    #expect(older.removeValue(forKey: "kept_images") != nil)
    try JSONSerialization.data(withJSONObject: older).write(
      to: URL(fileURLWithPath: made.folder.configuration))
    let resumed = try TrainingRun(resuming: made.folder.path, epochs: nil)
    #expect(try SortedData.numbers(resumed.trainer.loader.dataset) == Array(0..<400))
    #expect(try SortedData.numbers(try #require(resumed.validation).dataset) == Array(400..<500))
    #expect(try resumed.train() == .finished)
    // Classes 0 to 3 are trained on, class 4 is validated with.
    #expect(resumed.trainer.history.last?.validationAccuracy == 0)
    #expect(try resumed.folder.readConfiguration().imageChoice == nil)
    let again = try TrainingRun(resuming: made.folder.path, epochs: 5)
    #expect(try SortedData.numbers(again.trainer.loader.dataset) == Array(0..<400))
    #expect(try again.evaluateTest().count == SortedData.test)
  }

  @Test("with neither flag a run trains on the data set itself")
  func wholeDataSet() throws {
    let data = try SortedData()
    defer { data.remove() }
    let run = try TrainingRun(data.configuration(), output: "\(data.folder)/run")
    #expect(try SortedData.numbers(run.trainer.loader.dataset) == Array(0..<1000) && run.validation == nil)
    #expect(run.configuration.keptSentences.isEmpty)
  }
}
