// Activations of straight pieces: cheap stand-ins for smooth ones, and thresholds. Any shape; the shape stays.

/// `min(max(x, minVal), maxVal)`: `torch.nn.Hardtanh`.
/// - Throws: `TorchError` when `minVal` is not below `maxVal`.
public final class Hardtanh: Module {
  public let minVal: Double
  public let maxVal: Double
  public let inplace: Bool

  /// - Parameter inplace: overwrite the input.
  public init(minVal: Double = -1, maxVal: Double = 1, inplace: Bool = false) {
    self.minVal = minVal
    self.maxVal = maxVal
    self.inplace = inplace
    super.init()
    require(minVal < maxVal, "minVal (\(minVal)) must be below maxVal (\(maxVal))")
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.hardtanhInPlace(input, minVal, maxVal) : try Aten.hardtanh(input, minVal, maxVal)
  }

  public override var extraDescription: String {
    "min_val=\(pythonDescription(minVal)), max_val=\(pythonDescription(maxVal))"
      + inplaceDescription(inplace)
  }
}

/// `min(max(x, 0), 6)`: `torch.nn.ReLU6`.
/// - Source: Howard et al. 2017, https://arxiv.org/abs/1704.04861
public final class ReLU6: Module {
  public let inplace: Bool
  /// - Parameter inplace: overwrite the input.
  public init(inplace: Bool = false) { self.inplace = inplace }
  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.hardtanhInPlace(input, 0.0, 6.0) : try Aten.hardtanh(input, 0.0, 6.0)
  }
  public override var extraDescription: String { inplace ? "inplace=True" : "" }
}

/// `min(max(x + 3, 0), 6) / 6`: `torch.nn.Hardsigmoid`.
public final class Hardsigmoid: Module {
  public let inplace: Bool
  /// - Parameter inplace: overwrite the input.
  public init(inplace: Bool = false) { self.inplace = inplace }
  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.hardsigmoidInPlace(input) : try Aten.hardsigmoid(input)
  }
}

/// `x · min(max(x + 3, 0), 6) / 6`: `torch.nn.Hardswish`.
/// - Source: Howard et al. 2019, https://arxiv.org/abs/1905.02244
public final class Hardswish: Module {
  public let inplace: Bool
  /// - Parameter inplace: overwrite the input.
  public init(inplace: Bool = false) { self.inplace = inplace }
  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.hardswishInPlace(input) : try Aten.hardswish(input)
  }
}

/// `x − lambd` above lambd, `x + lambd` below −lambd, 0 between: `torch.nn.Softshrink`.
/// - Throws: `TorchError` when lambd is negative.
public final class Softshrink: Module {
  public let lambd: Double
  public init(lambd: Double = 0.5) { self.lambd = lambd }
  public override func forward(_ input: Tensor) throws -> Tensor { try Aten.softshrink(input, lambd) }
  public override var extraDescription: String { pythonDescription(lambd) }
}

/// `x` where `|x| > lambd`, else 0: `torch.nn.Hardshrink`.
public final class Hardshrink: Module {
  public let lambd: Double
  public init(lambd: Double = 0.5) { self.lambd = lambd }
  public override func forward(_ input: Tensor) throws -> Tensor { try Aten.hardshrink(input, lambd) }
  public override var extraDescription: String { pythonDescription(lambd) }
}

/// `x` above `threshold`, else `value`: `torch.nn.Threshold`.
public final class Threshold: Module {
  public let threshold: Double
  public let value: Double
  public let inplace: Bool

  /// - Parameter inplace: overwrite the input.
  public init(threshold: Double, value: Double, inplace: Bool = false) {
    self.threshold = threshold
    self.value = value
    self.inplace = inplace
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.thresholdInPlace(input, threshold, value) : try Aten.threshold(input, threshold, value)
  }

  public override var extraDescription: String {
    "threshold=\(pythonDescription(threshold)), value=\(pythonDescription(value))"
      + inplaceDescription(inplace)
  }
}

extension Aten {
  static let hardtanh = Operator("aten::hardtanh")
  static let hardtanhInPlace = Operator("aten::hardtanh_")
  static let hardsigmoid = Operator("aten::hardsigmoid")
  static let hardsigmoidInPlace = Operator("aten::hardsigmoid_")
  static let hardswish = Operator("aten::hardswish")
  static let hardswishInPlace = Operator("aten::hardswish_")
  static let softshrink = Operator("aten::softshrink")
  static let hardshrink = Operator("aten::hardshrink")
  static let threshold = Operator("aten::threshold")
  static let thresholdInPlace = Operator("aten::threshold_")
}
