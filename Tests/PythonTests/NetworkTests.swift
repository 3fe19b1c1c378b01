import SwiftTorchLayers
import Testing

/// A ready-made network and images small enough for a test.
struct NetworkCase: Sendable, CustomTestStringConvertible {
  let model: Models
  let shape: [Int]

  var testDescription: String { model.rawValue }

  static let all: [NetworkCase] = Models.allCases.map { model in
    switch model {
    case .softmax, .mlp, .cnn, .lenet, .tiny: NetworkCase(model: model, shape: [5, 1, 28, 28])
    case .alexnet: NetworkCase(model: model, shape: [4, 3, 64, 70])
    case .resnet18: NetworkCase(model: model, shape: [4, 3, 64, 70])
    }
  }
}

@Suite(.serialized)
struct NetworkTests {
  @Test(
    "from the same seed: keys, first weights, output, gradients and 3 steps of SGD are Python's bit for bit",
    arguments: NetworkCase.all)
  func sameAsPython(_ item: NetworkCase) throws {
    try ExactnessTable.row(.network, item.model.rawValue) { try compare(item) }
  }

  private func compare(_ item: NetworkCase) throws {
    try Peer.singleThreaded()
    let classes = 12
    let peer = try Peer.run("networks.py", [item.model.rawValue, "\(item.shape)", "\(classes)"])
    try Torch.manualSeed(7)
    let model = try item.model.make(inputShape: Array(item.shape.dropFirst()), classes: classes)
    let initial = model.stateDict()
    #expect(
      initial.keys.map { "initial/\($0)" } == peer.keys.filter { $0.hasPrefix("initial/") },
      "state-dict keys and their order")
    for (key, tensor) in initial { try expectEqual(tensor, peer, "initial/\(key)") }

    let x = try Tensor.randn(item.shape)
    let labels = try Tensor.randint(0, classes, [item.shape[0]])
    let optimizer = SGD(model.parameters(), lr: 0.01, momentum: 0.9)
    for step in 0..<3 {
      let logits = try model(x)
      let loss = try crossEntropy(logits, labels)
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
}
