/// The mean of the `n` largest values of each window of an image. Ours: PyTorch has no such layer. `n: 1` is max
/// pooling, all of the window is average pooling.
///
/// Input `[N, C, H, W]` or `[C, H, W]`; output height as in `MaxPool2d`. Padding never counts: a window with fewer
/// than `n` values inside the image has the mean of those, one without any NaN. Each of the `n` values receives an equal share of
/// the gradient; of equal values the first in row-major order are taken; NaN counts as the largest.
///
/// An `n` that is not between 1 and the window's size is an error, and so is padding of more than half a window.
/// - Parameter stride: nil means the kernel size.
public final class NMaxPool2d: Module {
  public let kernelSize: [Int]
  public let n: Int
  public let stride: [Int]
  public let padding: [Int]
  public let dilation: [Int]
  public let ceilMode: Bool

  public init(
    kernelSize: some SizeConvertible, n: Int, stride: (any SizeConvertible)? = nil,
    padding: some SizeConvertible = 0, dilation: some SizeConvertible = 1, ceilMode: Bool = false
  ) {
    self.kernelSize = kernelSize.sizes(2)
    self.n = n
    self.stride = stride?.sizes(2) ?? self.kernelSize
    self.padding = padding.sizes(2)
    self.dilation = dilation.sizes(2)
    self.ceilMode = ceilMode
    super.init()
    requireSizes(
      2,
      [
        "kernelSize": self.kernelSize, "stride": self.stride, "padding": self.padding,
        "dilation": self.dilation,
      ])
  }

  /// Where the windows lie on a picture: the output's size, and the border that makes all windows whole.
  private func layOut(_ input: Tensor) throws -> (output: [Int], border: [Int]) {
    guard [3, 4].contains(input.ndim) else {
      throw TorchError("NMaxPool2d needs an input of 3 or 4 dimensions, got \(input.summary)")
    }
    // Sizes beyond this are refused, so that none of the sums overflows.
    let limit = 1 << 31
    guard (kernelSize + stride + dilation).allSatisfy({ $0 > 0 && $0 < limit }) else {
      throw TorchError("NMaxPool2d needs kernel size, stride and dilation above 0, got \(extraDescription)")
    }
    let area = kernelSize.reduce(1, *)
    guard n >= 1, n <= area else {
      throw TorchError("NMaxPool2d takes the n largest of \(area) values: n must be 1 to \(area), not \(n)")
    }
    var output: [Int] = []
    var border: [Int] = []
    for d in [1, 0] {
      let size = input.shape[input.ndim - 2 + d]
      guard dilation[d] < limit / kernelSize[d], size < limit else {
        throw TorchError("NMaxPool2d(\(extraDescription)) is too large for \(input.summary)")
      }
      let reach = dilation[d] * (kernelSize[d] - 1) + 1
      guard padding[d] >= 0, padding[d] <= reach / 2 else {
        throw TorchError(
          "NMaxPool2d pads with at most half of its window of \(reach), not with \(padding[d])")
      }
      let room = size + 2 * padding[d] - reach
      guard room >= 0 else {
        throw TorchError("the window of NMaxPool2d(\(extraDescription)) is larger than \(input.summary)")
      }
      var count = (room + (ceilMode ? stride[d] - 1 : 0)) / stride[d] + 1
      if (count - 1) * stride[d] >= size + padding[d] { count -= 1 }
      output.insert(count, at: 0)
      border += [padding[d], max(0, (count - 1) * stride[d] + reach - size - padding[d])]
    }
    return (output, border)
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let (output, border) = try layOut(input)
    let shape = input.shape
    let channels = shape.dropLast(2).reduce(1, *)
    /// The values of each window, `[channels, kernel area, windows]`, largest first.
    func windows(_ x: Tensor, border value: Double) throws -> Tensor {
      let padded = try border.contains { $0 > 0 } ? x.pad(border, value: value) : x
      let fields = try Aten.im2col(padded, kernelSize, dilation, [0, 0], stride)
      // Stable, so that of equal values the first comes first.
      return try fields.sort(dim: 1, descending: true, stable: true).values.narrow(1, 0, n)
    }
    let maps = try input.reshape([channels, 1] + shape.suffix(2))
    var result = try windows(maps, border: -.infinity)
    if border.contains(where: { $0 > 0 }) {
      let ones = try Tensor.ones([1, 1] + shape.suffix(2), dtype: input.dtype, device: input.device)
      let inside = try windows(ones, border: 0)
      result = try result.where(inside .> 0, 0).sum(dim: 1) / inside.sum(dim: 1)
    } else {
      result = try result.mean(dim: 1)
    }
    return try result.reshape(shape.dropLast(2) + output)
  }

  public override var extraDescription: String {
    "kernel_size=\(short(kernelSize)), n=\(n), stride=\(short(stride)), padding=\(short(padding)), "
      + "dilation=\(short(dilation)), ceil_mode=\(pythonDescription(ceilMode))"
  }
}

/// What power-average pooling of one, two and three dimensions shares.
public class LPPoolNd: Module {
  /// The exponent p.
  public let normType: Double
  public let kernelSize: [Int]
  public let stride: [Int]
  public let ceilMode: Bool
  let givenStride: Bool

  init(
    dimensions: Int, _ normType: Double, _ kernelSize: some SizeConvertible, _ stride: (any SizeConvertible)?,
    _ ceilMode: Bool
  ) {
    self.normType = normType
    self.kernelSize = kernelSize.sizes(dimensions)
    self.stride = stride?.sizes(dimensions) ?? self.kernelSize
    self.ceilMode = ceilMode
    givenStride = stride != nil
    super.init()
    requireSizes(dimensions, ["kernelSize": self.kernelSize, "stride": self.stride])
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let none = kernelSize.map { _ in 0 }
    let maxPool = Aten.maxPools[kernelSize.count - 1]
    func largest(_ x: Tensor) throws -> Tensor {
      try maxPool(x, kernelSize, stride, none, kernelSize.map { _ in 1 }, ceilMode)
    }
    if normType == .infinity { return try largest(input.abs()) }
    if normType == -.infinity { return try -largest(-input.abs()) }
    guard normType != 0, !normType.isNaN else {
      throw TorchError("\(typeName) needs a normType other than \(normType)")
    }
    let powers = try input.pow(normType)
    let mean: Tensor
    switch kernelSize.count {
    case 1: mean = try Aten.avgPool1d(powers, kernelSize, stride, none, ceilMode, true)
    case 2: mean = try Aten.avgPool2d(powers, kernelSize, stride, none, ceilMode, true, nil as Int?)
    default: mean = try Aten.avgPool3d(powers, kernelSize, stride, none, ceilMode, true, nil as Int?)
    }
    let area = kernelSize.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    return try (mean.sign() * mean.abs().relu() * area).pow(1 / normType)
  }

  public override var extraDescription: String {
    let p = normType.isInfinite ? (normType < 0 ? "-inf" : "inf") : asGiven(normType)
    return
      "norm_type=\(p), kernel_size=\(short(kernelSize)), stride=\(givenStride ? short(stride) : "None"), "
      + "ceil_mode=\(pythonDescription(ceilMode))"
  }

  /// Whole numbers without decimals, as they are most likely given.
  private func asGiven(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? pythonDescription(number)
  }
}

/// `(Σ xᵖ)^(1/p)` over each window along one dimension: `torch.nn.LPPool1d`. Input `[N, C, L]` or `[C, L]`. As
/// `LPPool2d`.
public final class LPPool1d: LPPoolNd {
  public init(
    normType: Double, kernelSize: some SizeConvertible, stride: (any SizeConvertible)? = nil,
    ceilMode: Bool = false
  ) {
    super.init(dimensions: 1, normType, kernelSize, stride, ceilMode)
  }
}

/// `(Σ xᵖ)^(1/p)` over each window of an image: `torch.nn.LPPool2d`. p = 1 is the sum, p = ∞ the largest
/// absolute value.
///
/// Input `[N, C, H, W]` or `[C, H, W]`; output height `⌊(H − kernelSize) / stride⌋ + 1`, rounded up with
/// `ceilMode`. A negative value to a broken power is NaN. Where the sum is 0 the gradient is 0.
/// - Parameters:
///   - normType: p; 0 is an error.
///   - stride: nil means the kernel size.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html
public final class LPPool2d: LPPoolNd {
  public init(
    normType: Double, kernelSize: some SizeConvertible, stride: (any SizeConvertible)? = nil,
    ceilMode: Bool = false
  ) {
    super.init(dimensions: 2, normType, kernelSize, stride, ceilMode)
  }
}

/// `(Σ xᵖ)^(1/p)` over each window of a volume: `torch.nn.LPPool3d`. As `LPPool2d`.
public final class LPPool3d: LPPoolNd {
  public init(
    normType: Double, kernelSize: some SizeConvertible, stride: (any SizeConvertible)? = nil,
    ceilMode: Bool = false
  ) {
    super.init(dimensions: 3, normType, kernelSize, stride, ceilMode)
  }
}

/// The largest value of windows that are laid at random, so that the output can be any size below the
/// input's: `torch.nn.FractionalMaxPool2d`, in training and in evaluation.
///
/// Input `[N, C, H, W]` or `[C, H, W]`. Two random numbers for each channel of each image, drawn from the default
/// generator, move its windows; the windows of height k lie at about equal distances between 0 and H − k.
/// - Source: Graham 2014, https://arxiv.org/abs/1412.6071
public final class FractionalMaxPool2d: Module {
  public let kernelSize: [Int]
  /// nil when a ratio was given.
  public let outputSize: [Int]?
  /// The output's size as a part of the input's; nil when a size was given.
  public let outputRatio: [Double]?
  // Named as in PyTorch, underscore included: it is the key in the state dict.
  @Buffer public var _randomSamples: Tensor?

  /// - Parameter _randomSamples: numbers in 0..<1 to use in place of random ones, `[N, C, 2]`.
  public init(
    kernelSize: some SizeConvertible, outputSize: some SizeConvertible, _randomSamples: Tensor? = nil
  ) {
    self.kernelSize = kernelSize.sizes(2)
    let size = outputSize.sizes(2)
    self.outputSize = size
    outputRatio = nil
    __randomSamples = Buffer(wrappedValue: _randomSamples)
    super.init()
    requireSizes(2, ["kernelSize": self.kernelSize, "outputSize": size])
  }

  /// - Parameters:
  ///   - outputRatio: between 0 and 1, one for both dimensions, or two; the output's height is `⌊outputRatio·H⌋`.
  ///   - _randomSamples: numbers in 0..<1 to use in place of random ones, `[N, C, 2]`.
  public init(
    kernelSize: some SizeConvertible, outputRatio: some ScaleConvertible, _randomSamples: Tensor? = nil
  ) {
    let ratios = outputRatio.scales(2)
    self.kernelSize = kernelSize.sizes(2)
    outputSize = nil
    self.outputRatio = ratios
    __randomSamples = Buffer(wrappedValue: _randomSamples)
    super.init()
    requireSizes(2, ["kernelSize": self.kernelSize])
    require(ratios.count == 2, "outputRatio must be one number or 2, not \(ratios)")
    require(ratios.allSatisfy { $0 > 0 && $0 < 1 }, "outputRatio must be between 0 and 1, not \(ratios)")
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let shape = input.shape
    guard [3, 4].contains(shape.count) else {
      throw TorchError("FractionalMaxPool2d needs an input of 3 or 4 dimensions, got \(input.summary)")
    }
    let size =
      outputSize ?? zip(shape.suffix(2), outputRatio ?? []).map { Int(Double($0) * $1) }
    if let _randomSamples, _randomSamples.numel > 0 {
      // libtorch does not look, and would read elsewhere.
      let range = try (_randomSamples.min().item(as: Double.self), _randomSamples.max().item(as: Double.self))
      guard range.0 >= 0, range.1 < 1 else {
        throw TorchError("the random samples of FractionalMaxPool2d must be in 0..<1")
      }
    }
    let samples =
      try _randomSamples
      ?? Tensor.rand(
        [shape.count == 3 ? 1 : shape[0], shape[shape.count - 3], 2], dtype: input.dtype, device: input.device
      )
    return try Aten.fractionalMaxPool2d.tensors(input, kernelSize, size, samples)[0]
  }
}

extension Aten {
  static let fractionalMaxPool2d = Operator("aten::fractional_max_pool2d")
}
