/// Where a unit of a layer answered.
public struct Excitation: Equatable, Sendable {
  /// The image's number in the data set.
  public let image: Int
  /// The place in the unit's map; 0 and 0 for a dense layer.
  public let row: Int
  public let column: Int
  public let value: Double
}

/// What a model said about a data set, and which images excited its units most.
public struct TestPass: Sendable {
  /// The class of each image in the data set.
  public let labels: [Int]
  /// The softmax probabilities of each image, `count · classes` of them.
  public let probabilities: [Double]
  public let classCount: Int
  /// For each layer by key path, for each of its first units, the images that excite it most, best first.
  public let exciting: [String: [[Excitation]]]

  public var count: Int { labels.count }

  /// The probabilities of one image.
  public func probabilities(of image: Int) -> ArraySlice<Double> {
    probabilities[image * classCount..<(image + 1) * classCount]
  }

  /// The most probable class of one image.
  public func prediction(of image: Int) -> Int {
    let all = probabilities(of: image)
    return all.indices.max { all[$0] < all[$1] }! - all.startIndex
  }

  /// Runs `model` over the loader's images, in evaluation mode and without recording.
  /// - Parameters:
  ///   - layers: key paths of the layers to watch.
  ///   - units: how many units (maps, features) of each layer, from the first.
  ///   - best: how many images for each unit; each image counts once, where it excites the unit most.
  ///   - shouldStop: asked before every batch; true ends with `CancellationError`.
  /// - Throws: `TorchError` when an image does not fit the model or a label is no class of it.
  public init(
    _ model: Module, _ loader: DataLoader, layers: Set<String>, units: Int, best: Int = 9,
    shouldStop: () -> Bool = { false }
  ) throws {
    var probabilities: [Tensor] = []
    var peaks: [String: [Peaks]] = [:]
    var failure: (any Error)?
    try model.observing { name, _, output in
      guard layers.contains(name) else { return }
      do { peaks[name, default: []].append(try Peaks(of: output, units: units)) } catch { failure = error }
    } during: {
      try model.evaluating {
        try noGrad {
          let epoch = try loader.epoch()
          while let batch = try epoch.next() {
            if shouldStop() { throw CancellationError() }
            probabilities.append(try model(batch.images).to(.float32).softmax(dim: 1))
            if let failure { throw failure }
          }
        }
      }
    }
    let all = try cat(probabilities)
    guard all.ndim == 2 else { throw TorchError("the model must give [N, classes], it gives \(all.summary)") }
    classCount = all.shape[1]
    self.probabilities = try all.scalars()
    labels = try loader.dataset.labels.scalars(as: Int.self)
    let classes = 0..<classCount
    if let wrong = labels.firstIndex(where: { !classes.contains($0) }) {
      throw TorchError(
        "image \(wrong) has label \(labels[wrong]), but the model has \(classCount) classes, numbered from 0")
    }
    // A layer that ran more than once has more answers than there are images, and none that is its own.
    let images = labels.count
    exciting = try peaks.compactMapValues { parts in
      let values = try cat(parts.map(\.values))
      guard values.shape[0] == images else { return nil }
      return try Self.best(
        values, try cat(parts.map(\.places)), width: parts[0].width, count: Swift.min(best, images))
    }
  }

  private static func best(_ values: Tensor, _ places: Tensor, width: Int, count: Int) throws
    -> [[Excitation]]
  {
    let (top, images) = try values.topk(count, dim: 0)
    let found = try places.gather(dim: 0, images).scalars(as: Int.self)
    let (heights, numbers) = (try top.scalars(as: Double.self), try images.scalars(as: Int.self))
    let units = values.shape[1]
    return (0..<units).map { unit in
      (0..<count).map { rank in
        let place = rank * units + unit
        return Excitation(
          image: numbers[place], row: found[place] / width, column: found[place] % width,
          value: heights[place])
      }
    }
  }
}

/// The greatest value of each unit's map and where it is, for the images of a batch.
private struct Peaks {
  /// `[N, units]`
  let values: Tensor
  /// int64 `[N, units]`: row · width + column.
  let places: Tensor
  let width: Int

  init(of output: Tensor, units: Int) throws {
    let shape = output.shape
    guard shape.count == 4 || shape.count == 2 else {
      throw TorchError("units are of [N, maps, height, width] or [N, features], not \(output.summary)")
    }
    width = shape.count == 4 ? shape[3] : 1
    let first = try output.narrow(1, 0, Swift.min(units, shape[1])).contiguous()
    (values, places) = try first.reshape([shape[0], first.shape[1], -1]).to(.float32).max(dim: 2)
  }
}
