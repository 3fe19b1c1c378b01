// Functions like ReLU that let something through below zero. Any shape; the shape stays. All but `PReLU` can
// overwrite their input (`inplace`).

/// `x` above zero, else `negativeSlope · x`: `torch.nn.LeakyReLU`.
/// - Source: Maas, Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic models.
public final class LeakyReLU: Module {
  public let negativeSlope: Double
  public let inplace: Bool

  public init(negativeSlope: Double = 0.01, inplace: Bool = false) {
    self.negativeSlope = negativeSlope
    self.inplace = inplace
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.leakyReluInPlace(input, negativeSlope) : try Aten.leakyRelu(input, negativeSlope)
  }

  public override var extraDescription: String {
    "negative_slope=\(pythonDescription(negativeSlope))" + inplaceDescription(inplace)
  }
}

/// `x` above zero, else `weight · x` with a weight that is trained, one for all channels or one for each:
/// `torch.nn.PReLU`. Channels are dimension 1. The weights start at `init`.
/// - Throws: `TorchError` when there are several weights, but not as many as channels.
/// - Source: He et al. 2015, https://arxiv.org/abs/1502.01852
public final class PReLU: Module {
  public let numParameters: Int
  /// Shape `[numParameters]`.
  @Parameter public var weight: Tensor

  public init(
    numParameters: Int = 1, init initial: Double = 0.25, device: Device = .cpu, dtype: DType = .float32
  ) {
    self.numParameters = numParameters
    _weight = Parameter(wrappedValue: Initialization.filled([numParameters], initial, dtype, device))
  }

  public override func forward(_ input: Tensor) throws -> Tensor { try Aten.prelu(input, weight) }

  public override var extraDescription: String { "num_parameters=\(numParameters)" }
}

/// `x` above zero, else `r · x`, where in training each element draws its own r uniform in
/// `lower..<upper`, and in evaluation r is their middle: `torch.nn.RReLU`.
/// - Throws: `TorchError` when `lower` is above `upper`.
/// - Source: Xu et al. 2015, https://arxiv.org/abs/1505.00853
public final class RReLU: Module {
  public let lower: Double
  public let upper: Double
  public let inplace: Bool

  public init(lower: Double = 1.0 / 8, upper: Double = 1.0 / 3, inplace: Bool = false) {
    self.lower = lower
    self.upper = upper
    self.inplace = inplace
    super.init()
    require(lower <= upper, "lower (\(lower)) must not be above upper (\(upper))")
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let generator = nil as Generator?
    return inplace
      ? try Aten.rreluInPlace(input, lower, upper, training, generator)
      : try Aten.rrelu(input, lower, upper, training, generator)
  }

  public override var extraDescription: String {
    "lower=\(pythonDescription(lower)), upper=\(pythonDescription(upper))" + inplaceDescription(inplace)
  }
}

/// `x` above zero, else `alpha · (eˣ − 1)`: `torch.nn.ELU`.
/// - Source: Clevert, Unterthiner & Hochreiter 2015, https://arxiv.org/abs/1511.07289
public final class ELU: Module {
  public let alpha: Double
  public let inplace: Bool

  public init(alpha: Double = 1, inplace: Bool = false) {
    self.alpha = alpha
    self.inplace = inplace
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.eluInPlace(input, alpha, 1.0, 1.0) : try Aten.elu(input, alpha, 1.0, 1.0)
  }

  public override var extraDescription: String {
    "alpha=\(pythonDescription(alpha))" + inplaceDescription(inplace)
  }
}

/// `scale · x` above zero, else `scale · alpha · (eˣ − 1)`, with scale 1.0507… and alpha 1.6733…, which keep mean 0
/// and variance 1 from layer to layer: `torch.nn.SELU`.
/// - Source: Klambauer et al. 2017, https://arxiv.org/abs/1706.02515
public final class SELU: Module {
  public let inplace: Bool
  public init(inplace: Bool = false) { self.inplace = inplace }
  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.seluInPlace(input) : try Aten.selu(input)
  }
  public override var extraDescription: String { inplace ? "inplace=True" : "" }
}

/// `x` above zero, else `alpha · (eˣᐟᵃˡᵖʰᵃ − 1)`, which has no kink whatever alpha is: `torch.nn.CELU`.
/// - Throws: `TorchError` when alpha is 0.
/// - Source: Barron 2017, https://arxiv.org/abs/1704.07483
public final class CELU: Module {
  public let alpha: Double
  public let inplace: Bool

  public init(alpha: Double = 1, inplace: Bool = false) {
    self.alpha = alpha
    self.inplace = inplace
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.celuInPlace(input, alpha) : try Aten.celu(input, alpha)
  }

  public override var extraDescription: String {
    "alpha=\(pythonDescription(alpha))" + inplaceDescription(inplace)
  }
}

/// What follows the other arguments in a description.
func inplaceDescription(_ inplace: Bool) -> String { inplace ? ", inplace=True" : "" }

extension Aten {
  static let leakyRelu = Operator("aten::leaky_relu")
  static let leakyReluInPlace = Operator("aten::leaky_relu_")
  static let prelu = Operator("aten::prelu")
  static let rrelu = Operator("aten::rrelu")
  static let rreluInPlace = Operator("aten::rrelu_")
  static let elu = Operator("aten::elu")
  static let eluInPlace = Operator("aten::elu_")
  static let selu = Operator("aten::selu")
  static let seluInPlace = Operator("aten::selu_")
  static let celu = Operator("aten::celu")
  static let celuInPlace = Operator("aten::celu_")
}
