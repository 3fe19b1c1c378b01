/// What the convolutions of one, two and three dimensions share: PyTorch's `_ConvNd`.
public class ConvNd: Module {
  public let inChannels: Int
  public let outChannels: Int
  public let kernelSize: [Int]
  public let stride: [Int]
  public let padding: Padding
  public let dilation: [Int]
  public let groups: Int
  public let paddingMode: PaddingMode
  /// Shape `[outChannels, inChannels / groups] + kernelSize`.
  @Parameter public var weight: Tensor
  /// Shape `[outChannels]`.
  @Parameter public var bias: Tensor?

  init(
    dimensions: Int, _ inChannels: Int, _ outChannels: Int, _ kernelSize: some SizeConvertible,
    _ stride: some SizeConvertible, _ padding: some PaddingConvertible, _ dilation: some SizeConvertible,
    _ groups: Int, _ bias: Bool, _ paddingMode: PaddingMode, _ device: Device, _ dtype: DType
  ) {
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernelSize = kernelSize.sizes(dimensions)
    self.stride = stride.sizes(dimensions)
    self.padding = padding.padding(dimensions)
    self.dilation = dilation.sizes(dimensions)
    self.groups = groups
    self.paddingMode = paddingMode
    let shape = [outChannels, inChannels / max(groups, 1)] + self.kernelSize
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
      dimensions, ["kernelSize": self.kernelSize, "stride": self.stride, "dilation": self.dilation])
    if case .explicit(let sizes) = self.padding { requireSizes(dimensions, ["padding": sizes]) }
    require(
      self.padding != .sameSize || self.stride.allSatisfy { $0 == 1 },
      "padding .same needs stride 1; stride is \(self.stride)")
  }

  /// Padding before and after each dimension, last dimension first, as `pad` takes it.
  var paddingForPad: [Int] {
    var amounts: [Int] = []
    for index in kernelSize.indices.reversed() {
      switch padding {
      case .sameSize:
        let total = dilation[index] * (kernelSize[index] - 1)
        amounts += [total / 2, total - total / 2]
      case .none: amounts += [0, 0]
      case .explicit(let sizes): amounts += [sizes[index], sizes[index]]
      }
    }
    return amounts
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let operators = Aten.convolutions[kernelSize.count - 1]
    if paddingMode != .zeros {
      let padded = try Aten.pad(input, paddingForPad, paddingMode.rawValue, nil as Double?)
      let none = [Int](repeating: 0, count: kernelSize.count)
      return try operators.explicit(padded, weight, bias, stride, none, dilation, groups)
    }
    switch padding {
    case .explicit(let sizes):
      return try operators.explicit(input, weight, bias, stride, sizes, dilation, groups)
    case .sameSize:
      return try operators.named(input, weight, bias, stride, "same", dilation, groups)
    case .none:
      return try operators.named(input, weight, bias, stride, "valid", dilation, groups)
    }
  }

  public override var extraDescription: String {
    var text = "\(inChannels), \(outChannels), kernel_size=\(pythonDescription(kernelSize))"
    text += ", stride=\(pythonDescription(stride))"
    switch padding {
    case .sameSize: text += ", padding=same"
    case .none: text += ", padding=valid"
    case .explicit(let sizes) where sizes.contains { $0 != 0 }:
      text += ", padding=\(pythonDescription(sizes))"
    case .explicit: break
    }
    if dilation.contains(where: { $0 != 1 }) { text += ", dilation=\(pythonDescription(dilation))" }
    if groups != 1 { text += ", groups=\(groups)" }
    if bias == nil { text += ", bias=False" }
    if paddingMode != .zeros { text += ", padding_mode=\(paddingMode.rawValue)" }
    return text
  }
}

/// Cross-correlation along one dimension: `torch.nn.Conv1d`.
///
/// `out[n, o, i] = bias[o] + Σ_c Σ_k weight[o, c, k] · input[n, c, stride·i + dilation·k − padding]`
///
/// Shapes: input `[N, inChannels, L]` (or without N), output length
/// `⌊(L + 2·padding − dilation·(kernelSize − 1) − 1) / stride⌋ + 1`.
/// Weight and bias start uniform in ±1/√fanIn, `fanIn = inChannels / groups · kernelSize`.
/// - Precondition: `groups` divides both channel counts; `.same` needs stride 1.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html
public final class Conv1d: ConvNd {
  public init(
    inChannels: Int, outChannels: Int, kernelSize: some SizeConvertible, stride: some SizeConvertible = 1,
    padding: some PaddingConvertible = 0, dilation: some SizeConvertible = 1, groups: Int = 1,
    bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
  ) {
    super.init(
      dimensions: 1, inChannels, outChannels, kernelSize, stride, padding, dilation, groups, bias,
      paddingMode, device, dtype)
  }
}

/// Cross-correlation over images: `torch.nn.Conv2d`.
///
/// `out[n, o, y, x] = bias[o] + Σ_c Σ_i Σ_j weight[o, c, i, j] · input[n, c, s·y + d·i − p, s·x + d·j − p]`
///
/// Shapes: input `[N, inChannels, H, W]` (or without N), output `[N, outChannels, H', W']` with
/// `H' = ⌊(H + 2·padding − dilation·(kernelSize − 1) − 1) / stride⌋ + 1`.
/// Weight and bias start uniform in ±1/√fanIn, `fanIn = inChannels / groups · kernel area`.
/// - Precondition: `groups` divides both channel counts; `.same` needs stride 1.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
public final class Conv2d: ConvNd {
  public init(
    inChannels: Int, outChannels: Int, kernelSize: some SizeConvertible, stride: some SizeConvertible = 1,
    padding: some PaddingConvertible = 0, dilation: some SizeConvertible = 1, groups: Int = 1,
    bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
  ) {
    super.init(
      dimensions: 2, inChannels, outChannels, kernelSize, stride, padding, dilation, groups, bias,
      paddingMode, device, dtype)
  }
}

/// Cross-correlation over volumes: `torch.nn.Conv3d`. As `Conv2d`, with a depth dimension before the height.
/// - Precondition: `groups` divides both channel counts; `.same` needs stride 1.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html
public final class Conv3d: ConvNd {
  public init(
    inChannels: Int, outChannels: Int, kernelSize: some SizeConvertible, stride: some SizeConvertible = 1,
    padding: some PaddingConvertible = 0, dilation: some SizeConvertible = 1, groups: Int = 1,
    bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
  ) {
    super.init(
      dimensions: 3, inChannels, outChannels, kernelSize, stride, padding, dilation, groups, bias,
      paddingMode, device, dtype)
  }
}

extension Aten {
  /// The convolutions of 1, 2 and 3 dimensions, with padding in numbers and by name.
  static let convolutions = (1...3).map {
    (explicit: Operator("aten::conv\($0)d"), named: Operator("aten::conv\($0)d.padding"))
  }
}
