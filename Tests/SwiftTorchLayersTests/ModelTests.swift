import Testing

@testable import SwiftTorchLayers

@Suite("the ready-made networks")
struct ModelTests {
  @Test(
    "images too small for a network are refused by a sentence; the smallest that are not run",
    arguments: [
      (.cnn, 4), (.cnnBatchNorm, 4), (.lenet, 12), (.tiny, 4), (.xOrO, 3), (.cifarCNN, 4), (.headDense, 4),
      (.headPooling, 4), (.alexnet, 63), (.resnet18, 1),
    ] as [(Models, Int)])
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
      (.vgg11, 132_863_336, 7_609_090_048), (.resnet50, 25_557_032, 4_089_184_256),
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
    let cases: [(Models, [Int])] = [
      (.tiny, [3, 1, 9, 9]), (.alexnet, [2, 3, 63, 63]), (.resnet18, [2, 3, 40, 40]),
      (.resnet50, [2, 3, 40, 40]), (.alexnet2012, [2, 3, 63, 63]), (.segmenter, [2, 3, 8, 8]),
      (.autoencoder, [2, 1, 8, 8]),
    ]
    for (model, shape) in cases {
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
  @Test(
    "what is no class of an image has the shape that its use needs",
    arguments: [
      (.detector, [3, 40, 64], [8, 5, 8]), (.segmenter, [3, 8, 12], [3, 8, 12]),
      (.autoencoder, [2, 8, 12], [2, 8, 12]),
    ] as [(Models, [Int], [Int])])
  func outputs(_ model: Models, _ input: [Int], _ output: [Int]) throws {
    let made = try model.make(inputShape: input, classes: 3).eval()
    #expect(try noGrad { try made(Tensor.ones([2] + input)) }.shape == [2] + output)
    #expect(!model.isClassifier)
  }

  @Test("networks that halve twice and double twice need multiples of 4, and say so")
  func multiples() throws {
    for model in [Models.segmenter, .autoencoder] {
      let said = message { try model.make(inputShape: [1, 28, 30], classes: 3) }
      #expect(said.hasSuffix("height and width are multiples of 4, these are 28×30"))
    }
  }

  @Test("the autoencoder's decoder alone makes pictures of 16 numbers, between 0 and 1")
  func generation() throws {
    let made = try #require(try Models.autoencoder.make(inputShape: [1, 28, 28], classes: 1) as? Sequential)
    let picture = try noGrad { try made[1](Tensor.randn([3, 16, 1, 1])) }
    #expect(made.names == ["encoder", "decoder"] && picture.shape == [3, 1, 28, 28])
    #expect(try picture.min().item(as: Float.self) >= 0 && picture.max().item(as: Float.self) <= 1)
  }

  @Test("AlexNet of 2012 starts as in the paper: weights of deviation 0.01, some biases at one")
  func alexnetStart() throws {
    let state = alexnet2012(channels: 3, classes: 10, dense: 64).stateDict()
    for (key, tensor) in state where key.hasSuffix("weight") {
      let deviation = try tensor.std().item(as: Double.self)
      #expect(abs(deviation - 0.01) < 0.002, "\(key): \(deviation)")
    }
    let ones = try state.filter { try $0.key.hasSuffix("bias") && $0.value.min().item(as: Float.self) == 1 }
    #expect(
      ones.keys.elements == [
        "features.4.bias", "features.10.bias", "features.12.bias", "classifier.1.bias", "classifier.4.bias",
      ])
  }
}
