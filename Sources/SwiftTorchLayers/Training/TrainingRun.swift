/// A training run with its folder: data, model, trainer and files put together from a configuration.
public final class TrainingRun {
  public let folder: RunFolder
  public let configuration: RunConfiguration
  public let trainer: Trainer
  /// The device that the run was on before, when it continues on another.
  public private(set) var formerDevice: String?
  let validation: DataLoader?
  private let device: Device
  /// Whether the folder was made here, for a run without a past.
  private let isNew: Bool

  /// Reads the data, seeds, builds model and optimizer, tries a step, and makes the folder.
  /// - Parameter output: the run's folder; nil names one below `runs/`.
  public convenience init(_ given: RunConfiguration, output: String?) throws {
    var configuration = given
    try configuration.validate()
    configuration.imageChoice = .byClass
    let data = try TrainingRun.loadData(&configuration)
    let name = "\(configuration.modelName)-\(configuration.data)"
    try self.init(configuration, data, isNew: true) { try RunFolder(new: output, name: name) }
    do {
      try folder.write(configuration)
    } catch {
      folder.discard()
      throw error
    }
  }

  /// Goes on with an interrupted run; one that was ended before its first checkpoint begins anew.
  ///
  /// On another device the run has the same weights, optimizer state, schedule, place and order of images, and goes on
  /// with that device's kernels and random numbers. Those of a GPU begin at the run's seed when the checkpoint has none;
  /// on the CPU a checkpoint keeps those of the GPU for a return.
  /// - Parameters:
  ///   - epochs: a new total; nil keeps the run's.
  ///   - device: another device; nil keeps the run's.
  public convenience init(resuming path: String, epochs: Int?, device: String? = nil) throws {
    let folder = try RunFolder(existing: path)
    var configuration = try folder.readConfiguration()
    let former = configuration.device
    if let device { configuration.device = device }
    if let epochs, epochs != configuration.epochs {
      if let schedule = configuration.schedule, schedule.endsWithRun {
        throw TorchError(
          "the schedule \(schedule) ends with the run's \(configuration.epochs) epochs: --epochs cannot be changed"
        )
      }
      configuration.epochs = epochs
    }
    try configuration.validate()
    let data = try TrainingRun.loadData(&configuration)
    try self.init(configuration, data, isNew: false) { folder }
    if !folder.isFresh {
      let (tensors, metadata) = try StateDict.read(safetensors: folder.checkpoint)
      do {
        try trainer.restore(tensors, metadata: metadata)
      } catch let error as TorchError {
        throw TorchError("\(folder.checkpoint) cannot be resumed: \(error.message)")
      }
    }
    if configuration.device != former { formerDevice = former }
    try folder.write(configuration)
  }

  /// - Parameter folder: called when all else went well.
  private init(
    _ configuration: RunConfiguration, _ data: Parts, isNew: Bool, folder: () throws -> RunFolder
  ) throws {
    self.configuration = configuration
    self.isNew = isNew
    let device = try configuration.prepareDevice()
    self.device = device
    guard configuration.batchSize <= data.training.count else {
      throw TorchError(
        "the batch size \(configuration.batchSize) is larger than the training set of \(data.training.count) images"
      )
    }
    let normalization = configuration.normalization!
    try Torch.manualSeed(configuration.seed)
    let model = try configuration.makeModel()
    try TrainingRun.requireClassifier(model, configuration)
    try model.to(device)
    if configuration.isFastOnCUDA { try model.to(.channelsLast) }
    let optimizer = configuration.makeOptimizer(model.parameters())
    let loader = try DataLoader(
      data.training, batchSize: configuration.batchSize, shuffle: true, normalization: normalization,
      device: device, augmentation: configuration.augment ?? .none)
    trainer = try Trainer(
      model, optimizer: optimizer, loader: loader, precision: configuration.precision,
      withoutTape: !configuration.exact,
      cudaGraph: configuration.wantsCUDAGraph,
      schedule: try configuration.makeSchedule(optimizer, batches: loader.count))
    validation = try data.validation.map {
      try DataLoader($0, batchSize: configuration.batchSize, normalization: normalization, device: device)
    }
    if isNew {
      do {
        try trainer.tryStep()
      } catch let error as TorchError where error.kind == .outOfMemory {
        throw TrainingRun.outOfMemory(error, device, configuration, when: "in its first step", toResume: nil)
      }
    }
    self.folder = try folder()
  }

  /// Tries the model on no image at all.
  private static func requireClassifier(_ model: Module, _ configuration: RunConfiguration) throws {
    let output = try noGrad {
      try model.evaluating { try model(Tensor.zeros([0] + configuration.inputShape)).shape }
    }
    guard output == [0, configuration.classes.count] else {
      let sentence =
        "\(configuration.model) gives \(output.dropFirst()) for an image, a classifier must give a number for "
        + "each of the \(configuration.classes.count) classes of \(configuration.data)"
      guard let files = configuration.architecture else { throw TorchError(sentence) }
      throw try Architecture(files: files).lastPlace.error(sentence)
    }
  }

  /// The parts of the data set that a run uses.
  private struct Parts {
    let training: ImageDataset
    let validation: ImageDataset?
  }

  private static func loadData(_ configuration: inout RunConfiguration) throws -> Parts {
    guard let named = NamedDataset(rawValue: configuration.data) else {
      throw TorchError("there is no data set \(configuration.data)", kind: .notFound)
    }
    let data = try named.load(.train, folder: configuration.dataDir)
    configuration.inputShape = data.imageShape
    configuration.classes = data.classes
    if configuration.normalization == nil { configuration.normalization = try Normalization(of: data) }
    configuration.libtorch = "\(try Shim.runningVersion.prefix { $0 != "+" })-\(try Shim.builtVariant)"
    configuration.fast = configuration.fastChanges
    let kept = try configuration.chooseImages(labels: data.labels.scalars(as: Int.self))
    return Parts(
      training: try data.selecting(kept.training),
      validation: kept.validation.isEmpty ? nil : try data.selecting(kept.validation))
  }

  /// Trains to the end, or until `shouldStop`; either way the folder holds a checkpoint to go on from.
  /// - Parameter note: told what a person should know of how it goes.
  /// - Throws: `TorchError`; when memory ran out, with what to do. The folder then holds the last epoch's checkpoint; that
  ///   of a new run that has none yet is removed.
  public func train(
    observe: (TrainingProgress) throws -> Void = { _ in },
    epochEnded: (EpochMetrics) throws -> Void = { _ in },
    note: @escaping (String) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> Trainer.Outcome {
    trainer.note = note
    do {
      let outcome = try trainer.fit(
        epochs: configuration.epochs, validation: validation, observe: observe,
        epochEnded: {
          try self.saveCheckpoint()
          try self.folder.write(self.trainer.history)
          try epochEnded($0)
        }, shouldStop: shouldStop)
      switch outcome {
      case .finished:
        let metadata = ["format": "pt", "model": configuration.model, "libtorch": configuration.libtorch]
        try trainer.model.stateDict().save(safetensors: folder.model, metadata: metadata)
      case .interrupted: try saveCheckpoint()
      }
      return outcome
    } catch {
      let isLost = isNew && !folder.hasCheckpoint
      if isLost { folder.discard() }
      guard let error = error as? TorchError, error.kind == .outOfMemory else { throw error }
      throw TrainingRun.outOfMemory(
        error, device, configuration, when: "in epoch \(trainer.history.count + 1) of \(folder.path)",
        toResume: isLost ? nil : folder.path)
    }
  }

  /// - Parameters:
  ///   - when: where in the run.
  ///   - toResume: the folder with which it can go on.
  private static func outOfMemory(
    _ error: TorchError, _ device: Device, _ configuration: RunConfiguration, when: String, toResume: String?
  ) -> TorchError {
    let place = device.isCUDA ? "the GPU" : "this machine"
    let resume = toResume.map { " and go on with --resume \($0)" } ?? ""
    return TorchError(
      "\(place) ran out of memory \(when): free some (nvidia-smi lists who uses a GPU)\(resume), or begin anew with a "
        + "--batch-size below \(configuration.batchSize). \(error)", kind: .outOfMemory)
  }

  private func saveCheckpoint() throws {
    let (tensors, metadata) = try trainer.checkpoint()
    try tensors.save(safetensors: folder.checkpoint, metadata: metadata)
  }

  /// Evaluates on the data set's test images.
  public func evaluateTest(shouldStop: () -> Bool = { false }) throws -> Evaluation {
    try SwiftTorchLayers.evaluate(
      trainer.model, try configuration.testLoader(device: device), precision: configuration.precision,
      frozen: !configuration.exact, shouldStop: shouldStop)
  }
}

extension RunConfiguration {
  /// The test images in batches, normalised as in training.
  public func testLoader(device: Device) throws -> DataLoader {
    guard let named = NamedDataset(rawValue: data), let normalization else {
      throw TorchError("the run's configuration names no known data set or no normalisation")
    }
    let test = try named.load(.test, folder: dataDir)
    guard test.imageShape == inputShape else {
      throw TorchError("the test images are \(test.imageShape), the model was trained on \(inputShape)")
    }
    return try DataLoader(test, batchSize: batchSize, normalization: normalization, device: device)
  }
}

extension Device {
  /// - Throws: `TorchError` when the device cannot be used here, with the reason as far as it is known.
  public func requireAvailable() throws {
    guard isCUDA else { return }
    let count = try CUDA.deviceCount
    guard index ?? 0 >= count else {
      let properties = try CUDA.properties(of: index ?? 0)
      let built = CUDA.Architectures(try Shim.buildConfiguration)
      guard let problem = built.problem(with: properties.capability) else { return }
      throw TorchError("the device \(self) (\(properties.name)) cannot be used: \(problem)", kind: .notFound)
    }
    let why =
      try count > 0
      ? "there are \(count) CUDA devices, numbered from 0" : CUDA.problem ?? "libtorch finds no CUDA device"
    throw TorchError("the device \(self) is not available: \(why)", kind: .notFound)
  }
}
