import SwiftTorchLayers
import Testing

struct LossCase: Sendable, CustomTestStringConvertible {
  let python: String
  let input: String
  let target: String
  let makeInput: @Sendable () throws -> Tensor
  let makeTarget: @Sendable () throws -> Tensor
  let make: @Sendable () throws -> any Loss

  var testDescription: String { "\(python) of \(input)" }
  var type: String { get throws { "\(Swift.type(of: try make()))" } }

  private static func classes(
    _ python: String, _ make: @escaping @Sendable () throws -> any Loss
  ) -> LossCase {
    LossCase(
      python: python, input: "torch.randn(6, 5)", target: "torch.randint(0, 5, (6,))",
      makeInput: { try Tensor.randn([6, 5]) }, makeTarget: { try Tensor.randint(0, 5, [6]) }, make: make)
  }

  private static func values(
    _ python: String, _ make: @escaping @Sendable () throws -> any Loss
  ) -> LossCase {
    LossCase(
      python: python, input: "torch.randn(6, 5)", target: "torch.rand(6, 5)",
      makeInput: { try Tensor.randn([6, 5]) }, makeTarget: { try Tensor.rand([6, 5]) }, make: make)
  }

  static let all: [LossCase] = [
    classes("nn.CrossEntropyLoss()") { CrossEntropyLoss() },
    classes("nn.CrossEntropyLoss(weight=torch.tensor([1., 2, 3, 4, 5]), label_smoothing=0.1)") {
      CrossEntropyLoss(weight: try Tensor([1, 2, 3, 4, 5] as [Float]), labelSmoothing: 0.1)
    },
    classes("nn.CrossEntropyLoss(ignore_index=2, reduction='sum')") {
      CrossEntropyLoss(ignoreIndex: 2, reduction: .sum)
    },
    classes("nn.CrossEntropyLoss(reduction='none')") { CrossEntropyLoss(reduction: .none) },
    values("nn.CrossEntropyLoss()") { CrossEntropyLoss() },
    LossCase(
      python: "nn.CrossEntropyLoss()", input: "torch.randn(2, 5, 3, 4)",
      target: "torch.randint(0, 5, (2, 3, 4))", makeInput: { try Tensor.randn([2, 5, 3, 4]) },
      makeTarget: { try Tensor.randint(0, 5, [2, 3, 4]) }, make: { CrossEntropyLoss() }),
    classes("nn.NLLLoss()") { NLLLoss() },
    classes("nn.NLLLoss(weight=torch.tensor([1., 2, 3, 4, 5]), ignore_index=1, reduction='none')") {
      NLLLoss(weight: try Tensor([1, 2, 3, 4, 5] as [Float]), ignoreIndex: 1, reduction: .none)
    },
    values("nn.MSELoss()") { MSELoss() },
    values("nn.MSELoss(reduction='sum')") { MSELoss(reduction: .sum) },
    values("nn.BCEWithLogitsLoss()") { BCEWithLogitsLoss() },
    values(
      "nn.BCEWithLogitsLoss(weight=torch.tensor([1., 2, 3, 4, 5]), pos_weight=torch.tensor(2.), reduction='none')"
    ) {
      BCEWithLogitsLoss(
        weight: try Tensor([1, 2, 3, 4, 5] as [Float]), reduction: .none, posWeight: try Tensor(2 as Float))
    },
  ]

  static let peer: Result<StateDict, any Error> = Result {
    try Peer.run(
      "losses.py", [Peer.cases(all.enumerated().map { ["\($0)", $1.python, $1.input, $1.target] })])
  }
}

@Suite(.serialized)
struct LossTests {
  @Test("value and gradient are Python's bit for bit", arguments: LossCase.all.indices)
  func sameAsPython(_ index: Int) throws {
    try ExactnessTable.row(.loss, LossCase.all[index].type) { try compare(index) }
  }

  private func compare(_ index: Int) throws {
    try Peer.singleThreaded()
    let peer = try LossCase.peer.get()
    let item = LossCase.all[index]
    try Torch.manualSeed(7)
    let x = try item.makeInput().requiresGrad(true)
    let target = try item.makeTarget()
    let loss = try item.make()
    let value = try loss(x, target)
    try value.sum().backward()
    try expectEqual(value, peer, "\(index)/value")
    try expectEqual(x.grad, peer, "\(index)/gradient")
  }
}
