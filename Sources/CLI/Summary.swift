import ArgumentParser
import Formats
import SwiftTorchLayers

/// `torchlayers summary`.
struct Summary: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a network's layers for one image: shapes, parameters, work, how far they see, memory.")

  @Argument(help: "A network's name, a YAML file, or a run's folder.") var model: String
  @Option(help: ArgumentHelp("The size of an image: channels, height, width.", valueName: "C,H,W"))
  var input: String?
  @Option(help: "The number of classes. (default: the network's own, or 10)") var classes: Int?
  @Flag(help: "Print the result as one JSON object.") var json = false

  private struct Report: Encodable {
    let model: String
    let inputShape: [Int]
    let layers: [LayerSummary]
    let parameters: Int
    let multiplyAdds: Int
    let activationBytes: Int
    /// Whether training needs no autograd tape.
    let withoutTape: Bool
  }

  func run() throws {
    let shape = try input.map(imageShape)
    let classes = try classCount(classes)
    let (made, inputShape) = try network(shape, classes)
    let layers = try summarize(made, inputShape: inputShape)
    let report = Report(
      model: model, inputShape: inputShape, layers: layers,
      parameters: layers.reduce(0) { $0 + $1.parameters },
      multiplyAdds: layers.reduce(0) { $0 + $1.multiplyAdds },
      activationBytes: layers.reduce(0) { $0 + $1.activationBytes },
      withoutTape: StepPlan.supports(made))
    if json { return try Terminal.printJSON(report) }
    table(report)
  }

  /// The network and the size of its images.
  private func network(_ shape: [Int]?, _ classes: Int?) throws -> (Module, [Int]) {
    if let known = Models(rawValue: model) {
      try Shim.load()
      let shape = shape ?? known.inputShape
      return (try known.make(inputShape: shape, classes: classes ?? known.classes), shape)
    }
    if Architecture.isFile(model) {
      let file = try Architecture(path: model)
      try Shim.load()
      let made = try file.make(inputShape: shape, classes: classes ?? 10)
      return (made, (shape ?? file.inputShape)!)
    }
    if let folder = try? RunFolder(existing: model) {
      var configuration = try folder.readConfiguration()
      if let shape { configuration.inputShape = shape }
      if let classes { configuration.classes = (0..<classes).map(String.init) }
      try Shim.load()
      return (try configuration.makeModel(), configuration.inputShape)
    }
    if model.contains("/") { _ = try RunFolder(existing: model) }
    let names = Models.allCases.map(\.rawValue)
    _ = try require(model, oneOf: names, "model, YAML file or run folder")
    preconditionFailure("\(model) is a known model")
  }

  private func table(_ report: Report) {
    func shape(_ sizes: [Int]) -> String { sizes.map(String.init).joined(separator: "x") }
    func kind(_ layer: LayerSummary) -> String { String(layer.layer.prefix { $0 != "(" }) }
    /// One number when both dimensions agree.
    func field(_ sizes: [Int]?) -> String {
      guard let sizes else { return "-" }
      return Set(sizes).count == 1 ? "\(sizes[0])" : shape(sizes)
    }
    let widest = report.layers.map(\.name.count).max() ?? 0
    let key = max(6, widest + 2)
    func row(_ name: String, _ layer: String, _ output: String, _ numbers: [String]) {
      let columns = zip(numbers, [13, 16, 8, 6, 12]).map { $0.leftPadded(to: $1) }
      print(name.padded(to: key) + layer.padded(to: 20) + output.padded(to: 12) + columns.joined())
    }
    row("key", "layer", "output", ["parameters", "multiply-adds", "field", "jump", "bytes"])
    row("", "input", shape(report.inputShape), [])
    for layer in report.layers {
      row(
        layer.name, kind(layer), shape(layer.outputShape),
        [
          grouped(Double(layer.parameters)), grouped(Double(layer.multiplyAdds)),
          layer.jump == nil && layer.receptiveField != nil ? "all" : field(layer.receptiveField),
          field(layer.jump),
          grouped(Double(layer.activationBytes)),
        ])
    }
    row(
      "total", "", "",
      [
        grouped(Double(report.parameters)), grouped(Double(report.multiplyAdds)), "", "",
        grouped(Double(report.activationBytes)),
      ])
    for layer in report.layers {
      if let warning = layer.warning { print("warning: \(layer.name), \(kind(layer)): \(warning)") }
    }
    print(
      report.withoutTape
        ? "training steps need no autograd tape: every layer's backward pass is called directly"
        : "training steps use autograd: a layer has no backward pass of its own here")
  }
}
