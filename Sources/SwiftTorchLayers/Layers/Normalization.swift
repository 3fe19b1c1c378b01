/// What batch and instance normalisation have in common: PyTorch's `_NormBase`.
public class NormBase: Module {
  public let numFeatures: Int
  public let eps: Double
  /// How much a new batch counts in the running statistics.
  public let momentum: Double?
  public let affine: Bool
  public let trackRunningStats: Bool
  @Parameter public var weight: Tensor?
  @Parameter public var bias: Tensor?
  @Buffer public var runningMean: Tensor?
  @Buffer public var runningVar: Tensor?
  @Buffer public var numBatchesTracked: Tensor?

  init(
    _ numFeatures: Int, _ eps: Double, _ momentum: Double?, _ affine: Bool, _ trackRunningStats: Bool,
    _ device: Device, _ dtype: DType, _ bias: Bool
  ) {
    self.numFeatures = numFeatures
    self.eps = eps
    self.momentum = momentum
    self.affine = affine
    self.trackRunningStats = trackRunningStats
    func filled(_ shape: [Int], _ value: Double, _ dtype: DType) -> Tensor {
      Initialization.filled(shape, value, dtype, device)
    }
    _weight = Parameter(wrappedValue: affine ? filled([numFeatures], 1, dtype) : nil)
    _bias = Parameter(wrappedValue: affine && bias ? filled([numFeatures], 0, dtype) : nil)
    _runningMean = Buffer(wrappedValue: trackRunningStats ? filled([numFeatures], 0, dtype) : nil)
    _runningVar = Buffer(wrappedValue: trackRunningStats ? filled([numFeatures], 1, dtype) : nil)
    _numBatchesTracked = Buffer(wrappedValue: trackRunningStats ? filled([], 0, .int64) : nil)
  }

  /// The numbers of dimensions an input may have.
  var inputDimensions: ClosedRange<Int> { 2...5 }

  /// - Throws: `TorchError` when `input` has another number of dimensions.
  func checkDimensions(_ input: Tensor) throws {
    guard inputDimensions.contains(input.ndim) else {
      let wanted = inputDimensions.map(String.init).joined(separator: " or ")
      throw TorchError("expected an input of \(wanted) dimensions, got \(input.summary)")
    }
  }

  public override var extraDescription: String {
    "\(numFeatures), eps=\(pythonDescription(eps)), momentum=\(momentum.map(pythonDescription(_:)) ?? "None"), "
      + "affine=\(pythonDescription(affine)), bias=\(pythonDescription(bias != nil)), "
      + "track_running_stats=\(pythonDescription(trackRunningStats))"
  }
}

/// What batch normalisation over `[N, C]`, `[N, C, L]`, `[N, C, H, W]` and `[N, C, D, H, W]` shares.
///
/// `y = (x − mean) / √(var + eps) · weight + bias`, each channel by itself. In training mean and (biased)
/// variance are the batch's, and the running ones become
/// `(1 − momentum)·running + momentum·batch` with the unbiased variance (a momentum of nil: a plain mean over
/// all batches seen); in evaluation the running ones serve.
/// - Source: Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167
public class BatchNorm: NormBase {
  public override func forward(_ input: Tensor) throws -> Tensor {
    let shape = input.shape
    try checkDimensions(input)
    var factor = momentum ?? 0
    if training, let numBatchesTracked {
      try Aten.addScalarInPlace(numBatchesTracked, 1, 1)
      if momentum == nil { factor = 1 / Double(try numBatchesTracked.item(as: Int.self)) }
    }
    let useBatch = training || runningMean == nil
    if useBatch, shape[0] * shape.dropFirst(2).reduce(1, *) == 1 {
      throw TorchError("expected more than 1 value per channel when training, got input size \(shape)")
    }
    guard eps > 0 || (eps == 0 && !useBatch) else {
      throw TorchError("expected eps to be positive\(useBatch ? " when training" : " or zero"), got \(eps)")
    }
    let update = !training || trackRunningStats
    return try Aten.batchNorm(
      input, weight, bias, update ? runningMean : nil, update ? runningVar : nil, useBatch, factor, eps, true)
  }
}

/// Batch normalisation of features `[N, C]` or sequences `[N, C, L]`: `torch.nn.BatchNorm1d`.
public final class BatchNorm1d: BatchNorm {
  public init(
    numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true,
    trackRunningStats: Bool = true, device: Device = .cpu, dtype: DType = .float32, bias: Bool = true
  ) {
    super.init(numFeatures, eps, momentum, affine, trackRunningStats, device, dtype, bias)
  }
  override var inputDimensions: ClosedRange<Int> { 2...3 }
}

/// Batch normalisation of images `[N, C, H, W]`: `torch.nn.BatchNorm2d`.
public final class BatchNorm2d: BatchNorm {
  public init(
    numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true,
    trackRunningStats: Bool = true, device: Device = .cpu, dtype: DType = .float32, bias: Bool = true
  ) {
    super.init(numFeatures, eps, momentum, affine, trackRunningStats, device, dtype, bias)
  }
  override var inputDimensions: ClosedRange<Int> { 4...4 }
}

/// Batch normalisation of volumes `[N, C, D, H, W]`: `torch.nn.BatchNorm3d`.
public final class BatchNorm3d: BatchNorm {
  public init(
    numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true,
    trackRunningStats: Bool = true, device: Device = .cpu, dtype: DType = .float32, bias: Bool = true
  ) {
    super.init(numFeatures, eps, momentum, affine, trackRunningStats, device, dtype, bias)
  }
  override var inputDimensions: ClosedRange<Int> { 5...5 }
}

extension Aten {
  static let batchNorm = Operator("aten::batch_norm")
}
