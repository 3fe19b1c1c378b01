/// More functions of each element by itself, most of them with settings. libtorch computes those of 16-bit numbers
/// in float32 and rounds the result once, except where it has no function of its own but an expression.
public enum Elementwise: Layer {
  /// `x` above zero, else `slope · x`
  case leakyReLU(slope: Double)
  /// `scale · x` above zero, else `scale · alpha · (exp(inputScale · x) − 1)`: ELU, SELU and CELU
  case elu(alpha: Double, scale: Double, inputScale: Double)
  /// `½ · x · (1 + erf(x / √2))`
  case gelu
  /// `½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))`
  case geluByTanh
  /// `x · σ(x)`
  case silu
  /// `x · tanh(log(1 + eˣ))`
  case mish
  /// `log(1 + exp(beta · x)) / beta`, or x where `beta · x > threshold`
  case softplus(beta: Double, threshold: Double)
  /// `−log(1 + e⁻ˣ)`
  case logSigmoid
  /// `min(max(x, low), high)`
  case clamp(low: Double, high: Double)
  /// `min(max(x + 3, 0), 6) / 6`
  case hardsigmoid
  /// `x · min(max(x + 3, 0), 6) / 6`
  case hardswish
  /// `x` moved towards zero by `limit`, as far as zero
  case softshrink(limit: Double)
  /// `x` where `|x| > limit`, else 0
  case hardshrink(limit: Double)
  /// `x` above `limit`, else `value`
  case threshold(limit: Double, value: Double)
  /// `x / (1 + |x|)`, an expression
  case softsign
  /// `x − tanh(x)`, an expression
  case tanhshrink

  /// `√(2/π)`
  private static let rootTwoOverPi = 0.7978845608028654
  private static let cubeFactor = 0.044715

  func value<Scalar: Real>(_ x: Scalar) -> Scalar {
    let (zero, one) = (Scalar(0), Scalar(1))
    switch self {
    case .leakyReLU(let slope): return x.choose(>, 0, x, x.scaled(by: slope))
    case .elu(let alpha, let scale, let inputScale):
      let curve = Self.scaled(Self.scaled(Self.scaled(x, inputScale).expm1(), alpha), scale)
      return x.choose(>, 0, Self.scaled(x, scale), curve)
    case .gelu: return x * Self.normalDistribution(x)
    case .geluByTanh:
      let half = x * Scalar(0.5)
      return half * (one + Self.tanhArgument(x).tanh())
    case .silu: return x * x.sigmoid()
    case .mish: return x * x.softplus().tanh()
    case .softplus(let beta, let threshold):
      let scaled = Self.scaled(x, beta)
      return scaled.choose(>, threshold, x, Self.divided(scaled.softplus(), beta))
    case .logSigmoid: return x.smaller(zero) - (-x.magnitude()).softplus()
    case .clamp(let low, let high): return x.larger(Self.setting(x, low)).smaller(Self.setting(x, high))
    case .hardsigmoid: return Self.ramp(x).scaled(by: 1.0 / 6)
    case .hardswish: return (x * Self.ramp(x)).scaled(by: 1.0 / 6)
    case .softshrink(let limit):
      let amount = Self.setting(x, limit)
      return x.choose(>, limit, x - amount, x.choose(<, -limit, x + amount, zero * x))
    case .hardshrink(let limit):
      return x.choose(<=, limit, x.choose(>=, -limit, zero * x, x), x)
    case .threshold(let limit, let value): return x.choose(<=, limit, Self.setting(x, value), x)
    case .softsign: return x / (x.magnitude() + one)
    case .tanhshrink: return x - x.tanh()
    }
  }

  /// The output's derivative times `g`.
  /// - Parameter original: x in the format that libtorch keeps numbers in until the backward pass.
  func slope<Scalar: Real>(_ x: Scalar, _ g: Scalar, _ original: Scalar) -> Scalar {
    let (zero, one) = (Scalar(0), Scalar(1))
    switch self {
    case .leakyReLU(let slope): return x.choose(>, 0, g, g.scaled(by: slope))
    case .elu(let alpha, let scale, let inputScale):
      let factor = Self.scaled(Self.scaled(Self.scaled(g, inputScale), alpha), scale)
      return x.choose(<=, 0, factor * Self.scaled(x, inputScale).exp(), Self.scaled(g, scale))
    case .gelu:
      // Φ(x) + x·φ(x), with φ(x) = e^(−x²/2) / √(2π)
      let density = (x * x * Scalar(-0.5)).exp().scaled(by: 1 / (2 * Double.pi).squareRoot())
      return g * (Self.normalDistribution(x) + x * density)
    case .geluByTanh:
      let tanh = Self.tanhArgument(x).tanh()
      let inner = (one + (x * x).scaled(by: 3 * Self.cubeFactor)).scaled(by: Self.rootTwoOverPi)
      let half = x * Scalar(0.5)
      return g * (Scalar(0.5) * (one + tanh) + half * (one - tanh * tanh) * inner)
    case .silu:
      let sigmoid = x.sigmoid()
      return g * sigmoid * (one + x * (one - sigmoid))
    case .mish:
      let tanh = x.softplus().tanh()
      return g * (tanh + x * x.sigmoid() * (one - tanh * tanh))
    case .softplus(let beta, let threshold):
      let scaled = Self.scaled(x, beta)
      return scaled.choose(>, threshold, g, g * scaled.sigmoid())
    case .logSigmoid:
      let small = (-x.magnitude()).exp().narrowed(like: original).widened()
      let share = small / (one + small)
      return g * x.choose(<, 0, one - share, share)
    // At the limits and for NaN the gradient of the straight pieces is that of what is outside.
    case .clamp(let low, let high):
      return x.choose(>, low, x.choose(<, high, g, zero), zero)
    case .hardsigmoid:
      return x.choose(>, -3, x.choose(<, 3, g.scaled(by: 1.0 / 6), zero), zero)
    case .hardswish:
      let inside = g * (x.scaled(by: 1.0 / 3) + Scalar(0.5))
      return x.choose(<=, -3, zero, x.choose(<, 3, inside, g))
    case .softshrink(let limit), .hardshrink(let limit):
      return x.choose(>, limit, g, x.choose(<, -limit, g, zero))
    case .threshold(let limit, _): return x.choose(<=, limit, zero, g)
    case .softsign:
      let divisor = x.magnitude() + one
      let ofDivisor = -g * (x / divisor / divisor)
      return g / divisor + ofDivisor * x.choose(>, 0, one, x.choose(<, 0, -one, zero))
    case .tanhshrink:
      let tanh = x.tanh()
      return g - g * (one - tanh * tanh)
    }
  }

  /// The product with a setting; nothing is rounded where that is 1.
  private static func scaled<Scalar: Real>(_ x: Scalar, _ factor: Double) -> Scalar {
    factor == 1 ? x : x.scaled(by: factor)
  }

  private static func divided<Scalar: Real>(_ x: Scalar, _ divisor: Double) -> Scalar {
    divisor == 1 ? x : x / Scalar(1).scaled(by: divisor)
  }

  /// A setting in the format; most have few digits and are exact.
  private static func setting<Scalar: Real>(_ x: Scalar, _ value: Double) -> Scalar {
    Double(Float(value)) == value ? x.constant(value) : x.constant(1).scaled(by: value)
  }

  /// `½ · (1 + erf(x / √2))`
  private static func normalDistribution<Scalar: Real>(_ x: Scalar) -> Scalar {
    (Scalar(1) + x.scaled(by: 0.5.squareRoot()).erf()) * Scalar(0.5)
  }

  private static func tanhArgument<Scalar: Real>(_ x: Scalar) -> Scalar {
    (x + (x * x * x).scaled(by: cubeFactor)).scaled(by: rootTwoOverPi)
  }

  /// `min(max(x + 3, 0), 6)`
  private static func ramp<Scalar: Real>(_ x: Scalar) -> Scalar {
    (x + Scalar(3)).rectified().smaller(Scalar(6))
  }

  private var isExpression: Bool {
    switch self {
    case .softsign, .tanhshrink: true
    default: false
    }
  }

  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private func values<Scalar: Real>(_ x: [Scalar]) -> [Scalar] {
    isExpression ? x.map(value) : x.map { value($0.widened()).narrowed(like: $0) }
  }

  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private func slopes<Scalar: Real>(_ x: [Scalar], _ g: [Scalar]) -> [Scalar] {
    isExpression
      ? zip(x, g).map { slope($0, $1, $0) }
      : zip(x, g).map { slope($0.widened(), $1.widened(), $0).narrowed(like: $0) }
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    Evaluated(NDArray(values(x.values), shape: x.shape)) {
      Gradients(NDArray(slopes(x.values, $0.values), shape: x.shape))
    }
  }
}
