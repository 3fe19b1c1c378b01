/// Cuts images into patches: `torch.nn.Unfold`, also known as im2col. A convolution is a matrix product of these
/// columns with the weights.
///
/// Input `[N, C, H, W]` or `[C, H, W]`; output `[N, C·kernel area, L]`: column l is the l-th patch, row by row, its
/// channels after each other, with
/// `L = Π (⌊(size + 2·padding − dilation·(kernelSize − 1) − 1) / stride⌋ + 1)`. The border is zero.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.Unfold.html
public final class Unfold: Module {
  public let kernelSize: [Int]
  public let dilation: [Int]
  public let padding: [Int]
  public let stride: [Int]

  public init(
    kernelSize: some SizeConvertible, dilation: some SizeConvertible = 1, padding: some SizeConvertible = 0,
    stride: some SizeConvertible = 1
  ) {
    self.kernelSize = kernelSize.sizes(2)
    self.dilation = dilation.sizes(2)
    self.padding = padding.sizes(2)
    self.stride = stride.sizes(2)
    super.init()
    requireSizes(
      2,
      [
        "kernelSize": self.kernelSize, "dilation": self.dilation, "padding": self.padding,
        "stride": self.stride,
      ])
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.im2col(input, kernelSize, dilation, padding, stride)
  }

  public override var extraDescription: String {
    "kernel_size=\(short(kernelSize)), dilation=\(short(dilation)), padding=\(short(padding)), "
      + "stride=\(short(stride))"
  }
}

/// Lays patches side by side into images and adds where they overlap: `torch.nn.Fold`, also known as col2im. It is
/// the transpose of `Unfold` with the same numbers, and its gradient.
///
/// Input `[N, C·kernel area, L]` or `[C·kernel area, L]` with as many columns L as `Unfold` makes of
/// `outputSize`; output `[N, C] + outputSize`.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.Fold.html
public final class Fold: Module {
  public let outputSize: [Int]
  public let kernelSize: [Int]
  public let dilation: [Int]
  public let padding: [Int]
  public let stride: [Int]

  public init(
    outputSize: some SizeConvertible, kernelSize: some SizeConvertible, dilation: some SizeConvertible = 1,
    padding: some SizeConvertible = 0, stride: some SizeConvertible = 1
  ) {
    self.outputSize = outputSize.sizes(2)
    self.kernelSize = kernelSize.sizes(2)
    self.dilation = dilation.sizes(2)
    self.padding = padding.sizes(2)
    self.stride = stride.sizes(2)
    super.init()
    requireSizes(
      2,
      [
        "outputSize": self.outputSize, "kernelSize": self.kernelSize, "dilation": self.dilation,
        "padding": self.padding, "stride": self.stride,
      ])
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.col2im(input, outputSize, kernelSize, dilation, padding, stride)
  }

  public override var extraDescription: String {
    "output_size=\(short(outputSize)), kernel_size=\(short(kernelSize)), dilation=\(short(dilation)), "
      + "padding=\(short(padding)), stride=\(short(stride))"
  }
}

extension Aten {
  static let im2col = Operator("aten::im2col")
  static let col2im = Operator("aten::col2im")
}
