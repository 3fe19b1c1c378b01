/// Normalises over the last dimensions, whose sizes are `normalizedShape`: `torch.nn.LayerNorm`.
///
/// `y = (x − mean) / √(var + eps) · weight + bias`, with mean and (biased) variance of each sample by itself, in
/// training and in evaluation. Weight (ones at first) and bias (zeros) have the shape `normalizedShape`.
/// - Throws: `TorchError` when the input's last sizes are others.
/// - Source: Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450
public final class LayerNorm: Module {
  public let normalizedShape: [Int]
  public let eps: Double
  public let elementwiseAffine: Bool
  @Parameter public var weight: Tensor?
  @Parameter public var bias: Tensor?

  /// - Parameter normalizedShape: the last size, or a list of the last sizes.
  public init(
    normalizedShape: some SizeConvertible, eps: Double = 1e-5, elementwiseAffine: Bool = true,
    bias: Bool = true, device: Device = .cpu, dtype: DType = .float32
  ) {
    let shape = (normalizedShape as? [Int]) ?? normalizedShape.sizes(1)
    self.normalizedShape = shape
    self.eps = eps
    self.elementwiseAffine = elementwiseAffine
    _weight = Parameter(
      wrappedValue: elementwiseAffine ? Initialization.filled(shape, 1, dtype, device) : nil)
    _bias = Parameter(
      wrappedValue: elementwiseAffine && bias ? Initialization.filled(shape, 0, dtype, device) : nil)
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.layerNorm(input, normalizedShape, weight, bias, eps, true)
  }

  public override var extraDescription: String {
    "\(pythonDescription(normalizedShape)), eps=\(pythonDescription(eps)), "
      + "elementwise_affine=\(pythonDescription(elementwiseAffine)), bias=\(pythonDescription(bias != nil))"
  }
}

/// Normalises groups of neighbouring channels of `[N, C, …]` together: `torch.nn.GroupNorm`.
///
/// `y = (x − mean) / √(var + eps) · weight + bias`, with mean and (biased) variance over the
/// `numChannels / numGroups` channels of a group and all their places, each image by itself, in training and in
/// evaluation. Weight (ones at first) and bias (zeros) have an element for each channel. One group normalises
/// the whole image, as many groups as channels each channel.
/// - Throws: `TorchError` when `numGroups` does not divide `numChannels`, the input has other channels, or only one value for each group.
/// - Source: Wu & He 2018, https://arxiv.org/abs/1803.08494
public final class GroupNorm: Module {
  public let numGroups: Int
  public let numChannels: Int
  public let eps: Double
  public let affine: Bool
  @Parameter public var weight: Tensor?
  @Parameter public var bias: Tensor?

  public init(
    numGroups: Int, numChannels: Int, eps: Double = 1e-5, affine: Bool = true, device: Device = .cpu,
    dtype: DType = .float32, bias: Bool = true
  ) {
    self.numGroups = numGroups
    self.numChannels = numChannels
    self.eps = eps
    self.affine = affine
    func filled(_ value: Double) -> Tensor { Initialization.filled([numChannels], value, dtype, device) }
    _weight = Parameter(wrappedValue: affine ? filled(1) : nil)
    _bias = Parameter(wrappedValue: affine && bias ? filled(0) : nil)
    super.init()
    require(
      numGroups > 0 && numChannels % numGroups == 0,
      "numChannels (\(numChannels)) must be divisible by numGroups (\(numGroups))")
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let shape = input.shape
    guard shape.count >= 2 else {
      throw TorchError("expected an input of at least 2 dimensions, got \(input.summary)")
    }
    guard shape[1] == numChannels else {
      throw TorchError("expected \(numChannels) channels in dimension 1, got an input of \(input.summary)")
    }
    if shape[0] * (numChannels / numGroups) * shape.dropFirst(2).reduce(1, *) == 1 {
      throw TorchError("expected more than 1 value per channel when training, got input size \(shape)")
    }
    return try Aten.groupNorm(input, numGroups, weight, bias, eps, true)
  }

  public override var extraDescription: String {
    "\(numGroups), \(numChannels), eps=\(pythonDescription(eps)), affine=\(pythonDescription(affine)), "
      + "bias=\(pythonDescription(bias != nil))"
  }
}

/// Divides each value by a power of the squares around it in the neighbouring channels:
/// `torch.nn.LocalResponseNorm`.
///
/// `y = x / (k + alpha / size · Σ x′²)^beta`, the sum over the `size` channels from `size / 2` before to
/// `(size − 1) / 2` after it (those outside count as zero) at the same place. Input `[N, C, …]` of at least 3
/// dimensions.
///
/// The paper does not divide alpha by the size: its alpha = 1e-4 with n = 5 is 5e-4 here.
/// - Throws: `TorchError` when `size` is not above 0, or the input has fewer than 3 dimensions.
/// - Source: Krizhevsky, Sutskever & Hinton 2012, section 3.3
public final class LocalResponseNorm: Module {
  public let size: Int
  public let alpha: Double
  public let beta: Double
  public let k: Double

  public init(size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) {
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.k = k
    super.init()
    require(size > 0, "size must be above 0, not \(size)")
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let shape = input.shape
    guard shape.count >= 3 else {
      throw TorchError("expected an input of at least 3 dimensions, got \(input.summary)")
    }
    guard !shape.contains(0) else { return input }
    // A mean over channels is average pooling with the channels as a spatial dimension.
    let squares = try input * input
    let (before, after) = (size / 2, (size - 1) / 2)
    let mean: Tensor
    if shape.count == 3 {
      let padded = try Aten.pad(squares.unsqueeze(1), [0, 0, before, after], "constant", nil as Double?)
      mean = try Aten.avgPool2d(padded, [size, 1], [1, 1], [0, 0], false, true, nil as Int?).squeeze(1)
    } else {
      let volume = try squares.view([shape[0], 1, shape[1], shape[2], -1])
      let padded = try Aten.pad(volume, [0, 0, 0, 0, before, after], "constant", nil as Double?)
      mean = try Aten.avgPool3d(padded, [size, 1, 1], [1, 1, 1], [0, 0, 0], false, true, nil as Int?)
        .squeeze(1).view(shape)
    }
    return try input / (mean * alpha + k).pow(beta)
  }

  public override var extraDescription: String {
    "\(size), alpha=\(pythonDescription(alpha)), beta=\(pythonDescription(beta)), k=\(pythonDescription(k))"
  }
}

extension Aten {
  static let layerNorm = Operator("aten::layer_norm")
  static let groupNorm = Operator("aten::group_norm")
}
