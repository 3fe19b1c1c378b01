/// The ready-made networks, by the names that the command line uses.
public enum Models: String, CaseIterable, Sendable {
  /// One dense layer, the simplest classifier (step a of the digits course).
  case softmax
  /// Dense layers 200-100-60-30 with ReLU (step c of the digits course).
  case mlp
  /// Two 5×5 convolutions with pooling, then two dense layers with dropout: the digits CNN.
  case cnn
  /// LeNet-5 of 1998: tanh and average pooling.
  case lenet
  /// One small convolution and a dense layer: the least that is a convolutional network.
  case tiny
  /// AlexNet in torchvision's form.
  case alexnet
  /// ResNet with 18 layers, as torchvision's.
  case resnet18

  /// One line for a list of models.
  public var summary: String {
    switch self {
    case .softmax: "one dense layer; the simplest classifier"
    case .mlp: "dense layers 200-100-60-30 with ReLU"
    case .cnn: "two 5x5 convolutions (32, 64), pooling, dense 1024, dropout"
    case .lenet: "LeNet-5 (1998): tanh, average pooling"
    case .tiny: "one 3x3 convolution (8), pooling, one dense layer"
    case .alexnet: "AlexNet (2012, 2014): five convolutions, dense 4096 twice, dropout"
    case .resnet18: "ResNet (2015): 17 convolutions with batch normalisation and shortcuts"
    }
  }

  /// Builds the network with fresh weights.
  /// - Parameters:
  ///   - inputShape: `[channels, height, width]` of an image.
  ///   - classes: the number of outputs.
  /// - Throws: `TorchError` when images of this size are too small for the network, or absurdly large.
  public func make(inputShape: [Int], classes: Int) throws -> Module {
    guard inputShape.count == 3, inputShape.allSatisfy({ $0 > 0 }), classes > 0 else {
      throw TorchError("a model needs an input [channels, height, width] and a class, got \(inputShape)")
    }
    // No picture is larger, and no product of sizes below overflows.
    let largest = 1 << 16
    guard inputShape.allSatisfy({ $0 <= largest }), classes <= largest,
      inputShape.reduce(1, *) <= 1 << 26
    else { throw TorchError("images of \(inputShape) with \(classes) classes are too large for \(rawValue)") }
    let (channels, height, width) = (inputShape[0], inputShape[1], inputShape[2])
    func require(_ size: Int) throws {
      guard height >= size, width >= size else {
        throw TorchError("\(rawValue) needs images of at least \(size)×\(size), these are \(height)×\(width)")
      }
    }
    switch self {
    case .softmax:
      return Sequential {
        Flatten()
        Linear(inFeatures: channels * height * width, outFeatures: classes)
      }
    case .mlp:
      let sizes = [channels * height * width, 200, 100, 60, 30]
      return Sequential {
        Flatten()
        for (input, output) in zip(sizes, sizes.dropFirst()) {
          Linear(inFeatures: input, outFeatures: output)
          ReLU()
        }
        Linear(inFeatures: 30, outFeatures: classes)
      }
    case .cnn:
      try require(4)
      return Sequential {
        Conv2d(inChannels: channels, outChannels: 32, kernelSize: 5, padding: .same)
        ReLU()
        MaxPool2d(kernelSize: 2)
        Conv2d(inChannels: 32, outChannels: 64, kernelSize: 5, padding: .same)
        ReLU()
        MaxPool2d(kernelSize: 2)
        Flatten()
        Linear(inFeatures: 64 * (height / 2 / 2) * (width / 2 / 2), outFeatures: 1024)
        ReLU()
        Dropout(p: 0.4)
        Linear(inFeatures: 1024, outFeatures: classes)
      }
    case .lenet:
      try require(12)
      // 28×28 images are padded to the 32×32 of the paper.
      let padding = height < 32 || width < 32 ? 2 : 0
      func after(_ size: Int) -> Int { ((size + 2 * padding - 4) / 2 - 4) / 2 }
      return Sequential {
        Conv2d(inChannels: channels, outChannels: 6, kernelSize: 5, padding: padding)
        Tanh()
        AvgPool2d(kernelSize: 2)
        Conv2d(inChannels: 6, outChannels: 16, kernelSize: 5)
        Tanh()
        AvgPool2d(kernelSize: 2)
        Flatten()
        Linear(inFeatures: 16 * after(height) * after(width), outFeatures: 120)
        Tanh()
        Linear(inFeatures: 120, outFeatures: 84)
        Tanh()
        Linear(inFeatures: 84, outFeatures: classes)
      }
    case .tiny:
      try require(4)
      return tinyNet(channels: channels, height: height, width: width, classes: classes)
    case .alexnet:
      try require(63)
      return AlexNet(channels: channels, classes: classes)
    case .resnet18:
      // Its convolutions are padded: one pixel is enough.
      return ResNet(blocks: [2, 2, 2, 2], channels: channels, classes: classes)
    }
  }
}
