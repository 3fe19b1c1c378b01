/// What the transposed convolutions of one, two and three dimensions share: PyTorch's `_ConvTransposeNd`.
public class ConvTransposeNd: Module {
  public let inChannels: Int
  public let outChannels: Int
  public let kernelSize: [Int]
  public let stride: [Int]
  public let padding: [Int]
  /// How many more outputs there are at the end of each dimension.
  public let outputPadding: [Int]
  public let groups: Int
  public let dilation: [Int]
  /// Shape `[inChannels, outChannels / groups] + kernelSize`.
  @Parameter public var weight: Tensor
  /// Shape `[outChannels]`.
  @Parameter public var bias: Tensor?

  init(
    dimensions: Int, _ inChannels: Int, _ outChannels: Int, _ kernelSize: some SizeConvertible,
    _ stride: some SizeConvertible, _ padding: some SizeConvertible, _ outputPadding: some SizeConvertible,
    _ groups: Int, _ bias: Bool, _ dilation: some SizeConvertible, _ device: Device, _ dtype: DType
  ) {
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernelSize = kernelSize.sizes(dimensions)
    self.stride = stride.sizes(dimensions)
    self.padding = padding.sizes(dimensions)
    self.outputPadding = outputPadding.sizes(dimensions)
    self.groups = groups
    self.dilation = dilation.sizes(dimensions)
    let shape = [inChannels, outChannels / max(groups, 1)] + self.kernelSize
    // PyTorch's fan of a weight is the product of all sizes but the first, here too.
    let fanIn = shape.dropFirst().reduce(1, &*)
    _weight = Parameter(
      wrappedValue: Initialization.make(shape, dtype, device) { try kaimingUniform($0, a: 5.0.squareRoot()) })
    _bias = Parameter(
      wrappedValue: bias
        ? Initialization.make([outChannels], dtype, device) {
          try Initialization.uniformByFan($0, fanIn: fanIn)
        } : nil)
    super.init()
    require(
      groups > 0 && inChannels % groups == 0 && outChannels % groups == 0,
      "inChannels (\(inChannels)) and outChannels (\(outChannels)) must be divisible by groups (\(groups))")
    requireSizes(
      dimensions,
      [
        "kernelSize": self.kernelSize, "stride": self.stride, "padding": self.padding,
        "outputPadding": self.outputPadding, "dilation": self.dilation,
      ])
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.transposedConvolutions[kernelSize.count - 1](
      input, weight, bias, stride, padding, outputPadding, groups, dilation)
  }

  /// The output of a given size: with a stride several sizes give the same input when convolved, and this
  /// says which one to give back, for example `try up(x, outputSize: image.shape)`.
  /// - Parameter outputSize: the spatial sizes, or the whole shape.
  /// - Throws: `TorchError` for a size that is not one of those.
  public func callAsFunction(_ input: Tensor, outputSize: [Int]) throws -> Tensor {
    try observed(input) {
      let extra = try outputPadding(for: input, outputSize)
      return try Aten.transposedConvolutions[kernelSize.count - 1](
        input, weight, bias, stride, padding, extra, groups, dilation)
    }
  }

  private func outputPadding(for input: Tensor, _ outputSize: [Int]) throws -> [Int] {
    let (shape, dimensions) = (input.shape, kernelSize.count)
    guard [dimensions + 1, dimensions + 2].contains(shape.count) else {
      throw TorchError(
        "\(typeName) needs an input of \(dimensions + 1) or \(dimensions + 2) dimensions, got \(input.summary)"
      )
    }
    guard [dimensions, shape.count].contains(outputSize.count) else {
      throw TorchError(
        "outputSize must have \(dimensions) or \(shape.count) sizes for \(input.summary), got \(outputSize)")
    }
    let wanted = outputSize.suffix(dimensions)
    let least = zip(shape.suffix(dimensions), kernelSize.indices).map { size, d in
      (size - 1) * stride[d] - 2 * padding[d] + dilation[d] * (kernelSize[d] - 1) + 1
    }
    let most = zip(least, stride).map { $0 + $1 - 1 }
    guard zip(wanted, zip(least, most)).allSatisfy({ $0 >= $1.0 && $0 <= $1.1 }) else {
      throw TorchError(
        "outputSize \(Array(wanted)) is not possible for \(input.summary): sizes from \(least) to \(most) are"
      )
    }
    return zip(wanted, least).map { $0 - $1 }
  }

  public override var extraDescription: String {
    var text = "\(inChannels), \(outChannels), kernel_size=\(pythonDescription(kernelSize))"
    text += ", stride=\(pythonDescription(stride))"
    if padding.contains(where: { $0 != 0 }) { text += ", padding=\(pythonDescription(padding))" }
    if dilation.contains(where: { $0 != 1 }) { text += ", dilation=\(pythonDescription(dilation))" }
    if outputPadding.contains(where: { $0 != 0 }) {
      text += ", output_padding=\(pythonDescription(outputPadding))"
    }
    if groups != 1 { text += ", groups=\(groups)" }
    if bias == nil { text += ", bias=False" }
    return text
  }
}

/// The transpose of `Conv1d`: `torch.nn.ConvTranspose1d`. As `ConvTranspose2d`, for input
/// `[N, inChannels, L]` or without N.
/// - Precondition: `groups` divides both channel counts.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html
public final class ConvTranspose1d: ConvTransposeNd {
  public init(
    inChannels: Int, outChannels: Int, kernelSize: some SizeConvertible, stride: some SizeConvertible = 1,
    padding: some SizeConvertible = 0, outputPadding: some SizeConvertible = 0, groups: Int = 1,
    bias: Bool = true, dilation: some SizeConvertible = 1, device: Device = .cpu, dtype: DType = .float32
  ) {
    super.init(
      dimensions: 1, inChannels, outChannels, kernelSize, stride, padding, outputPadding, groups, bias,
      dilation, device, dtype)
  }
}

/// The transpose of `Conv2d`, which turns small maps into large ones: `torch.nn.ConvTranspose2d`. Each input
/// adds its own copy of the kernel, times itself, to the output:
///
/// `out[n, o, s·y + d·i − p, s·x + d·j − p] += weight[c, o, i, j] · input[n, c, y, x]`, and `bias[o]` once.
///
/// Shapes: input `[N, inChannels, H, W]` (or without N), output `[N, outChannels, H', W']` with
/// `H' = (H − 1)·stride − 2·padding + dilation·(kernelSize − 1) + outputPadding + 1`; `outputPadding` must be
/// smaller than the stride or the dilation. Weight and bias start uniform in ±1/√fan,
/// `fan = outChannels / groups · kernel area`.
/// - Precondition: `groups` divides both channel counts.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
public final class ConvTranspose2d: ConvTransposeNd {
  public init(
    inChannels: Int, outChannels: Int, kernelSize: some SizeConvertible, stride: some SizeConvertible = 1,
    padding: some SizeConvertible = 0, outputPadding: some SizeConvertible = 0, groups: Int = 1,
    bias: Bool = true, dilation: some SizeConvertible = 1, device: Device = .cpu, dtype: DType = .float32
  ) {
    super.init(
      dimensions: 2, inChannels, outChannels, kernelSize, stride, padding, outputPadding, groups, bias,
      dilation, device, dtype)
  }
}

/// The transpose of `Conv3d`: `torch.nn.ConvTranspose3d`. As `ConvTranspose2d`, with a depth dimension before
/// the height.
/// - Precondition: `groups` divides both channel counts.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html
public final class ConvTranspose3d: ConvTransposeNd {
  public init(
    inChannels: Int, outChannels: Int, kernelSize: some SizeConvertible, stride: some SizeConvertible = 1,
    padding: some SizeConvertible = 0, outputPadding: some SizeConvertible = 0, groups: Int = 1,
    bias: Bool = true, dilation: some SizeConvertible = 1, device: Device = .cpu, dtype: DType = .float32
  ) {
    super.init(
      dimensions: 3, inChannels, outChannels, kernelSize, stride, padding, outputPadding, groups, bias,
      dilation, device, dtype)
  }
}

extension Aten {
  static let transposedConvolutions = [
    Operator("aten::conv_transpose1d"), Operator("aten::conv_transpose2d.input"),
    Operator("aten::conv_transpose3d.input"),
  ]
}
