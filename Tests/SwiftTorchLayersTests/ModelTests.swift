import SwiftTorchLayers
import Testing

@Suite("the ready-made networks")
struct ModelTests {
  @Test(
    "images too small for a network are refused by a sentence; the smallest that are not run",
    arguments: [(.cnn, 4), (.lenet, 12), (.tiny, 4), (.alexnet, 63), (.resnet18, 1)] as [(Models, Int)])
  func smallest(_ model: Models, _ size: Int) throws {
    let made = try model.make(inputShape: [2, size, size + 1], classes: 3).eval()
    let output = try noGrad { try made(Tensor.ones([2, 2, size, size + 1])) }
    #expect(output.shape == [2, 3])
    guard size > 1 else { return }
    let expected =
      "\(model.rawValue) needs images of at least \(size)×\(size), these are \(size + 9)×\(size - 1)"
    #expect(message { try model.make(inputShape: [2, size + 9, size - 1], classes: 3) } == expected)
  }

  @Test(
    "torchvision's numbers: parameters and multiplications for an image of 3×224×224, 1000 classes",
    arguments: [
      (.alexnet, 61_100_840, 714_188_480), (.resnet18, 11_689_512, 1_814_073_344),
    ] as [(Models, Int, Int)])
  func counts(_ model: Models, _ parameters: Int, _ multiplyAdds: Int) throws {
    let shape = [3, 224, 224]
    let rows = try summarize(model.make(inputShape: shape, classes: 1000), inputShape: shape)
    #expect(rows.reduce(0) { $0 + $1.parameters } == parameters)
    #expect(rows.reduce(0) { $0 + $1.multiplyAdds } == multiplyAdds)
    #expect(rows.last?.outputShape == [1000])
  }

  @Test("the export, written as source, gives the network's own output in training and evaluation")
  func export() throws {
    for (model, shape) in [(.tiny, [3, 1, 9, 9]), (.alexnet, [2, 3, 63, 63]), (.resnet18, [2, 3, 40, 40])]
      as [(Models, [Int])]
    {
      let made = try model.make(inputShape: Array(shape.dropFirst()), classes: 4)
      let script = try ScriptModule(made)
      let x = try Tensor.randn(shape)
      for mode in [true, false] {
        made.train(mode)
        try script.train(mode)
        try Torch.manualSeed(5)
        let own = try made(x)
        try Torch.manualSeed(5)
        #expect(try script(x).equal(own), "\(model), train(\(mode))")
      }
      let state = try script.stateDict()
      for (key, tensor) in made.stateDict() {
        #expect(try state[key]?.equal(tensor) == true, "\(model): \(key) after both")
      }
    }
  }
}
