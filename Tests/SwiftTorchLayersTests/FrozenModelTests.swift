import Dispatch
import SwiftTorchLayers
import Testing

@Suite("Frozen models", .serialized)
struct FrozenModelTests {
  private static let networks: [(Models, [Int])] = [
    (.softmax, [1, 28, 28]), (.mlp, [1, 28, 28]), (.cnn, [1, 28, 28]), (.lenet, [1, 28, 28]),
    (.tiny, [1, 28, 28]), (.resnet18, [3, 32, 32]), (.alexnet, [3, 64, 64]),
  ]

  @Test(
    "a frozen model says what the model says in evaluation mode but for rounding, for batches of any size",
    arguments: networks)
  func sameAsModel(_ network: Models, _ shape: [Int]) throws {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(5)
    let model = try network.make(inputShape: shape, classes: 10)
    // Running statistics that are not those of the start.
    if network == .resnet18 { for _ in 0..<2 { _ = try noGrad { try model(Tensor.randn([4] + shape)) } } }
    let frozen = try #require(try FrozenModel(model, example: Tensor.randn([20] + shape)))
    model.eval()
    for batch in [20, 1, 7, 50] {
      let images = try Tensor.randn([batch] + shape)
      let (fast, plain) = (try frozen(images), try noGrad { try model(images) })
      #expect(fast.shape == plain.shape)
      let scale = try plain.abs().max().item(as: Double.self)
      let difference = try (fast - plain).abs().max().item(as: Double.self)
      #expect(difference <= 2e-5 * scale, "\(batch) images: \(difference) of \(scale)")
    }
  }

  @Test("freezing copies: what happens to the model afterwards changes nothing, and the model keeps its mode")
  func copies() throws {
    try Torch.setNumThreads(1)
    let model = try Models.cnn.make(inputShape: [1, 12, 12], classes: 4)
    let images = try Tensor.randn([30, 1, 12, 12])
    let frozen = try #require(try FrozenModel(model, example: images))
    #expect(model.training)
    let before = try frozen(images).bytes()
    for parameter in model.parameters() { _ = try noGrad { try parameter.fill_(0) } }
    #expect(try frozen(images).bytes() == before)
  }

  @Test("several threads may infer at the same time")
  func threads() throws {
    try Torch.setNumThreads(1)
    let model = try Models.cnn.make(inputShape: [1, 12, 12], classes: 4)
    let images = try Tensor.randn([40, 1, 12, 12])
    let frozen = try #require(try FrozenModel(model, example: images))
    let alone = try frozen(images).bytes()
    nonisolated(unsafe) var results = [[UInt8]](repeating: [], count: 8)
    results.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let buffer = buffer
      DispatchQueue.concurrentPerform(iterations: 8) { index in
        try? Torch.setNumThreads(1)
        for _ in 0..<20 { buffer[index] = (try? frozen(images).bytes()) ?? [] }
      }
    }
    for result in results { #expect(result == alone) }
  }

  @Test("an example that does not fit names the layer; a layer without a plan has no frozen model")
  func errors() throws {
    let model = try Models.cnn.make(inputShape: [1, 12, 12], classes: 4)
    let error = #expect(throws: TorchError.self) {
      try FrozenModel(model, example: Tensor.randn([2, 3, 12, 12]))
    }
    #expect(error.map { "\($0)".contains("in layer 0, Conv2d") } == true, "\(error.map { "\($0)" } ?? "")")
    #expect(try FrozenModel(Sequential { Softmax(dim: 1) }, example: Tensor.randn([2, 3])) == nil)
    let frozen = try #require(try FrozenModel(model, example: Tensor.randn([2, 1, 12, 12])))
    #expect(throws: TorchError.self) { try frozen(Tensor.randn([2, 3, 12, 12])) }
    #expect(throws: TorchError.self) { try frozen(Tensor.randn([2, 1, 9, 9])) }
  }
}
