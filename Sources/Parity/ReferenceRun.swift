import Formats
import Reference
import SwiftTorchLayers

/// A training run by the reference alone: no libtorch. From the same seed it starts from the same weights as
/// libtorch on a CPU, takes the images in the same order and drops the same activations.
public final class ReferenceRun {
  public let folder: RunFolder
  public let configuration: RunConfiguration
  public private(set) var history: [EpochMetrics] = []
  /// The loss of each step.
  public private(set) var losses: [Double] = []
  private let network: Module
  /// Has no parameters: the schedule sets its learning rate, and momentum, for the formula.
  private let rates: any AnyOptimizer
  private let schedule: LRScheduler?
  private var classifier: Classifier<Float>
  private var generator: MersenneTwister
  private let training: RawImages
  /// The images that are trained on, by their numbers.
  private let kept: [Int]
  private var count: Int { kept.count }
  /// How many numbers an image has before each layer.
  private let sizes: [Int]

  /// - Throws: `TorchError` for a network with a layer the reference has no counterpart of.
  public init(_ given: RunConfiguration, output: String?) throws {
    var configuration = given
    configuration.backend = "reference"
    configuration.exact = true
    try configuration.validate()
    Gemm.setNumThreads(configuration.threads)
    guard let named = NamedDataset(rawValue: configuration.data) else {
      throw TorchError("there is no data set \(configuration.data)", kind: .notFound)
    }
    training = try named.loadRaw(.train, folder: configuration.dataDir)
    configuration.inputShape = training.imageShape
    configuration.classes = training.classes
    configuration.imageChoice = .byClass
    kept = try configuration.chooseImages(labels: training.labels.map(Int.init)).training
    configuration.normalization = configuration.normalization ?? Normalization(of: training)
    guard configuration.batchSize <= kept.count else {
      throw TorchError(
        "the batch size \(configuration.batchSize) is larger than the training set of \(kept.count) images")
    }
    network = try configuration.makeModel()
    var generator = MersenneTwister(seed: configuration.seed)
    let parameters = try ReferenceNetwork.layers(network).flatMap { try firstWeights($0, &generator) }
    self.generator = generator
    rates = configuration.makeOptimizer([])
    let batches = (kept.count + configuration.batchSize - 1) / configuration.batchSize
    schedule = try configuration.makeSchedule(rates, batches: batches)
    classifier = Classifier(parameters: parameters, optimizer: configuration.formula(rates))
    // One black image shows the sizes on the way.
    let plan = try ReferenceNetwork.make(network) { _, _ in nil }
    var (value, rest, sizes) = (
      NDArray<Float>(shape: [1] + configuration.inputShape), parameters[...], [Int]()
    )
    for (layer, count) in zip(plan.layers, plan.parameterCounts) {
      sizes.append(value.count)
      value = layer.evaluate(value, Array(rest.prefix(count))).output
      rest = rest.dropFirst(count)
    }
    self.sizes = sizes
    self.configuration = configuration
    folder = try RunFolder(new: output, name: "\(configuration.modelName)-\(configuration.data)-reference")
    do {
      try folder.write(configuration)
    } catch {
      folder.discard()
      throw error
    }
  }

  /// Trains all epochs, or until `shouldStop`; then the folder has the weights so far. A training that fails leaves no
  /// folder.
  /// - Returns: whether all epochs were trained.
  public func train(
    observe: (TrainingProgress) throws -> Void, epochEnded: (EpochMetrics) throws -> Void,
    shouldStop: () -> Bool
  ) throws -> Bool {
    do {
      return try trainEpochs(observe: observe, epochEnded: epochEnded, shouldStop: shouldStop)
    } catch {
      folder.discard()
      throw error
    }
  }

  private func trainEpochs(
    observe: (TrainingProgress) throws -> Void, epochEnded: (EpochMetrics) throws -> Void,
    shouldStop: () -> Bool
  ) throws -> Bool {
    let clock = ContinuousClock()
    let begin = clock.now
    let batchSize = configuration.batchSize
    var images = 0
    for epoch in 1...configuration.epochs {
      let epochBegin = clock.now
      // As PyTorch's loader: a seed for worker processes, then one for a generator of the order's own.
      _ = generator.doubleWord()
      var shuffler = MersenneTwister(seed: generator.doubleWord() & (1 << 63 - 1))
      let order = shuffler.permutation(count)
      var (sum, right, done) = (0.0, 0, 0)
      for (batch, start) in stride(from: 0, to: count, by: batchSize).enumerated() {
        if shouldStop() {
          try save()
          return false
        }
        let indices = order[start..<min(start + batchSize, count)].map { kept[$0] }
        let targets = indices.map { Int(training.labels[$0]) }
        let step = classifier.step(
          try plan(batch: indices.count), self.images(indices[...], of: training), targets)
        if let cycle = schedule as? OneCycleLR { try cycle.step() }
        classifier.optimizer = configuration.formula(rates)
        losses.append(step.loss)
        sum += step.loss * Double(indices.count)
        right += zip(step.classes, targets).count { $0 == $1 }
        done += indices.count
        images += indices.count
        let metrics = (loss: sum / Double(done), accuracy: Double(right) / Double(done))
        try observe(
          TrainingProgress(
            epoch: epoch, epochs: configuration.epochs, batch: batch + 1,
            batches: (count + batchSize - 1) / batchSize, imagesPerEpoch: count, images: images,
            seconds: (clock.now - begin) / .seconds(1), metrics: { metrics }))
      }
      let seconds = (clock.now - epochBegin) / .seconds(1)
      let metrics = EpochMetrics(
        epoch: epoch, trainLoss: sum / Double(count), trainAccuracy: Double(right) / Double(count),
        seconds: seconds, imagesPerSecond: Double(count) / seconds,
        learningRate: rates.learningRates.first)
      history.append(metrics)
      switch schedule {
      case nil, is OneCycleLR: break
      case let plateau as ReduceLROnPlateau: try plateau.step(metrics.trainLoss)
      case let schedule?: try schedule.step()
      }
      classifier.optimizer = configuration.formula(rates)
      try folder.write(history)
      try epochEnded(metrics)
    }
    try save()
    return true
  }

  /// Accuracy and loss on the test images.
  public func evaluateTest(shouldStop: () -> Bool) throws -> (accuracy: Double, loss: Double, count: Int) {
    let test = try NamedDataset(rawValue: configuration.data)!.loadRaw(.test, folder: configuration.dataDir)
    let plan = try ReferenceNetwork.make(network) { _, _ in nil }
    var (sum, right) = (0.0, 0)
    for start in stride(from: 0, to: test.count, by: 100) {
      if shouldStop() { throw CancellationError() }
      let indices = Array(start..<min(start + 100, test.count))
      let targets = indices.map { Int(test.labels[$0]) }
      let result = classifier.evaluate(plan, images(indices[...], of: test), targets)
      sum += result.loss * Double(indices.count)
      right += zip(result.classes, targets).count { $0 == $1 }
    }
    return (Double(right) / Double(test.count), sum / Double(test.count), test.count)
  }

  /// The network with this step's dropout masks.
  private func plan(batch: Int) throws -> Reference.Sequential {
    try ReferenceNetwork.make(network) { dropout, place in
      (0..<batch * sizes[place]).map { _ in generator.bernoulli(1 - dropout.p) }
    }
  }

  /// Images as the network gets them: `(x / 255 − mean) / std`.
  private func images(_ indices: ArraySlice<Int>, of raw: RawImages) -> NDArray<Float> {
    let area = raw.imageShape[1] * raw.imageShape[2]
    let size = raw.imageShape[0] * area
    let mean = configuration.normalization!.mean.map(Float.init)
    let std = configuration.normalization!.std.map(Float.init)
    var values: [Float] = []
    values.reserveCapacity(indices.count * size)
    for index in indices {
      for place in 0..<size {
        let pixel = Float(raw.pixels[index * size + place]) / 255
        values.append((pixel - mean[place / area]) / std[place / area])
      }
    }
    return NDArray(values, shape: [indices.count] + raw.imageShape)
  }

  private func save() throws {
    let names = network.namedParameters().map(\.name)
    let entries = zip(names, classifier.parameters).map { name, parameter in
      Safetensors.Entry(
        name: name, dtype: .float32, shape: parameter.shape,
        bytes: parameter.values.withUnsafeBytes(Array.init))
    }
    try Safetensors(entries: entries, metadata: ["format": "pt", "model": configuration.model])
      .write(to: folder.model)
  }
}

/// The weights that a layer starts from, as PyTorch draws them.
private func firstWeights(_ module: Module, _ generator: inout MersenneTwister) throws -> [NDArray<Float>] {
  func uniform(_ shapes: [[Int]], fanIn: Int) -> [NDArray<Float>] {
    shapes.map {
      NDArray(
        Initialization.uniform(count: $0.reduce(1, *), fanIn: fanIn, &generator), shape: $0)
    }
  }
  switch module {
  case let conv as ConvNd:
    let shape = [conv.outChannels, conv.inChannels / conv.groups] + conv.kernelSize
    let shapes = [shape] + (conv.bias == nil ? [] : [[conv.outChannels]])
    return uniform(shapes, fanIn: shape.dropFirst().reduce(1, *))
  case let linear as SwiftTorchLayers.Linear:
    let shapes =
      [[linear.outFeatures, linear.inFeatures]] + (linear.bias == nil ? [] : [[linear.outFeatures]])
    return uniform(shapes, fanIn: linear.inFeatures)
  default:
    guard module.parameters().isEmpty else {
      throw TorchError("the reference does not know how \(module) starts")
    }
    return []
  }
}

extension RunConfiguration {
  /// The formula of an optimizer with the learning rate, and momentum, that it has now.
  fileprivate func formula(_ rates: any AnyOptimizer) -> any OptimizerFormula {
    let lr = rates.learningRates.first ?? lr
    let momentum = rates.momentums?.first ?? 0
    return switch optimizer {
    case .sgd: Reference.SGD(lr: lr, momentum: momentum, weightDecay: weightDecay)
    case .adam: Reference.Adam(lr: lr, betas: (momentum, 0.999), weightDecay: weightDecay)
    case .adamw:
      Reference.Adam(lr: lr, betas: (momentum, 0.999), weightDecay: weightDecay, decoupled: true)
    case .rmsprop: Reference.RMSprop(lr: lr, weightDecay: weightDecay, momentum: momentum)
    case .adagrad: Reference.Adagrad(lr: lr, weightDecay: weightDecay)
    case .adadelta: Reference.Adadelta(lr: lr, weightDecay: weightDecay)
    case .adamax: Reference.Adamax(lr: lr, betas: (momentum, 0.999), weightDecay: weightDecay)
    case .nadam: Reference.NAdam(lr: lr, betas: (momentum, 0.999), weightDecay: weightDecay)
    case .radam: Reference.RAdam(lr: lr, betas: (momentum, 0.999), weightDecay: weightDecay)
    }
  }
}

/// What libtorch makes of the same configuration.
public struct LibtorchRun: Sendable {
  /// The loss of each step.
  public let losses: [Double]
  public let seconds: Double
  public let accuracy: Double
  public let loss: Double

  /// Trains with libtorch, exactly as Python would, and evaluates.
  public init(_ given: RunConfiguration, shouldStop: () -> Bool) throws {
    var configuration = given
    configuration.exact = true
    try Torch.setNumThreads(configuration.threads)
    let dataset = try NamedDataset(rawValue: configuration.data)!.load(.train, folder: configuration.dataDir)
    let kept = try configuration.chooseImages(labels: dataset.labels.scalars(as: Int.self)).training
    try Torch.manualSeed(configuration.seed)
    let model = try configuration.makeModel()
    let recorder = LossRecorder()
    let optimizer = configuration.makeOptimizer(model.parameters())
    let loader = try DataLoader(
      dataset.selecting(kept), batchSize: configuration.batchSize, shuffle: true,
      normalization: configuration.normalization!)
    let trainer = try Trainer(
      model, optimizer: optimizer, loader: loader, loss: recorder,
      schedule: try configuration.makeSchedule(optimizer, batches: loader.count))
    let clock = ContinuousClock()
    let begin = clock.now
    guard try trainer.fit(epochs: configuration.epochs, shouldStop: shouldStop) == .finished else {
      throw CancellationError()
    }
    seconds = (clock.now - begin) / .seconds(1)
    losses = try stack(recorder.losses).to(.float64).scalars(as: Double.self)
    let test = try evaluate(model, configuration.testLoader(device: .cpu), shouldStop: shouldStop)
    (accuracy, loss) = (test.accuracy, test.loss)
  }
}

/// Cross-entropy that remembers its values.
final class LossRecorder: Loss {
  private(set) var losses: [Tensor] = []

  func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
    let loss = try crossEntropy(input, target)
    losses.append(try loss.detach())
    return loss
  }
}
