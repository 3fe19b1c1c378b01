import ArgumentParser
import Formats
import SwiftTorchLayers

/// `torchlayers models`.
struct ListModels: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Lists the networks known by name.")
  @Flag(help: "Print the result as one JSON object.") var json = false

  private struct Report: Encodable {
    struct Model: Encodable {
      let name: String
      let summary: String
    }
    let models: [Model]
  }

  func run() throws {
    if json {
      let models = Models.allCases.map { Report.Model(name: $0.rawValue, summary: $0.summary) }
      return try Terminal.printJSON(Report(models: models))
    }
    for model in Models.allCases { print(model.rawValue.padded(to: 10) + model.summary) }
  }
}

/// `torchlayers summary`.
struct Summary: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a network's layers: output shape, parameters and multiplications for one image.")

  @Argument(help: "A network's name, or a run's folder.") var model: String
  @Option(help: ArgumentHelp("The size of an image, channels x height x width.", valueName: "CxHxW"))
  var input: String?
  @Option(help: "The number of classes. (default: 10)") var classes: Int?
  @Flag(help: "Print the result as one JSON object.") var json = false

  private struct Report: Encodable {
    let model: String
    let inputShape: [Int]
    let layers: [LayerSummary]
    let parameters: Int
    let multiplyAdds: Int
    /// Whether training needs no autograd tape.
    let withoutTape: Bool
  }

  func run() throws {
    var configuration = RunConfiguration()
    configuration.inputShape = [1, 28, 28]
    configuration.classes = (0..<10).map(String.init)
    if Models(rawValue: model) != nil {
      configuration.model = model
    } else if let folder = try? RunFolder(existing: model) {
      configuration = try folder.readConfiguration()
    } else if model.contains("/") {
      _ = try RunFolder(existing: model)
    } else {
      _ = try require(model, oneOf: Models.allCases.map(\.rawValue), "model or run folder")
    }
    if let input {
      let sizes = input.lowercased().split(separator: "x", omittingEmptySubsequences: false).map {
        Int($0) ?? 0
      }
      guard sizes.count == 3, sizes.allSatisfy({ (1...1 << 16).contains($0) }) else {
        throw ValidationError("--input must look like 3x32x32, not '\(input)'.")
      }
      configuration.inputShape = sizes
    }
    if let classes {
      guard (1...1 << 20).contains(classes) else {
        throw ValidationError("--classes must be positive, not \(classes).")
      }
      configuration.classes = (0..<classes).map(String.init)
    }
    try Shim.load()
    let made = try configuration.makeModel()
    let layers = try summarize(made, inputShape: configuration.inputShape)
    let withoutTape = StepPlan.supports(made)
    let parameters = layers.reduce(0) { $0 + $1.parameters }
    let work = layers.reduce(0) { $0 + $1.multiplyAdds }
    if json {
      return try Terminal.printJSON(
        Report(
          model: configuration.model, inputShape: configuration.inputShape, layers: layers,
          parameters: parameters, multiplyAdds: work, withoutTape: withoutTape))
    }
    func shape(_ sizes: [Int]) -> String { sizes.map(String.init).joined(separator: "x") }
    func kind(_ layer: LayerSummary) -> String { String(layer.layer.prefix { $0 != "(" }) }
    let key = max(6, (layers.map(\.name.count).max() ?? 0) + 2)
    print(
      "key".padded(to: key) + "layer".padded(to: 20) + "output".padded(to: 14)
        + "parameters".leftPadded(to: 12) + "multiply-adds".leftPadded(to: 16))
    print("".padded(to: key) + "input".padded(to: 20) + shape(configuration.inputShape))
    for layer in layers {
      print(
        layer.name.padded(to: key) + kind(layer).padded(to: 20) + shape(layer.outputShape).padded(to: 14)
          + grouped(Double(layer.parameters)).leftPadded(to: 12)
          + grouped(Double(layer.multiplyAdds)).leftPadded(to: 16))
    }
    print(
      "total".padded(to: key + 34) + grouped(Double(parameters)).leftPadded(to: 12)
        + grouped(Double(work)).leftPadded(to: 16))
    print(
      withoutTape
        ? "training steps need no autograd tape: every layer's backward pass is called directly"
        : "training steps use autograd: a layer has no backward pass of its own here")
  }
}

/// `torchlayers data`.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Lists data sets, writes one of their pictures as PNG, downloads them.",
    subcommands: [List.self, Image.self, Download.self], defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the data sets known by name.")
    func run() { for data in NamedDataset.allCases { print(data.rawValue.padded(to: 16) + data.summary) } }
  }

  struct Image: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Writes one picture of a data set as PNG.")
    @Argument(help: "The data set.") var data: String
    @Argument(help: "The picture's number, from 0.") var index: Int
    @Option(help: "train or test.") var split = "test"
    @Option(help: "The folder of the data set's files.") var dataDir: String?
    @Option(help: "The file to write.") var output: String

    func run() throws {
      let name = try require(data, oneOf: NamedDataset.allCases.map(\.rawValue), "data set")
      let part = try require(split, oneOf: ["train", "test"], "split")
      try Shim.load()
      let dataset = try NamedDataset(rawValue: name)!.load(.init(rawValue: part)!, folder: dataDir)
      guard (0..<dataset.count).contains(index) else {
        throw TorchError("\(name) has \(dataset.count) \(part) images, numbered from 0; there is no \(index)")
      }
      let one = try dataset.slice(index..<index + 1)
      let shape = dataset.imageShape
      let pixels = try one.images.permute([0, 2, 3, 1]).bytes()
      try Picture(width: shape[2], height: shape[1], channels: shape[0], pixels: pixels).writePNG(to: output)
      print("\(output): \(dataset.classes[try one.labels.item(as: Int.self)])")
    }
  }

  struct Download: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Downloads a data set into the user's cache.")
    @Argument(help: "The data set: mnist.") var data: String

    func run() throws {
      let name = try require(data, oneOf: NamedDataset.allCases.map(\.rawValue), "data set")
      let folder = try NamedDataset(rawValue: name)!.download { Terminal.note($0) }
      print(folder)
    }
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
  func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(1, width - count)) + self }
}
