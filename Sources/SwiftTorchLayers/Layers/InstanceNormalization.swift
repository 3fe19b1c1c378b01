/// What instance normalisation over `[N, C, L]`, `[N, C, H, W]` and `[N, C, D, H, W]` shares; all go without N.
///
/// `y = (x − mean) / √(var + eps) · weight + bias`, each channel of each image by itself: mean and (biased)
/// variance are taken over its places. With `trackRunningStats` their means over the batch (the variance
/// unbiased) go into running ones, `(1 − momentum)·running + momentum·mean`, which serve in evaluation.
/// - Source: Ulyanov, Vedaldi & Lempitsky 2016, https://arxiv.org/abs/1607.08022
public class InstanceNorm: NormBase {
  public override func forward(_ input: Tensor) throws -> Tensor {
    try checkDimensions(input)
    let batched = input.ndim == inputDimensions.upperBound
    let (shape, channelDim) = (input.shape, batched ? 1 : 0)
    guard !affine || shape[channelDim] == numFeatures else {
      throw TorchError(
        "expected \(numFeatures) channels in dimension \(channelDim), got an input of \(input.summary)")
    }
    let useInput = training || !trackRunningStats
    if useInput, shape[(channelDim + 1)...].reduce(1, *) == 1 {
      throw TorchError("expected more than 1 spatial element when training, got input size \(shape)")
    }
    let output = try Aten.instanceNorm(
      batched ? input : input.unsqueeze(0), weight, bias, runningMean, runningVar, useInput, momentum ?? 0,
      eps, true)
    return batched ? output : try output.squeeze(0)
  }
}

/// Instance normalisation of sequences `[N, C, L]` or `[C, L]`: `torch.nn.InstanceNorm1d`.
public final class InstanceNorm1d: InstanceNorm {
  public init(
    numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = false,
    trackRunningStats: Bool = false, device: Device = .cpu, dtype: DType = .float32, bias: Bool = true
  ) {
    super.init(numFeatures, eps, momentum, affine, trackRunningStats, device, dtype, bias)
  }
  override var inputDimensions: ClosedRange<Int> { 2...3 }
}

/// Instance normalisation of images `[N, C, H, W]` or `[C, H, W]`: `torch.nn.InstanceNorm2d`.
public final class InstanceNorm2d: InstanceNorm {
  public init(
    numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = false,
    trackRunningStats: Bool = false, device: Device = .cpu, dtype: DType = .float32, bias: Bool = true
  ) {
    super.init(numFeatures, eps, momentum, affine, trackRunningStats, device, dtype, bias)
  }
  override var inputDimensions: ClosedRange<Int> { 3...4 }
}

/// Instance normalisation of volumes `[N, C, D, H, W]` or `[C, D, H, W]`: `torch.nn.InstanceNorm3d`.
public final class InstanceNorm3d: InstanceNorm {
  public init(
    numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = false,
    trackRunningStats: Bool = false, device: Device = .cpu, dtype: DType = .float32, bias: Bool = true
  ) {
    super.init(numFeatures, eps, momentum, affine, trackRunningStats, device, dtype, bias)
  }
  override var inputDimensions: ClosedRange<Int> { 4...5 }
}

extension Aten {
  static let instanceNorm = Operator("aten::instance_norm")
}
