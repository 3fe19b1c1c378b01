import Foundation
import Testing

@testable import SwiftTorchLayers

@Suite("A run in its folder", .serialized)
struct TrainingRunTests {
  @Test(
    "out of memory is a sentence with the remedy, and the run goes on from its last epoch to the same weights",
    arguments: [1, 2])
  func outOfMemory(_ epoch: Int) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "torchlayers-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var configuration = RunConfiguration()
    configuration.model = "softmax"
    configuration.limit = 500
    configuration.augment = .standard
    let whole = try TrainingRun(configuration, output: "\(folder)/whole")
    #expect(try whole.train() == .finished)

    let stopped = try TrainingRun(configuration, output: "\(folder)/stopped")
    let text = message {
      try stopped.train(observe: {
        if $0.epoch == epoch, $0.batch == 3 {
          throw TorchError("CUDA out of memory. Tried to allocate 20.00 MiB", kind: .outOfMemory)
        }
      })
    }
    #expect(
      text.contains("ran out of memory in epoch \(epoch)") && text.contains("--resume \(folder)/stopped"))
    #expect(text.contains("--batch-size below 100") && text.contains("Tried to allocate"))
    let resumed = try TrainingRun(resuming: "\(folder)/stopped", epochs: nil)
    #expect(resumed.trainer.history.count == epoch - 1)
    #expect(try resumed.train() == .finished)
    #expect(FileManager.default.contentsEqual(atPath: whole.folder.model, andPath: resumed.folder.model))
  }

  @Test("a config.json without the settings that came later is read")
  func olderConfiguration() throws {
    let json = try JSONEncoder.stable.encode(RunConfiguration())
    let text = String(decoding: json, as: UTF8.self)
    #expect(!text.contains("augment") && !text.contains("cuda_graph"))
    #expect(try JSONDecoder.stable.decode(RunConfiguration.self, from: json) == RunConfiguration())
    var configuration = RunConfiguration()
    (configuration.augment, configuration.cudaGraph) = (.affine, .off)
    let data = try JSONEncoder.stable.encode(configuration)
    #expect(try JSONDecoder.stable.decode(RunConfiguration.self, from: data) == configuration)
  }
}
