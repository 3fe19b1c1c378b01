import Formats
import SwiftTorchLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension CourseRow {
  static let whatItSees = CourseRow(
    "C20", "what a network sees: kernels, feature maps, exciting patches, Grad-CAM",
    notice:
      "the first kernels look for edges and spots, later layers for parts, and the heat lies where the thing is that one asks for."
  ) { lesson in
    let sight = try Sight(lesson)
    try sight.showKernels()
    try sight.showInside()
    try sight.showReasons()
    try sight.showPairs()
  }
}

/// A network with large first kernels, trained on clothes, and what is looked at in it.
private struct Sight {
  let lesson: Lesson
  let run: TrainingRun
  let test: Evaluation
  let fresh: Module
  let inspection: RunInspection

  /// Kernels of 7×7 are large enough to look at. Without biases, maps are 0 where the picture is; global average pooling
  /// lets a picture have any size and makes each of the last maps a witness for its place.
  static let network = """
    layers:
      - Conv2d: {outChannels: 16, kernelSize: 7, padding: same, bias: false}
      - ReLU
      - MaxPool2d: {kernelSize: 2}
      - Conv2d: {outChannels: 32, kernelSize: 3, padding: same, bias: false}
      - ReLU
      - Conv2d: {outChannels: 64, kernelSize: 3, padding: same, bias: false}
      - ReLU
      - AdaptiveAvgPool2d: {outputSize: 1}
      - Flatten
      - Linear: {outFeatures: classes}

    """

  /// First weights as He et al. say, but those of the first kernels a tenth of that: what one sees in them afterwards was
  /// learned.
  static func initialize(_ model: Module) throws {
    let layers = model.namedModules().compactMap { $0.module as? ConvNd }
    for layer in layers { try kaimingNormal(layer.weight, nonlinearity: .relu) }
    try noGrad { _ = try layers[0].weight.copy_(try layers[0].weight * 0.1) }
  }

  init(_ lesson: Lesson) throws {
    self.lesson = lesson
    lesson.say(
      "The network, in a file of its own; it learns the clothes of Fashion-MNIST.\n\n\(Self.network)")
    let path = "\(lesson.folder)/net.yaml"
    do {
      try FileManager.default.createDirectory(atPath: lesson.folder, withIntermediateDirectories: true)
    } catch {
      throw TorchError("the folder \(lesson.folder) cannot be made: \(error)")
    }
    try FileIO.writeAtomically(Array(Self.network.utf8), to: path)
    var configuration = lesson.configuration(model: .cnn, data: .fashionMNIST, epochs: lesson.quick ? 4 : 3)
    configuration.model = path
    configuration.architecture = try Architecture(path: path).files
    configuration.lr = 0.004
    configuration.schedule = try RunSchedule("onecycle")
    configuration.limit = lesson.quick ? 6000 : 30_000
    // The background is 0 then, and stays it through all layers.
    configuration.normalization = Normalization(mean: [0], std: [1])
    lesson.say(
      "    \(lesson.command(configuration))\n\nand, what are no flags: black is 0 and white 1, no mean is taken away; He "
        + "initialisation, the first kernels a tenth\nof it, so that what one sees in them was learned and is no rest "
        + "of chance.")
    try Torch.manualSeed(configuration.seed)
    fresh = try Architecture(path: path).make(inputShape: [1, 28, 28], classes: 10)
    try Self.initialize(fresh)
    (run, test) = try lesson.train(configuration, as: "clothes", initialize: Self.initialize)
    lesson.show("test accuracy", test.accuracy, as: percent(test.accuracy))
    inspection = try RunInspection(
      run.folder, run.configuration, device: try run.configuration.prepareDevice(), subject: .test(0),
      images: lesson.quick ? 1000 : nil, units: 8, shouldStop: lesson.listener.shouldStop)
    let page = "\(lesson.folder)/inspect"
    _ = try inspection.write(to: page)
    lesson.say(
      "\(page)/index.html has all of it; `torchlayers inspect \(run.folder.path)` writes it for any run.\n")
  }

  /// The layer with this key.
  private func layer(_ name: String) -> RunInspection.Layer { inspection.layers.first { $0.name == name }! }

  func showKernels() throws {
    let before = try neighbourCorrelation(firstKernels(of: fresh))
    let after = try neighbourCorrelation(firstKernels(of: run.trainer.model))
    lesson.say(
      "Kernels. Weights that lie beside each other in a first-layer kernel have a correlation of "
        + "\(fixed(before, 2)) before training\n(chance) and of \(fixed(after, 2)) after it: there is something to see."
    )
    lesson.keep("correlation of neighbouring weights", [before, after])
    try show(layer("0").kernels, "kernels", "the first layer's kernels")
  }

  private func firstKernels(of model: Module) throws -> Tensor {
    let first = model.namedModules().lazy.compactMap { $0.module as? ConvNd }.first!
    return try first.weight.detach().to(.cpu)
  }

  func showInside() throws {
    lesson.say(
      "Feature maps: where in the picture each kernel finds what it looks for, layer after layer smaller and "
        + "more abstract.")
    for (key, number) in [("1", 1), ("4", 2), ("6", 3)] {
      try show(layer(key).maps, "maps-\(number)", "an ankle boot after convolution \(number) and ReLU")
    }
    lesson.say(
      "Exciting patches: what the test pictures show where a unit answers most. What nine patches have in common is "
        + "what\nthe unit looks for.")
    for (key, number) in [("0", 1), ("3", 2), ("5", 3)] {
      try show(layer(key).patches, "patches-\(number)", "convolution \(number)")
    }
  }

  private func show(_ part: (picture: Picture, text: String)?, _ name: String, _ words: String) throws {
    guard let part else { return }
    try lesson.picture(
      part.picture, name, "\(words). \(part.text.split(separator: " for the picture above").joined())")
  }

  /// Saliency and Grad-CAM for a picture of each class.
  func showReasons() throws {
    let views = inspection.classViews
    let rows = [views.map(\.picture), views.map(\.saliency), views.compactMap(\.gradCAM)]
    try lesson.picture(
      Canvas.grid(Array(rows.joined()), columns: views.count, scale: 2), "reasons",
      "a test picture of each class; below it how strongly each pixel moves the answer (saliency);\n    below that "
        + "where the last maps speak for the answer (Grad-CAM)")
  }

  /// Two things in one picture: where the heat lies when one asks for the one, and when one asks for the other.
  func showPairs() throws {
    let data = try run.configuration.testLoader(device: .cpu).dataset
    let labels = try data.labels.scalars(as: Int.self)
    let known = labels.indices.filter { labels[$0] == test.predictions[$0] }
    let half = min(200, known.count / 2)
    let pairs = (0..<half).map { (known[$0], known[$0 + half]) }.filter { labels[$0.0] != labels[$0.1] }
    guard !pairs.isEmpty else { return }
    let heats = try heat(pairs, data, labels)
    let width = data.imageShape[2]
    func share(_ heat: Tensor, from start: Int) throws -> Double {
      let sums = try heat.sum(dim: [1, 2]).clamp(min: 1e-12)
      return try (heat.narrow(2, start, width).sum(dim: [1, 2]) / sums).mean().item(as: Double.self)
    }
    let found = (try share(heats.left, from: 0) + share(heats.right, from: width)) / 2
    lesson.keep("share of the heat on the thing asked for", [found])
    lesson.say(
      "Two things in one picture, \(pairs.count) such pictures: \(percent(found)) of the heat lies on the half of the thing "
        + "that was asked for.\nSpread evenly it would be 50 %. The network never saw two things at once, nor a picture "
        + "of this size.")

    let firsts = (0..<10).map { label in known.first { labels[$0] == label } }
    let chosen = [(9, 1), (5, 0), (8, 7), (3, 9)].compactMap { left, right in
      firsts[left].flatMap { first in firsts[right].map { (first, $0) } }
    }
    guard !chosen.isEmpty else { return }
    let drawn = try heat(chosen, data, labels)
    let (maps, bytes) = (try grey(drawn.left) + grey(drawn.right), try beside(chosen, data).bytes())
    let size = bytes.count / chosen.count
    let tiles = chosen.indices.flatMap { index in
      [Array(bytes[index * size..<(index + 1) * size]), maps[index], maps[chosen.count + index]].map {
        Picture(width: 2 * width, height: data.imageShape[1], channels: 1, pixels: $0)
      }
    }
    let names = chosen.map { "\(data.classes[labels[$0.0]]) and \(data.classes[labels[$0.1]])" }
    try lesson.picture(
      Canvas.grid(tiles, columns: 3, scale: 3), "pairs",
      "\(names.joined(separator: "; ")):\n    the picture, the heat for the first thing, the heat for the second"
    )
  }

  private func beside(_ pairs: [(Int, Int)], _ data: ImageDataset) throws -> Tensor {
    func images(_ numbers: [Int]) throws -> Tensor {
      try cat(numbers.map { try data.slice($0..<$0 + 1).images })
    }
    return try cat([try images(pairs.map(\.0)), try images(pairs.map(\.1))], dim: 3)
  }

  private func heat(_ pairs: [(Int, Int)], _ data: ImageDataset, _ labels: [Int]) throws -> (
    left: Tensor, right: Tensor
  ) {
    let model = try run.folder.loadModel(run.configuration)
    let input = try run.configuration.normalization!(try beside(pairs, data))
    return (
      try gradCAM(model, input, classes: pairs.map { labels[$0.0] }),
      try gradCAM(model, input, classes: pairs.map { labels[$0.1] })
    )
  }

  /// Pictures of `[N, height, width]` from 0 to 1.
  private func grey(_ heat: Tensor) throws -> [[UInt8]] {
    let bytes = try (heat * 255).round().to(.uint8).bytes()
    let size = bytes.count / heat.shape[0]
    return (0..<heat.shape[0]).map { Array(bytes[$0 * size..<($0 + 1) * size]) }
  }
}

/// The correlation of numbers that lie beside or below each other in kernels `[…, height, width]`, −1…1: 0 for chance, near
/// 1 for smooth kernels. Each kernel's mean is taken away first.
func neighbourCorrelation(_ kernels: Tensor) throws -> Double {
  let (height, width) = (kernels.shape[kernels.ndim - 2], kernels.shape[kernels.ndim - 1])
  let numbers = try kernels.scalars(as: Double.self)
  var (products, squares) = (0.0, 0.0)
  for start in stride(from: 0, to: numbers.count, by: height * width) {
    let kernel = numbers[start..<start + height * width]
    let mean = kernel.reduce(0, +) / Double(kernel.count)
    let centred = kernel.map { $0 - mean }
    for place in centred.indices {
      let (row, column) = (place / width, place % width)
      for next in [(row, column + 1), (row + 1, column)] where next.0 < height && next.1 < width {
        let other = centred[next.0 * width + next.1]
        products += centred[place] * other
        squares += (centred[place] * centred[place] + other * other) / 2
      }
    }
  }
  return squares > 0 ? products / squares : 0
}
