import Foundation
import SwiftTorchLayers
import Testing

@Suite(.serialized)
struct TrainingTests {
  @Test("the loader's order over three epochs, and the random numbers after it, are Python's")
  func loaderOrder() throws {
    try ExactnessTable.row(.loader, "DataLoader", compareOrder)
  }

  private func compareOrder() throws {
    try Peer.singleThreaded()
    let peer = try Peer.run("loader.py", [])
    // The pixel of image i is i, so that a batch tells which images it has.
    let dataset = ImageDataset(
      images: try Tensor((0..<103).map(UInt8.init), shape: [103, 1, 1, 1]),
      labels: try Tensor(Array(0..<103)), classes: [])
    for (name, shuffle, seed, dropLast) in [
      ("shuffled", true, nil, false), ("generator", true, 5, false), ("ordered", false, nil, false),
      ("dropped", true, nil, true),
    ] as [(String, Bool, UInt64?, Bool)] {
      try Torch.manualSeed(11)
      let loader = try DataLoader(
        dataset, batchSize: 10, shuffle: shuffle, dropLast: dropLast,
        generator: seed.map { try Generator(seed: $0) }, normalization: Normalization(mean: [0], std: [1]))
      for number in 0..<3 {
        let epoch = try loader.epoch()
        var labels: [Tensor] = []
        while let batch = try epoch.next() { labels.append(batch.labels) }
        try expectEqual(try cat(labels), peer, "\(name)/order\(number)")
        try expectEqual(try Tensor.rand([3]), peer, "\(name)/after\(number)")
      }
    }
  }

  @Test(
    "training on Fashion-MNIST with Adam (an epoch, or 60 steps of cnn): losses and weights are Python's bit for bit",
    arguments: [("softmax", 600), ("mlp", 600), ("cnn", 60)])
  func training(_ name: String, _ steps: Int) throws {
    try ExactnessTable.row(.curve, "\(name), \(steps) steps of Adam") { try compareCurve(name, steps) }
  }

  private func compareCurve(_ name: String, _ steps: Int) throws {
    try Peer.singleThreaded()
    let folder = "/usr/share/datasets/fashion-mnist"
    let peer = try Peer.run("train.py", [folder, name, "\(steps)"])
    let dataset = try NamedDataset.fashionMNIST.load(.train, folder: folder)
    let loader = try DataLoader(
      dataset, batchSize: 100, shuffle: true, normalization: Normalization(of: dataset))
    try Torch.manualSeed(3)
    let model = try Models(rawValue: name)!.make(inputShape: [1, 28, 28], classes: 10)
    final class Recorder: Loss {
      var losses: [Tensor] = []
      func callAsFunction(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        let loss = try crossEntropy(input, target)
        losses.append(try loss.detach())
        return loss
      }
    }
    let recorder = Recorder()
    let trainer = try Trainer(
      model, optimizer: Adam(model.parameters(), lr: 3e-3), loader: loader, loss: recorder)
    _ = try trainer.fit(epochs: 1, shouldStop: { recorder.losses.count == steps })
    #expect(recorder.losses.count == steps)
    try expectEqual(try stack(recorder.losses), peer, "losses")
    for (key, tensor) in model.stateDict() { try expectEqual(tensor, peer, key) }
  }

  @Test(
    "Python opens an export: PyTorch's keys, equal logits on 1 000 images, dropout in train(), one SGD step")
  func torchScript() throws {
    try ExactnessTable.row(.export, "ScriptModule.save, opened by Python", compareExport)
  }

  private func compareExport() throws {
    try Peer.singleThreaded()
    let dataset = try NamedDataset.fashionMNIST.load(.test)
    let loader = try DataLoader(
      dataset.slice(0..<1000), batchSize: 100, normalization: Normalization(of: dataset))
    try Torch.manualSeed(4)
    let model = try Models.cnn.make(inputShape: [1, 28, 28], classes: 10).eval()
    let file = Peer.temporaryFile("cnn.pt")
    try ScriptModule(model).save(to: file)
    var images: [Tensor] = []
    let epoch = try loader.epoch()
    while let batch = try epoch.next() { images.append(batch.images) }
    let raw = Peer.temporaryFile("images.bin")
    try Data(try cat(images).bytes()).write(to: URL(fileURLWithPath: raw))

    let peer = try Peer.run("torchscript.py", [file, raw])
    let keys = ["0.weight", "0.bias", "3.weight", "3.bias", "7.weight", "7.bias", "10.weight", "10.bias"]
    #expect(Array(peer.keys).filter { $0.hasPrefix("state/") } == keys.map { "state/\($0)" })
    for (key, tensor) in model.stateDict() { try expectEqual(tensor, peer, "state/\(key)") }
    try expectEqual(try noGrad { try cat(images.map { try model($0) }) }, peer, "logits")
    #expect(try peer["repeatable"]?.item(as: Float.self) == 1)
    #expect(try peer["random"]?.item(as: Float.self) == 1)
    #expect(try peer["moved"]?.scalars(as: Float.self).allSatisfy { $0 > 0 } == true)
  }
}
