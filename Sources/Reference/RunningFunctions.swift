// More functions with their error bounds, for activations and normalisation.
extension Running {
  /// How far a rising function with values in ±1 comes within the error, `y` being its value; the differences
  /// are computed in Double.
  func reach(_ y: Double, _ function: (Double) -> Double) -> Double {
    Swift.max(function(value + error) - y, y - function(value - error)) + 0x1p-51
  }

  public func expm1() -> Running {
    let y = Libm.expm1(value)
    return Running(
      function: y, passedOn: error == 0 ? 0 : Libm.exp(value) * Libm.expm1(error), format)
  }

  /// `log1p(exp(x))`, or `max(x, 0) + log1p(exp(−|x|))`: two functions one after the other. The slope is at most 1, and
  /// an error of δ·eˣ in the first is one of at most δ·y in the second.
  public func softplus() -> Running {
    let y = Swift.max(value, 0) + Libm.log1p(Libm.exp(-value.magnitude))
    let inner = Running(function: y, passedOn: error, format)
    return Running(function: y, passedOn: inner.error, format)
  }

  /// An absolute bound, since not all libraries have erf near zero, or 1 − erf, to relative accuracy: oneDNN takes
  /// `1 − p(t)·e^(−x²)`, t = 1 / (1 + 0.3276 x), p of degree 5, which is within 1.5e-7 of it, or 2.6u in float32
  /// (Abramowitz & Stegun 1964, formula 7.1.26). Its rounding: with Σ|coefficients·t| ≤ 1.5 at each step of p, 5u for
  /// the steps; t is off by 3u and the slope of p at most 3.5, 11u; e^(−x²) by two units in the last place and
  /// its argument's rounding, 5u; the product and the difference 2u. That is 26u, where u is float32's for 16-bit
  /// numbers, too, and in float64, where libtorch has no such shortcut, covers two units in the last place.
  public func erf() -> Running {
    let y = Libm.erf(value)
    let unit = format == .float64 ? format.unit : format == .exact ? 0 : Format.float32.unit
    let inner = y.magnitude < 1 ? 2 / Double.pi.squareRoot() * error : error
    let passedOn = error == 0 ? 0 : Swift.min(inner, 2)
    return Running(y, error: passedOn + 26 * unit + format.unit * y.magnitude, format: format)
  }

  public func power(_ exponent: Double) -> Running {
    let y = Libm.pow(value, exponent)
    let safe = value - error
    // The exponent is off by a rounding, which makes the result off by a factor of x^(that).
    var passedOn = y * Libm.expm1(Libm.log(value).magnitude * exponent.magnitude * format.unit)
    if error > 0 {
      // x^e between x − error and x + error.
      let ends = [safe, value + error].map { (Libm.pow($0, exponent) - y).magnitude }
      passedOn += safe > 0 ? Swift.max(ends[0], ends[1]) * (1 + 0x1p-20) + y * 0x1p-50 : .infinity
    }
    return Running(function: y, passedOn: passedOn, format)
  }

  public func choose(
    _ compares: (Double, Double) -> Bool, _ limit: Double, _ yes: Running, _ no: Running
  ) -> Running {
    let (chosen, other) = compares(value, limit) ? (yes, no) : (no, yes)
    return error > 0 && (value - limit).magnitude <= error ? chosen.or(other) : chosen
  }

  public func or(_ other: Running) -> Running {
    Running(
      value, error: Swift.max(error, (other.value - value).magnitude + other.error), format: format)
  }

  public func widened() -> Running {
    format.isSixteenBits ? Running(value, error: error, format: .float32) : self
  }

  public func narrowed(like other: Running) -> Running {
    guard other.format.isSixteenBits, format != .exact else { return self }
    let inner = Running(rounded: value, passedOn: error, other.format)
    return Running(value, error: inner.error + other.format.smallest, format: other.format)
  }
}
