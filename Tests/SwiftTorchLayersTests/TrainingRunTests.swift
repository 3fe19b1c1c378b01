import Foundation
import Testing

@testable import SwiftTorchLayers

@Suite("A run in its folder", .serialized)
struct TrainingRunTests {
  private static func folder() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("torchlayers-\(UUID().uuidString)").path
  }

  private static func configuration() -> RunConfiguration {
    var configuration = RunConfiguration()
    configuration.model = "softmax"
    configuration.limit = 500
    configuration.augment = .standard
    return configuration
  }

  private static func failing(in epoch: Int, _ error: TorchError) -> (TrainingProgress) throws -> Void {
    { if $0.epoch == epoch, $0.batch == 3 { throw error } }
  }

  private static let outOfMemory = TorchError(
    "CUDA out of memory. Tried to allocate 20.00 MiB", kind: .outOfMemory)

  @Test(
    "out of memory is a sentence with the remedy, and the run goes on from its last epoch to the same weights"
  )
  func outOfMemory() throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let whole = try TrainingRun(Self.configuration(), output: "\(folder)/whole")
    #expect(try whole.train() == .finished)

    let stopped = try TrainingRun(Self.configuration(), output: "\(folder)/stopped")
    let text = message { try stopped.train(observe: Self.failing(in: 2, Self.outOfMemory)) }
    #expect(text.contains("ran out of memory in epoch 2") && text.contains("--resume \(folder)/stopped"))
    #expect(text.contains("--batch-size below 100") && text.contains("Tried to allocate"))
    let resumed = try TrainingRun(resuming: "\(folder)/stopped", epochs: nil)
    #expect(resumed.trainer.history.count == 1)
    #expect(try resumed.train() == .finished)
    #expect(FileManager.default.contentsEqual(atPath: whole.folder.model, andPath: resumed.folder.model))
  }

  @Test("a training that fails before its first checkpoint leaves no folder, and no word of resuming")
  func failsEarly() throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let run = try TrainingRun(Self.configuration(), output: "\(folder)/run")
    #expect(FileManager.default.fileExists(atPath: run.folder.configuration))
    let text = message { try run.train(observe: Self.failing(in: 1, Self.outOfMemory)) }
    #expect(text.contains("ran out of memory in epoch 1") && text.contains("--batch-size below 100"))
    #expect(!text.contains("--resume"))
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/run"))

    // A folder that was there before stays, with what else it holds, and can be taken again.
    try FileManager.default.createDirectory(atPath: "\(folder)/mine", withIntermediateDirectories: true)
    try Data([1]).write(to: URL(fileURLWithPath: "\(folder)/mine/notes"))
    let other = try TrainingRun(Self.configuration(), output: "\(folder)/mine")
    #expect(message { try other.train(observe: Self.failing(in: 1, TorchError("broken"))) } == "broken")
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/mine") == ["notes"])
    let again = try TrainingRun(Self.configuration(), output: "\(folder)/mine")

    // What was killed is gone on with, and is not removed when it fails.
    let killed = try TrainingRun(resuming: again.folder.path, epochs: nil)
    _ = message { try killed.train(observe: Self.failing(in: 1, TorchError("broken"))) }
    #expect(FileManager.default.fileExists(atPath: killed.folder.configuration))
  }

  @Test("a network that cannot take a step is refused before there is a folder")
  func firstStep() throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var configuration = Self.configuration()
    configuration.model = "norm.yaml"
    configuration.architecture = [
      .init(
        name: "norm.yaml",
        text: "layers:\n  - Flatten\n  - BatchNorm1d\n  - Linear: {outFeatures: classes}\n")
    ]
    // Batch normalisation needs more than one image, in training alone.
    configuration.batchSize = 1
    for exact in [false, true] {
      configuration.exact = exact
      #expect(
        message { try TrainingRun(configuration, output: "\(folder)/run") }.contains("more than 1 value"))
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/run"))
    }
  }

  @Test(
    "the step that is tried changes nothing: weights, buffers, gradients, random numbers",
    arguments: [false, true])
  func triedStep(exact: Bool) throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var configuration = Self.configuration()
    configuration.exact = exact
    configuration.model = "net.yaml"
    configuration.architecture = [
      .init(
        name: "net.yaml",
        text:
          "layers:\n  - BatchNorm2d\n  - Dropout\n  - Flatten\n  - Linear: {outFeatures: classes}\n")
    ]
    let run = try TrainingRun(configuration, output: "\(folder)/run")
    let random = try Generator.default().state()
    try Torch.manualSeed(configuration.seed)
    let fresh = try run.configuration.makeModel()
    #expect(try Generator.default().state().equal(random))
    for (key, tensor) in fresh.stateDict() {
      #expect(try run.trainer.model.stateDict()[key]?.equal(tensor) == true, "\(key)")
    }
    #expect(run.trainer.model.parameters().allSatisfy { $0.grad == nil })
  }

  private static func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "torchlayers-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test(
    "a run from a GPU continues on the CPU with its weights, optimizer state and place, and keeps the GPU's random numbers",
    arguments: [Precision.float32, .fp16], [OptimizerName.adam, .sgd])
  func movedToCPU(_ precision: Precision, _ optimizer: OptimizerName) throws {
    try Self.inFolder { folder in
      var configuration = RunConfiguration()
      configuration.model = "mlp-dropout"
      configuration.limit = 500
      (configuration.precision, configuration.optimizer) = (precision, optimizer)
      configuration.momentum = optimizer == .sgd ? 0.9 : 0
      let whole = try TrainingRun(configuration, output: "\(folder)/whole")
      #expect(try whole.train() == .finished)

      let stopped = try TrainingRun(configuration, output: "\(folder)/stopped")
      var asked = 0
      let outcome = try stopped.train(shouldStop: {
        asked += 1
        return asked > 3
      })
      #expect(outcome == .interrupted && stopped.formerDevice == nil)
      // What a GPU would have left: its random numbers, and its name.
      let path = stopped.folder.checkpoint
      var (tensors, metadata) = try StateDict.read(safetensors: path)
      let random = try Tensor((0..<16).map { UInt8($0) })
      tensors["random.cuda"] = random
      try tensors.save(safetensors: path, metadata: metadata)
      var onGPU = stopped.configuration
      (onGPU.device, onGPU.fast) = ("cuda", ["fused optimizer", "TF32"])
      try stopped.folder.write(onGPU)

      let resumed = try TrainingRun(resuming: "\(folder)/stopped", epochs: nil, device: "cpu")
      #expect(resumed.formerDevice == "cuda")
      let written = try resumed.folder.readConfiguration()
      #expect(written.device == "cpu" && written.fast == whole.configuration.fast)
      #expect(try resumed.trainer.checkpoint().tensors["random.cuda"]?.equal(random) == true)
      #expect(try resumed.train() == .finished)
      #expect(FileManager.default.contentsEqual(atPath: whole.folder.model, andPath: resumed.folder.model))
      #expect(try StateDict(safetensors: path)["random.cuda"]?.equal(random) == true)
    }
  }

  @Test(
    "where its device is missing a run is not resumed, and the sentence says what to do",
    .enabled(if: (try? CUDA.isAvailable) != true))
  func missingDevice() throws {
    try Self.inFolder { folder in
      var configuration = RunConfiguration()
      (configuration.model, configuration.limit, configuration.epochs) = ("softmax", 200, 1)
      let run = try TrainingRun(configuration, output: "\(folder)/run")
      _ = try run.train()
      var onGPU = run.configuration
      onGPU.device = "cuda"
      try run.folder.write(onGPU)
      let text = message { try TrainingRun(resuming: "\(folder)/run", epochs: nil) }
      #expect(
        text.hasPrefix("the device cuda is not available: ") && text.hasSuffix("; --device cpu does without"))
    }
  }

  @Test(
    "a deterministic run sets the context and cuBLAS's workspaces, says so in config.json and stays so when resumed"
  )
  func deterministic() throws {
    let flags = ["deterministic", "deterministic_cudnn"]
    func expect(_ on: Bool) throws {
      for flag in flags { #expect(try Torch.contextFlag(flag) == on, "\(flag)") }
    }
    defer { try? Torch.useDeterministicAlgorithms(false) }
    try Self.inFolder { folder in
      var configuration = RunConfiguration()
      (configuration.model, configuration.limit, configuration.epochs) = ("softmax", 200, 1)
      unsetenv("CUBLAS_WORKSPACE_CONFIG")
      _ = try TrainingRun(configuration, output: "\(folder)/plain")
      try expect(false)
      #expect(getenv("CUBLAS_WORKSPACE_CONFIG") == nil)
      configuration.deterministic = true
      let run = try TrainingRun(configuration, output: "\(folder)/run")
      try expect(true)
      #expect(getenv("CUBLAS_WORKSPACE_CONFIG").map { String(cString: $0) } == ":4096:8")
      _ = try run.train()
      let text = try String(contentsOfFile: run.folder.configuration, encoding: .utf8)
      #expect(text.contains("\"deterministic\" : true"))
      // The next run is what its own configuration says.
      configuration.deterministic = nil
      _ = try TrainingRun(configuration, output: "\(folder)/other")
      try expect(false)
      let resumed = try TrainingRun(resuming: "\(folder)/run", epochs: 2)
      #expect(resumed.configuration.deterministic == true)
      try expect(true)
      // The other value that cuBLAS has for it is the user's choice; any other is replaced.
      for (given, kept) in [(":16:8", ":16:8"), (":0:0", ":4096:8")] {
        setenv("CUBLAS_WORKSPACE_CONFIG", given, 1)
        try Torch.useDeterministicAlgorithms(true)
        #expect(getenv("CUBLAS_WORKSPACE_CONFIG").map { String(cString: $0) } == kept)
      }
    }
  }

  @Test("a config.json without the settings that came later is read")
  func olderConfiguration() throws {
    let json = try JSONEncoder.stable.encode(RunConfiguration())
    let text = String(decoding: json, as: UTF8.self)
    #expect(!text.contains("augment") && !text.contains("cuda_graph") && !text.contains("deterministic"))
    #expect(try JSONDecoder.stable.decode(RunConfiguration.self, from: json) == RunConfiguration())
    var configuration = RunConfiguration()
    (configuration.augment, configuration.cudaGraph) = (.affine, .off)
    let data = try JSONEncoder.stable.encode(configuration)
    #expect(try JSONDecoder.stable.decode(RunConfiguration.self, from: data) == configuration)
  }
}
