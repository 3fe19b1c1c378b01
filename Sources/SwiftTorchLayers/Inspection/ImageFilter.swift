/// One kernel moved over a picture, and pooling: what a convolutional layer does, for one map at a time.
///
/// Each channel is filtered by itself with the same kernel (cross-correlation, as `Conv2d`), then pooled.
public struct ImageFilter: Sendable {
  /// How the values of a window become one.
  public enum Pooling: String, CaseIterable, Sendable {
    case max
    case average
  }

  /// nil leaves the picture as it is, for pooling alone.
  public var kernel: NumberGrid?
  public var stride = 1
  public var padding = Padding.none
  public var paddingMode = PaddingMode.zeros
  /// nil does not pool.
  public var pooling: Pooling?
  /// The side of a window.
  public var poolSize = 2
  /// How far apart windows are; nil for their size.
  public var poolStride: Int?

  public init(kernel: NumberGrid? = nil) { self.kernel = kernel }

  /// Filters float32 `[N, C, H, W]`; each of the C channels becomes one of the output, whose height is
  /// `⌊(H + 2·padding − kernel height) / stride⌋ + 1`, then `⌊(that − poolSize) / poolStride⌋ + 1`.
  /// - Throws: `TorchError` when a size is not positive, the padding does not suit the picture, or nothing is
  ///   left of it.
  public func callAsFunction(_ images: Tensor) throws -> Tensor {
    let shape = images.shape
    guard shape.count == 4 else {
      throw TorchError("a filter needs images [N, C, height, width], got \(images.summary)")
    }
    var output = images
    if let kernel {
      let border = try border(kernel, height: shape[2], width: shape[3])
      let weight = try Tensor(
        kernel.rows.flatMap { $0.map(Float.init) }, shape: [1, 1, kernel.height, kernel.width]
      ).to(images.device)
      let flat = try images.reshape([-1, 1, shape[2], shape[3]])
      let padded = border.contains { $0 > 0 } ? try flat.pad(border, mode: padMode) : flat
      let maps = try Aten.convolutions[1].named(
        padded, weight, nil as Tensor?, [stride, stride], "valid", [1, 1], 1)
      output = try maps.reshape([shape[0], shape[1]] + maps.shape.suffix(2))
    }
    guard let pooling else { return output }
    let step = poolStride ?? poolSize
    let size = Array(output.shape.suffix(2))
    guard poolSize > 0, step > 0 else {
      throw TorchError("the pooling size and stride must be positive, not \(poolSize) and \(step)")
    }
    guard size.allSatisfy({ $0 >= poolSize }) else {
      throw TorchError(
        "pooling \(poolSize)×\(poolSize) does not fit the \(size[0])×\(size[1]) values that are to be pooled")
    }
    switch pooling {
    case .max: return try MaxPool2d(kernelSize: poolSize, stride: step)(output)
    case .average: return try AvgPool2d(kernelSize: poolSize, stride: step)(output)
    }
  }

  /// More than these would take all memory.
  private static let mostPixels = 100_000_000

  private var padMode: PadMode {
    switch paddingMode {
    case .zeros: .constant
    case .reflect: .reflect
    case .replicate: .replicate
    case .circular: .circular
    }
  }

  /// How many pixels are added left, right, above and below; of `same` with an even kernel one more at the
  /// end.
  private func border(_ kernel: NumberGrid, height: Int, width: Int) throws -> [Int] {
    let largest = 1 << 15
    guard (1...largest).contains(stride) else {
      throw TorchError("the stride must be from 1 to \(largest), not \(stride)")
    }
    var border = (height: [0, 0], width: [0, 0])
    switch padding {
    case .none: break
    case .sameSize:
      guard stride == 1 else {
        throw TorchError("padding 'same' keeps the size, which needs stride 1, not \(stride); give a number")
      }
      let (down, across) = (kernel.height - 1, kernel.width - 1)
      border = ([down / 2, down - down / 2], [across / 2, across - across / 2])
    case .explicit(let amounts):
      guard amounts.count == 2, amounts.allSatisfy({ (0...largest).contains($0) }) else {
        throw TorchError("the padding must be from 0 to \(largest), not \(amounts)")
      }
      border = ([amounts[0], amounts[0]], [amounts[1], amounts[1]])
    }
    for (name, size, edge, reach) in [
      ("height", height, border.height, kernel.height), ("width", width, border.width, kernel.width),
    ] {
      let widest = edge.max()!
      if paddingMode == .reflect, widest >= size {
        throw TorchError(
          "padding \(widest) with mode reflect mirrors \(widest) pixels beside the edge, but the picture's "
            + "\(name) is only \(size); pad less or use replicate")
      }
      if paddingMode == .circular, widest > size {
        throw TorchError(
          "padding \(widest) with mode circular goes around more than once: the picture's \(name) is only "
            + "\(size); pad less or use replicate")
      }
      guard size + edge.reduce(0, +) >= reach else {
        throw TorchError(
          "the \(kernel.height)×\(kernel.width) kernel does not fit: the picture's \(name) is \(size)"
            + (widest > 0 ? ", \(size + edge.reduce(0, +)) with padding" : "; give --padding or a larger one")
        )
      }
    }
    let area = (height + border.height.reduce(0, +)) * (width + border.width.reduce(0, +))
    guard area <= Self.mostPixels else {
      throw TorchError("with padding the picture has \(area) pixels, more than \(Self.mostPixels); pad less")
    }
    return border.width + border.height
  }
}
