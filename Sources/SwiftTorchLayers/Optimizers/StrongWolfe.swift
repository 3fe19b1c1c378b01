/// A number of the line search: Python's float, or a tensor of one element, which rounds to its own type.
/// Which of the two a number is decides PyTorch's bits.
enum LBFGSNumber {
  case plain(Double)
  case tensor(Tensor)

  func value() throws -> Double {
    switch self {
    case .plain(let value): value
    case .tensor(let tensor): try tensor.item(as: Double.self)
    }
  }

  func asTensor() throws -> Tensor {
    switch self {
    case .plain(let value): try Tensor(value)
    case .tensor(let tensor): tensor
    }
  }

  /// The product with a vector.
  func times(_ vector: Tensor) throws -> Tensor {
    switch self {
    case .plain(let value): try Aten.mulScalar(vector, value)
    case .tensor(let tensor): try Aten.mul(vector, tensor)
    }
  }

  func magnitude() throws -> LBFGSNumber {
    switch self {
    case .plain(let value): .plain(Swift.abs(value))
    case .tensor(let tensor): .tensor(try tensor.abs())
    }
  }

  private static func combine(
    _ a: LBFGSNumber, _ b: LBFGSNumber, _ plain: (Double, Double) -> Double,
    _ both: (Tensor, Tensor) throws -> Tensor, _ left: (Tensor, Double) throws -> Tensor,
    _ right: (Double, Tensor) throws -> Tensor
  ) throws -> LBFGSNumber {
    switch (a, b) {
    case (.plain(let a), .plain(let b)): .plain(plain(a, b))
    case (.tensor(let a), .tensor(let b)): .tensor(try both(a, b))
    case (.tensor(let a), .plain(let b)): .tensor(try left(a, b))
    case (.plain(let a), .tensor(let b)): .tensor(try right(a, b))
    }
  }

  static func + (a: LBFGSNumber, b: LBFGSNumber) throws -> LBFGSNumber {
    try combine(a, b, { $0 + $1 }, { try $0 + $1 }, { try $0 + $1 }, { try $0 + $1 })
  }
  static func - (a: LBFGSNumber, b: LBFGSNumber) throws -> LBFGSNumber {
    try combine(a, b, { $0 - $1 }, { try $0 - $1 }, { try $0 - $1 }, { try $0 - $1 })
  }
  static func * (a: LBFGSNumber, b: LBFGSNumber) throws -> LBFGSNumber {
    try combine(a, b, { $0 * $1 }, { try $0 * $1 }, { try $0 * $1 }, { try $0 * $1 })
  }
  static func / (a: LBFGSNumber, b: LBFGSNumber) throws -> LBFGSNumber {
    try combine(a, b, { $0 / $1 }, { try $0 / $1 }, { try $0 / $1 }, { try $0 / $1 })
  }

  /// As PyTorch compares: a plain number is rounded to the type of a tensor beside it.
  static func < (a: LBFGSNumber, b: LBFGSNumber) throws -> Bool {
    switch (a, b) {
    case (.plain(let a), .plain(let b)): a < b
    case (.tensor(let a), .tensor(let b)): try (a .< b).item(as: Bool.self)
    case (.tensor(let a), .plain(let b)): try (a .< b).item(as: Bool.self)
    case (.plain(let a), .tensor(let b)): try (b .> a).item(as: Bool.self)
    }
  }
  static func <= (a: LBFGSNumber, b: LBFGSNumber) throws -> Bool {
    switch (a, b) {
    case (.plain(let a), .plain(let b)): a <= b
    case (.tensor(let a), .tensor(let b)): try (a .<= b).item(as: Bool.self)
    case (.tensor(let a), .plain(let b)): try (a .<= b).item(as: Bool.self)
    case (.plain(let a), .tensor(let b)): try (b .>= a).item(as: Bool.self)
    }
  }

  /// The first of equals, as in Python.
  static func larger(_ a: LBFGSNumber, _ b: LBFGSNumber) throws -> LBFGSNumber { try a < b ? b : a }
  static func smaller(_ a: LBFGSNumber, _ b: LBFGSNumber) throws -> LBFGSNumber { try b < a ? b : a }
}

/// A point on the line: how far, the loss, the gradient, and the slope along the line.
private struct LinePoint {
  var length: LBFGSNumber
  var loss: Double
  var gradient: Tensor
  var slope: LBFGSNumber
}

/// Finds a length t along `direction` for which the strong Wolfe conditions hold: the loss falls by at least
/// `c1·t·slope`, and the slope there is at most `c2` times the first in size. The steps of PyTorch's
/// `_strong_wolfe`: enlarge a bracket until it holds such a point, then shrink it by cubic interpolation.
/// - Parameters:
///   - start: loss, gradient and slope where the line begins.
///   - first: the length to try first.
///   - maxEval: how often `evaluate` may be called, about.
///   - evaluate: the loss and the gradient at a length.
/// - Source: Nocedal & Wright 2006, Numerical Optimization, algorithms 3.5 and 3.6
func strongWolfe(
  from start: (loss: Double, gradient: Tensor, slope: Tensor), along direction: Tensor, _ first: LBFGSNumber,
  maxEval: Int, toleranceChange: Double = 1e-9,
  _ evaluate: (LBFGSNumber) throws -> (loss: Double, gradient: Tensor)
) throws -> (loss: Double, gradient: Tensor, length: LBFGSNumber, evaluations: Int) {
  let (c1, c2) = (1e-4, 0.9)
  let slope = LBFGSNumber.tensor(start.slope)
  let largest = LBFGSNumber.tensor(try direction.abs().max())
  var evaluations = 0
  func point(_ length: LBFGSNumber) throws -> LinePoint {
    let (loss, gradient) = try evaluate(length)
    evaluations += 1
    return LinePoint(
      length: length, loss: loss, gradient: gradient, slope: .tensor(try gradient.dot(direction)))
  }
  /// Whether the loss has not fallen enough.
  func isHigh(_ point: LinePoint) throws -> Bool {
    try .plain(start.loss) + .plain(c1) * point.length * slope < .plain(point.loss)
  }
  func isFlat(_ point: LinePoint) throws -> Bool { try point.slope.magnitude() <= .plain(-c2) * slope }

  // Enlarge.
  let origin = LinePoint(length: .plain(0), loss: start.loss, gradient: start.gradient, slope: slope)
  var (before, now) = (origin, try point(first))
  var bracket: [LinePoint] = []
  var done = false
  var rounds = 0
  while rounds < maxEval {
    if try isHigh(now) || (rounds > 1 && now.loss >= before.loss) {
      bracket = [before, now]
      break
    }
    if try isFlat(now) {
      bracket = [now]
      done = true
      break
    }
    if try .plain(0) <= now.slope {
      bracket = [before, now]
      break
    }
    let least = try now.length + .plain(0.01) * (now.length - before.length)
    let next = try cubicMinimum(before, now, bounds: (least, now.length * .plain(10)))
    before = now
    now = try point(next)
    rounds += 1
  }
  if rounds == maxEval { bracket = [origin, now] }

  // Shrink.
  var isStuck = false
  var (low, high) = bracket[0].loss <= bracket[bracket.count - 1].loss ? (0, 1) : (1, 0)
  while !done, rounds < maxEval {
    let (a, b) = (bracket[0].length, bracket[1].length)
    if try (b - a).magnitude() * largest < .plain(toleranceChange) { break }
    var length = try cubicMinimum(bracket[0], bracket[1])
    let (least, most) = (try LBFGSNumber.smaller(a, b), try LBFGSNumber.larger(a, b))
    let margin = try .plain(0.1) * (most - least)
    if try LBFGSNumber.smaller(most - length, length - least) < margin {
      // Near an end: accepted once, then kept away from it.
      if try isStuck || most <= length || length <= least {
        let isNearMost = try (length - most).magnitude() < (length - least).magnitude()
        length = isNearMost ? try most - margin : try least + margin
        isStuck = false
      } else {
        isStuck = true
      }
    } else {
      isStuck = false
    }
    now = try point(length)
    rounds += 1
    if try isHigh(now) || now.loss >= bracket[low].loss {
      bracket[high] = now
      (low, high) = bracket[0].loss <= bracket[1].loss ? (0, 1) : (1, 0)
    } else {
      if try isFlat(now) {
        done = true
      } else if try .plain(0) <= now.slope * (bracket[high].length - bracket[low].length) {
        bracket[high] = bracket[low]
      }
      bracket[low] = now
    }
  }
  let found = bracket[low]
  return (found.loss, found.gradient, found.length, evaluations)
}

/// Where the cubic through two points with their slopes has its minimum, within `bounds` or between them.
private func cubicMinimum(
  _ a: LinePoint, _ b: LinePoint, bounds: (LBFGSNumber, LBFGSNumber)? = nil
) throws -> LBFGSNumber {
  let ascending = try a.length <= b.length
  let (least, most) = bounds ?? (ascending ? (a.length, b.length) : (b.length, a.length))
  let rise = try .plain(3 * (a.loss - b.loss)) / (a.length - b.length)
  let d1 = try a.slope + b.slope - rise
  let square = try d1 * d1 - a.slope * b.slope
  guard try .plain(0) <= square, case .tensor(let tensor) = square else {
    return try (least + most) / .plain(2)
  }
  let d2 = LBFGSNumber.tensor(try tensor.sqrt())
  let (left, right) = ascending ? (a, b) : (b, a)
  let part = try (right.slope + d2 - d1) / (right.slope - left.slope + .plain(2) * d2)
  let place = try right.length - (right.length - left.length) * part
  return try .smaller(.larger(place, least), most)
}
