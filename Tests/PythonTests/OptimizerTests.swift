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
  var type: String { "\(Swift.type(of: make([], [])))" }
  /// The fused step is a computation of its own.
  var row: String { python.contains("fused=True") ? "\(type)(fused: true)" : type }

  static let all: [OptimizerCase] = [
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
    for step in 0..<25 {
      let loss = try crossEntropy(model(x), target)
      try optimizer.zeroGrad(setToNone: true)
      try loss.backward()
      try optimizer.step()
      try expectEqual(loss, peer, "\(index)/loss\(step)")
    }
    for (key, tensor) in model.stateDict() { try expectEqual(tensor, peer, "\(index)/\(key)") }
    let names = peer.keys.filter { $0.hasPrefix("\(index)/state.") }
    #expect(Set(optimizer.stateDict().keys.map { "\(index)/\($0)" }) == Set(names))
    for (key, tensor) in optimizer.stateDict() {
      try expectEqual(tensor, peer, "\(index)/\(key)")
    }
  }

  @Test("a fused step differs from the default only by rounding", arguments: 0..<3)
  func fused(_ kind: Int) throws {
    try Peer.singleThreaded()
    func make(_ parameters: [Tensor], fused: Bool) -> any AnyOptimizer {
      switch kind {
      case 0: SGD(parameters, lr: 0.1, momentum: 0.9, weightDecay: 0.01, fused: fused)
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
