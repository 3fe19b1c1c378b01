import SwiftTorchLayers

// A random network in training: whole, interrupted and resumed, recorded, and by a loop of one's own.
extension NetworkTrial {
  private static let epochs = 2

  func trainings() throws {
    let whole = outcome { try end(try train()) }
    let plain = outcome { try weights(try train(withoutTape: false).model) }
    count("trained to its end")
    if case .error(let text) = whole, case .values = plain {
      return comparison.fail("the training fails without the tape and not with it: \(text)")
    }
    guard case .values = whole else { return }
    try expect(outcome { try interrupted() }, equals: whole, "interrupted and resumed", to: "uninterrupted")
    try expect(
      outcome { try end(try train(recorded: true)) }, equals: whole, "a recorded step (stand-in)",
      to: "an unrecorded one")
    try expect(outcome { try byHand() }, equals: plain, "the trainer on the tape", to: "a loop of one's own")
  }

  /// Three batches of the network's size, and one that is smaller.
  private func makeTrainer(withoutTape: Bool, recorded: Bool = false) throws -> Trainer {
    let model = try makeModel()
    let loader = try loader()
    let trainer = try Trainer(
      model, optimizer: Adam(model.parameters(), lr: 0.0078125, fused: true), loader: loader,
      withoutTape: withoutTape, cudaGraph: recorded)
    if recorded {
      let graph = RecordedOnCPU()
      graph.state = { [unowned trainer] in
        let sums = trainer.sums.state
        return Array(trainer.model.stateDict().values) + Array(trainer.optimizer.stateDict().values)
          + sums.values
      }
      trainer.makeGraph = { _ in graph }
    }
    return trainer
  }

  private func loader() throws -> DataLoader {
    let count = 3 * network.batch + (network.batch + 1) / 2
    try Torch.manualSeed(11)
    let images = try Tensor.randint(0, 256, [count] + network.inputShape).to(.uint8)
    let classes = (0..<RandomNetwork.classes).map { "\($0)" }
    let data = ImageDataset(
      images: images, labels: try Tensor.randint(0, RandomNetwork.classes, [count]), classes: classes)
    let channels = network.inputShape[0]
    return try DataLoader(
      data, batchSize: network.batch, shuffle: true,
      normalization: Normalization(
        mean: [Double](repeating: 0.5, count: channels), std: [Double](repeating: 0.25, count: channels)))
  }

  private func train(withoutTape: Bool = true, recorded: Bool = false) throws -> Trainer {
    let trainer = try makeTrainer(withoutTape: withoutTape, recorded: recorded)
    try Torch.manualSeed(12)
    try trainer.fit(epochs: Self.epochs)
    return trainer
  }

  private func end(_ trainer: Trainer) throws -> [(name: String, tensor: Tensor?)] {
    let losses = try Tensor(trainer.history.map(\.trainLoss))
    return try weights(trainer.model) + [("the losses", losses)]
  }

  private func weights(_ model: Module) throws -> [(name: String, tensor: Tensor?)] {
    try model.stateDict().map { ($0.key, try $0.value.detach().clone()) }
      + [("the random numbers after it", try Generator.default().state())]
  }

  /// Stopped after some batches and gone on with from the checkpoint, by objects that are all new.
  private func interrupted() throws -> [(name: String, tensor: Tensor?)] {
    let trainer = try makeTrainer(withoutTape: true)
    try Torch.manualSeed(12)
    var batches = Int(interruption % UInt64(Self.epochs * trainer.loader.count))
    _ = try trainer.fit(
      epochs: Self.epochs,
      shouldStop: {
        batches -= 1
        return batches < 0
      })
    let (tensors, metadata) = try trainer.checkpoint()
    let other = try makeTrainer(withoutTape: true)
    try Torch.manualSeed(99)
    try other.restore(tensors, metadata: metadata)
    try other.fit(epochs: Self.epochs)
    return try end(other)
  }

  private func byHand() throws -> [(name: String, tensor: Tensor?)] {
    let model = try makeModel()
    let loader = try loader()
    let optimizer = Adam(model.parameters(), lr: 0.0078125, fused: true)
    try Torch.manualSeed(12)
    for _ in 0..<Self.epochs {
      let epoch = try loader.epoch()
      while let batch = try epoch.next() {
        let loss = try crossEntropy(model(batch.images), batch.labels)
        try optimizer.zeroGrad(setToNone: true)
        try loss.backward()
        try optimizer.step()
      }
    }
    return try weights(model)
  }
}

/// Stands in for a CUDA graph on the CPU: `capture` keeps the work and leaves everything as it was, since a recording
/// runs nothing; `replay` does the work.
private final class RecordedOnCPU: StepGraph {
  /// What the work changes.
  var state: () throws -> [Tensor] = { [] }
  private var work: (() throws -> Void)?

  func warmUp(_ work: () throws -> Void) throws { try work() }

  func capture(_ work: @escaping () throws -> Void) throws {
    let tensors = try state()
    let saved = try noGrad { try tensors.map { try $0.detach().clone() } }
    let random = try Generator.default().state()
    try work()
    try noGrad { for (tensor, value) in zip(tensors, saved) { try tensor.copy_(value) } }
    try Generator.default().setState(random)
    self.work = work
  }

  func replay() throws { try work?() }
}
