/// A number that the reference computes with: `Float`, `Double`, or `Running`, a Double that also carries how
/// far a computation in another format may be from it. Every formula is written once, for all three.
public protocol Real: Sendable {
  /// Adds up products.
  associatedtype Sum: SumOfProducts<Self>

  /// A constant, taken as exact; so is what is computed of such constants alone.
  init(_ value: Double)
  /// A constant in the format of this number.
  func constant(_ value: Double) -> Self
  /// The number.
  var value: Double { get }
  /// How far the same computation in the format may be from `value`; 0 for Float and Double.
  var error: Double { get }

  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func / (a: Self, b: Self) -> Self
  static prefix func - (a: Self) -> Self

  func exp() -> Self
  func log() -> Self
  /// `log(1 + x)`
  func log1p() -> Self
  func sqrt() -> Self
  /// `1 / √x`
  func reciprocalRoot() -> Self
  func tanh() -> Self
  /// `1 / (1 + e⁻ˣ)`
  func sigmoid() -> Self
  /// `eˣ − 1`
  func expm1() -> Self
  /// `log(1 + eˣ)`
  func softplus() -> Self
  /// The error function, `2/√π · ∫₀ˣ e^(−t²) dt`.
  func erf() -> Self
  /// `x^exponent`, for a number above zero; the exponent is a setting, itself rounded to the format.
  func power(_ exponent: Double) -> Self
  /// The absolute value.
  func magnitude() -> Self
  /// `max(x, 0)`; NaN stays.
  func rectified() -> Self
  /// 1 where the number is above zero, else 0: the derivative of `max(x, 0)`.
  func step() -> Self

  /// `yes` where the number compares so with `limit`, else `no`; as far as the error bounds know, maybe both.
  func choose(_ compares: (Double, Double) -> Bool, _ limit: Double, _ yes: Self, _ no: Self) -> Self
  /// The number, which may in truth be another one.
  func or(_ other: Self) -> Self
  /// The number for a function of a single element: of 16-bit numbers these are computed in float32 …
  func widened() -> Self
  /// … and the result is rounded once to the format of another number.
  func narrowed(like other: Self) -> Self
  /// The number, which may in truth be as large as another one.
  func upTo(_ other: Self) -> Self
  /// A number that may be this one or zero, as far as the error bounds know.
  func orZero() -> Self

  /// The product with a setting (a rate, a probability) that is itself rounded to the format.
  func scaled(by factor: Double) -> Self

  /// `C = A·B`, row-major, by `Gemm`: A `[m, k]`, B `[k, n]`, each transposed on demand.
  /// - Parameters:
  ///   - roundings: how often a format coarser than float32 rounds on the way.
  ///   - terms: of how many products the k of an element are a part, when more are added to it elsewhere.
  static func gemm(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Self], transposeA: Bool, _ b: [Self], transposeB: Bool,
    roundings: Int, terms: Int
  ) -> [Self]
  /// The sum of `terms` products with one more number, which may have been there first.
  func adding(_ bias: Self, terms: Int) -> Self
}

/// A sum that is taken in whatever order suits a machine.
public protocol SumOfProducts<Number>: Sendable {
  associatedtype Number: Real
  init()
  mutating func add(_ a: Number, times b: Number)
  mutating func add(_ a: Number)
  /// The sum.
  /// - Parameter roundings: how often a format coarser than float32 rounds the sum on the way.
  func total(roundings: Int) -> Number
}

extension SumOfProducts {
  public func total() -> Number { total(roundings: 0) }
}

/// The sum of ordinary numbers.
public struct PlainSum<Number: Real & BinaryFloatingPoint>: SumOfProducts {
  var sum: Number = 0
  public init() {}
  public mutating func add(_ a: Number, times b: Number) { sum += a * b }
  public mutating func add(_ a: Number) { sum += a }
  public func total(roundings: Int) -> Number { sum }
}

extension Real {
  /// The larger of the two.
  public func larger(_ other: Self) -> Self { other.value > value ? other.upTo(self) : upTo(other) }
  /// The smaller of the two.
  public func smaller(_ other: Self) -> Self { -(-self).larger(-other) }
  public func squared() -> Self { self * self }
}

extension Real where Self: BinaryFloatingPoint {
  public var value: Double { Double(self) }
  public var error: Double { 0 }
  public func reciprocalRoot() -> Self { 1 / sqrt() }
  public func log1p() -> Self { self > -0.5 && self < 0.5 ? Self(Libm.log1p(value)) : (1 + self).log() }
  public func sigmoid() -> Self { 1 / (1 + (-self).exp()) }
  public func expm1() -> Self { Self(Libm.expm1(value)) }
  public func softplus() -> Self { Self(max(value, 0) + Libm.log1p(Libm.exp(-Swift.abs(value)))) }
  public func erf() -> Self { Self(Libm.erf(value)) }
  public func power(_ exponent: Double) -> Self { Self(Libm.pow(value, exponent)) }
  public func choose(_ compares: (Double, Double) -> Bool, _ limit: Double, _ yes: Self, _ no: Self) -> Self {
    compares(value, limit) ? yes : no
  }
  public func or(_ other: Self) -> Self { self }
  public func widened() -> Self { self }
  public func narrowed(like other: Self) -> Self { self }
  public func constant(_ value: Double) -> Self { Self(value) }
  public func rectified() -> Self { self > 0 || isNaN ? self : 0 }
  public func step() -> Self { self > 0 ? 1 : 0 }
  public func upTo(_ other: Self) -> Self { self }
  public func adding(_ bias: Self, terms: Int) -> Self { self + bias }
  public func orZero() -> Self { self }
  public func scaled(by factor: Double) -> Self { self * Self(factor) }
}

extension Float: Real {
  public typealias Sum = PlainSum<Float>
  public func exp() -> Float { Libm.exp(self) }
  public func log() -> Float { Libm.log(self) }
  public func sqrt() -> Float { squareRoot() }
  public func tanh() -> Float { Libm.tanh(self) }
  public func magnitude() -> Float { Swift.abs(self) }
  public static func gemm(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Float], transposeA: Bool, _ b: [Float], transposeB: Bool,
    roundings: Int, terms: Int
  ) -> [Float] { Gemm.product(m, n, k, a, transposeA, b, transposeB) }
}

extension Double: Real {
  public typealias Sum = PlainSum<Double>
  public var value: Double { self }
  public func exp() -> Double { Libm.exp(self) }
  public func log() -> Double { Libm.log(self) }
  public func sqrt() -> Double { squareRoot() }
  public func tanh() -> Double { Libm.tanh(self) }
  public func magnitude() -> Double { Swift.abs(self) }
  public static func gemm(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Double], transposeA: Bool, _ b: [Double], transposeB: Bool,
    roundings: Int, terms: Int
  ) -> [Double] { Gemm.product(m, n, k, a, transposeA, b, transposeB) }
}
