import ArgumentParser
import Formats
import SwiftTorchLayers

/// `torchlayers predict`.
struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what a run's network sees in pictures (PNG or JPEG, any size, grey or colour).",
    discussion: """
      Pictures are made grey or colour, resized and normalised as in training. The pictures of MNIST and \
      Fashion-MNIST are light on black: use --invert for dark on white.
      """)

  @Argument(help: ArgumentHelp("The run's folder.", valueName: "run")) var runPath: String
  @Argument(help: "The pictures.") var images: [String]
  @Option(help: "How many classes to show for each picture.") var top = 3
  @Flag(help: "Exchange light and dark before predicting.") var invert = false
  @Option(help: "auto, cpu, cuda or cuda:N. (default: the run's)") var device: String?
  @Flag(help: "Print the result as one JSON object.") var json = false

  func validate() throws {
    guard top > 0 else { throw ValidationError("--top must be positive, not \(top).") }
  }

  private struct Choice: Encodable {
    let index: Int
    let name: String
    let probability: Double
  }
  private struct Prediction: Encodable {
    let image: String
    let index: Int
    let name: String
    let probability: Double
    let top: [Choice]
  }
  private struct Report: Encodable {
    let predictions: [Prediction]
  }

  func run() throws {
    try Shim.load()
    let folder = try RunFolder(existing: runPath)
    var configuration = try folder.readConfiguration()
    if let device { configuration.device = try chosenDevice(device) }
    guard let normalization = configuration.normalization, configuration.inputShape.count == 3 else {
      throw TorchError("\(folder.configuration) has no normalisation or no input shape")
    }
    let place = try configuration.prepareDevice()
    let model = try folder.loadModel(configuration).to(place)
    // All pictures are read before the first result, so that a bad one is said at once.
    let pictures = try images.map { try (name: $0, picture: Picture.read(path: $0)) }
    let predictions = try noGrad {
      try pictures.map { name, picture in
        let image = try picture.resized(to: configuration.inputShape, invert: invert)
        let logits = try model(try normalization(try image.to(place)))
        let probabilities = try logits.to(.float32).softmax(dim: 1).scalars(as: Double.self)
        let ranked = probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
        let choices = ranked.prefix(top).map {
          Choice(index: $0, name: configuration.classes[$0], probability: probabilities[$0])
        }
        return Prediction(
          image: name, index: choices[0].index, name: choices[0].name, probability: choices[0].probability,
          top: choices)
      }
    }
    if json { return try Terminal.printJSON(Report(predictions: predictions)) }
    for prediction in predictions {
      let list = prediction.top.map { "\($0.name) \(percent($0.probability))" }.joined(separator: ", ")
      print("\(prediction.image): \(list)")
    }
  }
}
