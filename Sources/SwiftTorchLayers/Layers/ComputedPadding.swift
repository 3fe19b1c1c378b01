// Ours: borders that PyTorch does not have, computed from the image by differentiable operations, so that
// gradients pass through the border, too.

extension Tensor {
  /// The tensor with a border of its own mean, taken over the padded dimensions: in images the mean of each
  /// channel of each image. Ours.
  ///
  /// - Parameter pad: how much before and after the last dimension, then before and after the one before it,
  ///   …. Negative amounts cut; the mean is still that of the whole.
  public func meanPad(_ pad: [Int]) throws -> Tensor {
    let dims = try paddedDimensions(pad, "meanPad")
    let size = try dims.map { try self.size($0) }
    let inside = try Tensor.ones(size, dtype: .bool, device: device).pad(pad)
    return try self.pad(pad).where(inside, mean(dim: dims, keepdim: true))
  }

  /// The tensor with a border of weighted sums of the nearest elements inside, `Σᵢ weights[i]·xᵢ`, where x₀ is the
  /// element at the edge. Ours.
  ///
  /// The border grows ring by ring, and a ring is inside for the next: `[1]` repeats the edge, `[2, -1]`
  /// continues it as a straight line, `[3, -3, 1]` as a parabola. Rows are continued first, then columns.
  /// - Parameter pad: how much before and after the last dimension, then before and after the one before it,
  ///   …. Negative amounts cut before the border is made.
  /// - Throws: `TorchError` when a padded dimension has fewer elements than there are weights.
  public func weightedPad(_ pad: [Int], weights: [Double]) throws -> Tensor {
    let dims = try paddedDimensions(pad, "weightedPad")
    guard !weights.isEmpty else { throw TorchError("weightedPad needs at least one weight") }
    var result = pad.contains { $0 < 0 } ? try self.pad(pad.map { Swift.min($0, 0) }) : self
    for (index, dim) in dims.reversed().enumerated() {
      let (before, after) = (pad[2 * index], pad[2 * index + 1])
      guard before > 0 || after > 0 else { continue }
      let size = try result.size(dim)
      guard size >= weights.count else {
        throw TorchError(
          "a weighted border of \(weights.count) weights needs as many elements in dimension \(dim), "
            + "got \(result.summary)")
      }
      func rings(_ count: Int, _ place: (Int) -> Int) throws -> [Tensor] {
        guard count > 0 else { return [] }
        var near = try weights.indices.map { try result.narrow(dim, place($0), 1) }
        return try (0..<count).map { _ in
          var ring = try near[0] * weights[0]
          for (weight, element) in zip(weights, near).dropFirst() { ring = try ring + element * weight }
          near = [ring] + near.dropLast()
          return ring
        }
      }
      result = try cat(
        rings(before) { $0 }.reversed() + [result] + rings(after) { size - 1 - $0 }, dim: dim)
    }
    return result
  }

  /// The dimensions that a list of two amounts each pads, in ascending order and counted from the last.
  private func paddedDimensions(_ pad: [Int], _ name: String) throws -> [Int] {
    let count = pad.count / 2
    guard pad.count % 2 == 0, count > 0, count <= ndim else {
      throw TorchError("\(name) needs two amounts for each padded dimension of \(summary), got \(pad)")
    }
    return Array(-count..<0)
  }
}

/// What the layers with a computed border share. Input `[N, C, …]` or `[C, …]`; each padded dimension of size S
/// becomes `before + S + after`.
public class ComputedPadNd: Module {
  /// How much before and after the last dimension, then before and after the one before it, …
  public let padding: [Int]
  /// The weights of the nearest elements; nil for the mean.
  public let weights: [Double]?

  init(dimensions: Int, _ padding: some SizeConvertible, weights: [Double]? = nil) {
    self.padding = padding.sizes(2 * dimensions)
    self.weights = weights
    super.init()
    requireSizes(2 * dimensions, ["padding": self.padding])
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let dimensions = padding.count / 2
    guard [dimensions + 1, dimensions + 2].contains(input.ndim) else {
      throw TorchError(
        "\(typeName) needs an input of \(dimensions + 1) or \(dimensions + 2) dimensions, got \(input.summary)"
      )
    }
    guard let weights else { return try input.meanPad(padding) }
    return try input.weightedPad(padding, weights: weights)
  }

  public override var extraDescription: String {
    guard let weights else { return pythonDescription(padding) }
    let list = weights.map(pythonDescription).joined(separator: ", ")
    return "padding=\(pythonDescription(padding)), weights=[\(list)]"
  }
}

/// A border of the channel's mean in each line. Ours: PyTorch has no such layer.
/// - Precondition: `padding` is one amount, or two: left, right.
public final class MeanPad1d: ComputedPadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 1, padding) }
}

/// A border of the channel's mean in each image. Ours: PyTorch has no such layer.
/// - Precondition: `padding` is one amount, or four: left, right, top, bottom.
public final class MeanPad2d: ComputedPadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 2, padding) }
}

/// A border of the channel's mean in each volume. Ours: PyTorch has no such layer.
/// - Precondition: `padding` is one amount, or six: left, right, top, bottom, front, back.
public final class MeanPad3d: ComputedPadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 3, padding) }
}

/// A border of weighted sums of the nearest elements inside, `Σᵢ weights[i]·xᵢ`, ring by ring: `[2, -1]` continues
/// each line straight. Ours: PyTorch has no such layer.
/// - Precondition: `padding` is one amount, or two: left, right.
public final class WeightedPad1d: ComputedPadNd {
  public init(padding: some SizeConvertible, weights: [Double]) {
    super.init(dimensions: 1, padding, weights: weights)
  }
}

/// A border of weighted sums of the nearest pixels inside, `Σᵢ weights[i]·xᵢ`, ring by ring: `[2, -1]` continues
/// each row straight, then each column. Ours: PyTorch has no such layer.
///
/// An image with fewer pixels in a padded dimension than there are weights is an error.
/// - Precondition: `padding` is one amount, or four: left, right, top, bottom.
public final class WeightedPad2d: ComputedPadNd {
  public init(padding: some SizeConvertible, weights: [Double]) {
    super.init(dimensions: 2, padding, weights: weights)
  }
}

/// A border of weighted sums of the nearest elements inside, as `WeightedPad2d`, around volumes. Ours.
/// - Precondition: `padding` is one amount, or six: left, right, top, bottom, front, back.
public final class WeightedPad3d: ComputedPadNd {
  public init(padding: some SizeConvertible, weights: [Double]) {
    super.init(dimensions: 3, padding, weights: weights)
  }
}
