/// The ready-made networks, by the names that the command line uses.
public enum Models: String, CaseIterable, Sendable {
  /// One dense layer, the simplest classifier (step a of the digits course).
  case softmax
  /// Dense layers 200-100-60-30 with sigmoids (step b of the digits course).
  case mlpSigmoid = "mlp-sigmoid"
  /// Dense layers 200-100-60-30 with ReLU (step c of the digits course).
  case mlp
  /// The same with dropout (step d of the digits course).
  case mlpDropout = "mlp-dropout"
  /// Two 5×5 convolutions with pooling, then two dense layers with dropout: the digits CNN.
  case cnn
  /// Four 3×3 convolutions with batch normalisation (step e of the digits course).
  case cnnBatchNorm = "cnn-batchnorm"
  /// LeNet-5 of 1998: tanh and average pooling.
  case lenet
  /// One small convolution and a dense layer: the least that is a convolutional network.
  case tiny
  /// Tells a drawn X from an O.
  case xOrO = "x-or-o"
  /// Dense layers alone, to be compared with `cifarCNN`.
  case cifarMLP = "cifar-mlp"
  /// Convolutions before the dense layers, a quarter of the parameters.
  case cifarCNN = "cifar-cnn"
  /// Three convolutions under dense layers, to be compared with `headPooling`.
  case headDense = "head-dense"
  /// The same convolutions under global average pooling.
  case headPooling = "head-pooling"
  /// AlexNet as in the paper: two towers, local response normalisation.
  case alexnet2012 = "alexnet-2012"
  /// AlexNet in torchvision's form.
  case alexnet
  /// VGG with 11 layers, as torchvision's.
  case vgg11
  /// VGG with 16 layers, as torchvision's.
  case vgg16
  /// ResNet with 18 layers, as torchvision's.
  case resnet18
  /// ResNet with 50 layers, as torchvision's.
  case resnet50
  /// Boxes and classes on a grid, in one pass.
  case detector
  /// A class for every pixel.
  case segmenter
  /// A picture into a few numbers and back.
  case autoencoder

  /// One line for a list of models.
  public var summary: String {
    switch self {
    case .softmax: "one dense layer; the simplest classifier"
    case .mlpSigmoid: "dense layers 200-100-60-30 with sigmoids"
    case .mlp: "dense layers 200-100-60-30 with ReLU"
    case .mlpDropout: "the same with dropout"
    case .cnn: "two 5x5 convolutions (32, 64), pooling, dense 1024, dropout"
    case .cnnBatchNorm: "four 3x3 convolutions (32, 32, 64, 64) with batch normalisation, dropout"
    case .lenet: "LeNet-5 (1998): tanh, average pooling"
    case .tiny: "one 3x3 convolution (8), pooling, one dense layer"
    case .xOrO: "tells a drawn X from an O: two 3x3 convolutions (3, 3), two votes"
    case .cifarMLP: "dense layers 2048-1024-512 for pictures in colour"
    case .cifarCNN: "four 3x3 convolutions (32, 32, 64, 64) for pictures in colour, dense 512"
    case .headDense: "three 3x3 convolutions (32, 64, 128) under dense layers"
    case .headPooling: "three 3x3 convolutions (32, 64, 128) under global average pooling"
    case .alexnet2012: "AlexNet as in the paper (2012): two towers, local response normalisation"
    case .alexnet: "AlexNet (2012, 2014): five convolutions, dense 4096 twice, dropout"
    case .vgg11: "VGG (2014): eight 3x3 convolutions, dense 4096 twice, dropout"
    case .vgg16: "VGG (2014): thirteen 3x3 convolutions, dense 4096 twice, dropout"
    case .resnet18: "ResNet (2015): 17 convolutions with batch normalisation and shortcuts"
    case .resnet50: "ResNet (2015): 49 convolutions in bottlenecks, batch normalisation, shortcuts"
    case .detector: "boxes and classes on a grid of 8x8 pixels a cell"
    case .segmenter: "a class for every pixel: encoder and decoder"
    case .autoencoder: "a picture into 16 numbers and back; its decoder makes pictures"
    }
  }

  /// The images it was made for, `[channels, height, width]`; most take others too.
  public var inputShape: [Int] {
    switch self {
    case .softmax, .mlpSigmoid, .mlp, .mlpDropout, .cnn, .cnnBatchNorm, .lenet, .tiny, .headDense,
      .headPooling, .autoencoder:
      [1, 28, 28]
    case .xOrO: [1, 9, 9]
    case .cifarMLP, .cifarCNN: [3, 32, 32]
    case .detector, .segmenter: [3, 64, 64]
    case .alexnet2012, .alexnet, .vgg11, .vgg16, .resnet18, .resnet50: [3, 224, 224]
    }
  }

  /// The number of classes it was made for.
  public var classes: Int {
    switch self {
    case .xOrO: 2
    case .detector, .segmenter: 3
    case .alexnet2012, .alexnet, .vgg11, .vgg16, .resnet18, .resnet50: 1000
    default: 10
    }
  }

  /// Whether it gives a number for each class of an image.
  public var isClassifier: Bool { ![.detector, .segmenter, .autoencoder].contains(self) }

  /// Builds the network with fresh weights.
  /// - Parameters:
  ///   - inputShape: `[channels, height, width]` of an image.
  ///   - classes: the number of outputs.
  /// - Throws: `TorchError` when images of this size are too small for the network, or absurdly large.
  public func make(inputShape: [Int], classes: Int) throws -> Module {
    let image = try ImageSize(inputShape, classes: classes, for: self)
    let trial = Initialization.$isTrial.withValue(true) { network(image, classes) }
    guard trial.parameters().reduce(0, { $0 + $1.numel }) <= ArchitectureBuilder.mostParameters else {
      throw TorchError(
        "images of \(inputShape) with \(classes) classes are too large for \(rawValue): it would have more than "
          + "\(ArchitectureBuilder.mostParameters) parameters")
    }
    return network(image, classes)
  }

  private func network(_ image: ImageSize, _ classes: Int) -> Module {
    let channels = image.channels
    switch self {
    case .softmax: return softmaxNet(image, classes: classes)
    case .mlpSigmoid: return digitsMLP(image, classes: classes) { Sigmoid() }
    case .mlp: return digitsMLP(image, classes: classes) { ReLU() }
    case .mlpDropout: return digitsMLP(image, classes: classes, dropout: 0.25) { ReLU() }
    case .cnn: return digitsCNN(image, classes: classes)
    case .cnnBatchNorm: return digitsBatchNormCNN(image, classes: classes)
    case .lenet: return SwiftTorchLayers.lenet(image, classes: classes)
    case .tiny: return tinyNet(image, classes: classes)
    case .xOrO: return xOrONet(image, classes: classes)
    case .cifarMLP: return SwiftTorchLayers.cifarMLP(image, classes: classes)
    case .cifarCNN: return SwiftTorchLayers.cifarCNN(image, classes: classes)
    case .headDense: return headNet(image, classes: classes, globalPooling: false)
    case .headPooling: return headNet(image, classes: classes, globalPooling: true)
    case .alexnet2012: return SwiftTorchLayers.alexnet2012(channels: channels, classes: classes)
    case .alexnet: return SwiftTorchLayers.alexnet(channels: channels, classes: classes)
    case .vgg11: return vgg(blocks: [1, 1, 2, 2, 2], channels: channels, classes: classes)
    case .vgg16: return vgg(blocks: [2, 2, 3, 3, 3], channels: channels, classes: classes)
    case .resnet18: return ResNet(blocks: [2, 2, 2, 2], channels: channels, classes: classes)
    case .resnet50:
      return ResNet(blocks: [3, 4, 6, 3], bottleneck: true, channels: channels, classes: classes)
    case .detector: return SwiftTorchLayers.detector(channels: channels, classes: classes)
    case .segmenter: return SwiftTorchLayers.segmenter(channels: channels, classes: classes)
    case .autoencoder: return SwiftTorchLayers.autoencoder(image)
    }
  }

  /// The least height and width of an image.
  fileprivate var smallest: Int {
    switch self {
    case .cnn, .cnnBatchNorm, .tiny, .cifarCNN, .headDense, .headPooling, .segmenter, .autoencoder: 4
    case .xOrO: 3
    case .lenet: 12
    case .alexnet2012, .alexnet: 63
    case .vgg11, .vgg16: 32
    case .detector: 8
    // ResNet's convolutions are padded: one pixel is enough.
    case .softmax, .mlpSigmoid, .mlp, .mlpDropout, .cifarMLP, .resnet18, .resnet50: 1
    }
  }

  /// Whether height and width must be multiples of 4, so that what is halved twice comes back to its size.
  fileprivate var needsMultiplesOfFour: Bool { self == .segmenter || self == .autoencoder }
}

/// The size of an image that suits a network.
struct ImageSize {
  let channels: Int
  let height: Int
  let width: Int
  var count: Int { channels * height * width }

  /// - Throws: `TorchError` when it does not suit the network, or is absurdly large.
  fileprivate init(_ shape: [Int], classes: Int, for model: Models) throws {
    guard shape.count == 3, shape.allSatisfy({ $0 > 0 }), classes > 0 else {
      throw TorchError("a model needs an input [channels, height, width] and a class, got \(shape)")
    }
    // No picture is larger, and no product of sizes in the networks overflows.
    let largest = 1 << 16
    guard shape.allSatisfy({ $0 <= largest }), classes <= largest, shape.reduce(1, *) <= 1 << 26 else {
      throw TorchError("images of \(shape) with \(classes) classes are too large for \(model.rawValue)")
    }
    (channels, height, width) = (shape[0], shape[1], shape[2])
    let least = model.smallest
    guard height >= least, width >= least else {
      throw TorchError(
        "\(model.rawValue) needs images of at least \(least)×\(least), these are \(height)×\(width)")
    }
    guard !model.needsMultiplesOfFour || (height % 4 == 0 && width % 4 == 0) else {
      throw TorchError(
        "\(model.rawValue) needs images whose height and width are multiples of 4, these are \(height)×\(width)"
      )
    }
  }
}
