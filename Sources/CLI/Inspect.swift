import ArgumentParser
import Formats
import SwiftTorchLayers

/// `torchlayers inspect`.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what a run's network sees: PNG files, and a page with all of them.",
    discussion: """
      Kernels, feature maps of every layer for one picture, the test images that excite the units most, \
      saliency, Grad-CAM, the surest mistakes, the confusion matrix and the curves of training. The page \
      index.html has everything within it and needs no network.
      """)

  @Argument(help: ArgumentHelp("The run's folder.", valueName: "run")) var runPath: String
  @Option(help: ArgumentHelp("The picture to follow through the layers, PNG or JPEG.", valueName: "file"))
  var image: String?
  @Option(help: "The number of a test image to follow instead. (default: 0)") var testIndex: Int?
  @Flag(help: "Exchange light and dark in --image.") var invert = false
  @Option(help: "How many test images to look through, from the first. (default: all)") var images: Int?
  @Option(help: "Of how many units of a layer to show what excites them.") var units = 16
  @Option(help: ArgumentHelp("The folder to write to. (default: inspect, in the run's)", valueName: "folder"))
  var output: String?
  @Option(help: "The folder of the data set's files. (default: the run's)") var dataDir: String?
  @Option(help: "auto, cpu, cuda or cuda:N. (default: the run's)") var device: String?
  @Flag(help: "Print the result as one JSON object.") var json = false

  func validate() throws {
    guard image == nil || testIndex == nil else {
      throw ValidationError("--image and --test-index both name a picture; give one of them.")
    }
    guard image != nil || !invert else { throw ValidationError("--invert needs --image.") }
    guard testIndex.map({ $0 >= 0 }) ?? true else {
      throw ValidationError("--test-index must not be negative, it is \(testIndex!).")
    }
    guard images.map({ $0 > 0 }) ?? true else {
      throw ValidationError("--images must be positive, not \(images!).")
    }
    guard (1...256).contains(units) else {
      throw ValidationError("--units must be from 1 to 256, not \(units).")
    }
  }

  private struct Report: Encodable {
    struct Prediction: Encodable {
      let index: Int
      let name: String
      let probability: Double
    }
    let output: String
    let page: String
    let files: [String]
    let accuracy: Double
    let count: Int
    let prediction: Prediction
    let confusion: [[Int]]
  }

  func run() throws {
    keepFreedMemory()
    try Shim.load()
    Interruption.install()
    let folder = try RunFolder(existing: runPath)
    var configuration = try folder.readConfiguration()
    if let dataDir { configuration.dataDir = dataDir }
    if let device { configuration.device = try chosenDevice(device) }
    let place = try configuration.prepareDevice()
    let subject: RunInspection.Subject =
      if let image {
        .picture(try Picture.read(path: image), name: image, invert: invert)
      } else { .test(testIndex ?? 0) }
    let inspection: RunInspection
    do {
      inspection = try RunInspection(
        folder, configuration, device: place, subject: subject,
        images: images, units: units
      ) { Interruption.isAsked }
    } catch is CancellationError {
      throw ExitCode(130)
    }
    let target = output ?? folder.path + "/inspect"
    let files = try inspection.write(to: target)
    let prediction = inspection.prediction
    if json {
      return try Terminal.printJSON(
        Report(
          output: target, page: "\(target)/index.html", files: files, accuracy: inspection.accuracy,
          count: inspection.count,
          prediction: .init(
            index: prediction.index, name: prediction.name, probability: prediction.probability),
          confusion: inspection.confusion))
    }
    print("picture   \(prediction.name) \(percent(prediction.probability))")
    print("accuracy  \(percent(inspection.accuracy)) of \(grouped(Double(inspection.count))) test images")
    print("page      \(target)/index.html, and \(files.count - 1) PNG files beside it")
  }
}
