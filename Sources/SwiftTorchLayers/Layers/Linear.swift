/// A dense layer, `y = x·Wᵀ + b`: `torch.nn.Linear`.
///
/// Shapes: input `[…, inFeatures]`, output `[…, outFeatures]`, weight `[outFeatures, inFeatures]`.
/// Weight and bias start uniform in ±1/√inFeatures.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
public final class Linear: Module {
  public let inFeatures: Int
  public let outFeatures: Int
  @Parameter public var weight: Tensor
  @Parameter public var bias: Tensor?

  public init(
    inFeatures: Int, outFeatures: Int, bias: Bool = true, device: Device = .cpu, dtype: DType = .float32
  ) {
    self.inFeatures = inFeatures
    self.outFeatures = outFeatures
    _weight = Parameter(
      wrappedValue: Initialization.make([outFeatures, inFeatures], dtype, device) {
        try kaimingUniform($0, a: 5.0.squareRoot())
      })
    _bias = Parameter(
      wrappedValue: bias
        ? Initialization.make([outFeatures], dtype, device) {
          try Initialization.uniformByFan($0, fanIn: inFeatures)
        } : nil)
  }

  public override func forward(_ input: Tensor) throws -> Tensor { try Aten.linear(input, weight, bias) }

  public override var extraDescription: String {
    "in_features=\(inFeatures), out_features=\(outFeatures), bias=\(pythonDescription(bias != nil))"
  }
}

/// Joins the dimensions from `startDim` to `endDim` into one: `torch.nn.Flatten`. Maps follow each other,
/// each row by row.
public final class Flatten: Module {
  public let startDim: Int
  public let endDim: Int

  public init(startDim: Int = 1, endDim: Int = -1) {
    self.startDim = startDim
    self.endDim = endDim
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.flattenUsingInts(input, startDim, endDim)
  }

  public override var extraDescription: String { "start_dim=\(startDim), end_dim=\(endDim)" }
}

/// Returns its input: `torch.nn.Identity`.
public final class Identity: Module {
  public override init() {}
  public override func forward(_ input: Tensor) throws -> Tensor { input }
}

extension Aten {
  static let linear = Operator("aten::linear")
}
