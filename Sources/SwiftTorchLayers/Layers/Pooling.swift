/// What max pooling of one, two and three dimensions shares.
public class MaxPoolNd: Module {
  public let kernelSize: [Int]
  public let stride: [Int]
  public let padding: [Int]
  public let dilation: [Int]
  public let ceilMode: Bool

  init(
    dimensions: Int, _ kernelSize: some SizeConvertible, _ stride: (any SizeConvertible)?,
    _ padding: some SizeConvertible, _ dilation: some SizeConvertible, _ ceilMode: Bool
  ) {
    self.kernelSize = kernelSize.sizes(dimensions)
    self.stride = stride?.sizes(dimensions) ?? self.kernelSize
    self.padding = padding.sizes(dimensions)
    self.dilation = dilation.sizes(dimensions)
    self.ceilMode = ceilMode
    super.init()
    requireSizes(
      dimensions,
      [
        "kernelSize": self.kernelSize, "stride": self.stride, "padding": self.padding,
        "dilation": self.dilation,
      ])
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.maxPools[kernelSize.count - 1](input, kernelSize, stride, padding, dilation, ceilMode)
  }

  public override var extraDescription: String {
    "kernel_size=\(short(kernelSize)), stride=\(short(stride)), padding=\(short(padding)), "
      + "dilation=\(short(dilation)), ceil_mode=\(pythonDescription(ceilMode))"
  }
}

/// A size as the user most likely gave it: one number when all dimensions agree.
func short(_ sizes: [Int]) -> String {
  Set(sizes).count == 1 ? "\(sizes[0])" : pythonDescription(sizes)
}

/// The largest value of each window along one dimension: `torch.nn.MaxPool1d`. Input `[N, C, L]` or `[C, L]`.
/// Output length as in `MaxPool2d`.
public final class MaxPool1d: MaxPoolNd {
  public init(
    kernelSize: some SizeConvertible, stride: (any SizeConvertible)? = nil,
    padding: some SizeConvertible = 0, dilation: some SizeConvertible = 1, ceilMode: Bool = false
  ) {
    super.init(dimensions: 1, kernelSize, stride, padding, dilation, ceilMode)
  }
}

/// The largest value of each window of an image: `torch.nn.MaxPool2d`.
///
/// Input `[N, C, H, W]` or `[C, H, W]`; output height
/// `⌊(H + 2·padding − dilation·(kernelSize − 1) − 1) / stride⌋ + 1`, rounded up with `ceilMode`. Of equal
/// values the first in row-major order receives the gradient; NaN counts as the largest.
/// - Parameter stride: nil means the kernel size.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
public final class MaxPool2d: MaxPoolNd {
  public init(
    kernelSize: some SizeConvertible, stride: (any SizeConvertible)? = nil,
    padding: some SizeConvertible = 0, dilation: some SizeConvertible = 1, ceilMode: Bool = false
  ) {
    super.init(dimensions: 2, kernelSize, stride, padding, dilation, ceilMode)
  }
}

/// The largest value of each window of a volume: `torch.nn.MaxPool3d`. Input `[N, C, D, H, W]` or without N.
public final class MaxPool3d: MaxPoolNd {
  public init(
    kernelSize: some SizeConvertible, stride: (any SizeConvertible)? = nil,
    padding: some SizeConvertible = 0, dilation: some SizeConvertible = 1, ceilMode: Bool = false
  ) {
    super.init(dimensions: 3, kernelSize, stride, padding, dilation, ceilMode)
  }
}

/// What average pooling of one, two and three dimensions shares.
public class AvgPoolNd: Module {
  public let kernelSize: [Int]
  public let stride: [Int]
  public let padding: [Int]
  public let ceilMode: Bool
  /// Whether padded zeros count in the divisor.
  public let countIncludePad: Bool
  /// Divides by this number instead of the window's size; nil divides by the size.
  public let divisorOverride: Int?

  init(
    dimensions: Int, _ kernelSize: some SizeConvertible, _ stride: (any SizeConvertible)?,
    _ padding: some SizeConvertible, _ ceilMode: Bool, _ countIncludePad: Bool, _ divisorOverride: Int?
  ) {
    self.kernelSize = kernelSize.sizes(dimensions)
    self.stride = stride?.sizes(dimensions) ?? self.kernelSize
    self.padding = padding.sizes(dimensions)
    self.ceilMode = ceilMode
    self.countIncludePad = countIncludePad
    self.divisorOverride = divisorOverride
    super.init()
    requireSizes(
      dimensions, ["kernelSize": self.kernelSize, "stride": self.stride, "padding": self.padding])
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    if kernelSize.count == 1 {
      return try Aten.avgPool1d(input, kernelSize, stride, padding, ceilMode, countIncludePad)
    }
    let pool = kernelSize.count == 2 ? Aten.avgPool2d : Aten.avgPool3d
    return try pool(input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride)
  }

  public override var extraDescription: String {
    let show = kernelSize.count == 1 ? pythonDescription(_:) : short(_:)
    return "kernel_size=\(show(kernelSize)), stride=\(show(stride)), padding=\(show(padding))"
  }
}

/// The mean of each window along one dimension: `torch.nn.AvgPool1d`. Input `[N, C, L]` or `[C, L]`.
public final class AvgPool1d: AvgPoolNd {
  public init(
    kernelSize: some SizeConvertible, stride: (any SizeConvertible)? = nil,
    padding: some SizeConvertible = 0, ceilMode: Bool = false, countIncludePad: Bool = true
  ) {
    super.init(dimensions: 1, kernelSize, stride, padding, ceilMode, countIncludePad, nil)
  }
}

/// The mean of each window of an image: `torch.nn.AvgPool2d`.
///
/// Input `[N, C, H, W]` or `[C, H, W]`; output height `⌊(H + 2·padding − kernelSize) / stride⌋ + 1`, rounded
/// up with `ceilMode`.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
public final class AvgPool2d: AvgPoolNd {
  public init(
    kernelSize: some SizeConvertible, stride: (any SizeConvertible)? = nil,
    padding: some SizeConvertible = 0, ceilMode: Bool = false, countIncludePad: Bool = true,
    divisorOverride: Int? = nil
  ) {
    super.init(dimensions: 2, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride)
  }
}

/// The mean of each window of a volume: `torch.nn.AvgPool3d`. Input `[N, C, D, H, W]` or without N.
public final class AvgPool3d: AvgPoolNd {
  public init(
    kernelSize: some SizeConvertible, stride: (any SizeConvertible)? = nil,
    padding: some SizeConvertible = 0, ceilMode: Bool = false, countIncludePad: Bool = true,
    divisorOverride: Int? = nil
  ) {
    super.init(dimensions: 3, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride)
  }
}

/// What adaptive pooling shares: windows are laid so that the output has a given size. Window i of n over N
/// values covers `⌊i·N/n⌋ ..< ⌈(i + 1)·N/n⌉`.
public class AdaptivePoolNd: Module {
  /// nil in a dimension keeps the input's size there.
  public let outputSize: [Int?]

  init(dimensions: Int, _ outputSize: [Int?]) {
    self.outputSize = outputSize
    super.init()
    require(
      outputSize.count == dimensions, "outputSize must be \(dimensions) numbers, not \(outputSize.count)")
  }

  func sizes(for input: Tensor) throws -> [Int] {
    let shape = input.shape
    guard shape.count >= outputSize.count else {
      throw TorchError(
        "\(typeName) needs an input of at least \(outputSize.count) dimensions, got \(input.summary)")
    }
    return zip(outputSize, shape.suffix(outputSize.count)).map { $0 ?? $1 }
  }

  public override var extraDescription: String {
    let sizes = outputSize.map { $0.map(String.init) ?? "None" }
    return "output_size=\(Set(sizes).count == 1 ? sizes[0] : "(\(sizes.joined(separator: ", ")))")"
  }
}

/// Average pooling to a given output size: `torch.nn.AdaptiveAvgPool1d`.
public final class AdaptiveAvgPool1d: AdaptivePoolNd {
  public init(outputSize: Int) { super.init(dimensions: 1, [outputSize]) }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.adaptiveAvgPools[0](input, sizes(for: input))
  }
}

/// Average pooling to a given output size: `torch.nn.AdaptiveAvgPool2d`. Size 1 is global average pooling.
public final class AdaptiveAvgPool2d: AdaptivePoolNd {
  public init(outputSize: Int?) { super.init(dimensions: 2, [outputSize, outputSize]) }
  public init(outputSize: [Int?]) { super.init(dimensions: 2, outputSize) }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.adaptiveAvgPools[1](input, sizes(for: input))
  }
}

/// Average pooling to a given output size: `torch.nn.AdaptiveAvgPool3d`.
public final class AdaptiveAvgPool3d: AdaptivePoolNd {
  public init(outputSize: Int?) { super.init(dimensions: 3, [outputSize, outputSize, outputSize]) }
  public init(outputSize: [Int?]) { super.init(dimensions: 3, outputSize) }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.adaptiveAvgPools[2](input, sizes(for: input))
  }
}

/// Max pooling to a given output size: `torch.nn.AdaptiveMaxPool1d`.
public final class AdaptiveMaxPool1d: AdaptivePoolNd {
  public init(outputSize: Int) { super.init(dimensions: 1, [outputSize]) }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.adaptiveMaxPools[0].tensors(input, sizes(for: input))[0]
  }
}

/// Max pooling to a given output size: `torch.nn.AdaptiveMaxPool2d`.
public final class AdaptiveMaxPool2d: AdaptivePoolNd {
  public init(outputSize: Int?) { super.init(dimensions: 2, [outputSize, outputSize]) }
  public init(outputSize: [Int?]) { super.init(dimensions: 2, outputSize) }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.adaptiveMaxPools[1].tensors(input, sizes(for: input))[0]
  }
}

/// Max pooling to a given output size: `torch.nn.AdaptiveMaxPool3d`.
public final class AdaptiveMaxPool3d: AdaptivePoolNd {
  public init(outputSize: Int?) { super.init(dimensions: 3, [outputSize, outputSize, outputSize]) }
  public init(outputSize: [Int?]) { super.init(dimensions: 3, outputSize) }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.adaptiveMaxPools[2].tensors(input, sizes(for: input))[0]
  }
}

extension Aten {
  static let maxPools = (1...3).map { Operator("aten::max_pool\($0)d") }
  static let avgPool1d = Operator("aten::avg_pool1d")
  static let avgPool2d = Operator("aten::avg_pool2d")
  static let avgPool3d = Operator("aten::avg_pool3d")
  static let adaptiveAvgPools = (1...3).map { Operator("aten::adaptive_avg_pool\($0)d") }
  static let adaptiveMaxPools = (1...3).map { Operator("aten::adaptive_max_pool\($0)d") }
}
