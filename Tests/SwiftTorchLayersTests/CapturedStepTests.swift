import Testing

@testable import SwiftTorchLayers

/// Stands in for a CUDA graph: `capture` keeps the work, and leaves everything on the "device" as it was, since a
/// recording runs nothing; `replay` does the work.
private final class StandIn: StepGraph {
  enum Fault: Sendable {
    case none
    /// The recording breaks off after all of the work, as when an operator cannot be recorded.
    case capture
    /// The launch of this number (from 0) fails.
    case replay(Int)
  }

  var fault = Fault.none
  var device: () throws -> [Tensor] = { [] }
  var beforeReplay: () throws -> Void = {}
  /// What a recording that fails has done last.
  var last: () throws -> Void = {}
  private(set) var warmUps = 0
  private(set) var replays = 0
  private var work: (() throws -> Void)?

  func warmUp(_ work: () throws -> Void) throws {
    warmUps += 1
    try work()
  }

  func capture(_ work: @escaping () throws -> Void) throws {
    let tensors = try device()
    let saved = try noGrad { try tensors.map { try $0.detach().clone() } }
    let random = try Generator.default().state()
    let recorded = Result {
      try DeviceRates.$isRecording.withValue(true, operation: work)
      try last()
    }
    try noGrad { for (tensor, value) in zip(tensors, saved) { try tensor.copy_(value) } }
    try Generator.default().setState(random)
    try recorded.get()
    if case .capture = fault {
      throw TorchError("operation not permitted when stream is capturing\nSearch for it", kind: .outOfMemory)
    }
    self.work = work
  }

  func replay() throws {
    try beforeReplay()
    if case .replay(let number) = fault, number == replays {
      throw TorchError("CUDA error: out of memory", kind: .outOfMemory)
    }
    // The kernels of a graph read what was recorded: the scalars on the device.
    try DeviceRates.$isRecording.withValue(true) { try work?() }
    replays += 1
  }
}

@Suite("Recorded training steps", .serialized)
struct CapturedStepTests {
  private static let lr = 0.0078125  // exact in float32

  /// 60 images in batches of 8: seven steps and one of 4 images, in each epoch.
  private static func makeTrainer(
    cudaGraph: Bool, precision: Precision = .float32, augmentation: Augmentation = .none,
    model made: Module? = nil,
    optimizer makeOptimizer: ([Tensor]) -> any AnyOptimizer = { Adam($0, lr: lr, fused: true) }
  ) throws -> Trainer {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(9)
    let dataset = ImageDataset(
      images: try Tensor((0..<60 * 16).map { UInt8($0 * 37 % 256) }, shape: [60, 1, 4, 4]),
      labels: try Tensor((0..<60).map { $0 % 3 }), classes: ["a", "b", "c"])
    let model =
      made
      ?? Sequential {
        Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3, padding: 1)
        BatchNorm2d(numFeatures: 4)
        ReLU()
        Flatten()
        Dropout()
        Linear(inFeatures: 64, outFeatures: 3)
      }
    let loader = try DataLoader(
      dataset, batchSize: 8, shuffle: true, normalization: Normalization(of: dataset),
      augmentation: augmentation)
    return try Trainer(
      model, optimizer: makeOptimizer(model.parameters()), loader: loader, precision: precision,
      cudaGraph: cudaGraph)
  }

  private static func standIn(for trainer: Trainer, _ fault: StandIn.Fault = .none) -> StandIn {
    let graph = StandIn()
    graph.fault = fault
    graph.device = { [unowned trainer] in
      let sums = trainer.sums.state
      let scaler = trainer.scaler.map { [$0.scaleFactor, $0.growthTracker] } ?? []
      let dictionaries = [trainer.model.stateDict(), trainer.optimizer.stateDict()]
      return dictionaries.flatMap(\.values) + sums.values + scaler
    }
    trainer.makeGraph = { _ in graph }
    return graph
  }

  private static func expectEqual(_ trainer: Trainer, _ plain: Trainer) throws {
    #expect(trainer.history.map(\.trainLoss) == plain.history.map(\.trainLoss))
    #expect(trainer.history.map(\.trainAccuracy) == plain.history.map(\.trainAccuracy))
    let (tensors, others) = (try trainer.checkpoint().tensors, try plain.checkpoint().tensors)
    #expect(tensors.keys == others.keys)
    for (key, tensor) in tensors { #expect(try tensor.bytes() == others[key]?.bytes(), "\(key)") }
  }

  @Test(
    "three batches are ordinary steps, as is a smaller last one; the others repeat a recording, to the same bits",
    arguments: [Precision.float32, .fp16], [Augmentation.none, .standard])
  func sameAsWithout(_ precision: Precision, _ augmentation: Augmentation) throws {
    let plain = try Self.makeTrainer(cudaGraph: false, precision: precision, augmentation: augmentation)
    try plain.fit(epochs: 2)
    let trainer = try Self.makeTrainer(cudaGraph: true, precision: precision, augmentation: augmentation)
    let graph = Self.standIn(for: trainer)
    var notes: [String] = []
    trainer.note = { notes.append($0) }
    try trainer.fit(epochs: 2)
    #expect(graph.warmUps == 3 && graph.replays == 11 && notes.isEmpty, "\(notes)")
    try Self.expectEqual(trainer, plain)
  }

  @Test(
    "where recording or a launch fails, training goes on without, to the same bits, and says why in one line",
    arguments: [StandIn.Fault.capture, .replay(0), .replay(4)], [Precision.float32, .fp16])
  fileprivate func fallsBack(_ fault: StandIn.Fault, _ precision: Precision) throws {
    let plain = try Self.makeTrainer(cudaGraph: false, precision: precision)
    try plain.fit(epochs: 2)
    let trainer = try Self.makeTrainer(cudaGraph: true, precision: precision)
    let graph = Self.standIn(for: trainer, fault)
    if case .capture = fault { graph.last = { try trainer.scaler?.step(trainer.optimizer, []) } }
    var notes: [String] = []
    trainer.note = { notes.append($0) }
    try trainer.fit(epochs: 2)
    let launches = if case .replay(let number) = fault { number } else { 0 }
    #expect(graph.replays == launches)
    #expect(notes.count == 1)
    let beginning = "the training step is not recorded as a CUDA graph, it goes on without: "
    #expect(notes.first?.hasPrefix(beginning) == true && notes.first?.contains("\n") == false)
    try Self.expectEqual(trainer, plain)
  }

  @Test("a learning rate that changes is on the device before the step is repeated", arguments: 0..<2)
  func schedule(_ kind: Int) throws {
    func optimizer(_ parameters: [Tensor]) -> any AnyOptimizer {
      if kind == 0 { return Adam(parameters, lr: Self.lr, fused: true) }
      return SGD(parameters, lr: Self.lr, momentum: 0.5, fused: true)
    }
    func train(cudaGraph: Bool) throws -> (Trainer, StandIn, [Double]) {
      let trainer = try Self.makeTrainer(cudaGraph: cudaGraph, optimizer: optimizer)
      let graph = Self.standIn(for: trainer)
      var seen: [Double] = []
      // What a device would read.
      graph.beforeReplay = {
        let rates = (trainer.optimizer as? Adam)?.rates ?? (trainer.optimizer as? SGD)?.rates
        seen.append(try #require(rates?.scalar(of: 0)).item(as: Double.self))
        #expect(seen.last == trainer.optimizer.learningRates[0])
      }
      try trainer.fit(
        epochs: 2,
        observe: { _ in trainer.optimizer.learningRates = [trainer.optimizer.learningRates[0] / 2] })
      return (trainer, graph, seen)
    }
    let (trainer, graph, seen) = try train(cudaGraph: true)
    #expect(graph.replays == 11 && Set(seen).count == 11)
    #expect(trainer.optimizer.learningRates[0] == Self.lr / 65536)
    try Self.expectEqual(trainer, try train(cudaGraph: false).0)
  }

  @Test(
    "only a step that is recorded has its learning rate in float32, as a scalar on the device",
    arguments: 0..<3)
  func rates(_ kind: Int) throws {
    func make(_ weight: Tensor) -> (any CapturableOptimizer, scalar: () -> Tensor?) {
      func both<S>(_ optimizer: Optimizer<S>) -> (any CapturableOptimizer, scalar: () -> Tensor?) {
        (optimizer as! any CapturableOptimizer, { optimizer.rates.scalar(of: 0) })
      }
      switch kind {
      case 0: return both(Adam([weight], lr: 0.1, fused: true))
      case 1: return both(AdamW([weight], lr: 0.1, fused: true))
      default: return both(SGD([weight], lr: 0.1, fused: true))
      }
    }
    let weight = try Tensor([0.5] as [Float]).requiresGrad(true)
    weight.grad = try Tensor.ones([1])
    let (optimizer, scalar) = make(weight)
    try optimizer.step()
    #expect(scalar() == nil)
    try DeviceRates.$isRecording.withValue(true) { try optimizer.step() }
    let rate = try #require(scalar())
    #expect(try rate.dtype == .float32 && rate.item(as: Float.self) == 0.1)
    // A step beside the graph leaves the scalar alone; what comes before a replay does not.
    optimizer.learningRates = [0.25]
    try optimizer.step()
    #expect(try rate.item(as: Float.self) == 0.1)
    try optimizer.refreshLearningRates()
    #expect(try rate.item(as: Float.self) == 0.25)
  }

  @Test("steps in float64 have the learning rate in float64, and are not recorded", arguments: 0..<2)
  func float64(_ kind: Int) throws {
    func train(_ lr: Double, captured: Bool) throws -> (weight: Double, failure: String) {
      let weight = try Tensor([0.5]).requiresGrad(true)
      #expect(weight.dtype == .float64)
      let optimizer: any CapturableOptimizer =
        kind == 0 ? Adam([weight], lr: lr, fused: true) : SGD([weight], lr: lr, momentum: 0.5, fused: true)
      func step() throws {
        weight.grad = try Tensor([1.0])
        try optimizer.step()
      }
      guard captured else {
        for _ in 0..<CapturedStep.warmUps { try step() }
        return (try weight.item(as: Double.self), "")
      }
      let graph = StandIn()
      graph.device = { [weight] + Array(optimizer.stateDict().values) }
      let recorded = CapturedStep(graph, on: .cpu, optimizer: optimizer, flags: { [] }) { _ in try step() }
      let batch = DataLoader.Selection.rows(try Tensor([0]))
      for _ in 0..<CapturedStep.warmUps { try recorded(batch) }
      let failure = #expect(throws: CapturedStep.Failure.self) { try recorded(batch) }
      return (try weight.item(as: Double.self), failure.map { "\($0.reason)" } ?? "")
    }
    let (weight, failure) = try train(0.1, captured: true)
    #expect(
      failure == "a recorded step has its learning rate in float32, too coarse for parameters in float64")
    #expect(try weight == train(0.1, captured: false).weight)
    #expect(try weight != train(Double(Float(0.1)), captured: false).weight)
  }

  @Test("a momentum that changes ends the repetition: it is part of what was recorded")
  func momentum() throws {
    func train(cudaGraph: Bool) throws -> (Trainer, [String], StandIn) {
      let trainer = try Self.makeTrainer(
        cudaGraph: cudaGraph, optimizer: { SGD($0, lr: Self.lr, momentum: 0.5, fused: true) })
      let graph = Self.standIn(for: trainer)
      var notes: [String] = []
      trainer.note = { notes.append($0) }
      try trainer.fit(
        epochs: 2, observe: { if $0.epoch == 2, $0.batch == 1 { trainer.optimizer.momentums = [0.75] } })
      return (trainer, notes, graph)
    }
    let (trainer, notes, graph) = try train(cudaGraph: true)
    #expect(graph.replays == 5 && notes.count == 1 && notes[0].contains("settings have changed"), "\(notes)")
    try Self.expectEqual(trainer, try train(cudaGraph: false).0)
  }

  private final class Own: Module {
    let layer = Linear(inFeatures: 16, outFeatures: 3)
    override func forward(_ input: Tensor) throws -> Tensor { try layer(input.flatten(startDim: 1)) }
  }

  @Test("a module of the user's own and an optimizer that is not fused are not recorded, and it is said")
  func obstacles() throws {
    for (trainer, words) in [
      (try Self.makeTrainer(cudaGraph: true, model: Own()), "Own is a module of your own"),
      (
        try Self.makeTrainer(cudaGraph: true, optimizer: { Adam($0) }),
        "the optimizer Adam is not a fused one"
      ),
    ] {
      let graph = Self.standIn(for: trainer)
      var notes: [String] = []
      trainer.note = { notes.append($0) }
      try trainer.fit(epochs: 1)
      #expect(notes.count == 1 && notes[0].contains(words) && graph.warmUps == 0, "\(notes)")
    }
    let quiet = try Self.makeTrainer(cudaGraph: true)
    quiet.note = { Issue.record("on the CPU there is nothing to say, but: \($0)") }
    try quiet.fit(epochs: 1)
  }

  @Test(
    "a fused step with a scaler changes nothing where a gradient is infinite, and counts no step",
    arguments: 0..<3)
  func infiniteGradients(_ index: Int) throws {
    let make: [([Tensor]) -> any CapturableOptimizer] = [
      { Adam($0, lr: 0.5, fused: true) }, { AdamW($0, lr: 0.5, fused: true) },
      { SGD($0, lr: 0.5, momentum: 0.9, fused: true) },
    ]
    func train(_ gradients: [Double]) throws -> [[UInt8]] {
      let weight = try Tensor([1, 2] as [Float]).requiresGrad(true)
      let optimizer = make[index]([weight])
      let scaler = try GradScaler(device: .cpu, initScale: 4)
      for gradient in gradients {
        weight.grad = try Tensor.full([2], gradient)
        try scaler.step(optimizer, [weight])
        try scaler.update()
      }
      return try ([weight] + optimizer.stateDict().values).map { try $0.detach().bytes() }
    }
    // The first, left out, halves the scale of 4.
    #expect(try train([.infinity, 4, .nan]) == train([8]))
    #expect(try train([4]) != train([8]))
  }
}
