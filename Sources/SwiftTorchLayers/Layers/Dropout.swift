/// In training each element is zero with probability `p` and otherwise divided by 1 − p; in evaluation the
/// input passes unchanged: `torch.nn.Dropout`. Any shape.
/// - Precondition: `0 ≤ p ≤ 1`.
/// - Source: Hinton et al. 2012, https://arxiv.org/abs/1207.0580
public final class Dropout: Module {
  public let p: Double
  public let inplace: Bool

  public init(p: Double = 0.5, inplace: Bool = false) {
    precondition((0...1).contains(p), "dropout probability must be between 0 and 1, not \(p)")
    self.p = p
    self.inplace = inplace
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.dropoutInPlace(input, p, training) : try Aten.dropout(input, p, training)
  }

  public override var extraDescription: String {
    "p=\(pythonDescription(p)), inplace=\(pythonDescription(inplace))"
  }
}

/// As `Dropout`, but whole channels at a time: `torch.nn.Dropout2d`. Input `[N, C, H, W]`.
/// - Precondition: `0 ≤ p ≤ 1`.
public final class Dropout2d: Module {
  public let p: Double
  public let inplace: Bool

  public init(p: Double = 0.5, inplace: Bool = false) {
    precondition((0...1).contains(p), "dropout probability must be between 0 and 1, not \(p)")
    self.p = p
    self.inplace = inplace
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace
      ? try Aten.featureDropoutInPlace(input, p, training) : try Aten.featureDropout(input, p, training)
  }

  public override var extraDescription: String {
    "p=\(pythonDescription(p)), inplace=\(pythonDescription(inplace))"
  }
}

extension Aten {
  static let dropout = Operator("aten::dropout")
  static let dropoutInPlace = Operator("aten::dropout_")
  static let featureDropout = Operator("aten::feature_dropout")
  static let featureDropoutInPlace = Operator("aten::feature_dropout_")
}
