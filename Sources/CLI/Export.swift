import ArgumentParser
import Formats
import SwiftTorchLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What an export produced.
struct ExportReport: Encodable {
  let format: String
  let file: String
  let bytes: Int
  /// What was compared after loading the file again.
  let verified: String
}

/// Exports `model`, loads the file again and compares its logits with the model's, bit for bit.
/// - Parameter onlyCompare: writes nothing, and compares the file that is there.
/// - Throws: `ExitCode(2)` after a message when they differ.
func exportTorchScript(
  _ model: Module, _ configuration: RunConfiguration, to path: String, onlyCompare: Bool = false
) throws -> ExportReport {
  // On the CPU, where the file opens on any machine and equal weights give equal bits.
  let images: Tensor
  let what: String
  if let loader = try? configuration.testLoader(device: .cpu), let batch = try loader.epoch().next() {
    images = batch.images
    what = "test images"
  } else {
    images = try Tensor.randn([configuration.batchSize] + configuration.inputShape)
    what = "random images"
  }
  let metadata = String(decoding: try JSONEncoder.stable.encode(configuration), as: UTF8.self)
  let copy = try configuration.makeModel().eval()
  try copy.loadStateDict(model.stateDict())
  if !onlyCompare { try ScriptModule(copy).save(to: path, extraFile: ("torchlayers.json", metadata)) }
  let differing = try noGrad { () -> Int in
    let own = try (Device(configuration.device)?.isCUDA == true ? copy : model)(images)
    let loaded = try ScriptModule(path: path).eval()(images)
    let bothNaN = try own.isnan() & loaded.isnan()
    return try ((own .!= loaded) & ~bothNaN).sum().item(as: Int.self)
  }
  guard differing == 0 else {
    Terminal.note(
      "error: \(path), loaded again, gives \(differing) other logits than the model on \(images.shape[0]) \(what)"
    )
    throw ExitCode(2)
  }
  return ExportReport(
    format: "torchscript", file: path, bytes: try FileIO.size(path),
    verified: "loaded again: equal logits on \(images.shape[0]) \(what)")
}

/// `torchlayers export`.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a run's network to a file for other programs, loads it again and compares.")

  @Argument(help: ArgumentHelp("The run's folder.", valueName: "run")) var runPath: String
  @Option(help: "The file format: torchscript.") var format = "torchscript"
  @Option(help: "The file to write. (default: model.torchscript.pt in the run's folder)") var output: String?
  @Flag(help: "Write nothing: compare the file that is there with the run's network.") var check = false
  @Flag(help: "Print the result as one JSON object.") var json = false

  func validate() throws { _ = try require(format, oneOf: ["torchscript"], "format") }

  func run() throws {
    try Shim.load()
    let folder = try RunFolder(existing: runPath)
    let configuration = try folder.readConfiguration()
    var here = configuration
    here.device = "cpu"
    _ = try here.prepareDevice()
    let model = try folder.loadModel(configuration)
    let report = try exportTorchScript(
      model, configuration, to: output ?? folder.torchScript, onlyCompare: check)
    if json { return try Terminal.printJSON(report) }
    print("\(report.file): \(grouped(Double(report.bytes))) bytes, \(report.verified)")
  }
}
