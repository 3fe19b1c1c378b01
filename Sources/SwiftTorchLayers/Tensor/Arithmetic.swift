/// A number that stands beside tensors in an expression.
///
/// As in PyTorch an `Int` leaves integer tensors integer, and a `Double` or `Float` makes `float32` of them;
/// no number changes the type of a floating-point tensor.
public protocol Number: OperatorArgument {}

extension Int: Number {}
extension Double: Number {}
extension Bool: Number {}
extension Float: Number {
  /// Appends the number as a double, which is exact.
  public func append(to arguments: inout OperatorArguments) throws { try Double(self).append(to: &arguments) }
}

/// How a quotient becomes whole.
public enum RoundingMode: String, Sendable {
  /// Towards negative infinity.
  case floor
  /// Towards zero.
  case trunc
}

// Shapes are broadcast: aligned at their last dimensions, a size of 1 (or none) stretches to the other's.
// Types are promoted as in PyTorch.
extension Tensor {
  /// Elementwise sum, broadcast.
  public static func + (left: Tensor, right: Tensor) throws -> Tensor { try Aten.add(left, right) }
  /// Every element plus a number.
  public static func + (left: Tensor, right: some Number) throws -> Tensor { try Aten.addScalar(left, right) }
  /// Every element plus a number.
  public static func + (left: some Number, right: Tensor) throws -> Tensor { try Aten.addScalar(right, left) }

  /// Elementwise difference, broadcast.
  public static func - (left: Tensor, right: Tensor) throws -> Tensor { try Aten.sub(left, right) }
  /// Every element minus a number.
  public static func - (left: Tensor, right: some Number) throws -> Tensor { try Aten.subScalar(left, right) }
  /// A number minus every element.
  public static func - (left: some Number, right: Tensor) throws -> Tensor { try Aten.rsub(right, left) }

  /// Elementwise product, broadcast. For matrices see `matmul(_:)`.
  public static func * (left: Tensor, right: Tensor) throws -> Tensor { try Aten.mul(left, right) }
  /// Every element times a number.
  public static func * (left: Tensor, right: some Number) throws -> Tensor { try Aten.mulScalar(left, right) }
  /// Every element times a number.
  public static func * (left: some Number, right: Tensor) throws -> Tensor { try Aten.mulScalar(right, left) }

  /// Elementwise quotient, broadcast; of integers too it is floating-point.
  public static func / (left: Tensor, right: Tensor) throws -> Tensor { try Aten.div(left, right) }
  /// Every element divided by a number; of integers too it is floating-point.
  public static func / (left: Tensor, right: some Number) throws -> Tensor { try Aten.divScalar(left, right) }
  /// A number divided by every element, as PyTorch computes it: number · (1 / element).
  public static func / (left: some Number, right: Tensor) throws -> Tensor {
    try Aten.mulScalar(Aten.reciprocal(right), left)
  }

  /// Every element with its sign changed.
  public static prefix func - (operand: Tensor) throws -> Tensor { try Aten.neg(operand) }

  /// Elementwise quotient, rounded to a whole number; integers stay integer: `torch.div(rounding_mode=)`.
  public func div(_ other: Tensor, roundingMode: RoundingMode) throws -> Tensor {
    try Aten.divTensorMode(self, other, roundingMode.rawValue)
  }

  /// Every element divided by a number and rounded to a whole number: `torch.div(rounding_mode=)`.
  public func div(_ other: some Number, roundingMode: RoundingMode) throws -> Tensor {
    try Aten.divScalarMode(self, other, roundingMode.rawValue)
  }

  /// self − other · ⌊self / other⌋, elementwise, with the sign of `other`: Python's `%`.
  public func remainder(_ other: Tensor) throws -> Tensor { try Aten.remainder(self, other) }

  /// self − other · ⌊self / other⌋ with the sign of `other`: Python's `%`.
  public func remainder(_ other: some Number) throws -> Tensor { try Aten.remainderScalar(self, other) }

  /// Elementwise power, broadcast.
  public func pow(_ exponent: Tensor) throws -> Tensor { try Aten.pow(self, exponent) }

  /// Every element to the power of a number.
  /// - Throws: `TorchError` for integer elements and a negative `Int`.
  public func pow(_ exponent: some Number) throws -> Tensor { try Aten.powScalar(self, exponent) }
}

extension Aten {
  static let add = Operator("aten::add.Tensor")
  static let addScalar = Operator("aten::add.Scalar")
  static let sub = Operator("aten::sub.Tensor")
  static let subScalar = Operator("aten::sub.Scalar")
  static let rsub = Operator("aten::rsub.Scalar")
  static let mul = Operator("aten::mul.Tensor")
  static let mulScalar = Operator("aten::mul.Scalar")
  static let div = Operator("aten::div.Tensor")
  static let divScalar = Operator("aten::div.Scalar")
  static let divTensorMode = Operator("aten::div.Tensor_mode")
  static let divScalarMode = Operator("aten::div.Scalar_mode")
  static let reciprocal = Operator("aten::reciprocal")
  static let neg = Operator("aten::neg")
  static let remainder = Operator("aten::remainder.Tensor")
  static let remainderScalar = Operator("aten::remainder.Scalar")
  static let pow = Operator("aten::pow.Tensor_Tensor")
  static let powScalar = Operator("aten::pow.Tensor_Scalar")
}
