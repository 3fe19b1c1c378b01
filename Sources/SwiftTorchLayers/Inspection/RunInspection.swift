import Formats

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a trained network sees: pictures of its kernels, feature maps, mistakes and more, and a page with all
/// of them.
///
/// Everything is computed before the first file is written.
public struct RunInspection {
  /// The picture whose feature maps are shown.
  public enum Subject: Sendable {
    /// An image of the test set, counted from 0.
    case test(Int)
    /// A picture, brought to the size of the training images; `invert` exchanges light and dark.
    case picture(Picture, name: String, invert: Bool)
  }

  /// One network, one picture, one class.
  package struct View {
    let title: String
    package let picture: Picture
    let label: Int?
    let prediction: Int
    let probabilities: [Double]
    package let saliency: Picture
    package let gradCAM: Picture?
  }

  /// What belongs to one layer; pictures that make no sense for it are missing.
  package struct Layer {
    package let name: String
    let description: String
    package var kernels: (picture: Picture, text: String)?
    package var maps: (picture: Picture, text: String)?
    package var patches: (picture: Picture, text: String)?
  }

  /// A wrong answer.
  struct Mistake {
    let image: Int
    let picture: Picture
    let label: Int
    let prediction: Int
    let probabilities: [Double]
  }

  let configuration: RunConfiguration
  let subject: View
  /// The first test image of each class.
  package let classViews: [View]
  package let layers: [Layer]
  let mistakes: [Mistake]
  let mistakeCount: Int
  /// Rows are the true classes, columns the predicted ones.
  public let confusion: [[Int]]
  /// How many test images were looked at.
  public let count: Int
  let history: [[String: Double]]

  /// The share of right answers, 0…1.
  public var accuracy: Double { Double(count - mistakeCount) / Double(max(1, count)) }
  /// What the network takes the chosen picture for, and how sure it is.
  public var prediction: (index: Int, name: String, probability: Double) {
    (
      subject.prediction, configuration.classes[subject.prediction], subject.probabilities[subject.prediction]
    )
  }

  /// Looks into a run.
  /// - Parameters:
  ///   - subject: the picture whose feature maps are shown.
  ///   - images: how many test images to look through, from the first; nil for all.
  ///   - units: of how many units of a layer the most exciting patches are shown.
  ///   - shouldStop: asked before every batch; true ends with `CancellationError`.
  /// - Throws: when the run, its data or the picture cannot be used.
  public init(
    _ folder: RunFolder, _ configuration: RunConfiguration, device: Device, subject: Subject,
    images: Int? = nil, units: Int = 16, shouldStop: () -> Bool = { false }
  ) throws {
    let whole = try configuration.testLoader(device: device).dataset
    let data = try images.map { $0 < whole.count ? try whole.slice(0..<$0) : whole } ?? whole
    guard data.count > 0 else { throw TorchError("there are no test images to look through") }
    let loader = try DataLoader(
      data, batchSize: min(100, data.count), normalization: configuration.normalization!, device: device)
    let model = try folder.loadModel(configuration).to(device)
    let bytes = try subject.bytes(from: whole, configuration)
    let outputs = try layerOutputs(model, try loader.normalization(try bytes.image.to(device)))
    let fields = try receptiveFields(of: model, inputShape: configuration.inputShape)
    // Only layers with weights: what follows them is excited by the same patches.
    let watched = outputs.filter {
      ($0.module is ConvNd || $0.module is Linear) && [2, 4].contains($0.output.ndim)
    }.map(\.name)
    let pass = try TestPass(
      model, loader, layers: Set(watched), units: 4 * units, shouldStop: shouldStop)
    guard pass.classCount == configuration.classes.count else {
      throw TorchError(
        "\(folder.configuration) names \(configuration.classes.count) classes, but the model has "
          + "\(pass.classCount) outputs")
    }

    self.configuration = configuration
    count = pass.count
    let viewer = Viewer(model: model, loader: loader)
    self.subject = try viewer.view(bytes.image, label: bytes.label, title: bytes.title)
    let firsts = (0..<pass.classCount).prefix(20).compactMap { pass.labels.firstIndex(of: $0) }
    classViews = try firsts.map { index in
      try viewer.view(
        try data.slice(index..<index + 1).images, label: pass.labels[index], title: "test image \(index)")
    }
    layers = try Self.layers(outputs, fields, pass, data, units: units)

    var counts = [[Int]](
      repeating: [Int](repeating: 0, count: pass.classCount), count: pass.classCount)
    var wrong: [(image: Int, probability: Double)] = []
    for image in 0..<pass.count {
      let (label, prediction) = (pass.labels[image], pass.prediction(of: image))
      counts[label][prediction] += 1
      guard label != prediction else { continue }
      wrong.append((image, pass.probabilities(of: image).max() ?? 0))
    }
    confusion = counts
    mistakeCount = wrong.count
    mistakes = try wrong.sorted { $0.probability > $1.probability }.prefix(24).map { image, _ in
      Mistake(
        image: image, picture: try data.picture(image), label: pass.labels[image],
        prediction: pass.prediction(of: image), probabilities: Array(pass.probabilities(of: image)))
    }
    history = Self.history(folder)
  }

  private static func layers(
    _ outputs: [LayerOutput], _ fields: [String: ReceptiveField], _ pass: TestPass, _ data: ImageDataset,
    units: Int
  ) throws -> [Layer] {
    try outputs.enumerated().map { place, output in
      let name = output.name.isEmpty ? "model" : output.name
      var layer = Layer(name: name, description: output.module.description)
      layer.kernels = try kernels(output.module, data.imageShape)
      if let (picture, drawn, total, scale) = try mapsPicture(output.output) {
        let kind = output.output.ndim == 4 ? "maps" : "values"
        let what = drawn < total ? "The first \(drawn) of \(total) \(kind)" : "\(total) \(kind)"
        let colors =
          scale.isSigned
          ? "blue is −\(shortNumber(scale.magnitude)), white 0, red \(shortNumber(scale.magnitude))"
          : "black is 0, white \(shortNumber(scale.magnitude))"
        layer.maps = (picture, "\(what) for the picture above: \(colors).")
      }
      if let best = pass.exciting[output.name] {
        let feedsReLU = place + 1 < outputs.count && outputs[place + 1].module is ReLU
        layer.patches = try patches(best, units, fields[output.name], data, feedsReLU: feedsReLU)
      }
      return layer
    }
  }

  /// A convolution's kernels; of a dense layer on the picture itself, the weights of each unit as a picture.
  private static func kernels(_ module: Module, _ imageShape: [Int]) throws -> (Picture, String)? {
    let weight: Tensor
    switch module {
    case let conv as ConvNd where conv.weight.ndim == 4: weight = conv.weight
    case let dense as Linear where dense.inFeatures == imageShape.reduce(1, *):
      weight = try noGrad { try dense.weight.reshape([dense.outFeatures] + imageShape) }
    default: return nil
    }
    let (picture, drawn, magnitude) = try kernelPicture(weight)
    let (total, inputs) = (weight.shape[0], weight.shape[1])
    let what = module is Linear ? "units' weights" : "kernels"
    var text = drawn < total ? "The first \(drawn) of \(total) \(what)" : "\(total) \(what)"
    switch inputs {
    case 1: text += "; red is positive, blue negative"
    case 3: text += " on red, green and blue; grey is zero"
    default:
      text +=
        ", each a row with a column for each of \(min(inputs, 32)) input maps; red is positive, blue negative"
    }
    return (picture, "\(text). The strongest weight is ±\(shortNumber(magnitude)).")
  }

  /// Nine patches for each unit, each as large as the unit sees. Units that a ReLU keeps at 0 for every image
  /// are left out, as nothing excites them.
  private static func patches(
    _ best: [[Excitation]], _ units: Int, _ field: ReceptiveField?, _ data: ImageDataset, feedsReLU: Bool
  ) throws -> (Picture, String)? {
    let (height, width) = (data.imageShape[1], data.imageShape[2])
    // A field wider than the picture would be mostly border.
    let seen = field.flatMap { $0.size[0] <= height && $0.size[1] <= width ? $0 : nil }
    let alive = feedsReLU ? best.filter { $0[0].value > 0 } : best
    let dead = best.count - alive.count
    let remark =
      dead == 0
      ? ""
      : " \(dead) of the first \(best.count) units are dead: they stay below 0 for every image, "
        + "and ReLU makes that 0."
    let chosen = alive.prefix(units)
    guard !chosen.isEmpty else { return nil }
    let blocks = try chosen.map { unit in
      Canvas.grid(
        try unit.map { excitation in
          let picture = try data.picture(excitation.image)
          guard let seen else { return picture }
          return picture.part(
            x: seen.start[1] + excitation.column * seen.jump[1],
            y: seen.start[0] + excitation.row * seen.jump[0], width: seen.size[1], height: seen.size[0])
        }, columns: 3, scale: enlargement(seen?.size[1] ?? width, wanted: 36), gap: 1, background: .black)
    }
    let nine = best[0].count == 9 ? "nine" : "\(best[0].count)"
    let size = seen.map { "the \($0.size[0])×\($0.size[1]) pixels that a unit sees" } ?? "whole pictures"
    let whose = chosen.count == 1 ? "one unit" : "each of \(chosen.count) units"
    let edge = seen == nil ? "" : ", grey beyond the edge"
    let text = "The \(nine) test images that excite \(whose) most: \(size)\(edge)."
    return (Canvas.grid(blocks, columns: 4, gap: 8), text + remark)
  }

  /// The lines of `metrics.csv`, by column; what is damaged or missing is left out.
  private static func history(_ folder: RunFolder) -> [[String: Double]] {
    guard let bytes = try? FileIO.read(folder.metrics) else { return [] }
    let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    guard let header = lines.first?.split(separator: ",", omittingEmptySubsequences: false) else { return [] }
    return lines.dropFirst().prefix(1 << 16).map { line in
      let values = line.split(separator: ",", omittingEmptySubsequences: false)
      let pairs = zip(header, values).compactMap { name, value in Double(value).map { (String(name), $0) } }
      return Dictionary(pairs) { first, _ in first }
    }
  }
}

/// Makes the pictures that need derivatives.
private struct Viewer {
  let model: Module
  let loader: DataLoader

  func view(_ image: Tensor, label: Int?, title: String) throws -> RunInspection.View {
    let input = try loader.normalization(try image.to(loader.device))
    let logits = try noGrad { try model.evaluating { try model(input) } }
    let probabilities = try logits.to(.float32).softmax(dim: 1).scalars(as: Double.self)
    let prediction = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
    let picture = Picture(planes: try image.bytes(), shape: Array(image.shape.dropFirst()))
    let strength = try saliency(model, input, classes: [prediction]).scalars(as: Double.self)
    let hasMaps = model.namedModules().contains { ($0.module as? ConvNd)?.kernelSize.count == 2 }
    let heat = hasMaps ? try gradCAM(model, input, classes: [prediction]).scalars(as: Double.self) : nil
    return RunInspection.View(
      title: title, picture: picture, label: label, prediction: prediction, probabilities: probabilities,
      saliency: ValueScale(strength).picture(strength, width: picture.width, height: picture.height),
      gradCAM: heat.map { picture.overlaid(heat: $0) })
  }
}

extension RunInspection.Subject {
  /// uint8 `[1, channels, height, width]`.
  fileprivate func bytes(from data: ImageDataset, _ configuration: RunConfiguration) throws -> (
    image: Tensor, label: Int?, title: String
  ) {
    switch self {
    case .test(let index):
      guard (0..<data.count).contains(index) else {
        throw TorchError(
          "\(configuration.data) has \(data.count) test images, numbered from 0; there is no \(index)")
      }
      let one = try data.slice(index..<index + 1)
      return (one.images, try one.labels.item(as: Int.self), "test image \(index)")
    case .picture(let picture, let name, let invert):
      return (try picture.resized(to: configuration.inputShape, invert: invert), nil, name)
    }
  }
}

extension ImageDataset {
  /// One of its images.
  package func picture(_ index: Int) throws -> Picture {
    Picture(planes: try slice(index..<index + 1).images.bytes(), shape: imageShape)
  }
}
