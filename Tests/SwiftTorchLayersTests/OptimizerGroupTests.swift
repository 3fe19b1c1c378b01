import SwiftTorchLayers
import Testing

@Suite("Groups of an optimizer")
struct OptimizerGroupTests {
  private func parameter(_ value: Float) throws -> Tensor {
    let tensor = try Tensor([value])
    tensor.requiresGrad = true
    tensor.grad = try Tensor([1] as [Float])
    return tensor
  }

  private func message(_ body: () throws -> Void) throws -> String {
    try #require(throws: TorchError.self, performing: body).message
  }

  @Test(
    "what is remembered stays with its parameter when groups are added, removed and moved",
    arguments: [false, true])
  func changes(fused: Bool) throws {
    let (a, b, c) = try (parameter(1), parameter(2), parameter(3))
    let optimizer = Adam([.init([a], .init(lr: 0.1)), .init([b], .init(lr: 0.2))], fused: fused)
    try optimizer.step()
    optimizer.groups.append(.init([c], .init(lr: 0.3)))
    try optimizer.step()
    #expect(
      try optimizer.stateDict().filter { $0.key.hasSuffix("step") }.map { try $0.value.item(as: Int.self) }
        == [2, 2, 1])
    optimizer.groups.removeFirst()
    optimizer.groups.reverse()
    try optimizer.step()
    #expect(
      try optimizer.stateDict().filter { $0.key.hasSuffix("step") }.map { try $0.value.item(as: Int.self) }
        == [2, 3])
    // The same, by an optimizer each.
    for (tensor, lr, start, steps) in [(a, 0.1, 1, 2), (b, 0.2, 2, 3), (c, 0.3, 3, 2)] {
      let alone = try parameter(Float(start))
      let other = Adam([.init([alone], .init(lr: lr))], fused: fused)
      for _ in 0..<steps { try other.step() }
      #expect(try alone.equal(tensor))
    }
    // Saved and loaded in the new order.
    let saved = optimizer.stateDict()
    let loaded = Adam(optimizer.groups, fused: fused)
    try loaded.loadStateDict(saved)
    #expect(try loaded.stateDict()["state.1.exp_avg"]?.equal(saved["state.1.exp_avg"]!) == true)
  }

  @Test("no parameters, one twice, and one that is computed are errors at the step")
  func refused() throws {
    let a = try parameter(1)
    let computed = try a * 2
    #expect(try message { try SGD([Tensor](), lr: 0.1).step() } == "the optimizer has no parameters")
    #expect(
      try message { try SGD([a, a], lr: 0.1).step() }
        == "parameters 0 and 1 of the optimizer, float32[1], are the same tensor")
    #expect(
      try message { try SGD([.init([a], .init(lr: 0.1)), .init([a], .init(lr: 0.2))]).step() }
        .contains("are the same tensor"))
    #expect(
      try message { try SGD([a, computed], lr: 0.1).step() }.hasPrefix(
        "parameter 1 of the optimizer, float32[1], is no leaf"))
    #expect(try a.item(as: Float.self) == 1, "nothing was changed")
    let lbfgs = LBFGS([a])
    lbfgs.groups.append(lbfgs.groups[0])
    #expect(
      try message { _ = try lbfgs.step { try (a * a).sum() } } == "LBFGS has one group of parameters, not 2")
  }

  @Test("rates and momentums in another number than groups are an error at the step, until they are right")
  func counts() throws {
    let (a, b) = try (parameter(1), parameter(2))
    let optimizer = SGD([.init([a], .init(lr: 0.1)), .init([b], .init(lr: 0.1))])
    optimizer.learningRates = [1, 2, 3]
    #expect(
      try message { try optimizer.step() }
        == "the learning rates need a value for each of the optimizer's 2 groups, not 3")
    optimizer.momentums = [0.5]
    optimizer.learningRates = [1, 0.5]
    #expect(
      try message { try optimizer.step() }
        == "the momentums need a value for each of the optimizer's 2 groups, not 1")
    optimizer.momentums = [0, 0]
    try optimizer.step()
    #expect(try [a.item(as: Float.self), b.item(as: Float.self)] == [0, 1.5])
  }
}
