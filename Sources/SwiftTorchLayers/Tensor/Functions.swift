// Elementwise functions: the result has the input's shape, and its type where that is floating-point (of
// integers it is `float32` for functions that are not whole-numbered). Outside the domain the result is NaN
// or infinite, no error.
extension Tensor {
  /// |x|.
  public func abs() throws -> Tensor { try Aten.abs(self) }
  /// −1, 0 or 1: the sign of x.
  public func sign() throws -> Tensor { try Aten.sign(self) }
  /// eˣ.
  public func exp() throws -> Tensor { try Aten.exp(self) }
  /// eˣ − 1, accurate near 0.
  public func expm1() throws -> Tensor { try Aten.expm1(self) }
  /// The natural logarithm.
  public func log() throws -> Tensor { try Aten.log(self) }
  /// The logarithm to base 2.
  public func log2() throws -> Tensor { try Aten.log2(self) }
  /// The logarithm to base 10.
  public func log10() throws -> Tensor { try Aten.log10(self) }
  /// ln(1 + x), accurate near 0.
  public func log1p() throws -> Tensor { try Aten.log1p(self) }
  /// √x.
  public func sqrt() throws -> Tensor { try Aten.sqrt(self) }
  /// 1 / √x.
  public func rsqrt() throws -> Tensor { try Aten.rsqrt(self) }
  /// x².
  public func square() throws -> Tensor { try Aten.square(self) }
  /// 1 / x.
  public func reciprocal() throws -> Tensor { try Aten.reciprocal(self) }
  /// The sine of an angle in radians.
  public func sin() throws -> Tensor { try Aten.sin(self) }
  /// The cosine of an angle in radians.
  public func cos() throws -> Tensor { try Aten.cos(self) }
  /// The error function, 2/√π · ∫₀ˣ e^(−t²) dt.
  public func erf() throws -> Tensor { try Aten.erf(self) }
  /// The greatest whole number that is not above x.
  public func floor() throws -> Tensor { try Aten.floor(self) }
  /// The least whole number that is not below x.
  public func ceil() throws -> Tensor { try Aten.ceil(self) }
  /// The nearest whole number; the even one of two.
  public func round() throws -> Tensor { try Aten.round(self) }
  /// x without its fraction.
  public func trunc() throws -> Tensor { try Aten.trunc(self) }

  /// (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ).
  public func tanh() throws -> Tensor { try Aten.tanh(self) }
  /// 1 / (1 + e⁻ˣ).
  public func sigmoid() throws -> Tensor { try Aten.sigmoid(self) }
  /// max(x, 0).
  public func relu() throws -> Tensor { try Aten.relu(self) }

  /// exp(x) / Σ exp(x), sums along `dim`.
  /// - Parameter dtype: the type to convert to before, nil for none.
  public func softmax(dim: Int, dtype: DType? = nil) throws -> Tensor {
    try Aten.softmaxInt(self, dim, dtype)
  }

  /// x − log Σ exp(x), sums along `dim`: the logarithm of `softmax`, without its loss of accuracy.
  /// - Parameter dtype: the type to convert to before, nil for none.
  public func logSoftmax(dim: Int, dtype: DType? = nil) throws -> Tensor {
    try Aten.logSoftmaxInt(self, dim, dtype)
  }

  /// min(max(x, min), max).
  public func clamp(min: some Number, max: some Number) throws -> Tensor { try Aten.clamp(self, min, max) }
  /// max(x, min).
  public func clamp(min: some Number) throws -> Tensor { try Aten.clamp(self, min, nil as Int?) }
  /// min(x, max).
  public func clamp(max: some Number) throws -> Tensor { try Aten.clamp(self, nil as Int?, max) }

  /// The greater of two elements, broadcast; NaN if one is.
  public func maximum(_ other: Tensor) throws -> Tensor { try Aten.maximum(self, other) }
  /// The smaller of two elements, broadcast; NaN if one is.
  public func minimum(_ other: Tensor) throws -> Tensor { try Aten.minimum(self, other) }

  /// This tensor's element where `condition` (bool) is true, else that of `other`; all three broadcast.
  public func `where`(_ condition: Tensor, _ other: Tensor) throws -> Tensor {
    try Aten.where(condition, self, other)
  }

  /// This tensor's element where `condition` (bool) is true, else the number.
  public func `where`(_ condition: Tensor, _ other: some Number) throws -> Tensor {
    try Aten.whereScalarOther(condition, self, other)
  }
}

extension Aten {
  static let abs = Operator("aten::abs")
  static let sign = Operator("aten::sign")
  static let exp = Operator("aten::exp")
  static let expm1 = Operator("aten::expm1")
  static let log = Operator("aten::log")
  static let log2 = Operator("aten::log2")
  static let log10 = Operator("aten::log10")
  static let log1p = Operator("aten::log1p")
  static let sqrt = Operator("aten::sqrt")
  static let rsqrt = Operator("aten::rsqrt")
  static let square = Operator("aten::square")
  static let sin = Operator("aten::sin")
  static let cos = Operator("aten::cos")
  static let erf = Operator("aten::erf")
  static let floor = Operator("aten::floor")
  static let ceil = Operator("aten::ceil")
  static let round = Operator("aten::round")
  static let trunc = Operator("aten::trunc")
  static let tanh = Operator("aten::tanh")
  static let sigmoid = Operator("aten::sigmoid")
  static let relu = Operator("aten::relu")
  static let softmaxInt = Operator("aten::softmax.int")
  static let logSoftmaxInt = Operator("aten::log_softmax.int")
  static let clamp = Operator("aten::clamp")
  static let maximum = Operator("aten::maximum")
  static let minimum = Operator("aten::minimum")
  static let `where` = Operator("aten::where.self")
  static let whereScalarOther = Operator("aten::where.ScalarOther")
}
