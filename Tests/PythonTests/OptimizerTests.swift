import SwiftTorchLayers
import Testing

struct OptimizerCase: Sendable, CustomTestStringConvertible {
  let python: String
  let make: @Sendable (_ first: [Tensor], _ second: [Tensor]) -> any AnyOptimizer

  init(_ python: String, _ make: @escaping @Sendable ([Tensor], [Tensor]) -> any AnyOptimizer) {
    self.python = python
    self.make = make
  }

  var testDescription: String { python }
  var type: String {
    get throws { "\(Swift.type(of: make([try Tensor.zeros([1])], [])))" }
  }
  /// The fused step is a computation of its own.
  var row: String {
    get throws { try python.contains("fused=True") ? "\(type)(fused: true)" : type }
  }

  static let all = common + adaptive + variants + quasiNewton

  private static let common: [OptimizerCase] = [
    OptimizerCase("optim.SGD(sum(groups, []), lr=0.1)") { SGD($0 + $1, lr: 0.1) },
    OptimizerCase("optim.SGD(sum(groups, []), lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.01)") {
      SGD($0 + $1, lr: 0.1, momentum: 0.9, dampening: 0.2, weightDecay: 0.01)
    },
    OptimizerCase("optim.SGD(sum(groups, []), lr=0.1, momentum=0.9, nesterov=True, maximize=True)") {
      SGD($0 + $1, lr: 0.1, momentum: 0.9, nesterov: true, maximize: true)
    },
    OptimizerCase(
      "optim.SGD([dict(params=groups[0], lr=0.2), dict(params=groups[1], weight_decay=0.1)], lr=0.05, momentum=0.5)"
    ) {
      SGD([
        .init($0, .init(lr: 0.2, momentum: 0.5)), .init($1, .init(lr: 0.05, momentum: 0.5, weightDecay: 0.1)),
      ])
    },
    OptimizerCase("optim.SGD(sum(groups, []), lr=0.1, momentum=0.9, weight_decay=0.01, fused=True)") {
      SGD($0 + $1, lr: 0.1, momentum: 0.9, weightDecay: 0.01, fused: true)
    },
    OptimizerCase("optim.Adam(sum(groups, []))") { Adam($0 + $1) },
    OptimizerCase(
      "optim.Adam(sum(groups, []), lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1, amsgrad=True)"
    ) {
      Adam($0 + $1, lr: 0.01, betas: (0.8, 0.95), eps: 1e-6, weightDecay: 0.1, amsgrad: true)
    },
    OptimizerCase("optim.Adam(sum(groups, []), lr=0.01, maximize=True)") {
      Adam($0 + $1, lr: 0.01, maximize: true)
    },
    OptimizerCase("optim.Adam(sum(groups, []), lr=0.01, amsgrad=True, fused=True)") {
      Adam($0 + $1, lr: 0.01, amsgrad: true, fused: true)
    },
    OptimizerCase("optim.AdamW(sum(groups, []))") { AdamW($0 + $1) },
    OptimizerCase("optim.AdamW(sum(groups, []), lr=0.02, weight_decay=0.3, fused=True)") {
      AdamW($0 + $1, lr: 0.02, weightDecay: 0.3, fused: true)
    },
  ]

  private static let adaptive: [OptimizerCase] = [
    OptimizerCase("optim.RMSprop(sum(groups, []))") { RMSprop($0 + $1) },
    OptimizerCase(
      "optim.RMSprop(sum(groups, []), lr=0.02, alpha=0.9, eps=1e-6, weight_decay=0.1, momentum=0.8, centered=True)"
    ) {
      RMSprop($0 + $1, lr: 0.02, alpha: 0.9, eps: 1e-6, weightDecay: 0.1, momentum: 0.8, centered: true)
    },
    OptimizerCase("optim.RMSprop(sum(groups, []), lr=0.001, centered=True, maximize=True)") {
      RMSprop($0 + $1, lr: 0.001, centered: true, maximize: true)
    },
    OptimizerCase(
      "optim.RMSprop([dict(params=groups[0], lr=0.02), dict(params=groups[1], momentum=0.5)], lr=0.01)"
    ) {
      RMSprop([.init($0, .init(lr: 0.02)), .init($1, .init(lr: 0.01, momentum: 0.5))])
    },
    OptimizerCase("optim.Adagrad(sum(groups, []))") { Adagrad($0 + $1) },
    OptimizerCase(
      "optim.Adagrad(sum(groups, []), lr=0.1, lr_decay=0.01, weight_decay=0.1, initial_accumulator_value=0.3, "
        + "eps=1e-6, maximize=True)"
    ) {
      Adagrad(
        $0 + $1, lr: 0.1, lrDecay: 0.01, weightDecay: 0.1, initialAccumulatorValue: 0.3, eps: 1e-6,
        maximize: true)
    },
    OptimizerCase("optim.Adagrad([dict(params=groups[0], lr=0.2), dict(params=groups[1], lr_decay=0.1)])") {
      Adagrad([.init($0, .init(lr: 0.2)), .init($1, .init(lrDecay: 0.1))])
    },
    OptimizerCase("optim.Adadelta(sum(groups, []))") { Adadelta($0 + $1) },
    OptimizerCase(
      "optim.Adadelta(sum(groups, []), lr=0.5, rho=0.8, eps=1e-5, weight_decay=0.1, maximize=True)"
    ) {
      Adadelta($0 + $1, lr: 0.5, rho: 0.8, eps: 1e-5, weightDecay: 0.1, maximize: true)
    },
    OptimizerCase("optim.Adadelta([dict(params=groups[0], lr=2), dict(params=groups[1], rho=0.7)])") {
      Adadelta([.init($0, .init(lr: 2)), .init($1, .init(rho: 0.7))])
    },
  ]

  private static let variants: [OptimizerCase] = [
    OptimizerCase("optim.Adamax(sum(groups, []))") { Adamax($0 + $1) },
    OptimizerCase(
      "optim.Adamax([dict(params=groups[0], lr=0.02), dict(params=groups[1], weight_decay=0.1)], betas=(0.8, 0.95), "
        + "eps=1e-6, maximize=True)"
    ) {
      let settings = Adamax.Settings(betas: (0.8, 0.95), eps: 1e-6, maximize: true)
      var (first, second) = (settings, settings)
      first.lr = 0.02
      second.weightDecay = 0.1
      return Adamax([.init($0, first), .init($1, second)])
    },
    OptimizerCase("optim.NAdam(sum(groups, []))") { NAdam($0 + $1) },
    OptimizerCase(
      "optim.NAdam(sum(groups, []), lr=0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1, momentum_decay=0.1)"
    ) {
      NAdam($0 + $1, lr: 0.02, betas: (0.8, 0.95), eps: 1e-6, weightDecay: 0.1, momentumDecay: 0.1)
    },
    OptimizerCase(
      "optim.NAdam([dict(params=groups[0], lr=0.02), dict(params=groups[1], decoupled_weight_decay=True)], "
        + "weight_decay=0.2, maximize=True)"
    ) {
      NAdam([
        .init($0, .init(lr: 0.02, weightDecay: 0.2, maximize: true)),
        .init($1, .init(weightDecay: 0.2, decoupledWeightDecay: true, maximize: true)),
      ])
    },
    OptimizerCase("optim.RAdam(sum(groups, []))") { RAdam($0 + $1) },
    OptimizerCase("optim.RAdam(sum(groups, []), lr=0.02, betas=(0.8, 0.7), eps=1e-6, weight_decay=0.1)") {
      RAdam($0 + $1, lr: 0.02, betas: (0.8, 0.7), eps: 1e-6, weightDecay: 0.1)
    },
    OptimizerCase(
      "optim.RAdam([dict(params=groups[0], lr=0.02), dict(params=groups[1], decoupled_weight_decay=True)], "
        + "weight_decay=0.2, betas=(0.9, 0.95), maximize=True)"
    ) {
      let settings = RAdam.Settings(betas: (0.9, 0.95), weightDecay: 0.2, maximize: true)
      var (first, second) = (settings, settings)
      first.lr = 0.02
      second.decoupledWeightDecay = true
      return RAdam([.init($0, first), .init($1, second)])
    },
  ]

  private static let quasiNewton: [OptimizerCase] = [
    OptimizerCase("optim.LBFGS(sum(groups, []), lr=0.1, max_iter=4, history_size=5)") {
      LBFGS($0 + $1, lr: 0.1, maxIter: 4, historySize: 5)
    },
    OptimizerCase("optim.LBFGS(sum(groups, []), max_iter=1, line_search_fn='strong_wolfe')") {
      LBFGS($0 + $1, maxIter: 1, lineSearchFn: .strongWolfe)
    },
    OptimizerCase("optim.LBFGS(sum(groups, []), line_search_fn='strong_wolfe')") {
      LBFGS($0 + $1, lineSearchFn: .strongWolfe)
    },
    OptimizerCase(
      "optim.LBFGS(sum(groups, []), lr=30, max_iter=2, max_eval=40, tolerance_grad=1e-3, tolerance_change=1e-5, "
        + "history_size=3, line_search_fn='strong_wolfe')"
    ) {
      LBFGS(
        $0 + $1, lr: 30, maxIter: 2, maxEval: 40, toleranceGrad: 1e-3, toleranceChange: 1e-5, historySize: 3,
        lineSearchFn: .strongWolfe)
    },
  ]

  static let peer: Result<StateDict, any Error> = Result {
    try Peer.run("optimizers.py", [Peer.cases(all.enumerated().map { ["\($0)", $1.python] })])
  }
}

@Suite(.serialized)
struct OptimizerTests {
  @Test(
    "25 steps: losses, weights and optimizer state are Python's bit for bit",
    arguments: OptimizerCase.all.indices)
  func sameAsPython(_ index: Int) throws {
    try ExactnessTable.row(.optimizer, OptimizerCase.all[index].row) { try compare(index) }
  }

  private func compare(_ index: Int) throws {
    try Peer.singleThreaded()
    let peer = try OptimizerCase.peer.get()
    try Torch.manualSeed(7)
    let first = Linear(inFeatures: 12, outFeatures: 9)
    let second = Linear(inFeatures: 9, outFeatures: 4)
    let model = Sequential([first, Tanh(), second])
    let x = try Tensor.randn([20, 12])
    let target = try Tensor.randint(0, 4, [20])
    let optimizer = OptimizerCase.all[index].make(first.parameters(), second.parameters())
    func closure() throws -> Tensor {
      let loss = try crossEntropy(model(x), target)
      try optimizer.zeroGrad(setToNone: true)
      try loss.backward()
      return loss
    }
    for step in 0..<25 {
      let loss: Tensor
      if let quasiNewton = optimizer as? LBFGS {
        loss = try quasiNewton.step(closure)
      } else {
        loss = try closure()
        try optimizer.step()
      }
      try expectEqual(loss, peer, "\(index)/loss\(step)")
    }
    for (key, tensor) in model.stateDict() { try expectEqual(tensor, peer, "\(index)/\(key)") }
    let names = peer.keys.filter { $0.hasPrefix("\(index)/state.") }
    #expect(Set(optimizer.stateDict().keys.map { "\(index)/\($0)" }) == Set(names))
    for (key, tensor) in optimizer.stateDict() {
      try expectEqual(tensor, peer, "\(index)/\(key)")
    }
  }

  @Test(
    "a state saved after 9 steps goes on to the same weights and state as the run that was not stopped",
    arguments: OptimizerCase.all.indices)
  func resumes(_ index: Int) throws {
    try Peer.singleThreaded()
    func run(_ steps: Int, _ model: Sequential, _ optimizer: any AnyOptimizer) throws {
      for _ in 0..<steps {
        func closure() throws -> Tensor {
          let loss = try model(Tensor.ones([2, 3])).square().sum()
          try optimizer.zeroGrad(setToNone: true)
          try loss.backward()
          return loss
        }
        if let quasiNewton = optimizer as? LBFGS {
          try quasiNewton.step(closure)
        } else {
          _ = try closure()
          try optimizer.step()
        }
      }
    }
    func make() throws -> (Sequential, any AnyOptimizer) {
      try Torch.manualSeed(3)
      let layers = [Linear(inFeatures: 3, outFeatures: 4), Linear(inFeatures: 4, outFeatures: 2)]
      return (
        Sequential(layers), OptimizerCase.all[index].make(layers[0].parameters(), layers[1].parameters())
      )
    }
    let (whole, optimizer) = try make()
    try run(9, whole, optimizer)
    let (resumed, second) = try make()
    try resumed.loadStateDict(whole.stateDict())
    let file = Peer.temporaryFile("state.safetensors")
    try optimizer.stateDict().save(safetensors: file)
    try second.loadStateDict(StateDict(safetensors: file))
    try run(5, whole, optimizer)
    try run(5, resumed, second)
    for (key, tensor) in whole.stateDict() {
      #expect(try resumed.stateDict()[key]?.equal(tensor) == true, "\(key)")
    }
    let (own, other) = (optimizer.stateDict(), second.stateDict())
    #expect(Set(own.keys) == Set(other.keys))
    for (key, tensor) in own { #expect(try other[key]?.to(tensor.dtype).equal(tensor) == true, "\(key)") }
  }

  @Test("a fused step differs from the default only by rounding", arguments: 0..<3)
  func fused(_ kind: Int) throws {
    try Peer.singleThreaded()
    func make(_ parameters: [Tensor], fused: Bool) -> any AnyOptimizer {
      switch kind {
      // With dampening the first step is told from one that starts at zeros.
      case 0: SGD(parameters, lr: 0.1, momentum: 0.9, dampening: 0.25, weightDecay: 0.01, fused: fused)
      case 1: Adam(parameters, lr: 0.01, weightDecay: 0.01, amsgrad: true, fused: fused)
      default: AdamW(parameters, lr: 0.01, weightDecay: 0.3, fused: fused)
      }
    }
    try Torch.manualSeed(7)
    let start = try Tensor.randn([300])
    let gradients = try Tensor.randn([25, 300])
    let (plain, fused) = (try start.clone(), try start.clone())
    for (parameter, isFused) in [(plain, false), (fused, true)] {
      let optimizer = make([parameter], fused: isFused)
      for step in 0..<25 {
        parameter.grad = try gradients[step]
        try optimizer.step()
      }
    }
    let difference = try (plain - fused).abs().max().item(as: Double.self)
    #expect(difference < 1e-5)
    ExactnessTable.remark(
      .optimizer, "\(type(of: make([], fused: true)))(fused: true)",
      " to Python's `fused=True`; after 25 steps up to \(ExactnessTable.scientific(difference)) "
        + "from the default: the fused kernel rounds otherwise")
  }
}
