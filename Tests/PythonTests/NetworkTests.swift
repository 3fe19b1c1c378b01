import Testing

@testable import SwiftTorchLayers

/// A ready-made network and images small enough for a test.
struct NetworkCase: Sendable, CustomTestStringConvertible {
  let model: Models
  let shape: [Int]

  var testDescription: String { model.rawValue }

  static let all: [NetworkCase] = Models.allCases.map { model in
    switch model {
    case .softmax, .mlpSigmoid, .mlp, .mlpDropout, .cnn, .cnnBatchNorm, .lenet, .tiny, .headDense,
      .headPooling, .autoencoder:
      NetworkCase(model: model, shape: [5, 1, 28, 28])
    case .xOrO: NetworkCase(model: model, shape: [5, 1, 9, 9])
    case .cifarMLP, .cifarCNN: NetworkCase(model: model, shape: [5, 3, 16, 20])
    case .detector, .segmenter: NetworkCase(model: model, shape: [4, 3, 16, 24])
    case .alexnet2012, .alexnet, .resnet18: NetworkCase(model: model, shape: [4, 3, 64, 70])
    case .vgg11, .vgg16: NetworkCase(model: model, shape: [2, 3, 32, 35])
    case .resnet50: NetworkCase(model: model, shape: [2, 3, 36, 40])
    }
  }

  /// Those that are run in both; of the VGGs one is enough, as they differ in their numbers of blocks.
  static let run = all.filter { $0.model != .vgg16 }
  static let classes = 12

  /// The network; of the largest a smaller one of the same kind.
  func make() throws -> Module {
    let classes = Self.classes
    return switch model {
    case .alexnet2012: alexnet2012(channels: 3, classes: classes, dense: 24)
    case .alexnet: alexnet(channels: 3, classes: classes, dense: 24)
    case .vgg11, .vgg16: vgg(blocks: [1, 2, 1, 1, 1], channels: 3, classes: classes, dense: 24)
    case .resnet50: ResNet(blocks: [1, 2, 1, 1], bottleneck: true, channels: 3, classes: classes)
    default: try model.make(inputShape: Array(shape.dropFirst()), classes: classes)
    }
  }

  /// The arguments that make the same in Python.
  private var settings: String {
    switch model {
    case .alexnet2012, .alexnet: "{'dense': 24}"
    case .vgg11, .vgg16: "{'dense': 24, 'blocks': [1, 2, 1, 1, 1]}"
    case .resnet50: "{'blocks': [1, 2, 1, 1]}"
    default: "{}"
    }
  }

  /// The folder with Python's results; one process makes them all.
  private static let folder = Result { () throws -> String in
    let path = Peer.temporaryFile("networks")
    let rows = run.map { [$0.model.rawValue, "\($0.shape)", "\(classes)", $0.settings] }
    _ = try Peer.run("networks.py", [Peer.cases(rows), path])
    return path
  }

  func peer() throws -> StateDict {
    try StateDict(safetensors: "\(Self.folder.get())/\(model.rawValue).safetensors")
  }
}

@Suite(.serialized)
struct NetworkTests {
  @Test(
    "from the same seed: keys, first weights, output, gradients and 3 steps of SGD are Python's bit for bit",
    arguments: NetworkCase.run)
  func sameAsPython(_ item: NetworkCase) throws {
    try ExactnessTable.row(.network, item.model.rawValue) { try compare(item) }
  }

  private func compare(_ item: NetworkCase) throws {
    try Peer.singleThreaded()
    let peer = try item.peer()
    try Torch.manualSeed(7)
    let model = try item.make()
    let initial = model.stateDict()
    #expect(
      initial.keys.map { "initial/\($0)" } == peer.keys.filter { $0.hasPrefix("initial/") },
      "state-dict keys and their order")
    for (key, tensor) in initial { try expectEqual(tensor, peer, "initial/\(key)") }

    let x = try Tensor.randn(item.shape)
    let labels = try Tensor.randint(0, NetworkCase.classes, [item.shape[0]])
    let optimizer = SGD(model.parameters(), lr: 0.01, momentum: 0.9)
    for step in 0..<3 {
      let logits = try model(x)
      // Every output takes part in the loss of a network that is no classifier.
      let loss = try logits.ndim == 2 ? crossEntropy(logits, labels) : logits.square().mean()
      try optimizer.zeroGrad()
      try loss.backward()
      if step == 0 {
        try expectEqual(logits, peer, "output")
        for (key, tensor) in model.namedParameters() {
          try expectEqual(tensor.grad, peer, "gradient/\(key)")
        }
      }
      try optimizer.step()
      try expectEqual(loss, peer, "loss\(step)")
    }
    model.eval()
    try expectEqual(try noGrad { try model(x) }, peer, "evaluated")
    for (key, tensor) in model.stateDict() { try expectEqual(tensor, peer, "final/\(key)") }
  }

  @Test("in full size, keys and shapes are Python's: torchvision's where it has the network")
  func fullSize() throws {
    let peer = try Peer.run("network_shapes.py", [])
    for model in Models.allCases {
      let made = try Initialization.$isTrial.withValue(true) {
        try model.make(inputShape: model.inputShape, classes: model.classes)
      }
      let own = made.stateDict()
      let prefix = "\(model.rawValue)/"
      #expect(own.keys.map { prefix + $0 } == peer.keys.filter { $0.hasPrefix(prefix) })
      for (key, tensor) in own {
        #expect(try peer[prefix + key]?.scalars(as: Int.self) == tensor.shape, "\(model.rawValue), \(key)")
      }
    }
  }
}
