#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What an epoch brought.
public struct EpochMetrics: Codable, Equatable, Sendable {
  /// Counted from 1.
  public let epoch: Int
  public let trainLoss: Double
  public let trainAccuracy: Double
  public let validationLoss: Double?
  public let validationAccuracy: Double?
  /// Time spent training, without validation.
  public let seconds: Double
  public let imagesPerSecond: Double
  /// The learning rate as the epoch ended, of the first group; nil in the history of older runs.
  public let learningRate: Double?

  public init(
    epoch: Int, trainLoss: Double, trainAccuracy: Double, validationLoss: Double? = nil,
    validationAccuracy: Double? = nil, seconds: Double, imagesPerSecond: Double, learningRate: Double? = nil
  ) {
    self.epoch = epoch
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.validationLoss = validationLoss
    self.validationAccuracy = validationAccuracy
    self.seconds = seconds
    self.imagesPerSecond = imagesPerSecond
    self.learningRate = learningRate
  }
}

/// Where a training run is.
public struct TrainingProgress {
  /// Counted from 1.
  public let epoch: Int
  public let epochs: Int
  /// Batches done in this epoch.
  public let batch: Int
  public let batches: Int
  public let imagesPerEpoch: Int
  /// Images trained on since this call of `fit` began, and the seconds it took.
  public let images: Int
  public let seconds: Double
  /// Reads mean loss and accuracy of the epoch so far. Costs a wait for the device.
  public let metrics: () throws -> (loss: Double, accuracy: Double)

  public init(
    epoch: Int, epochs: Int, batch: Int, batches: Int, imagesPerEpoch: Int, images: Int, seconds: Double,
    metrics: @escaping () throws -> (loss: Double, accuracy: Double)
  ) {
    self.epoch = epoch
    self.epochs = epochs
    self.batch = batch
    self.batches = batches
    self.imagesPerEpoch = imagesPerEpoch
    self.images = images
    self.seconds = seconds
    self.metrics = metrics
  }
}

/// Trains a classifier: epochs over a loader, with metrics, checkpoints and interruption.
///
///     let trainer = try Trainer(model, optimizer: Adam(model.parameters()), loader: loader)
///     try trainer.fit(epochs: 2)
public final class Trainer {
  /// How `fit` ended.
  public enum Outcome: Sendable {
    case finished
    /// `shouldStop` said so; `checkpoint()` goes on from here, even in the middle of an epoch.
    case interrupted
  }

  public let model: Module
  public let optimizer: any AnyOptimizer
  public let loader: DataLoader
  public let precision: Precision
  let loss: any Loss
  private let withoutTape: Bool
  private let cudaGraph: Bool
  /// Does the steps, where the model allows it and it is wanted.
  private var plan: StepPlan?
  private var captured: CapturedStep?
  /// Makes the graph of a device's steps; tests have graphs of their own.
  package var makeGraph: (Device) throws -> (any StepGraph)? = { $0.isCUDA ? try CUDAGraph(device: $0) : nil }
  /// Told what a person should know of how it goes: why steps are not repeated from a graph where that was wanted,
  /// that the model is in evaluation mode.
  public var note: (String) -> Void = { _ in }
  public private(set) var history: [EpochMetrics] = []

  private var epoch: DataLoader.Epoch?
  package private(set) var sums: RunningMetrics
  private var epochSeconds = 0.0
  let scaler: GradScaler?
  private let parameters: [Tensor]
  private let schedule: LRScheduler?
  /// Of a run that began on a GPU and continues on the CPU: the GPU's random numbers, for a return.
  private var unusedRandom: Tensor?

  /// - Parameters:
  ///   - withoutTape: do steps on the CPU by a `StepPlan` where the model allows it.
  ///   - cudaGraph: record the step on a CUDA device and repeat it, where the step allows it. Nothing in it may then
  ///     depend on what the CPU decides anew at each step; learning rates may change.
  ///   - schedule: takes a step after each epoch; a `OneCycleLR` after each batch instead, and a
  ///     `ReduceLROnPlateau` with the validation loss, without validation with the training loss.
  public init(
    _ model: Module, optimizer: any AnyOptimizer, loader: DataLoader, loss: any Loss = CrossEntropyLoss(),
    precision: Precision = .float32, withoutTape: Bool = false, cudaGraph: Bool = false,
    schedule: LRScheduler? = nil
  ) throws {
    self.model = model
    self.optimizer = optimizer
    self.loader = loader
    self.loss = loss
    self.precision = precision
    self.withoutTape = withoutTape
    self.cudaGraph = cudaGraph
    self.schedule = schedule
    sums = try RunningMetrics(loss, loader)
    parameters = model.parameters()
    scaler = precision == .fp16 ? try GradScaler(device: loader.device) : nil
  }

  /// Trains until `epochs` epochs are done, counting those of a restored checkpoint.
  ///
  /// Every module keeps the mode that it has: a part put into evaluation mode is trained in evaluation mode, so that
  /// its batch normalisation keeps its statistics. `note` is told when the whole model is in evaluation mode.
  /// - Parameters:
  ///   - validation: evaluated after every epoch.
  ///   - observe: called after every batch.
  ///   - epochEnded: called after every epoch, for example to save a checkpoint.
  ///   - shouldStop: asked before every batch.
  @discardableResult
  public func fit(
    epochs: Int, validation: DataLoader? = nil, observe: (TrainingProgress) throws -> Void = { _ in },
    epochEnded: (EpochMetrics) throws -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> Outcome {
    let clock = ContinuousClock()
    let begin = clock.now
    var images = 0
    if !model.training {
      note("the model is in evaluation mode and is trained so; model.train() puts it into training mode")
    }
    plan =
      withoutTape && precision == .float32 && loader.device == .cpu ? try StepPlan(model, loss: loss) : nil
    // A plan sets the gradients of the model's parameters at each step; others stay without, as on the tape.
    if plan != nil { try optimizer.zeroGrad(setToNone: true) }
    captured = try makeCapturedStep()
    defer {
      plan = nil
      captured = nil
    }
    while history.count < epochs {
      let epoch = try self.epoch ?? loader.epoch()
      self.epoch = epoch
      let earlier = epochSeconds
      let epochBegin = clock.now
      while true {
        if shouldStop() { return .interrupted }
        guard let selection = try epoch.nextSelection() else { break }
        try step(selection)
        if let cycle = schedule as? OneCycleLR { try cycle.step() }
        images += selection.count
        epochSeconds = earlier + seconds(clock.now - epochBegin)
        try observe(
          TrainingProgress(
            epoch: history.count + 1, epochs: epochs, batch: epoch.position, batches: loader.count,
            imagesPerEpoch: loader.imageCount, images: images, seconds: seconds(clock.now - begin),
            metrics: sums.read))
      }
      try loader.device.synchronize()
      let (trainLoss, trainAccuracy) = try sums.read()
      epochSeconds = earlier + seconds(clock.now - epochBegin)
      let random = try Generator.default().state()
      let validated: Evaluation?
      do {
        validated = try validation.map {
          try evaluate(
            model, $0, loss: loss, precision: precision, frozen: withoutTape, shouldStop: shouldStop)
        }
      } catch is CancellationError {
        // The epoch stays open at its end, and validation begins again with the numbers it began with.
        try Generator.default().setState(random)
        return .interrupted
      }
      let metrics = EpochMetrics(
        epoch: history.count + 1, trainLoss: trainLoss, trainAccuracy: trainAccuracy,
        validationLoss: validated?.loss, validationAccuracy: validated?.accuracy, seconds: epochSeconds,
        imagesPerSecond: Double(loader.imageCount) / epochSeconds,
        learningRate: optimizer.learningRates.first)
      history.append(metrics)
      switch schedule {
      case nil, is OneCycleLR: break
      case let plateau as ReduceLROnPlateau: try plateau.step(validated?.loss ?? trainLoss)
      case let schedule?: try schedule.step()
      }
      self.epoch = nil
      epochSeconds = 0
      try sums.reset()
      try epochEnded(metrics)
    }
    return .finished
  }

  /// Computes loss and gradients of a batch and leaves everything as it was, the random numbers included. What does not
  /// fit the images, or the memory, so shows before anything is written.
  func tryStep() throws {
    // A step changes the buffers by itself, and a table whose rows it keeps short.
    let tables = model.namedModules().compactMap { $0.module as? Embedding }.filter { $0.maxNorm != nil }
    let changed = model.namedBuffers().map(\.tensor) + tables.map(\.weight)
    try restoring(changed, on: loader.device) {
      let rows = try Tensor.arange(min(loader.batchSize, loader.dataset.count))
      let batch = try loader.batch(at: rows)
      if withoutTape, precision == .float32, loader.device == .cpu, let plan = try StepPlan(model, loss: loss)
      {
        _ = try plan.step(batch.images, batch.labels)
      } else {
        try withPrecision(precision, loader.device) { try loss(model(batch.images), batch.labels) }.backward()
      }
      // A GPU reports what went wrong when it is waited for.
      try loader.device.synchronize()
    }
    try optimizer.zeroGrad(setToNone: true)
  }

  private func makeCapturedStep() throws -> CapturedStep? {
    guard cudaGraph else { return nil }
    do {
      guard let graph = try makeGraph(loader.device) else { return nil }
      if let obstacle = obstacle(to: optimizer) { throw TorchError(obstacle) }
      if schedule is OneCycleLR { throw TorchError("its schedule changes the momentum at every step") }
      let (modules, parameters) = (model.namedModules().map(\.module), parameters)
      return CapturedStep(
        graph, on: loader.device, optimizer: optimizer as! any CapturableOptimizer,
        flags: { modules.map(\.training) + parameters.map(\.requiresGrad) }
      ) { [unowned self] in try compute(loader.batch($0)) }
    } catch {
      note("the training step is not recorded as a CUDA graph: \(firstLine(error))")
      return nil
    }
  }

  /// CUDA's errors go on with advice for programmers.
  private func firstLine(_ error: any Error) -> Substring { "\(error)".prefix { $0 != "\n" } }

  private func step(_ selection: DataLoader.Selection) throws {
    // The last batch of an epoch may be smaller than what was recorded.
    if let captured, selection.count == loader.batchSize {
      do {
        try captured(selection)
        return sums.count(selection.count)
      } catch let failure as CapturedStep.Failure {
        self.captured = nil
        try optimizer.zeroGrad(setToNone: true)
        scaler?.discard()
        note(
          "the training step is not recorded as a CUDA graph, it goes on without: \(firstLine(failure.reason))"
        )
      }
    }
    try compute(loader.batch(selection))
    sums.count(selection.count)
  }

  /// A step, but for counting its images: everything that is the device's work.
  private func compute(_ batch: Batch) throws {
    if let plan {
      let (logits, value) = try plan.step(batch.images, batch.labels)
      try optimizer.step()
      try sums.addOnDevice(logits: logits, labels: batch.labels, loss: value)
      return
    }
    let (logits, value) = try withPrecision(precision, loader.device) {
      let logits = try model(batch.images)
      return (logits, try loss(logits, batch.labels))
    }
    try optimizer.zeroGrad(setToNone: true)
    if let scaler {
      try scaler.scale(value).backward()
      try scaler.step(optimizer, parameters)
      try scaler.update()
    } else {
      try value.backward()
      try optimizer.step()
    }
    try sums.addOnDevice(logits: logits, labels: batch.labels, loss: value)
  }

  private func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

  // MARK: Checkpoints

  private struct Position: Codable {
    var history: [EpochMetrics]
    var batch: Int
    var inEpoch: Bool
    /// The epoch's end was met; nil, as false, in older checkpoints.
    var finished: Bool?
    var seconds: Double
    var count: Int
  }

  /// Everything needed to go on exactly: weights, optimizer state, schedule, random numbers, the order of the
  /// epoch that is under way and the sums of its metrics. The tensors are copies in host memory.
  public func checkpoint() throws -> (tensors: StateDict, metadata: [String: String]) {
    var tensors = StateDict()
    for (key, tensor) in model.stateDict() { tensors["model.\(key)"] = tensor }
    for (key, tensor) in optimizer.stateDict() { tensors["optimizer.\(key)"] = tensor }
    tensors["random.cpu"] = try Generator.default().state()
    tensors["random.cuda"] =
      try loader.device.isCUDA ? Generator.default(for: loader.device).state() : unusedRandom
    if let generator = loader.generator { tensors["random.loader"] = try generator.state() }
    if let order = epoch?.order { tensors["epoch.order"] = order }
    for (key, sum) in sums.state { tensors["epoch.\(key)"] = sum }
    if let scaler { tensors["scaler.scale"] = scaler.state }
    for (key, values) in schedule?.stateDict() ?? [:] { tensors["schedule.\(key)"] = try Tensor(values) }
    let position = Position(
      history: history, batch: epoch?.position ?? 0, inEpoch: epoch != nil,
      finished: epoch?.finished, seconds: epochSeconds, count: sums.count)
    let json = String(decoding: try JSONEncoder.stable.encode(position), as: UTF8.self)
    return (
      try noGrad {
        // A copy on a GPU would take as much of its memory again.
        try tensors.mapValues { try $0.device == .cpu ? $0.detach().clone() : $0.detach().to(.cpu) }
      }, ["position": json]
    )
  }

  /// Goes on from what `checkpoint()` gave, on this device or another: a GPU's random numbers stay as they are when
  /// the checkpoint has none, and are kept for the next checkpoint where there is no GPU.
  /// - Throws: `TorchError` when it is not a checkpoint of this model and optimizer.
  public func restore(_ tensors: StateDict, metadata: [String: String]) throws {
    guard let json = metadata["position"],
      let position = try? JSONDecoder.stable.decode(Position.self, from: Data(json.utf8)),
      let random = tensors["random.cpu"], tensors["epoch.loss"] != nil, tensors["epoch.right"] != nil
    else { throw TorchError("the checkpoint lacks the position, the random state or the metrics") }
    // What was recorded writes to tensors that are replaced here.
    captured = nil
    let order = tensors["epoch.order"]
    guard (0...loader.count).contains(position.batch), (0...loader.imageCount).contains(position.count),
      order.map({ $0.shape == [loader.dataset.count] }) ?? true
    else { throw TorchError("the checkpoint's place in the epoch does not fit the training images") }
    func part(_ prefix: String) -> StateDict {
      var dict = StateDict()
      for (key, tensor) in tensors where key.hasPrefix(prefix) {
        dict[String(key.dropFirst(prefix.count))] = tensor
      }
      return dict
    }
    try model.loadStateDict(part("model."))
    try optimizer.loadStateDict(part("optimizer."))
    if let scale = tensors["scaler.scale"] { try scaler?.restore(scale) }
    if let schedule {
      let state = try part("schedule.").map { name, values in
        (name, try values.to(.float64).scalars(as: Double.self))
      }
      try schedule.loadStateDict(Dictionary(uniqueKeysWithValues: state))
    }
    history = position.history
    epochSeconds = position.seconds
    try sums.restore(part("epoch."), count: position.count)
    epoch =
      position.inEpoch
      ? loader.epoch(
        order: order, position: position.batch, finished: position.finished ?? false) : nil
    try Generator.default().setState(random)
    if let state = tensors["random.loader"] { try loader.generator?.setState(state) }
    unusedRandom = loader.device.isCUDA ? nil : tensors["random.cuda"]
    if loader.device.isCUDA, let state = tensors["random.cuda"] {
      try Generator.default(for: loader.device).setState(state)
    }
  }
}

extension JSONEncoder {
  /// Equal values give equal text. JSON has no number for what is not finite: it is "inf", "-inf" or "nan".
  public static var stable: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return encoder
  }
}

extension JSONDecoder {
  /// Reads what `JSONEncoder.stable` writes.
  public static var stable: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }
}
