/// The precision that a model computes in. Weights stay float32.
public enum Precision: String, Codable, CaseIterable, Sendable {
  case float32
  /// bfloat16 where autocast thinks it safe.
  case bf16
  /// float16 where autocast thinks it safe, with a scaled loss.
  case fp16

  /// The type that autocast uses; nil for none.
  var autocastType: DType? {
    switch self {
    case .float32: nil
    case .bf16: .bfloat16
    case .fp16: .float16
    }
  }
}

/// The optimizers that a run can use by name.
public enum OptimizerName: String, Codable, CaseIterable, Sendable {
  case sgd
  case adam
  case adamw
  case rmsprop
  case adagrad
  case adadelta
  case adamax
  case nadam
  case radam

  /// The learning rate of a run that gives none. That of Adadelta is a factor of steps that find their own size.
  public var lr: Double { self == .adadelta ? 1 : 3e-3 }

  /// Whether `momentum` is a setting of its own.
  public var hasMomentum: Bool { self == .sgd || self == .rmsprop }
}

/// Whether training steps on a CUDA device are recorded as a CUDA graph and repeated.
public enum CUDAGraphUse: String, Codable, CaseIterable, Sendable {
  /// Where the step can be recorded, and not in the exact mode.
  case auto
  case off
}

/// Everything that determines a run: what `config.json` in its folder holds.
public struct RunConfiguration: Codable, Equatable, Sendable {
  /// A network's name, or the path of a YAML file.
  public var model = Models.cnn.rawValue
  /// The texts of that file and of those that it includes.
  public var architecture: [Architecture.File]?
  public var data = NamedDataset.fashionMNIST.rawValue
  /// The folder of the data files; nil for the usual places.
  public var dataDir: String?
  public var epochs = 2
  public var batchSize = 100
  public var optimizer = OptimizerName.adam
  public var lr = 3e-3
  public var momentum = 0.0
  public var weightDecay = 0.0
  /// How the learning rate changes; nil for a constant one.
  public var schedule: RunSchedule?
  public var seed: UInt64 = 0
  /// Threads of one operator.
  public var threads = 1
  public var device = "cpu"
  public var precision = Precision.float32
  /// `reference` when the from-scratch implementation trains; nil for libtorch.
  public var backend: String?
  /// Python PyTorch's default path: on the CPU its bits, on CUDA its settings. Off, faster kernels are used.
  public var exact = false
  /// The same bits every time on the same device, also when the run goes on after an interruption; nil for false.
  public var deterministic: Bool?
  /// How the run differs from Python PyTorch's default path, for the reader of the file.
  public var fast: [String] = []
  /// Whether the step is recorded as a CUDA graph where that is possible; nil for auto.
  public var cudaGraph: CUDAGraphUse?
  /// How training images are varied; nil for not at all.
  public var augment: Augmentation?
  /// Use only this many of the data set's training images.
  public var limit: Int?
  /// This share of those images is not trained on but evaluated after each epoch.
  public var validationSplit = 0.0
  /// How both are chosen; nil in older runs.
  public var imageChoice: ImageChoice?
  /// How many images of each class were chosen.
  public var keptImages: KeptImages.Counts?
  /// `[channels, height, width]`.
  public var inputShape: [Int] = []
  public var classes: [String] = []
  public var normalization: Normalization?
  /// Version and build of libtorch, for example `2.13.0-cpu`.
  public var libtorch = ""

  public init() {}

  /// The model's name, for a folder: that of a file without its folder and ending.
  public var modelName: String {
    guard architecture != nil else { return model }
    let file = model.split(separator: "/").last ?? ""
    return String(file.prefix { $0 != "." })
  }

  /// A model as the configuration says, with fresh weights.
  public func makeModel() throws -> Module {
    if let architecture {
      return try Architecture(files: architecture).make(inputShape: inputShape, classes: classes.count)
    }
    guard let known = Models(rawValue: model) else {
      throw TorchError("there is no model \(model)", kind: .notFound)
    }
    return try known.make(inputShape: inputShape, classes: classes.count)
  }

  /// The optimizer as the configuration says, with PyTorch's defaults for what it does not say.
  public func makeOptimizer(_ parameters: [Tensor]) -> any AnyOptimizer {
    switch optimizer {
    case .sgd: SGD(parameters, lr: lr, momentum: momentum, weightDecay: weightDecay, fused: !exact)
    case .adam: Adam(parameters, lr: lr, weightDecay: weightDecay, fused: !exact)
    case .adamw: AdamW(parameters, lr: lr, weightDecay: weightDecay, fused: !exact)
    case .rmsprop: RMSprop(parameters, lr: lr, weightDecay: weightDecay, momentum: momentum)
    case .adagrad: Adagrad(parameters, lr: lr, weightDecay: weightDecay)
    case .adadelta: Adadelta(parameters, lr: lr, weightDecay: weightDecay)
    case .adamax: Adamax(parameters, lr: lr, weightDecay: weightDecay)
    case .nadam: NAdam(parameters, lr: lr, weightDecay: weightDecay)
    case .radam: RAdam(parameters, lr: lr, weightDecay: weightDecay)
    }
  }

  /// The images that the run trains on and validates with; `keptImages` then has their numbers.
  public mutating func chooseImages(labels: [Int]) throws -> KeptImages {
    let kept = try KeptImages(
      labels: labels, classes: classes.count, limit: limit, validationSplit: validationSplit, seed: seed,
      choice: imageChoice)
    keptImages = kept.counts
    return kept
  }

  /// What was kept of the training images, a sentence a line; empty where all of them are trained on.
  public var keptSentences: [String] {
    guard limit != nil || validationSplit > 0, let keptImages else { return [] }
    return keptImages.sentences(classes: classes)
  }

  /// The schedule of its learning rate as the configuration says.
  /// - Parameter batches: the batches of an epoch.
  public func makeSchedule(_ optimizer: any AnyOptimizer, batches: Int) throws -> LRScheduler? {
    try schedule?.make(optimizer, epochs: epochs, batches: batches)
  }

  /// Checks what can be checked without data.
  /// - Throws: `TorchError` naming the setting, its value and what it may be.
  public func validate() throws {
    func require(_ condition: Bool, _ text: String) throws {
      if !condition { throw TorchError(text) }
    }
    try require((1...1_000_000).contains(epochs), "the number of epochs must be 1 or more, not \(epochs)")
    try require(batchSize > 0, "the batch size must be positive, not \(batchSize)")
    try require(lr > 0 && lr.isFinite, "the learning rate must be positive, not \(lr)")
    try require((0..<1).contains(momentum), "the momentum must be at least 0 and below 1, not \(momentum)")
    try require(
      weightDecay >= 0 && weightDecay.isFinite, "the weight decay must not be negative: \(weightDecay)")
    try require(limit.map { $0 > 0 } ?? true, "the limit must be positive, not \(limit ?? 0)")
    try require(
      (0..<1).contains(validationSplit),
      "the validation split must be at least 0 and below 1, not \(validationSplit)")
    try require((1...4096).contains(threads), "the number of threads must be 1 or more, not \(threads)")
    try require(
      Models(rawValue: model) != nil || architecture != nil, "there is no model \(model)")
    try require(Device(device) != nil, "there is no device \(device)")
  }
}
