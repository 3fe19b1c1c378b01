import SwiftTorchLayers
import Testing

@Suite(.serialized)
struct SharingTests {
  /// A forward of its own with a layer that is used twice and a weight that is in two places.
  private final class Tied: Module {
    let layer = Linear(inFeatures: 4, outFeatures: 4)
    @Parameter var back: Tensor
    override init() { _back = Parameter(wrappedValue: layer.weight) }
    override func forward(_ input: Tensor) throws -> Tensor { try layer(layer(input).relu()).matmul(back) }
  }

  @Test("Python has one set of weights of a shared module and of a tied tensor, and trains it as we do")
  func export() throws {
    try Peer.singleThreaded()
    try Torch.manualSeed(4)
    let convolution = Conv2d(inChannels: 2, outChannels: 2, kernelSize: 3, padding: 1)
    let models: [(Module, [Int], [String], Int)] = [
      (Sequential([convolution, ReLU(), convolution]), [2, 2, 5, 5], ["0.weight", "2.weight"], 2),
      (Tied(), [3, 4], ["back", "layer.weight"], 2),
    ]
    for (model, shape, keys, count) in models {
      let file = Peer.temporaryFile("shared.pt")
      try Torch.manualSeed(7)
      let x = try Tensor.randn(shape)
      try ScriptModule(model, example: x).save(to: file)
      let peer = try Peer.run("shared.py", [file, "\(shape)"] + keys)
      #expect(try peer["parameters"]?.item(as: Int.self) == count)
      let output = try model(x)
      try expectEqual(output.detach(), peer, "output")
      try output.square().sum().backward()
      try SGD(model.parameters(), lr: 0.5).step()
      let state = model.stateDict()
      try expectEqual(state[keys[0]], peer, "first")
      try expectEqual(state[keys[1]], peer, "second")
      try expectEqual(noGrad { try model(x) }, peer, "trained")
      #expect(try peer["again"]?.item(as: Float.self) == 0, "saved again by Python, it is still one")
    }
  }
}
