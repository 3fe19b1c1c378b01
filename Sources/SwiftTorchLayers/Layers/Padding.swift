/// What the layers share that put a border around the last dimensions of their input.
///
/// Input `[N, C, …]` or `[C, …]`; each padded dimension of size S becomes `before + S + after`. Negative
/// amounts cut.
public class PadNd: Module {
  /// How much before and after the last dimension, then before and after the one before it, …
  public let padding: [Int]
  let mode: PadMode
  let value: Double

  /// - Parameter padding: one amount for all sides, or two for each dimension, the last dimension first.
  init(dimensions: Int, _ padding: some SizeConvertible, _ mode: PadMode, value: Double = 0) {
    self.padding = padding.sizes(2 * dimensions)
    self.mode = mode
    self.value = value
    super.init()
    requireSizes(2 * dimensions, ["padding": self.padding])
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let dimensions = padding.count / 2
    guard mode == .constant || [dimensions + 1, dimensions + 2].contains(input.ndim) else {
      throw TorchError(
        "\(typeName) needs an input of \(dimensions + 1) or \(dimensions + 2) dimensions, got \(input.summary)"
      )
    }
    return try input.pad(padding, mode: mode, value: mode == .constant ? value : nil)
  }

  public override var extraDescription: String { pythonDescription(padding) }
}

/// A border of zeros on both ends of a line: `torch.nn.ZeroPad1d`.
/// - Precondition: `padding` is one amount, or two: left, right.
public final class ZeroPad1d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 1, padding, .constant) }
}

/// A border of zeros around images: `torch.nn.ZeroPad2d`.
/// - Precondition: `padding` is one amount, or four: left, right, top, bottom.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html
public final class ZeroPad2d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 2, padding, .constant) }
}

/// A border of zeros around volumes: `torch.nn.ZeroPad3d`.
/// - Precondition: `padding` is one amount, or six: left, right, top, bottom, front, back.
public final class ZeroPad3d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 3, padding, .constant) }
}

/// What the constant paddings share.
public class ConstantPadNd: PadNd {
  init(dimensions: Int, _ padding: some SizeConvertible, _ value: Double) {
    super.init(dimensions: dimensions, padding, .constant, value: value)
  }

  public override var extraDescription: String {
    "padding=\(pythonDescription(padding)), value=\(pythonDescription(value))"
  }
}

/// A border of one value on both ends of a line: `torch.nn.ConstantPad1d`.
/// - Precondition: `padding` is one amount, or two: left, right.
public final class ConstantPad1d: ConstantPadNd {
  public init(padding: some SizeConvertible, value: Double) {
    super.init(dimensions: 1, padding, value)
  }
}

/// A border of one value around images: `torch.nn.ConstantPad2d`.
/// - Precondition: `padding` is one amount, or four: left, right, top, bottom.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html
public final class ConstantPad2d: ConstantPadNd {
  public init(padding: some SizeConvertible, value: Double) {
    super.init(dimensions: 2, padding, value)
  }
}

/// A border of one value around volumes: `torch.nn.ConstantPad3d`.
/// - Precondition: `padding` is one amount, or six: left, right, top, bottom, front, back.
public final class ConstantPad3d: ConstantPadNd {
  public init(padding: some SizeConvertible, value: Double) {
    super.init(dimensions: 3, padding, value)
  }
}

/// The line mirrored at its ends, which are not repeated, 3 2 | 1 2 3 | 2 1: `torch.nn.ReflectionPad1d`.
/// An amount must be smaller than the size.
/// - Precondition: `padding` is one amount, or two: left, right.
public final class ReflectionPad1d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 1, padding, .reflect) }
}

/// Images mirrored at their edges, which are not repeated, 3 2 | 1 2 3 | 2 1: `torch.nn.ReflectionPad2d`.
/// An amount must be smaller than the size.
/// - Precondition: `padding` is one amount, or four: left, right, top, bottom.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html
public final class ReflectionPad2d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 2, padding, .reflect) }
}

/// Volumes mirrored at their faces, which are not repeated: `torch.nn.ReflectionPad3d`.
/// - Precondition: `padding` is one amount, or six: left, right, top, bottom, front, back.
public final class ReflectionPad3d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 3, padding, .reflect) }
}

/// The ends of the line repeated, 1 1 | 1 2 3 | 3 3: `torch.nn.ReplicationPad1d`.
/// - Precondition: `padding` is one amount, or two: left, right.
public final class ReplicationPad1d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 1, padding, .replicate) }
}

/// The edges of images repeated, 1 1 | 1 2 3 | 3 3: `torch.nn.ReplicationPad2d`.
/// - Precondition: `padding` is one amount, or four: left, right, top, bottom.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html
public final class ReplicationPad2d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 2, padding, .replicate) }
}

/// The faces of volumes repeated: `torch.nn.ReplicationPad3d`.
/// - Precondition: `padding` is one amount, or six: left, right, top, bottom, front, back.
public final class ReplicationPad3d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 3, padding, .replicate) }
}

/// The other end of the line, 2 3 | 1 2 3 | 1 2: `torch.nn.CircularPad1d`. An amount is at most the size.
/// - Precondition: `padding` is one amount, or two: left, right.
public final class CircularPad1d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 1, padding, .circular) }
}

/// The other side of the image, 2 3 | 1 2 3 | 1 2: `torch.nn.CircularPad2d`. An amount is at most the size.
/// - Precondition: `padding` is one amount, or four: left, right, top, bottom.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.CircularPad2d.html
public final class CircularPad2d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 2, padding, .circular) }
}

/// The other side of the volume: `torch.nn.CircularPad3d`. An amount is at most the size.
/// - Precondition: `padding` is one amount, or six: left, right, top, bottom, front, back.
public final class CircularPad3d: PadNd {
  public init(padding: some SizeConvertible) { super.init(dimensions: 3, padding, .circular) }
}
