// Elementwise comparisons give a `bool` tensor of the broadcast shape. `Tensor` is not Equatable: whether two
// tensors are the same as a whole is `equal(_:)`.
extension Tensor {
  /// Where the elements are equal.
  public static func .== (left: Tensor, right: Tensor) throws -> Tensor { try Aten.eq(left, right) }
  /// Where the elements equal the number.
  public static func .== (left: Tensor, right: some Number) throws -> Tensor {
    try Aten.eqScalar(left, right)
  }
  /// Where the elements differ.
  public static func .!= (left: Tensor, right: Tensor) throws -> Tensor { try Aten.ne(left, right) }
  /// Where the elements differ from the number.
  public static func .!= (left: Tensor, right: some Number) throws -> Tensor {
    try Aten.neScalar(left, right)
  }
  /// Where the left element is smaller.
  public static func .< (left: Tensor, right: Tensor) throws -> Tensor { try Aten.lt(left, right) }
  /// Where the element is smaller than the number.
  public static func .< (left: Tensor, right: some Number) throws -> Tensor { try Aten.ltScalar(left, right) }
  /// Where the left element is smaller or equal.
  public static func .<= (left: Tensor, right: Tensor) throws -> Tensor { try Aten.le(left, right) }
  /// Where the element is smaller than the number or equal to it.
  public static func .<= (left: Tensor, right: some Number) throws -> Tensor {
    try Aten.leScalar(left, right)
  }
  /// Where the left element is greater.
  public static func .> (left: Tensor, right: Tensor) throws -> Tensor { try Aten.gt(left, right) }
  /// Where the element is greater than the number.
  public static func .> (left: Tensor, right: some Number) throws -> Tensor { try Aten.gtScalar(left, right) }
  /// Where the left element is greater or equal.
  public static func .>= (left: Tensor, right: Tensor) throws -> Tensor { try Aten.ge(left, right) }
  /// Where the element is greater than the number or equal to it.
  public static func .>= (left: Tensor, right: some Number) throws -> Tensor {
    try Aten.geScalar(left, right)
  }

  /// And of masks; of integers, bit by bit.
  public static func & (left: Tensor, right: Tensor) throws -> Tensor { try Aten.bitwiseAnd(left, right) }
  /// Or of masks; of integers, bit by bit.
  public static func | (left: Tensor, right: Tensor) throws -> Tensor { try Aten.bitwiseOr(left, right) }
  /// Exclusive or of masks; of integers, bit by bit.
  public static func ^ (left: Tensor, right: Tensor) throws -> Tensor { try Aten.bitwiseXor(left, right) }
  /// Not of a mask; of integers, bit by bit.
  public static prefix func ~ (operand: Tensor) throws -> Tensor { try Aten.bitwiseNot(operand) }

  /// Where the elements are not a number.
  public func isnan() throws -> Tensor { try Aten.isnan(self) }
  /// Where the elements are infinite.
  public func isinf() throws -> Tensor { try Aten.isinf(self) }
  /// Where the elements are neither infinite nor NaN.
  public func isfinite() throws -> Tensor { try Aten.isfinite(self) }

  /// Whether shapes and all elements are the same: `torch.equal`. NaN equals nothing.
  public func equal(_ other: Tensor) throws -> Bool { try Aten.equal.truth(self, other) }

  /// Whether |self − other| ≤ atol + rtol · |other| everywhere, broadcast: `torch.allclose`.
  public func allclose(
    _ other: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNaN: Bool = false
  ) throws -> Bool {
    try Aten.allclose.truth(self, other, rtol, atol, equalNaN)
  }

  /// Where |self − other| ≤ atol + rtol · |other|: `torch.isclose`.
  public func isclose(
    _ other: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNaN: Bool = false
  ) throws -> Tensor {
    try Aten.isclose(self, other, rtol, atol, equalNaN)
  }
}

extension Operator {
  /// Calls an operator that returns one truth value.
  fileprivate func truth(_ arguments: any OperatorArgument...) throws -> Bool {
    guard case .bool(let value)? = try results(arguments).first else {
      throw TorchError("\(name) does not return a truth value")
    }
    return value
  }
}

extension Aten {
  static let eq = Operator("aten::eq.Tensor")
  static let eqScalar = Operator("aten::eq.Scalar")
  static let ne = Operator("aten::ne.Tensor")
  static let neScalar = Operator("aten::ne.Scalar")
  static let lt = Operator("aten::lt.Tensor")
  static let ltScalar = Operator("aten::lt.Scalar")
  static let le = Operator("aten::le.Tensor")
  static let leScalar = Operator("aten::le.Scalar")
  static let gt = Operator("aten::gt.Tensor")
  static let gtScalar = Operator("aten::gt.Scalar")
  static let ge = Operator("aten::ge.Tensor")
  static let geScalar = Operator("aten::ge.Scalar")
  static let bitwiseAnd = Operator("aten::bitwise_and.Tensor")
  static let bitwiseOr = Operator("aten::bitwise_or.Tensor")
  static let bitwiseXor = Operator("aten::bitwise_xor.Tensor")
  static let bitwiseNot = Operator("aten::bitwise_not")
  static let isnan = Operator("aten::isnan")
  static let isinf = Operator("aten::isinf")
  static let isfinite = Operator("aten::isfinite")
  static let equal = Operator("aten::equal")
  static let allclose = Operator("aten::allclose")
  static let isclose = Operator("aten::isclose")
}
