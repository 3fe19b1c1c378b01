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

  private static func probabilities(
    _ python: String, _ make: @escaping @Sendable () throws -> any Loss
  ) -> LossCase {
    LossCase(
      python: python, input: "torch.rand(6, 5)", target: "torch.rand(6, 5)",
      makeInput: { try Tensor.rand([6, 5]) }, makeTarget: { try Tensor.rand([6, 5]) }, make: make)
  }

  private static func values(
    _ python: String, _ make: @escaping @Sendable () throws -> any Loss
  ) -> LossCase {
    LossCase(
      python: python, input: "torch.randn(6, 5)", target: "torch.rand(6, 5)",
      makeInput: { try Tensor.randn([6, 5]) }, makeTarget: { try Tensor.rand([6, 5]) }, make: make)
  }

  static let all = ofClasses + regression + binary

  private static let ofClasses: [LossCase] = [
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
    values("nn.KLDivLoss()") { KLDivLoss() },
    values("nn.KLDivLoss(reduction='batchmean')") { KLDivLoss(reduction: .batchmean) },
    values("nn.KLDivLoss(reduction='none', log_target=True)") {
      KLDivLoss(reduction: .none, logTarget: true)
    },
  ]

  private static let regression: [LossCase] = [
    values("nn.MSELoss()") { MSELoss() },
    values("nn.MSELoss(reduction='sum')") { MSELoss(reduction: .sum) },
    values("nn.L1Loss()") { L1Loss() },
    values("nn.L1Loss(reduction='none')") { L1Loss(reduction: .none) },
    values("nn.SmoothL1Loss()") { SmoothL1Loss() },
    values("nn.SmoothL1Loss(reduction='sum', beta=0.3)") { SmoothL1Loss(reduction: .sum, beta: 0.3) },
    values("nn.SmoothL1Loss(beta=0)") { SmoothL1Loss(beta: 0) },
    values("nn.HuberLoss()") { HuberLoss() },
    values("nn.HuberLoss(reduction='none', delta=0.3)") { HuberLoss(reduction: .none, delta: 0.3) },
    values("nn.PoissonNLLLoss()") { PoissonNLLLoss() },
    LossCase(
      python: "nn.PoissonNLLLoss(full=True, reduction='sum')", input: "torch.randn(6, 5)",
      target: "torch.randint(0, 6, (6, 5)).float()", makeInput: { try Tensor.randn([6, 5]) },
      makeTarget: { try Tensor.randint(0, 6, [6, 5]).to(.float32) },
      make: { PoissonNLLLoss(full: true, reduction: .sum) }),
    probabilities("nn.PoissonNLLLoss(log_input=False, eps=1e-3, reduction='none')") {
      PoissonNLLLoss(logInput: false, eps: 1e-3, reduction: .none)
    },
  ]

  private static let binary: [LossCase] = [
    probabilities("nn.BCELoss()") { BCELoss() },
    probabilities("nn.BCELoss(weight=torch.tensor([1., 2, 3, 4, 5]), reduction='sum')") {
      BCELoss(weight: try Tensor([1, 2, 3, 4, 5] as [Float]), reduction: .sum)
    },
    values("SigmoidFocalLoss()") { SigmoidFocalLoss() },
    values("SigmoidFocalLoss(alpha=-1, gamma=1.5, reduction='none')") {
      SigmoidFocalLoss(alpha: -1, gamma: 1.5, reduction: .none)
    },
    values("SigmoidFocalLoss(alpha=0.7, gamma=3, reduction='sum')") {
      SigmoidFocalLoss(alpha: 0.7, gamma: 3, reduction: .sum)
    },
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

  @Test("shapes and settings that do not fit are refused in words")
  func misfits() throws {
    let (x, other) = (try Tensor.rand([6, 5]), try Tensor.rand([5]))
    func message(_ body: () throws -> Tensor) -> String {
      do { return "no error: \(try body())" } catch { return "\(error)" }
    }
    let losses: [any Loss] = [
      L1Loss(), SmoothL1Loss(), HuberLoss(), PoissonNLLLoss(), KLDivLoss(), BCELoss(), SigmoidFocalLoss(),
    ]
    for loss in losses {
      #expect(message { try loss(x, other) }.contains("needs input and target of one shape"), "\(loss)")
    }
    #expect(message { try SmoothL1Loss(beta: -1)(x, x) }.contains("beta"))
    #expect(message { try HuberLoss(delta: 0)(x, x) }.contains("delta"))
    #expect(message { try BCELoss()(x + 1, x) }.contains("between 0 and 1"))
    #expect(message { try SigmoidFocalLoss(alpha: 2)(x, x) }.contains("alpha"))
    #expect(message { try MSELoss(reduction: .batchmean)(x, x) }.contains("only klDiv has"))
    #expect(message { try SigmoidFocalLoss(reduction: .batchmean)(x, x) }.contains("only klDiv has"))
  }
}
