import Formats

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The files of a run: `config.json`, `model.safetensors`, `checkpoint.safetensors`, `metrics.csv`. Each is
/// written beside and renamed, so that a run can be killed at any moment.
public struct RunFolder: Sendable {
  public let path: String
  /// Whether the folder itself was made here.
  private let isMade: Bool

  public var configuration: String { path + "/config.json" }
  public var model: String { path + "/model.safetensors" }
  public var checkpoint: String { path + "/checkpoint.safetensors" }
  public var metrics: String { path + "/metrics.csv" }
  public var torchScript: String { path + "/model.torchscript.pt" }

  /// An existing run.
  /// - Throws: `TorchError` when the folder is none.
  public init(existing path: String) throws {
    self.path = path
    isMade = false
    guard FileManager.default.fileExists(atPath: path) else {
      throw TorchError("there is no run folder \(path)", kind: .notFound)
    }
    guard FileManager.default.fileExists(atPath: configuration) else {
      throw TorchError("\(path) is no run folder: it has no config.json", kind: .notFound)
    }
  }

  /// Makes the folder of a new run. Without a name, the first free of `runs/NAME`, `runs/NAME-2`, ….
  /// - Throws: `TorchError` when the folder has a run already or cannot be made.
  public init(new path: String?, name: String) throws {
    let manager = FileManager.default
    isMade = path.map { !manager.fileExists(atPath: $0) } ?? true
    if let path {
      self.path = path
      guard !manager.fileExists(atPath: configuration) else {
        throw TorchError(
          "\(path) holds a run already: choose another --output, or go on with --resume \(path)")
      }
    } else {
      var candidate = "runs/\(name)"
      var number = 2
      while manager.fileExists(atPath: candidate) {
        candidate = "runs/\(name)-\(number)"
        number += 1
      }
      self.path = candidate
    }
    do {
      try manager.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    } catch {
      throw TorchError("the output folder \(self.path) cannot be made: \(reason(of: error))")
    }
  }

  /// Removes a run that came to nothing, so that its folder does not count as one: its files, and the folder where it was
  /// made for the run and holds nothing else.
  package func discard() {
    for file in [configuration, model, checkpoint, metrics] { unlink(file) }
    if isMade { rmdir(path) }
  }

  /// Whether there is something to go on from.
  var hasCheckpoint: Bool { FileManager.default.fileExists(atPath: checkpoint) }

  /// Whether the run ended before its first checkpoint.
  var isFresh: Bool {
    ![checkpoint, metrics, model].contains { FileManager.default.fileExists(atPath: $0) }
  }

  public func readConfiguration() throws -> RunConfiguration {
    let bytes = try FileIO.read(configuration)
    do {
      return try JSONDecoder.stable.decode(RunConfiguration.self, from: Data(bytes))
    } catch {
      throw TorchError("\(configuration) is damaged: \(reason(of: error))")
    }
  }

  public func write(_ configuration: RunConfiguration) throws {
    let data = try JSONEncoder.stable.encode(configuration)
    try FileIO.writeAtomically([UInt8](data) + [10], to: self.configuration)
  }

  public func write(_ history: [EpochMetrics]) throws {
    var text =
      "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,images_per_second,"
      + "learning_rate\n"
    func cell(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    for line in history {
      let columns: [String] = [
        String(line.epoch), cell(line.trainLoss), cell(line.trainAccuracy), cell(line.validationLoss),
        cell(line.validationAccuracy), cell(line.seconds), cell(line.imagesPerSecond),
        cell(line.learningRate),
      ]
      text += columns.joined(separator: ",") + "\n"
    }
    try FileIO.writeAtomically(Array(text.utf8), to: metrics)
  }

  /// The run's model with its trained weights, in evaluation mode.
  /// - Throws: when the weights are missing, damaged or of another model.
  public func loadModel(_ configuration: RunConfiguration) throws -> Module {
    let weights = try StateDict(safetensors: model)
    let made = try configuration.makeModel()
    do {
      try made.loadStateDict(weights)
    } catch let error as TorchError {
      throw TorchError("\(model) does not fit config.json: \(error.message)")
    }
    return made.eval()
  }
}

/// The part of a Foundation error that a person can use.
private func reason(of error: any Error) -> String {
  switch error {
  case let DecodingError.keyNotFound(key, _): return "the entry \(key.stringValue) is missing"
  case let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context):
    return "the entry \(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type"
  case let DecodingError.dataCorrupted(context):
    let place = context.codingPath.map(\.stringValue).joined(separator: ".")
    return place.isEmpty ? "it is not valid JSON" : "the entry \(place) has a value that is not allowed"
  case let error as CocoaError:
    if let path = error.userInfo["NSFilePath"] as? String, error.code == .fileWriteFileExists {
      return "\(path) is a file"
    }
    switch error.code {
    case .fileWriteNoPermission: return "permission denied"
    case .fileWriteOutOfSpace: return "no space left on the device"
    case .fileWriteVolumeReadOnly: return "the file system is read-only"
    case .fileWriteFileExists: return "a file of that name is in the way"
    default:
      guard let system = error.underlying as? POSIXError else { return "\(error.underlying ?? error)" }
      return String(cString: strerror(system.code.rawValue))
    }
  default: return "\(error)"
  }
}
