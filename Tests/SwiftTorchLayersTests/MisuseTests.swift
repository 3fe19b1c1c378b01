import SwiftTorchLayers
import Testing

@Suite("Arguments that do not fit: a sentence at the first use, and no trap")
struct MisuseTests {
  static let modules: [(@Sendable () -> Module, String)] = [
    (
      { Conv2d(inChannels: 3, outChannels: 8, kernelSize: 3, groups: 2) },
      "inChannels (3) and outChannels (8) must be divisible by groups (2)"
    ),
    (
      { Conv2d(inChannels: 3, outChannels: 8, kernelSize: 3, groups: 0) },
      "inChannels (3) and outChannels (8) must be divisible by groups (0)"
    ),
    (
      { Conv2d(inChannels: 3, outChannels: 8, kernelSize: 3, stride: 2, padding: .same) },
      "padding .same needs stride 1; stride is [2, 2]"
    ),
    (
      { Conv2d(inChannels: 3, outChannels: 8, kernelSize: [3, 3, 3]) },
      "kernelSize must be one number or 2, not [3, 3, 3]"
    ),
    (
      { Conv2d(inChannels: 3, outChannels: 8, kernelSize: 3, stride: [Int]()) },
      "stride must be one number or 2, not []"
    ),
    (
      { Conv2d(inChannels: 3, outChannels: 8, kernelSize: 3, padding: [1]) },
      "padding must be one number or 2, not [1]"
    ),
    (
      { ConvTranspose1d(inChannels: 4, outChannels: 4, kernelSize: 3, outputPadding: [1, 1]) },
      "outputPadding must be one number or 1, not [1, 1]"
    ),
    (
      { ConvTranspose2d(inChannels: 4, outChannels: 3, kernelSize: 3, groups: -2) },
      "inChannels (4) and outChannels (3) must be divisible by groups (-2)"
    ),
    ({ MaxPool2d(kernelSize: [2]) }, "kernelSize must be one number or 2, not [2]"),
    ({ MaxPool3d(kernelSize: 2, dilation: [1, 1]) }, "dilation must be one number or 3, not [1, 1]"),
    ({ AvgPool1d(kernelSize: 2, padding: [0, 0]) }, "padding must be one number or 1, not [0, 0]"),
    ({ LPPool2d(normType: 2, kernelSize: [2, 2, 2]) }, "kernelSize must be one number or 2, not [2, 2, 2]"),
    ({ NMaxPool2d(kernelSize: [2, 2, 2], n: 1) }, "kernelSize must be one number or 2, not [2, 2, 2]"),
    ({ AdaptiveAvgPool2d(outputSize: [1]) }, "outputSize must be 2 numbers, not 1"),
    (
      { FractionalMaxPool2d(kernelSize: 2, outputRatio: [0.5, 1.5]) },
      "outputRatio must be between 0 and 1, not [0.5, 1.5]"
    ),
    (
      { FractionalMaxPool2d(kernelSize: 2, outputRatio: [0.5]) },
      "outputRatio must be one number or 2, not [0.5]"
    ),
    ({ FractionalMaxPool2d(kernelSize: 2, outputSize: [3]) }, "outputSize must be one number or 2, not [3]"),
    ({ ZeroPad2d(padding: [1, 1]) }, "padding must be one number or 4, not [1, 1]"),
    ({ MeanPad1d(padding: [1, 1, 1]) }, "padding must be one number or 2, not [1, 1, 1]"),
    ({ Unfold(kernelSize: [2]) }, "kernelSize must be one number or 2, not [2]"),
    ({ Fold(outputSize: [2], kernelSize: 2) }, "outputSize must be one number or 2, not [2]"),
    ({ Dropout(p: 1.5) }, "dropout probability must be between 0 and 1, not 1.5"),
    ({ Dropout2d(p: .nan) }, "dropout probability must be between 0 and 1, not nan"),
    ({ GroupNorm(numGroups: 0, numChannels: 4) }, "numChannels (4) must be divisible by numGroups (0)"),
    ({ LocalResponseNorm(size: 0) }, "size must be above 0, not 0"),
    ({ RReLU(lower: 1, upper: 0) }, "lower (1.0) must not be above upper (0.0)"),
    ({ Hardtanh(minVal: 1, maxVal: 1) }, "minVal (1.0) must be below maxVal (1.0)"),
    (
      { Embedding(numEmbeddings: 3, embeddingDim: 2, paddingIdx: 3) },
      "paddingIdx (3) must be within numEmbeddings (3)"
    ),
    ({ Parallel {} }, "Parallel needs a branch"),
    (
      { Sequential(["a.b": ReLU()]) },
      "the names of modules must differ, and neither be empty nor contain a dot: [\"a.b\"]"
    ),
    (
      { Sequential(["a": ReLU(), "a": ReLU()]) },
      "the names of modules must differ, and neither be empty nor contain a dot: [\"a\", \"a\"]"
    ),
  ]

  @Test(
    "a layer keeps what is wrong, and every way to use it says it, with the layer's place",
    arguments: modules.indices)
  func layers(index: Int) throws {
    let (make, sentence) = Self.modules[index]
    let module = make()
    #expect(!module.description.isEmpty)
    _ = (module.parameters(), module.stateDict())
    let x = try Tensor.ones([2, 4, 4, 4])
    func expect(_ use: (Module) throws -> Void, sourceLocation: SourceLocation = #_sourceLocation) throws {
      let error = try #require(throws: TorchError.self, sourceLocation: sourceLocation) { try use(make()) }
      #expect(error.message == sentence, sourceLocation: sourceLocation)
      let inside = try #require(throws: TorchError.self, sourceLocation: sourceLocation) {
        try use(Sequential([Identity(), make()]))
      }
      #expect(inside.message == sentence && inside.path == ["1"], sourceLocation: sourceLocation)
    }
    try expect { _ = try $0(x) }
    try expect { try $0.loadStateDict([:], strict: false) }
    try expect { _ = try StepPlan($0) }
    try expect { _ = try FrozenModel($0, example: x) }
    try expect { _ = try ScriptModule($0, example: x) }
    try expect { _ = try summarize($0, inputShape: [4, 4, 4]) }
  }

  @Test("nonsense numbers without a rule of their own are libtorch's sentence")
  func numbers() throws {
    let x = try Tensor.ones([2, 4, 4, 4])
    for make in [
      { Conv2d(inChannels: -4, outChannels: 4, kernelSize: 3) },
      { Conv2d(inChannels: 4, outChannels: 4, kernelSize: 0) },
      { Conv2d(inChannels: 4, outChannels: 4, kernelSize: Int.max) },
      { Conv2d(inChannels: 4, outChannels: 4, kernelSize: 3, stride: 0) },
      { Conv2d(inChannels: 4, outChannels: 4, kernelSize: 3, padding: -1) }, { MaxPool2d(kernelSize: 0) },
      { MaxPool2d(kernelSize: 2, stride: -1) }, { Linear(inFeatures: -1, outFeatures: 2) },
      { BatchNorm2d(numFeatures: -1) },
    ] as [() -> Module] {
      let module = make()
      _ = module.description
      #expect(throws: TorchError.self) { try module(x) }
    }
  }

  @Test(
    "an optimizer's settings that are out of range are an error at the step, also when they are set later")
  func optimizers() throws {
    func parameter() throws -> [Tensor] { [try Tensor.ones([1]).requiresGrad(true)] }
    let wrong: [(any AnyOptimizer, String)] = [
      (SGD(try parameter(), lr: -1), "lr, momentum and weightDecay must not be negative"),
      (SGD(try parameter(), lr: 1, nesterov: true), "nesterov needs momentum above 0 and dampening 0"),
      (Adam(try parameter(), betas: (1, 0.9)), "betas must be in 0..<1"),
      (AdamW(try parameter(), lr: .nan), "lr, eps and weightDecay must not be negative"),
      (Adamax(try parameter(), eps: -1), "lr, eps and weightDecay must not be negative"),
      (NAdam(try parameter(), momentumDecay: -1), "momentumDecay must not be negative"),
      (RAdam(try parameter(), betas: (0, 2)), "betas must be in 0..<1"),
      (RMSprop(try parameter(), alpha: -1), "alpha and weightDecay must not be negative"),
      (Adagrad(try parameter(), lrDecay: -1), "lr, lrDecay and eps must not be negative"),
      (Adadelta(try parameter(), rho: 2), "rho must be between 0 and 1, not 2.0"),
    ]
    for (optimizer, sentence) in wrong {
      #expect(try #require(throws: TorchError.self) { try optimizer.step() }.message == sentence)
    }
    let lbfgs = LBFGS(try parameter(), maxIter: 0)
    let error = try #require(throws: TorchError.self) { try lbfgs.step { try Tensor(0) } }
    #expect(error.message == "maxIter and historySize must be positive")
    let later = SGD(try parameter(), lr: 1)
    try later.step()
    later.learningRates = [-1]
    #expect(throws: TorchError.self) { try later.step() }
  }

  @Test("a schedule's arguments that do not fit are an error at the step, and leave the optimizer as it is")
  func schedules() throws {
    let parameter = try Tensor.ones([1]).requiresGrad(true)
    func optimizer() -> SGD { SGD([parameter], lr: 0.5) }
    func expect(
      _ schedule: LRScheduler, _ sentence: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let error = try #require(throws: TorchError.self, sourceLocation: sourceLocation) {
        try schedule.step()
      }
      #expect(error.message == "\(type(of: schedule)): \(sentence)", sourceLocation: sourceLocation)
      #expect(schedule.optimizer.learningRates.allSatisfy { $0 == 0.5 }, sourceLocation: sourceLocation)
    }
    try expect(StepLR(optimizer(), stepSize: 0), "stepSize must be positive, not 0")
    try expect(ConstantLR(optimizer(), factor: 2), "factor must be between 0 and 1, not 2.0")
    try expect(LinearLR(optimizer(), startFactor: 0), "startFactor must be in 0<…1, not 0.0")
    try expect(LinearLR(optimizer(), endFactor: 2), "endFactor must be between 0 and 1, not 2.0")
    try expect(PolynomialLR(optimizer(), power: -1), "power must not be negative: -1.0")
    try expect(CosineAnnealingLR(optimizer(), tMax: 0), "tMax must be positive, not 0")
    try expect(CosineAnnealingWarmRestarts(optimizer(), t0: 0), "t0 must be positive, not 0")
    try expect(CosineAnnealingWarmRestarts(optimizer(), t0: 1, tMult: 0), "tMult must be 1 or more, not 0")
    try expect(
      LambdaLR(optimizer(), lrLambda: []), "functions must be one for each of the optimizer's 1 groups, not 0"
    )
    try expect(
      MultiplicativeLR(optimizer(), lrLambda: []),
      "functions must be one for each of the optimizer's 1 groups, not 0")
    try expect(
      OneCycleLR(optimizer(), maxLR: 1, epochs: .max, stepsPerEpoch: 2),
      "totalSteps must be positive, or epochs and stepsPerEpoch")
    try expect(
      OneCycleLR(optimizer(), maxLR: 1, totalSteps: 9, pctStart: 2),
      "pctStart must be between 0 and 1, not 2.0")
    try expect(
      OneCycleLR(optimizer(), maxLR: 1, totalSteps: 9, divFactor: 0),
      "divFactor and finalDivFactor must not be 0")
    try expect(
      OneCycleLR(optimizer(), maxLR: [1.0, 1.0], totalSteps: 9),
      "maxLR must be one for each of the optimizer's 1 groups, not 2")
    let adagrad = Adagrad([parameter], lr: 0.5)
    try expect(OneCycleLR(adagrad, maxLR: 1, totalSteps: 9), "cycleMomentum needs an optimizer with momentum")
    try expect(
      StepLR(optimizer(), stepSize: 1, lastEpoch: 3),
      "scheduleMemory needs an initial_lr for each group when lastEpoch ≥ 0")
    try expect(ChainedScheduler([], optimizer: optimizer()), "at least one schedule is needed")
    #expect(throws: TorchError.self) { try ChainedScheduler([]).step() }
    try expect(
      ChainedScheduler([StepLR(optimizer(), stepSize: 1), StepLR(optimizer(), stepSize: 1)]),
      "all schedules must be of the same optimizer")
    let one = optimizer()
    try expect(
      ChainedScheduler([StepLR(one, stepSize: 0)]), "stepSize must be positive, not 0")
    try expect(
      ChainedScheduler([ReduceLROnPlateau(one)]),
      "ReduceLROnPlateau cannot be one of several schedules: its step needs a metric")
    let pair = [StepLR(one, stepSize: 1), StepLR(one, stepSize: 1)]
    try expect(SequentialLR(one, schedulers: pair, milestones: []), "2 schedules need 1 milestones, not 0")
    try expect(
      SequentialLR(one, schedulers: pair + [StepLR(one, stepSize: 1)], milestones: [3, 1]),
      "milestones must ascend")
    for (plateau, sentence) in [
      (ReduceLROnPlateau(one, factor: 1), "factor must be below 1, not 1.0"),
      (
        ReduceLROnPlateau(one, minLR: [0.0, 0.0]),
        "minLR must be one for each of the optimizer's 1 groups, not 2"
      ),
    ] {
      let error = try #require(throws: TorchError.self) { try plateau.step(1) }
      #expect(error.message == "ReduceLROnPlateau: \(sentence)")
    }
  }
}
