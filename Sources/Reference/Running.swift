/// A format that a computation runs in.
///
/// `unit` is the unit roundoff u: a result is off by at most u times its size. The reference's own rounding in
/// Double, 2⁻⁵³, is part of it; in float64 that doubles it.
/// - Source: Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapters 2 and 3.
public enum Format: UInt8, Sendable, CaseIterable {
  /// A constant: no rounding.
  case exact
  case float32
  case float64
  /// Each operation is rounded to float16, except within a sum, which is float32's.
  case float16
  /// Each operation is rounded to bfloat16, except within a sum, which is float32's.
  case bfloat16
  /// float32, but factors of products are cut to 11 bits, and sums may be cut instead of rounded: what NVIDIA's
  /// tensor cores do when allowed.
  case tf32

  /// The unit roundoff of an operation.
  public var unit: Double {
    switch self {
    case .exact: 0
    case .float64: 0x1p-52
    case .float32, .tf32: 0x1p-24 + 0x1p-53
    case .float16: 0x1p-11 + 0x1p-53
    case .bfloat16: 0x1p-8 + 0x1p-53
    }
  }

  /// The unit roundoff within a sum.
  public var sumUnit: Double {
    self == .tf32 ? 0x1p-23 + 0x1p-53 : isSixteenBits ? 0x1p-24 + 0x1p-53 : unit
  }

  public var isSixteenBits: Bool { self == .float16 || self == .bfloat16 }

  /// What an operation may lose to underflow: the smallest number above zero. Processors that multiply
  /// bfloat16 (VDPBF16PS) take all subnormal numbers for zero.
  public var smallest: Double {
    switch self {
    case .exact: 0
    case .float64: 0x1p-1074
    case .float32, .tf32: 0x1p-149
    case .float16: 0x1p-24
    case .bfloat16: 0x1p-126
    }
  }

  /// What a function may lose to underflow: some flush subnormal numbers to zero.
  public var smallestOfFunction: Double {
    switch self {
    case .exact: 0
    case .float64: 0x1p-1022
    case .float16: 0x1p-24
    default: 0x1p-126
    }
  }

  /// The largest finite number that can be kept.
  public var largest: Double {
    switch self {
    case .exact, .float64: .greatestFiniteMagnitude
    case .float16: 65504
    case .bfloat16: 0x1.FEp127
    case .float32, .tf32: Double(Float.greatestFiniteMagnitude)
    }
  }

  /// How far the factors of products may be off.
  public var operand: Double { self == .tf32 ? 0x1p-10 : 0 }

  /// `γₙ = n·u / (1 − n·u)`: n roundings one after the other within a sum.
  public func gamma(_ n: Int) -> Double {
    let product = Double(n) * sumUnit
    return product < 1 ? product / (1 - product) : .infinity
  }

  /// The spacing of the format's numbers at `value`: one unit in the last place.
  public func ulp(at value: Double) -> Double {
    let significand =
      self == .float16 ? 0x1p-10 : self == .bfloat16 ? 0x1p-7 : self == .float64 ? 0x1p-52 : 0x1p-23
    guard value.isFinite, value != 0 else { return smallest }
    return max(smallest, value.binade.magnitude * significand)
  }

  fileprivate static func of(_ a: Running, _ b: Running) -> Format {
    a.format == .exact ? b.format : a.format
  }
}

/// How the computation that is judged may take `1 / √x`.
public enum ReciprocalRoot: Sendable {
  /// A square root, then a division, each rounded: on a CPU.
  case divided
  /// So, or by a function that is off by up to two units in the last place: CUDA's `rsqrt`.
  case dividedOrFunction

  /// What bounds are computed for: that of the device that a case runs on.
  @TaskLocal public static var assumed = ReciprocalRoot.divided
}

/// A Double with a bound on how far the same computation in another format may be from it: running error
/// analysis. Each operation passes on its operands' errors and adds a rounding of its own; a function adds two
/// units in the last place and, below the smallest normal number, may give zero.
/// - Source: Higham 2002, section 3.3. Functions: the vector and CUDA libraries that libtorch uses promise one
///   to two units in the last place.
public struct Running: Real {
  public typealias Sum = RunningSum

  public let value: Double
  public let error: Double
  public let format: Format

  /// A number of a format that may be off by `error`.
  public init(_ value: Double, error: Double = 0, format: Format) {
    self.value = value
    self.error = error
    self.format = format
  }

  public init(_ value: Double) { self.init(value, format: .exact) }

  /// A result: what was passed on, and the rounding of the result itself.
  init(rounded value: Double, passedOn: Double, _ format: Format) {
    self.init(value, error: passedOn + format.unit * (value.magnitude + passedOn), format: format)
  }

  /// A function's result: four roundings, which are two units in the last place, and underflow.
  init(function value: Double, passedOn: Double, _ format: Format) {
    self.init(
      value, error: passedOn + 4 * format.unit * (value.magnitude + passedOn) + format.smallestOfFunction,
      format: format)
  }

  public static func + (a: Running, b: Running) -> Running {
    Running(rounded: a.value + b.value, passedOn: a.error + b.error, .of(a, b))
  }

  public static func - (a: Running, b: Running) -> Running {
    Running(rounded: a.value - b.value, passedOn: a.error + b.error, .of(a, b))
  }

  public static func * (a: Running, b: Running) -> Running {
    let format = Format.of(a, b)
    return Running(
      rounded: a.value * b.value,
      passedOn: productError(a, b) + format.smallest, format)
  }

  public static func / (a: Running, b: Running) -> Running {
    let format = Format.of(a, b)
    let quotient = a.value / b.value
    let safe = b.value.magnitude - b.error
    let passedOn =
      a.error == 0 && b.error == 0
      ? 0 : safe > 0 ? (a.error + quotient.magnitude * b.error) / safe : .infinity
    return Running(rounded: quotient, passedOn: passedOn + format.smallest, format)
  }

  public static prefix func - (a: Running) -> Running { Running(-a.value, error: a.error, format: a.format) }

  /// `|a|·eᵦ + |b|·eₐ + eₐ·eᵦ`, where an error of zero stays zero beside infinity.
  fileprivate static func productError(_ a: Running, _ b: Running) -> Double {
    (b.error == 0 ? 0 : a.value.magnitude * b.error) + (a.error == 0 ? 0 : b.value.magnitude * a.error)
      + a.error * b.error
  }

  public func exp() -> Running {
    let y = Libm.exp(value)
    // The argument's error e makes the result off by a factor of at most eᵉ; a large one may leave zero zero.
    let growth = y * Libm.expm1(error)
    let passedOn = error == 0 ? 0 : growth.isNaN ? Libm.exp(value + error) : growth
    return Running(function: y, passedOn: passedOn, format)
  }

  public func log() -> Running {
    let safe = value - error
    return Running(
      function: Libm.log(value), passedOn: error == 0 ? 0 : safe > 0 ? error / safe : .infinity, format)
  }

  public func log1p() -> Running {
    let safe = 1 + value - error
    return Running(
      function: Libm.log1p(value), passedOn: error == 0 ? 0 : safe > 0 ? error / safe : .infinity, format)
  }

  public func sqrt() -> Running {
    let y = value.squareRoot()
    return Running(rounded: y, passedOn: error == 0 ? 0 : Swift.min(error / y, error.squareRoot()), format)
  }

  public func reciprocalRoot() -> Running {
    let divided = Running(1) / sqrt()
    guard ReciprocalRoot.assumed == .dividedOrFunction else { return divided }
    // It falls ever more slowly: an argument that is off by e changes it by at most 1/√(x − e) − 1/√x.
    let y = 1 / value.squareRoot()
    let safe = value - error
    let passedOn = error == 0 ? 0 : safe > 0 ? 1 / safe.squareRoot() - y : .infinity
    let function = Running(function: y, passedOn: passedOn, format)
    // The same value both times: the wider bound covers both.
    return function.error > divided.error ? function : divided
  }

  public func tanh() -> Running {
    let y = Libm.tanh(value)
    let slope = Swift.max(0, y.magnitude - error)
    return Running(
      function: y, passedOn: Swift.min(error * (1 - slope * slope), reach(y, Libm.tanh)), format)
  }

  public func sigmoid() -> Running {
    // The slope is y(1 − y). A function, then a sum and a division.
    let y = 1 / (1 + Libm.exp(-value))
    let passedOn =
      error == 0
      ? 0 : Swift.min(error / 4, y * Libm.expm1(error), reach(y) { 1 / (1 + Libm.exp(-$0)) })
    let inner = Running(function: y, passedOn: passedOn, format)
    return Running(y, error: inner.error + 2 * format.unit * y, format: format)
  }

  public func magnitude() -> Running { Running(value.magnitude, error: error, format: format) }

  public func constant(_ value: Double) -> Running { Running(value, format: format) }

  public func rectified() -> Running {
    guard value <= 0 else { return self }
    return Running(0, error: Swift.max(0, value + error), format: format)
  }

  public func upTo(_ other: Running) -> Running {
    Running(value, error: Swift.max(error, other.value + other.error - value), format: format)
  }

  public func step() -> Running {
    let sign = value > 0 ? 1.0 : 0.0
    // Too near zero to say on which side the computation was.
    return Running(sign, error: error > 0 && value.magnitude <= error ? 1 : 0, format: format)
  }

  public func adding(_ bias: Running, terms: Int) -> Running {
    let sum = self + bias
    let first = sum.format.gamma(terms) * (bias.value.magnitude + bias.error)
    return Running(sum.value, error: sum.error + first, format: sum.format)
  }

  public func orZero() -> Running {
    Running(value / 2, error: value.magnitude / 2 + error, format: format)
  }

  public func scaled(by factor: Double) -> Running {
    self * Running(factor, error: format.unit * factor.magnitude, format: .exact)
  }

  public static func gemm(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Running], transposeA: Bool, _ b: [Running], transposeB: Bool,
    roundings: Int, terms: Int
  ) -> [Running] {
    func product(_ a: [Double], _ b: [Double]) -> [Double] {
      Gemm.product(m, n, k, a, transposeA, b, transposeB)
    }
    let known = a.first { $0.format != .exact } ?? b.first { $0.format != .exact }
    let format = known?.format ?? .exact
    let values = product(a.map(\.value), b.map(\.value))
    let (sizeA, sizeB) = (a.map { $0.value.magnitude + $0.error }, b.map { $0.value.magnitude + $0.error })
    let sizes = product(sizeA, sizeB)
    // (|A| + eₐ)(|B| + eᵦ) − |A||B| = |A|·eᵦ + eₐ·(|B| + eᵦ)
    let (errorA, errorB) = (a.map(\.error), b.map(\.error))
    var passedOn = [Double](repeating: 0, count: values.count)
    if errorA.contains(where: { $0 != 0 }) { passedOn = product(errorA, sizeB) }
    if errorB.contains(where: { $0 != 0 }) {
      let more = product(a.map(\.value.magnitude), errorB)
      for place in passedOn.indices { passedOn[place] += more[place] }
    }
    return values.indices.map {
      RunningSum.total(
        values[$0], passedOn: passedOn[$0], size: sizes[$0], products: Swift.max(k, terms), sums: 0,
        roundings, format)
    }
  }
}

/// A sum with its error bound, whatever its order: `γₙ·Σ|xᵢwᵢ| + n·η` for n products, one rounding less for
/// a sum without products. A format coarser than float32 adds `m·u₁₆·Σ|xᵢwᵢ| + m·η₁₆` for m roundings.
public struct RunningSum: SumOfProducts {
  private var value = 0.0
  private var passedOn = 0.0
  private var size = 0.0
  private var products = 0
  private var sums = 0
  private var format = Format.exact

  public init() {}

  public mutating func add(_ a: Running, times b: Running) {
    value += a.value * b.value
    passedOn += Running.productError(a, b)
    size += (a.value.magnitude + a.error) * (b.value.magnitude + b.error)
    products += 1
    if format == .exact { format = .of(a, b) }
  }

  public mutating func add(_ a: Running) {
    value += a.value
    passedOn += a.error
    size += a.value.magnitude + a.error
    sums += 1
    if format == .exact { format = a.format }
  }

  public func total(roundings: Int) -> Running {
    Self.total(
      value, passedOn: passedOn, size: size, products: products, sums: sums, roundings, format)
  }

  static func total(
    _ value: Double, passedOn: Double, size: Double, products: Int, sums: Int, _ roundings: Int,
    _ format: Format
  ) -> Running {
    let n = products > 0 ? products + sums : max(0, sums - 1)
    let lost = format.isSixteenBits ? 0x1p-149 : format.smallest
    var error = passedOn + format.gamma(n) * size + Double(products) * lost
    if products > 0 { error += 2 * format.operand * size }
    if format.isSixteenBits { error += Double(roundings) * (format.unit * size + format.smallest) }
    return Running(value, error: error, format: format)
  }
}
