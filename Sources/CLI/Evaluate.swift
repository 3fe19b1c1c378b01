import ArgumentParser
import Formats
import SwiftTorchLayers

/// `torchlayers evaluate`.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Evaluates a run's network on the test images, with the run's batch size, threads and precision.")

  @Argument(help: ArgumentHelp("The run's folder.", valueName: "run")) var runPath: String
  @Option(help: "The folder of the data set's files. (default: the run's)") var dataDir: String?
  @Option(help: "auto, cpu, cuda or cuda:N. (default: the run's)") var device: String?
  @Option(help: ArgumentHelp("Also write each image's class to this CSV file.", valueName: "file"))
  var predictions: String?
  @Flag(help: "Print the result as one JSON object.") var json = false

  private struct Report: Encodable {
    let accuracy: Double
    let loss: Double
    let count: Int
    let seconds: Double
    let imagesPerSecond: Double
  }

  func run() throws {
    keepFreedMemory()
    try loadKeepingSmallBlocks()
    Interruption.install()
    let folder = try RunFolder(existing: runPath)
    var configuration = try folder.readConfiguration()
    if let dataDir { configuration.dataDir = dataDir }
    if let device { configuration.device = try chosenDevice(device) }
    let place = try configuration.prepareDevice()
    let model = try folder.loadModel(configuration).to(place)
    let loader = try configuration.testLoader(device: place)
    let clock = ContinuousClock()
    let begin = clock.now
    let result: Evaluation
    do {
      result = try evaluate(
        model, loader, precision: configuration.precision, frozen: !configuration.exact
      ) { Interruption.isAsked }
    } catch is CancellationError {
      throw ExitCode(130)
    }
    let seconds = (clock.now - begin) / .seconds(1)
    if let predictions {
      let labels = try loader.dataset.labels.scalars(as: Int.self)
      var text = "index,label,predicted\n"
      for (index, pair) in zip(labels, result.predictions).enumerated() {
        text += "\(index),\(pair.0),\(pair.1)\n"
      }
      try FileIO.writeAtomically(Array(text.utf8), to: predictions)
    }
    let speed = Double(result.count) / seconds
    if json {
      try Terminal.printJSON(
        Report(
          accuracy: result.accuracy, loss: result.loss, count: result.count, seconds: seconds,
          imagesPerSecond: speed))
      return
    }
    print("accuracy  \(percent(result.accuracy)) of \(grouped(Double(result.count))) test images")
    print("loss      \(fixed(result.loss, 4))")
    print("time      \(duration(seconds)), \(grouped(speed)) images/s")
  }
}

/// The device that a flag names; `auto` takes CUDA where there is one.
func chosenDevice(_ name: String) throws -> String {
  if name == "auto" { return try CUDA.isAvailable ? "cuda" : "cpu" }
  guard Device(name) != nil else {
    return try require(name, oneOf: ["auto", "cpu", "cuda", "cuda:0"], "device")
  }
  return name
}
