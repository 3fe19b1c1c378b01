import Formats

/// The result of a filter, which may be negative or above 255, and the picture that it makes.
public struct FilteredPicture: Sendable {
  /// How values become 0…255.
  public enum Scaling: String, CaseIterable, Sendable {
    /// What is below 0 becomes 0, what is above 255 becomes 255.
    case clamp
    /// The least value becomes 0, the greatest 255, linearly; if all are equal, all become 0.
    case rescale

    /// What shows most of a picture: a kernel whose numbers sum to 0 gives values around 0, half of which
    /// clamping would hide.
    public static func usual(for kernel: NumberGrid?) -> Scaling {
      let sum = kernel?.rows.joined().reduce(0, +) ?? 1
      return sum.magnitude < 1e-9 ? .rescale : .clamp
    }
  }

  /// float32 `[1, channels, height, width]`.
  public let values: Tensor
  public let scaling: Scaling
  public let least: Double
  public let greatest: Double

  /// - Throws: `TorchError` when the values are not one image of 1 or 3 channels.
  public init(_ values: Tensor, _ scaling: Scaling) throws {
    let shape = values.shape
    guard shape.count == 4, shape[0] == 1, shape[1] == 1 || shape[1] == 3, values.numel > 0 else {
      throw TorchError("a picture needs [1, 1 or 3, height, width], not \(values.summary)")
    }
    self.values = values
    self.scaling = scaling
    least = try values.min().item()
    greatest = try values.max().item()
  }

  /// The values as bytes, rounded.
  public func picture() throws -> Picture {
    let shape = values.shape
    var bytes = values
    if scaling == .rescale {
      let range = greatest - least
      bytes = try (values - least) * (range > 0 && range.isFinite ? 255 / range : 0)
    }
    bytes = try bytes.round().clamp(min: 0, max: 255).to(.uint8)
    let pixels = try bytes.permute([0, 2, 3, 1]).contiguous().bytes()
    return Picture(width: shape[3], height: shape[2], channels: shape[1], pixels: pixels)
  }

  /// The range of the values and what became of it, in a sentence.
  public var summary: String {
    let range = "\(shortNumber(least)) to \(shortNumber(greatest))"
    switch scaling {
    case .rescale: return "\(range), rescaled to 0…255"
    case .clamp:
      let isInside = least >= 0 && greatest <= 255
      return isInside ? "\(range), as they are" : "\(range), clamped to 0…255"
    }
  }
}
