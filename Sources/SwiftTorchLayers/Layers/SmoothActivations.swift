// Activations without a kink, and GLU. Any shape; all but GLU keep it.

/// `x · Φ(x)`, Φ the normal distribution, `½ · (1 + erf(x / √2))`: `torch.nn.GELU`.
/// - Source: Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415
public final class GELU: Module {
  public enum Approximation: String, Sendable, CaseIterable {
    case none
    /// `½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))`
    case tanh
  }

  public let approximate: Approximation
  public init(approximate: Approximation = .none) { self.approximate = approximate }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.gelu(input, approximate.rawValue)
  }
  public override var extraDescription: String { "approximate='\(approximate.rawValue)'" }
}

/// `x · σ(x)`, σ the sigmoid, also called swish: `torch.nn.SiLU`.
/// - Source: Elfwing, Uchibe & Doya 2017, https://arxiv.org/abs/1702.03118
public final class SiLU: Module {
  public let inplace: Bool
  /// - Parameter inplace: overwrite the input.
  public init(inplace: Bool = false) { self.inplace = inplace }
  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.siluInPlace(input) : try Aten.silu(input)
  }
  public override var extraDescription: String { inplace ? "inplace=True" : "" }
}

/// `x · tanh(log(1 + eˣ))`: `torch.nn.Mish`.
/// - Source: Misra 2019, https://arxiv.org/abs/1908.08681
public final class Mish: Module {
  public let inplace: Bool
  /// - Parameter inplace: overwrite the input.
  public init(inplace: Bool = false) { self.inplace = inplace }
  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.mishInPlace(input) : try Aten.mish(input)
  }
  public override var extraDescription: String { inplace ? "inplace=True" : "" }
}

/// `log(1 + exp(beta · x)) / beta`, a rounded ReLU; x itself where `beta · x > threshold`: `torch.nn.Softplus`.
public final class Softplus: Module {
  public let beta: Double
  public let threshold: Double

  public init(beta: Double = 1, threshold: Double = 20) {
    self.beta = beta
    self.threshold = threshold
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.softplus(input, beta, threshold)
  }

  public override var extraDescription: String {
    "beta=\(pythonDescription(beta)), threshold=\(pythonDescription(threshold))"
  }
}

/// `x / (1 + |x|)`: `torch.nn.Softsign`.
public final class Softsign: Module {
  public override init() {}
  public override func forward(_ input: Tensor) throws -> Tensor { try input / (input.abs() + 1) }
}

/// `x − tanh(x)`: `torch.nn.Tanhshrink`.
public final class Tanhshrink: Module {
  public override init() {}
  public override func forward(_ input: Tensor) throws -> Tensor { try input - input.tanh() }
}

/// `log(1 / (1 + e⁻ˣ))`: `torch.nn.LogSigmoid`.
public final class LogSigmoid: Module {
  public override init() {}
  public override func forward(_ input: Tensor) throws -> Tensor { try Aten.logSigmoid(input) }
}

/// `a · σ(b)`, where a is the first half of the input along `dim` and b the second: `torch.nn.GLU`.
///
/// The size of the dimension `dim` becomes half.
/// - Throws: `TorchError` when that size is odd.
/// - Source: Dauphin et al. 2016, https://arxiv.org/abs/1612.08083
public final class GLU: Module {
  public let dim: Int
  public init(dim: Int = -1) { self.dim = dim }
  public override func forward(_ input: Tensor) throws -> Tensor { try Aten.glu(input, dim) }
  public override var extraDescription: String { "dim=\(dim)" }
}

extension Aten {
  static let gelu = Operator("aten::gelu")
  static let silu = Operator("aten::silu")
  static let siluInPlace = Operator("aten::silu_")
  static let mish = Operator("aten::mish")
  static let mishInPlace = Operator("aten::mish_")
  static let softplus = Operator("aten::softplus")
  static let logSigmoid = Operator("aten::log_sigmoid")
  static let glu = Operator("aten::glu")
}
