/// What the layers share that zero something at random: PyTorch's `_DropoutNd`. In evaluation all pass their
/// input unchanged.
/// - Precondition: `0 ≤ p ≤ 1`.
public class DropoutNd: Module {
  /// How likely an element or a channel is dropped.
  public let p: Double
  /// Whether the input is overwritten.
  public let inplace: Bool

  init(probability p: Double, inplace: Bool) {
    self.p = p
    self.inplace = inplace
    super.init()
    require((0...1).contains(p), "dropout probability must be between 0 and 1, not \(p)")
  }

  /// Drops whole channels, as though the input had a batch dimension where it has not.
  func dropChannels(_ input: Tensor, batched: Bool) throws -> Tensor {
    let drop = inplace ? Aten.featureDropoutInPlace : Aten.featureDropout
    return batched ? try drop(input, p, training) : try drop(input.unsqueeze(0), p, training).squeeze(0)
  }

  public override var extraDescription: String {
    "p=\(pythonDescription(p)), inplace=\(pythonDescription(inplace))"
  }
}

/// In training each element is zero with probability `p` and otherwise divided by 1 − p; in evaluation the
/// input passes unchanged: `torch.nn.Dropout`. Any shape.
/// - Precondition: `0 ≤ p ≤ 1`.
/// - Source: Hinton et al. 2012, https://arxiv.org/abs/1207.0580
public final class Dropout: DropoutNd {
  public init(p: Double = 0.5, inplace: Bool = false) { super.init(probability: p, inplace: inplace) }

  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.dropoutInPlace(input, p, training) : try Aten.dropout(input, p, training)
  }
}

/// As `Dropout`, but whole channels at a time: `torch.nn.Dropout1d`. Input `[N, C, L]` or `[C, L]`.
/// - Precondition: `0 ≤ p ≤ 1`.
/// - Throws: `TorchError` when the input has another number of dimensions.
public final class Dropout1d: DropoutNd {
  public init(p: Double = 0.5, inplace: Bool = false) { super.init(probability: p, inplace: inplace) }

  public override func forward(_ input: Tensor) throws -> Tensor {
    guard [2, 3].contains(input.ndim) else {
      throw TorchError("expected an input of 2 or 3 dimensions, got \(input.summary)")
    }
    return try dropChannels(input, batched: input.ndim == 3)
  }
}

/// As `Dropout`, but whole channels at a time: `torch.nn.Dropout2d`. Input `[N, C, H, W]`.
/// - Precondition: `0 ≤ p ≤ 1`.
public final class Dropout2d: DropoutNd {
  public init(p: Double = 0.5, inplace: Bool = false) { super.init(probability: p, inplace: inplace) }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try dropChannels(input, batched: true)
  }
}

/// As `Dropout`, but whole channels at a time: `torch.nn.Dropout3d`. Input `[N, C, D, H, W]` or `[C, D, H, W]`.
/// - Precondition: `0 ≤ p ≤ 1`.
/// - Throws: `TorchError` when the input has another number of dimensions.
public final class Dropout3d: DropoutNd {
  public init(p: Double = 0.5, inplace: Bool = false) { super.init(probability: p, inplace: inplace) }

  public override func forward(_ input: Tensor) throws -> Tensor {
    guard [4, 5].contains(input.ndim) else {
      throw TorchError("expected an input of 4 or 5 dimensions, got \(input.summary)")
    }
    return try dropChannels(input, batched: input.ndim == 5)
  }
}

/// Dropout that keeps mean 0 and variance 1, to go with `SELU`: `torch.nn.AlphaDropout`. Any shape.
///
/// In training a dropped element becomes `−α′` instead of zero (α′ = 1.7580…, what `SELU` gives for −∞), and
/// everything is scaled and shifted, `y = a · x + b`, a = 1 / √((α′²·p + 1)·(1 − p)), b = a·α′·p.
/// `inplace` has no effect, as in PyTorch.
/// - Precondition: `0 ≤ p ≤ 1`.
/// - Source: Klambauer et al. 2017, https://arxiv.org/abs/1706.02515
public final class AlphaDropout: DropoutNd {
  public init(p: Double = 0.5, inplace: Bool = false) { super.init(probability: p, inplace: inplace) }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.alphaDropout(input, p, training)
  }
}

/// As `AlphaDropout`, but whole channels of `[N, C, …]` at a time: `torch.nn.FeatureAlphaDropout`.
/// - Precondition: `0 ≤ p ≤ 1`.
public final class FeatureAlphaDropout: DropoutNd {
  public init(p: Double = 0.5, inplace: Bool = false) { super.init(probability: p, inplace: inplace) }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.featureAlphaDropout(input, p, training)
  }
}

extension Aten {
  static let dropout = Operator("aten::dropout")
  static let dropoutInPlace = Operator("aten::dropout_")
  static let featureDropout = Operator("aten::feature_dropout")
  static let featureDropoutInPlace = Operator("aten::feature_dropout_")
  static let alphaDropout = Operator("aten::alpha_dropout")
  static let featureAlphaDropout = Operator("aten::feature_alpha_dropout")
}
