import Foundation
import SwiftTorchLayers
import Testing

@Suite("Trainer", .serialized)
struct TrainerTests {
  private static func makeDataset() throws -> ImageDataset {
    ImageDataset(
      images: try Tensor((0..<60 * 16).map { UInt8($0 * 37 % 256) }, shape: [60, 1, 4, 4]),
      labels: try Tensor((0..<60).map { $0 % 3 }), classes: ["a", "b", "c"])
  }

  private static func makeTrainer(lr: Double = 1e-3, ownGenerator: Bool = false) throws -> (
    trainer: Trainer, validation: DataLoader
  ) {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(9)
    let dataset = try makeDataset()
    let normalization = try Normalization(of: dataset)
    let model = Sequential {
      Flatten()
      Linear(inFeatures: 16, outFeatures: 8)
      Dropout()
      Linear(inFeatures: 8, outFeatures: 3)
    }
    let loader = try DataLoader(
      dataset, batchSize: 20, shuffle: true, generator: ownGenerator ? Generator(seed: 4) : nil,
      normalization: normalization)
    let validation = try DataLoader(dataset, batchSize: 20, normalization: normalization)
    return (try Trainer(model, optimizer: Adam(model.parameters(), lr: lr), loader: loader), validation)
  }

  // An epoch asks before each of its 3 batches and at its end, then validation asks before each of its 3.
  @Test(
    "interrupted at any question, in training or validation, a restored run ends as if it had not been",
    arguments: 0..<14, [false, true])
  func interruption(_ question: Int, ownGenerator: Bool) throws {
    let (whole, validation) = try Self.makeTrainer(ownGenerator: ownGenerator)
    #expect(try whole.fit(epochs: 2, validation: validation) == .finished)

    let (stopped, _) = try Self.makeTrainer(ownGenerator: ownGenerator)
    var asked = 0
    let outcome = try stopped.fit(
      epochs: 2, validation: validation,
      shouldStop: {
        asked += 1
        return asked > question
      })
    #expect(outcome == .interrupted)
    let (tensors, metadata) = try stopped.checkpoint()

    let (resumed, _) = try Self.makeTrainer(ownGenerator: ownGenerator)
    try resumed.restore(tensors, metadata: metadata)
    #expect(try resumed.fit(epochs: 2, validation: validation) == .finished)
    for (key, tensor) in whole.model.stateDict() {
      #expect(try resumed.model.stateDict()[key]?.equal(tensor) == true, "\(key)")
    }
    func numbers(_ trainer: Trainer) -> [[Double?]] {
      trainer.history.map { [$0.trainLoss, $0.trainAccuracy, $0.validationLoss, $0.validationAccuracy] }
    }
    #expect(numbers(whole) == numbers(resumed))
  }

  private static let schedules = [
    "onecycle:warmup=0.4", "cosine", "step:size=1", "plateau:patience=0,threshold=0.9",
  ]

  private static func makeScheduled(_ text: String, _ optimizer: OptimizerName, epochs: Int) throws -> (
    trainer: Trainer, validation: DataLoader
  ) {
    let (made, validation) = try makeTrainer()
    var configuration = RunConfiguration()
    configuration.optimizer = optimizer
    configuration.momentum = optimizer.hasMomentum ? 0.8 : 0
    configuration.lr = 0.05
    configuration.epochs = epochs
    configuration.schedule = try RunSchedule(text)
    let optimizer = configuration.makeOptimizer(made.model.parameters())
    let schedule = try configuration.makeSchedule(optimizer, batches: made.loader.count)
    return (
      try Trainer(made.model, optimizer: optimizer, loader: made.loader, schedule: schedule), validation
    )
  }

  @Test(
    "with a schedule, too, a restored run has the learning rates and weights of one that was not interrupted",
    arguments: schedules, OptimizerName.allCases)
  func scheduledInterruption(_ schedule: String, _ optimizer: OptimizerName) throws {
    let (whole, validation) = try Self.makeScheduled(schedule, optimizer, epochs: 3)
    #expect(try whole.fit(epochs: 3, validation: validation) == .finished)
    // In the first epoch, in the second's validation, in the third epoch.
    for question in [1, 12, 15] {
      let (stopped, _) = try Self.makeScheduled(schedule, optimizer, epochs: 3)
      var asked = 0
      let outcome = try stopped.fit(
        epochs: 3, validation: validation,
        shouldStop: {
          asked += 1
          return asked > question
        })
      #expect(outcome == .interrupted)
      let (tensors, metadata) = try stopped.checkpoint()
      let (resumed, _) = try Self.makeScheduled(schedule, optimizer, epochs: 3)
      try resumed.restore(tensors, metadata: metadata)
      #expect(try resumed.fit(epochs: 3, validation: validation) == .finished)
      for (key, tensor) in whole.model.stateDict() {
        #expect(try resumed.model.stateDict()[key]?.equal(tensor) == true, "\(key)")
      }
      #expect(whole.history.map(\.learningRate) == resumed.history.map(\.learningRate))
    }
    let rates = whole.history.compactMap(\.learningRate)
    #expect(rates.count == 3 && Set(rates).count > 1, "\(rates)")
  }

  @Test("a schedule by epochs sets PyTorch's rates; onecycle takes a step for each batch, plateau the loss")
  func learningRates() throws {
    func rates(_ text: String, epochs: Int = 4) throws -> [Double?] {
      let (trainer, validation) = try Self.makeScheduled(text, .sgd, epochs: epochs)
      try trainer.fit(epochs: epochs, validation: validation)
      return trainer.history.map(\.learningRate)
    }
    #expect(try rates("constant") == [0.05, 0.05, 0.05, 0.05])
    #expect(try rates("multistep:milestones=1+3,gamma=0.5") == [0.05, 0.025, 0.025, 0.0125])
    #expect(try rates("exponential:gamma=0.5", epochs: 2) == [0.05, 0.025])
    #expect(try rates("cosine:min=0.01,length=2", epochs: 3) == [0.05, 0.03, 0.01])
    #expect(try rates("plateau:factor=0.5,patience=0,threshold=1") == [0.05, 0.025, 0.0125, 0.00625])
    let plain = SGD([try Tensor.zeros([1])], lr: 0.05, momentum: 0.8)
    let cycle = OneCycleLR(plain, maxLR: 0.05, totalSteps: 12)
    var expected: [Double?] = []
    for step in 1...12 {
      try cycle.step()
      if step % 3 == 0 { expected.append(plain.learningRates[0]) }
    }
    #expect(try rates("onecycle") == expected)
  }

  @Test("plateau goes by the validation loss, without validation by the training loss")
  func plateau() throws {
    try Torch.setNumThreads(1)
    // A class has its own bright pixels. In validation every image has the next class's label.
    let pixels = (0..<60).flatMap { image in (0..<12).map { UInt8($0 % 3 == image % 3 ? 255 : 0) } }
    func data(_ shift: Int) throws -> ImageDataset {
      ImageDataset(
        images: try Tensor(pixels, shape: [60, 1, 3, 4]),
        labels: try Tensor((0..<60).map { ($0 + shift) % 3 }), classes: ["a", "b", "c"])
    }
    func history(validated: Bool) throws -> [EpochMetrics] {
      try Torch.manualSeed(2)
      let model = Sequential {
        Flatten()
        Linear(inFeatures: 12, outFeatures: 3)
      }
      let normalization = Normalization(mean: [0.5], std: [0.5])
      let optimizer = SGD(model.parameters(), lr: 0.125)
      let trainer = try Trainer(
        model, optimizer: optimizer,
        loader: DataLoader(data(0), batchSize: 20, shuffle: true, normalization: normalization),
        schedule: ReduceLROnPlateau(optimizer, factor: 0.5, patience: 0, threshold: 0))
      try trainer.fit(
        epochs: 4,
        validation: validated ? DataLoader(data(1), batchSize: 20, normalization: normalization) : nil)
      return trainer.history
    }
    let (with, without) = (try history(validated: true), try history(validated: false))
    let losses = try with.map { try #require($0.validationLoss) }
    for (earlier, later) in zip(with, with.dropFirst()) { #expect(later.trainLoss < earlier.trainLoss) }
    #expect(losses == losses.sorted() && losses.first! < losses.last!, "\(losses)")
    // The first loss is the best so far; each later one is worse, which counts from the next epoch on.
    #expect(with.map(\.learningRate) == [0.125, 0.125, 0.0625, 0.03125])
    #expect(without.map(\.learningRate) == [0.125, 0.125, 0.125, 0.125])
  }

  @Test(
    "what is wrong with a schedule is said with the nearest word",
    arguments: [
      ("cosin", "did you mean cosine?"), ("", "there is no schedule ''"),
      ("step", "needs size: step:size=10"),
      ("step:sise=3", "did you mean size?"), ("step:size", "look like step:size=10,gamma=0.5, not 'size'"),
      ("step:size=3,size=3", "has size twice"), ("step:size=3+4", "a whole number from 1 to a million"),
      ("step:size=1e9", "a whole number"), ("step:size=2.5", "a whole number"),
      ("step:size=", "a whole number"),
      ("step:size=3,gamma=inf", "a number above 0"), ("multistep:milestones=3+", "a + between them"),
      ("multistep:milestones=-1", "a + between them"), ("constant:x=1", "has no settings"),
      ("linear:start=0", "above 0 and at most 1"), ("linear:end=1.5", "between 0 and 1"),
      ("onecycle:warmup=1", "neither of them"), ("polynomial:power=-1", "not negative"),
      ("exponential", "exponential:gamma=0.9"), ("plateau:patience=-1", "from 0 to a million"),
    ])
  func wrongSchedule(_ text: String, _ words: String) {
    #expect(message { try RunSchedule(text) }.contains(words), "\(message { try RunSchedule(text) })")
  }

  @Test("a cycle whose rise has no step is refused; a schedule is a word in JSON")
  func scheduleEdges() throws {
    let optimizer = SGD([try Tensor.zeros([1])], lr: 0.05)
    let cycle = try RunSchedule("onecycle:warmup=0.1")
    #expect(message { try cycle.make(optimizer, epochs: 2, batches: 5) }.contains("choose another warmup"))
    #expect(try cycle.make(optimizer, epochs: 3, batches: 5) is OneCycleLR)
    let text = try JSONEncoder.stable.encode(["schedule": cycle])
    #expect(String(decoding: text, as: UTF8.self).contains("\"onecycle:warmup=0.1\""))
    #expect(try JSONDecoder.stable.decode([String: RunSchedule].self, from: text)["schedule"] == cycle)
    #expect(try cycle.endsWithRun && !RunSchedule("cosine:length=9").endsWithRun)
  }

  @Test("a checkpoint without the schedule's state, or with that of another, is refused")
  func scheduleMisfit() throws {
    let (trainer, _) = try Self.makeScheduled("cosine", .adam, epochs: 2)
    let (other, _) = try Self.makeScheduled("plateau", .adam, epochs: 2)
    let (plain, _) = try Self.makeTrainer()
    for source in [other, plain] {
      let (tensors, metadata) = try source.checkpoint()
      #expect(message { try trainer.restore(tensors, metadata: metadata) }.contains("CosineAnnealingLR"))
    }
    var (tensors, metadata) = try trainer.checkpoint()
    tensors["schedule.last_epoch"] = try Tensor([Double.nan])
    #expect(message { try trainer.restore(tensors, metadata: metadata) }.contains("last_epoch"))
  }

  @Test("a checkpoint keeps its values while training goes on")
  func checkpointIsACopy() throws {
    let (trainer, _) = try Self.makeTrainer()
    try trainer.fit(epochs: 1)
    let (tensors, _) = try trainer.checkpoint()
    let before = try tensors.mapValues { try $0.bytes() }
    try trainer.fit(epochs: 2)
    for (key, tensor) in tensors { #expect(try tensor.bytes() == before[key], "\(key)") }
  }

  @Test("a loss that is not finite does not end the run: it is saved and restored as any other")
  func notFinite() throws {
    let (trainer, validation) = try Self.makeTrainer(lr: 1e30)
    #expect(try trainer.fit(epochs: 2, validation: validation) == .finished)
    let (tensors, metadata) = try trainer.checkpoint()
    let (resumed, _) = try Self.makeTrainer(lr: 1e30)
    try resumed.restore(tensors, metadata: metadata)
    #expect(resumed.history.count == 2 && resumed.history[1].trainLoss.isNaN)
    let infinite = [Double.infinity, -.infinity]
    let data = try JSONEncoder.stable.encode(infinite)
    #expect(try JSONDecoder.stable.decode([Double].self, from: data) == infinite)
  }

  @Test("the loss of an epoch is an image's mean, also of a sum; validation has the trainer's loss")
  func lossOfMetrics() throws {
    func losses(_ reduction: Reduction) throws -> (train: Double, validation: Double) {
      let (made, validation) = try Self.makeTrainer()
      let loss = CrossEntropyLoss(weight: try Tensor([3, 3, 3] as [Float]), reduction: reduction)
      let trainer = try Trainer(
        made.model, optimizer: SGD(made.model.parameters(), lr: 0), loader: made.loader, loss: loss)
      try trainer.fit(epochs: 1, validation: validation)
      return (trainer.history[0].trainLoss, try #require(trainer.history[0].validationLoss))
    }
    // A mean divides by the weights' sum, which takes the factor of 3 out again.
    let (mean, sum) = try (losses(.mean), losses(.sum))
    #expect(abs(sum.train / mean.train - 3) < 1e-4)
    #expect(abs(sum.validation / mean.validation - 3) < 1e-4)
  }

  @Test("an evaluation counts the images that it has seen and leaves each layer's training flag")
  func evaluation() throws {
    let dataset = try Self.makeDataset()
    let loader = try DataLoader(
      dataset, batchSize: 25, dropLast: true, normalization: Normalization(of: dataset))
    let model = Sequential([Flatten(), Dropout(), Linear(inFeatures: 16, outFeatures: 3)])
    model.modules[1].eval()
    let result = try evaluate(model, loader)
    #expect(result.count == 50 && result.predictions.count == 50)
    #expect(model.training && !model.modules[1].training && model.modules[2].training)
  }

  @Test("a loader normalises as its normalization does, bit for bit")
  func normalization() throws {
    let dataset = try Self.makeDataset()
    let normalization = try Normalization(of: dataset)
    let epoch = try DataLoader(dataset, batchSize: 60, normalization: normalization).epoch()
    #expect(try epoch.next()?.images.equal(normalization(dataset.images)) == true)
  }

  private static let devices: [Device] = [.cpu] + ((try? CUDA.isAvailable) == true ? [.cuda] : [])

  @Test(
    "an optimizer that loads its state goes on as if it had not stopped", arguments: devices, [false, true])
  func optimizerState(_ device: Device, fused: Bool) throws {
    func make() throws -> (Linear, Adam) {
      try Torch.manualSeed(1)
      let layer = try Linear(inFeatures: 3, outFeatures: 2).to(device)
      return (layer, Adam(layer.parameters(), amsgrad: true, fused: fused))
    }
    func step(_ layer: Linear, _ optimizer: Adam) throws {
      try optimizer.zeroGrad()
      try layer(Tensor.ones([4, 3]).to(device)).square().sum().backward()
      try optimizer.step()
    }
    let (whole, optimizer) = try make()
    try step(whole, optimizer)
    let (resumed, second) = try make()
    try resumed.loadStateDict(whole.stateDict())
    try second.loadStateDict(optimizer.stateDict())
    try step(whole, optimizer)
    try step(resumed, second)
    #expect(try resumed.weight.equal(whole.weight))
  }

  @Test("an optimizer state that does not fit is refused, and says why")
  func optimizerStateMisfit() throws {
    let layer = Linear(inFeatures: 3, outFeatures: 2)
    let sgd = SGD(layer.parameters(), momentum: 0.9)
    let adam = Adam(layer.parameters())
    try layer(Tensor.ones([4, 3])).sum().backward()
    try sgd.step()
    try adam.step()
    #expect(message { try adam.loadStateDict(sgd.stateDict()) } == "the optimizer state lacks state.0.step")
    #expect(message { try sgd.loadStateDict(adam.stateDict()) }.contains("lacks state.0.momentum_buffer"))
    var single = adam.stateDict()
    single["state.0.exp_avg"] = try Tensor([1 as Float])
    #expect(message { try adam.loadStateDict(single) }.contains("state.0.exp_avg is [1]"))
    try adam.step()
  }

  @Test("a scaler serves two optimizers of one batch with one scale, and adapts it once")
  func twoOptimizers() throws {
    let scaler = try GradScaler(device: .cpu, initScale: 1024, growthInterval: 1)
    let layers = (0..<2).map { _ in Linear(inFeatures: 1, outFeatures: 1, bias: false) }
    let optimizers = layers.map { SGD($0.parameters(), lr: 1) }
    let before = try layers.map { try $0.weight.item(as: Float.self) }
    #expect(message { try scaler.update() }.contains("needs a step"))
    let x = try Tensor.ones([1, 1])
    try scaler.scale(layers[0](x) + layers[1](x) * 2).sum().backward()
    for (layer, optimizer) in zip(layers, optimizers) { try scaler.step(optimizer, layer.parameters()) }
    #expect(message { try scaler.step(optimizers[0], []) }.contains("call update()"))
    try scaler.update()
    #expect(try layers[0].weight.item(as: Float.self) == before[0] - 1)
    #expect(try layers[1].weight.item(as: Float.self) == before[1] - 2)
    #expect(try scaler.scale(Tensor(1 as Float)).item(as: Float.self) == 2048)

    // One bad gradient keeps its own optimizer from its step, and halves the scale.
    layers[0].weight.grad = try Tensor.full([1, 1], Double.infinity)
    layers[1].weight.grad = try Tensor.zeros([1, 1])
    for (layer, optimizer) in zip(layers, optimizers) { try scaler.step(optimizer, layer.parameters()) }
    try scaler.update()
    #expect(try layers[0].weight.item(as: Float.self) == before[0] - 1)
    #expect(try scaler.scale(Tensor(1 as Float)).item(as: Float.self) == 1024)
  }

  @Test("a place in the epoch that is outside the data is refused", arguments: ["-1", "4", "\(Int.min)"])
  func place(_ batch: String) throws {
    let (trainer, _) = try Self.makeTrainer()
    let (tensors, metadata) = try trainer.checkpoint()
    let text = try #require(metadata["position"]).replacing("\"batch\" : 0", with: "\"batch\" : \(batch)")
    #expect(message { try trainer.restore(tensors, metadata: ["position": text]) }.contains("place in the"))
  }

  @Test("a damaged state of the scaler is refused")
  func scalerState() throws {
    let (made, _) = try Self.makeTrainer()
    let trainer = try Trainer(
      made.model, optimizer: made.optimizer, loader: made.loader, precision: .fp16)
    var (tensors, metadata) = try trainer.checkpoint()
    tensors["scaler.scale"] = try Tensor([1024, 1e300])
    #expect(message { try trainer.restore(tensors, metadata: metadata) }.contains("the scaler's state"))
  }

  @Test("an autocast inside another gives the outer one its type back, for weights that both use too")
  func nestedAutocast() throws {
    let layer = Linear(inFeatures: 2, outFeatures: 2)
    let x = try Tensor.ones([2, 2])
    let type = { try layer(x).dtype }
    let types = try autocast(.cpu, dtype: .bfloat16) {
      [
        try type(), try autocast(.cpu, dtype: .float16, type), try type(),
        try autocast(.cpu, dtype: .float16, enabled: false, type), try type(),
      ]
    }
    #expect(types == [.bfloat16, .float16, .bfloat16, .float32, .bfloat16])
    #expect(try layer(x).dtype == .float32)
  }

  @Test(
    "a model for absurd sizes is refused",
    arguments: [[1 << 40, 1 << 40, 1 << 40], [1, Int.max, Int.max], [65536, 65536, 65536]])
  func absurdSizes(_ shape: [Int]) throws {
    for model in Models.allCases {
      #expect(message { try model.make(inputShape: shape, classes: 10) }.contains("too large"))
    }
    #expect(message { try Models.mlp.make(inputShape: [1, 28, 28], classes: .max) }.contains("too large"))
  }
}
