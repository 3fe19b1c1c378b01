import Foundation
import Testing

@testable import SwiftTorchLayers

@Suite("What passes between Swift and libtorch", .serialized)
struct OperatorTests {
  @Test("a flag that a call leaves out has the operator's default")
  func defaultFlag() throws {
    let pooled = try Operator("aten::max_pool2d")(
      Tensor.ones([1, 1, 5, 5]), [2, 2], [2, 2], [0, 0], [1, 1])
    #expect(pooled.shape == [1, 1, 2, 2], "ceil_mode is off")
  }

  @Test("an integer serves where an operator wants a float")
  func integers() throws {
    let x = try Tensor.ones([4])
    guard case .tensor(let dropped)? = try Tensor.call("aten::dropout", x, 1, true).first else {
      Issue.record("dropout gives no tensor")
      return
    }
    #expect(try dropped.scalars(as: Float.self) == [0, 0, 0, 0])
  }

  @Test("the tensors of a list that an operator returns go with the list")
  func lists() throws {
    let x = try Tensor.ones([4, 2])
    let before = try Shim.liveHandles
    for _ in 0..<3 { #expect(try x.split(1).count == 4 && x.unbind(dim: 1).count == 2) }
    #expect(try Shim.liveHandles == before)
  }

  @Test("a transposed tensor is read in the order of its own rows")
  func transposed() throws {
    let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    #expect(try x.t().scalars(as: Float.self) == [1, 4, 2, 5, 3, 6])
    #expect(try Tensor(x.t().scalars(as: Float.self), shape: [3, 2]).bytes() == x.t().bytes())
  }

  @Test("backward() gives its graph back: a second one is an error unless the first was told to keep it")
  func secondBackward() throws {
    let x = try Tensor([2] as [Float]).requiresGrad(true)
    let once = try x.square().sum()
    try once.backward()
    #expect(message { try once.backward() }.contains("second time"))
    let kept = try x.square().sum()
    try kept.backward(retainGraph: true)
    try kept.backward()
    #expect(try x.grad?.item(as: Float.self) == 12)
  }

  @Test("a private generator uses all 64 bits of its seed")
  func seeds() throws {
    let seeds: [UInt64] = [1, 257, 1 << 33 | 1, 1 << 63 | 1]
    // libtorch's generator on the CPU has 32 bits of seed; the whole of it comes back.
    let numbers = try seeds.prefix(2).map { try Tensor.rand([4], generator: Generator(seed: $0)).bytes() }
    #expect(numbers[0] != numbers[1])
    let states = try seeds.map { try Generator(seed: $0).state().bytes() }
    #expect(Set(states).count == 4)
  }

  @Test("a layer that is used twice is counted once: parameters, summary, one step of the optimizer")
  func sharing() throws {
    let layer = Linear(inFeatures: 2, outFeatures: 2, bias: false)
    let model = Sequential([layer, layer])
    #expect(model.parameters().count == 1 && model.namedParameters().map(\.name) == ["0.weight"])
    #expect(try summarize(model, inputShape: [2]).map(\.parameters) == [4, 0])
    try noGrad { try layer.weight.fill_(1) }
    layer.weight.grad = try Tensor.ones([2, 2])
    try SGD(model.parameters(), lr: 0.25).step()
    #expect(try layer.weight.scalars(as: Float.self) == [0.75, 0.75, 0.75, 0.75])
  }

  @Test("an export is a copy: training that goes on does not change it")
  func exportIsACopy() throws {
    let layer = Linear(inFeatures: 2, outFeatures: 1)
    let script = try ScriptModule(layer)
    let x = try Tensor.ones([1, 2])
    let before = try script(x).bytes()
    for parameter in layer.parameters() { try noGrad { _ = try parameter.fill_(9) } }
    #expect(try script(x).bytes() == before)
  }

  @Test("a state file gives back every element type with its bytes", arguments: DType.allCases)
  func stateFiles(_ type: DType) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "torchlayers-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let tensor = try Tensor([0, 1, 2, 3, 4, 5], shape: [2, 3]).to(type).t()
    try (["x": tensor] as StateDict).save(safetensors: path)
    let read = try #require(try StateDict(safetensors: path)["x"])
    #expect(read.dtype == type && read.shape == [3, 2])
    #expect(try read.bytes() == tensor.bytes())
  }
}
