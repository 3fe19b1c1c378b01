import SwiftTorchLayers
import Testing

/// Two maps, x and −x, ReLU, means of the 2×2 maps, and logits `2a + b` and `3b`.
private func tinyModel(inplace: Bool = false) throws -> Sequential {
  let model = Sequential {
    Conv2d(inChannels: 1, outChannels: 2, kernelSize: 1, bias: false)
    ReLU(inplace: inplace)
    AvgPool2d(kernelSize: 2)
    Flatten()
    Linear(inFeatures: 2, outFeatures: 2, bias: false)
  }
  try model.loadStateDict([
    "0.weight": Tensor([1, -1] as [Float], shape: [2, 1, 1, 1]),
    "4.weight": Tensor([[2, 1], [0, 3]] as [[Float]]),
  ])
  return model
}

/// The picture 1 −2 / 3 0: its maps after ReLU are 1 0 3 0 and 0 2 0 0, its logits 2.5 and 1.5.
private func tinyImages() throws -> Tensor {
  try Tensor([1, -2, 3, 0, 1, -2, 3, 0] as [Float], shape: [2, 1, 2, 2])
}

@Suite("What a network sees")
struct InspectionTests {
  @Test("saliency is |∂logit/∂x|, worked by hand", arguments: [false, true])
  func saliencyByHand(_ inplace: Bool) throws {
    let model = try tinyModel(inplace: inplace).train()
    let images = try tinyImages()
    // ∂/∂x of 2·mean(relu x) + mean(relu −x), and of 3·mean(relu −x).
    let expected: [Float] = [0.5, 0.25, 0.5, 0, 0, 0.75, 0, 0]
    #expect(try saliency(model, images, classes: [0, 1]).scalars() == expected)
    let predicted = try noGrad { try saliency(model, images) }
    #expect(predicted.shape == [2, 2, 2])
    #expect(try predicted.scalars() == Array(expected[0..<4] + expected[0..<4]))
    #expect(try images.scalars(as: Float.self) == [1, -2, 3, 0, 1, -2, 3, 0])
    #expect(model.training && model.parameters().allSatisfy { $0.grad == nil })
  }

  @Test("saliency takes the strongest of a pixel's channels")
  func saliencyOfColors() throws {
    let model = Sequential {
      Flatten()
      Linear(inFeatures: 6, outFeatures: 1, bias: false)
    }
    try model.loadStateDict(["1.weight": Tensor([1, -2, -5, 0.5, 3, 1] as [Float], shape: [1, 6])])
    // Three channels of two pixels.
    #expect(try saliency(model, Tensor.ones([1, 3, 1, 2])).scalars(as: Float.self) == [5, 2])
  }

  @Test("Grad-CAM weighs the maps by their mean derivative, worked by hand", arguments: [false, true])
  func gradCAMByHand(_ inplace: Bool) throws {
    let model = try tinyModel(inplace: inplace)
    // Class 0: α = ½, ¼: ½·1, ¼·2, ½·3, 0 divided by 1.5. Class 1: α = 0, ¾.
    let expected: [Float] = [1 / 3, 1 / 3, 1, 0, 0, 1, 0, 0]
    for layer in [nil, "1"] {
      let maps = try gradCAM(model, tinyImages(), classes: [0, 1], layer: layer)
      #expect(maps.shape == [2, 2, 2])
      #expect(try zip(maps.scalars(as: Float.self), expected).allSatisfy { ($0 - $1).magnitude < 1e-6 })
    }
    // Frozen, without recording, and with nothing in favour of the class.
    try model.requiresGrad(false)
    let black = try noGrad { try gradCAM(model, try Tensor.full([1, 1, 2, 2], 1.0), classes: [1]) }
    #expect(try black.scalars(as: Float.self) == [0, 0, 0, 0])
    // What speaks against the class stays black.
    let against = Sequential {
      Conv2d(inChannels: 1, outChannels: 1, kernelSize: 1, bias: false)
      Flatten()
      Linear(inFeatures: 4, outFeatures: 2, bias: false)
    }
    try against.loadStateDict([
      "0.weight": Tensor.ones([1, 1, 1, 1]),
      "2.weight": Tensor([[1, 1, 1, 1], [-1, -1, -1, -1]] as [[Float]]),
    ])
    let ones = try Tensor.ones([2, 1, 2, 2])
    #expect(
      try gradCAM(against, ones, classes: [0, 1]).scalars(as: Float.self) == [1, 1, 1, 1, 0, 0, 0, 0])
  }

  @Test("of several convolutions Grad-CAM takes the last one's maps, after its activation")
  func gradCAMLayer() throws {
    let model = Sequential {
      Conv2d(inChannels: 1, outChannels: 1, kernelSize: 1, bias: false)
      ReLU()
      // Moves everything by one pixel to the left.
      Conv2d(inChannels: 1, outChannels: 1, kernelSize: [1, 3], padding: [0, 1], bias: false)
      ReLU()
      Flatten()
      Linear(inFeatures: 16, outFeatures: 1, bias: false)
    }
    for (name, parameter) in model.namedParameters() {
      try noGrad {
        try parameter.fill_(1.0)
        if name == "2.weight" { try parameter.copy_(Tensor([0, 0, 1] as [Float], shape: [1, 1, 1, 3])) }
      }
    }
    let images = try Tensor.zeros([1, 1, 4, 4])
    try images.set(0, 0, 2, 2, to: 1.0)
    func place(_ layer: String?) throws -> [Int] {
      let heat = try gradCAM(model, images, layer: layer).scalars(as: Float.self)
      return heat.indices.filter { heat[$0] == 1 }
    }
    #expect(try place("1") == [10] && place("3") == [9])
    #expect(try place(nil) == [9])

    // The same where the last maps are smaller than those before.
    let smaller = Sequential {
      Conv2d(inChannels: 1, outChannels: 1, kernelSize: 1, bias: false)
      ReLU()
      Conv2d(inChannels: 1, outChannels: 1, kernelSize: 2, bias: false)
      ReLU()
      Flatten()
      Linear(inFeatures: 9, outFeatures: 1, bias: false)
    }
    for parameter in smaller.parameters() { try noGrad { try parameter.fill_(1.0) } }
    let (first, last) = (try gradCAM(smaller, images, layer: "1"), try gradCAM(smaller, images, layer: "3"))
    #expect(try gradCAM(smaller, images).equal(last) && !first.equal(last))
  }

  @Test("Grad-CAM is enlarged to the picture and follows the object")
  func gradCAMPlace() throws {
    let model = Sequential {
      Conv2d(inChannels: 1, outChannels: 1, kernelSize: 4, stride: 4, bias: false)
      ReLU()
      Flatten()
      Linear(inFeatures: 4, outFeatures: 1, bias: false)
    }
    for parameter in model.parameters() { try noGrad { try parameter.fill_(1.0) } }
    let images = try Tensor.zeros([1, 1, 8, 8])
    try images.set(0, 0, 4..., ..<4, to: 1.0)
    let heat = try gradCAM(model, images).squeeze(0)
    #expect(heat.shape == [8, 8])
    #expect(try heat[7, 0].item(as: Float.self) == 1 && heat[0, 7].item(as: Float.self) == 0)
  }

  @Test("what cannot be explained is said")
  func errors() throws {
    let (model, images) = (try tinyModel(), try tinyImages())
    #expect(message { try saliency(model, images, classes: [0]) }.contains("each of the 2 images"))
    #expect(message { try saliency(model, images, classes: [0, 2]) }.contains("class 2 is not one of the 2"))
    #expect(message { try saliency(model, images, classes: [0, -1]) }.contains("class -1"))
    #expect(message { try saliency(Sequential { ReLU() }, images) }.contains("[N, classes]"))
    #expect(message { try gradCAM(model, images, layer: "3") }.contains("those with are 0, 1, 2"))
    let dense = Sequential {
      Flatten()
      Linear(inFeatures: 4, outFeatures: 2)
    }
    #expect(message { try gradCAM(dense, images) }.contains("needs a convolution"))
  }

  @Test("every layer's output is kept as it was, also when the next layer works in place")
  func outputs() throws {
    let model = try tinyModel(inplace: true).train()
    let outputs = try layerOutputs(model, tinyImages()[..<1])
    #expect(outputs.map(\.name) == ["0", "1", "2", "3", "4"])
    #expect(try outputs[0].output.scalars(as: Float.self) == [1, -2, 3, 0, -1, 2, -3, 0])
    #expect(try outputs[1].output.scalars(as: Float.self) == [1, 0, 3, 0, 0, 2, 0, 0])
    #expect(try outputs[4].output.scalars(as: Float.self) == [2.5, 1.5])
    #expect(model.training)
  }

  @Test("C12: three stacked 3×3 see 7 pixels; stride and pooling multiply the jump")
  func fields() throws {
    let stack = Sequential {
      for _ in 0..<3 { Conv2d(inChannels: 1, outChannels: 1, kernelSize: 3) }
    }
    let fields = try receptiveFields(of: stack, inputShape: [1, 9, 9])
    #expect(fields["2"]?.size == [7, 7] && fields["2"]?.jump == [1, 1] && fields["2"]?.start == [0, 0])

    let cnn = try receptiveFields(
      of: Models.cnn.make(inputShape: [1, 28, 28], classes: 10), inputShape: [1, 28, 28])
    // 5 · pool 2: 6, jump 2 · 5: 6 + 4·2 = 14 · pool 2: 14 + 2 = 16, jump 4.
    #expect(["0", "1", "2", "3", "4", "5"].map { cnn[$0]?.size[0] } == [5, 5, 6, 14, 14, 16])
    #expect(["0", "2", "3", "5"].map { cnn[$0]?.jump[0] } == [1, 2, 2, 4])
    #expect(["0", "2", "3", "5"].map { cnn[$0]?.start[0] } == [-2, -2, -6, -6])
    #expect(cnn["6"] == nil && cnn["7"] == nil)

    let alexnet = try receptiveFields(
      of: Models.alexnet.make(inputShape: [3, 224, 224], classes: 2), inputShape: [3, 224, 224])
    #expect(alexnet["features.0"]?.size == [11, 11] && alexnet["features.0"]?.start == [-2, -2])
    #expect(alexnet["features.12"]?.size == [195, 195] && alexnet["features.12"]?.jump == [32, 32])
    let resnet = try receptiveFields(
      of: Models.resnet18.make(inputShape: [3, 64, 64], classes: 2), inputShape: [3, 64, 64])
    #expect(resnet["conv1"]?.size == [7, 7] && resnet["conv1"]?.jump == [2, 2])
    #expect(resnet["layer1.0.conv1"] == nil && resnet["layer1.0.conv2"] == nil)
  }

  @Test("the pixels that move a unit are those of its receptive field")
  func fieldByDerivative() throws {
    let model = Sequential {
      Conv2d(inChannels: 1, outChannels: 2, kernelSize: 3, padding: 1, dilation: 2)
      AvgPool2d(kernelSize: 3, stride: 2, padding: 1)
      Conv2d(inChannels: 2, outChannels: 1, kernelSize: [2, 3], stride: [1, 2], padding: 1)
    }
    let field = try #require(try receptiveFields(of: model, inputShape: [1, 24, 24])["2"])
    let input = try Tensor.randn([1, 1, 24, 24], requiresGrad: true)
    let output = try model(input)
    let (row, column) = (4, 2)
    let gradient = try #require(try grad(outputs: [output[0, 0, row, column]], inputs: [input])[0])
    let touched = try gradient.nonzero().scalars(as: Int.self)
    for dimension in 0..<2 {
      let places = stride(from: 2 + dimension, to: touched.count, by: 4).map { touched[$0] }
      let start = field.start[dimension] + [row, column][dimension] * field.jump[dimension]
      #expect(places.min() == start && places.max() == start + field.size[dimension] - 1)
    }
  }

  @Test("sizes beyond all measure do not overflow")
  func absurdFields() {
    var field = ReceptiveField(dimensions: 1)
    for _ in 0..<10 {
      field = field.through(kernelSize: [Int.max], stride: [Int.max], padding: [Int.max], dilation: [Int.max])
    }
    #expect(field.size[0] > 1 << 30 && field.jump[0] > 1 << 30 && field.start[0] < -(1 << 30))
  }

  @Test("the images that excite a unit most come first, each once, with the place")
  func exciting() throws {
    // Images k = 0 … 4 with value k at (k / 2, k % 2), and −k beside it.
    var pixels: [UInt8] = []
    for k in 0..<5 { pixels += (0..<4).map { $0 == k % 4 ? UInt8(10 * k) : 0 } }
    let data = ImageDataset(
      images: try Tensor(pixels, shape: [5, 1, 2, 2]), labels: try Tensor([0, 0, 1, 0, 1] as [Int64]),
      classes: ["a", "b"])
    let loader = try DataLoader(data, batchSize: 2, normalization: Normalization(mean: [0], std: [1]))
    let model = try tinyModel()
    let pass = try TestPass(model, loader, layers: ["0", "4"], units: 1, best: 3)
    let best = try #require(pass.exciting["0"])
    #expect(best.count == 1 && best[0].map(\.image) == [4, 3, 2])
    #expect(best[0].map { [$0.row, $0.column] } == [[0, 0], [1, 1], [1, 0]])
    #expect((best[0][0].value - 40 / 255).magnitude < 1e-6)
    #expect(pass.exciting["4"]?[0].map(\.image) == [4, 3, 2])
    #expect(pass.count == 5 && pass.classCount == 2 && pass.prediction(of: 4) == 0)
    #expect((pass.probabilities(of: 4).reduce(0, +) - 1).magnitude < 1e-6)
    let wrong = ImageDataset(
      images: data.images, labels: try Tensor([0, 0, 7, 0, 1] as [Int64]), classes: ["a", "b"])
    let bad = try DataLoader(wrong, batchSize: 2, normalization: Normalization(mean: [0], std: [1]))
    #expect(message { try TestPass(model, bad, layers: [], units: 1) }.contains("image 2 has label 7"))
  }
}
