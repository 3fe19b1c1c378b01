/// How a loss over many values becomes one.
public enum Reduction: String, Sendable, CaseIterable {
  case none, mean, sum

  /// The sum of terms, divided by `weight` for the mean.
  /// - Parameter roundings: how often a 16-bit format rounds the sum; a sum in float32 is rounded at its end.
  func apply<Scalar: Real>(_ terms: NDArray<Scalar>, weight: Scalar, roundings: Int = 1) -> NDArray<Scalar> {
    guard self != .none else { return terms }
    var sum = Scalar.Sum()
    for term in terms.values { sum.add(term) }
    let total = sum.total(roundings: roundings)
    return NDArray([self == .mean ? (total / weight) : total], shape: [])
  }

  /// What each term's derivative is multiplied with.
  func factor<Scalar: Real>(_ gradient: NDArray<Scalar>, _ place: Int, weight: Scalar) -> Scalar {
    switch self {
    case .none: gradient.values[place]
    case .sum: gradient.values[0]
    case .mean: (gradient.values[0] / weight)
    }
  }
}

/// Negative log-likelihood of log-probabilities `[N, C, …]` with class numbers `[N, …]`: `−w[t]·x[t]`. The
/// mean divides by the sum of the weights used.
public struct NegativeLogLikelihood: Layer {
  public let targets: [Int]
  public let weight: [Double]?
  public let ignoreIndex: Int
  public let reduction: Reduction

  public init(
    targets: [Int], weight: [Double]? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean
  ) {
    self.targets = targets
    self.weight = weight
    self.ignoreIndex = ignoreIndex
    self.reduction = reduction
  }

  /// The place of each target's log-probability and its weight; nil where it is ignored.
  func choices(_ shape: [Int]) -> [(place: Int, weight: Double)?] {
    let (classes, inner) = (shape[1], shape.dropFirst(2).reduce(1, *))
    return targets.enumerated().map { index, target in
      guard target != ignoreIndex else { return nil }
      return ((index / inner * classes + target) * inner + index % inner, weight?[target] ?? 1)
    }
  }

  func total<Scalar: Real>(_ choices: [(place: Int, weight: Double)?], like: Scalar) -> Scalar {
    var sum = Scalar.Sum()
    for choice in choices { sum.add(like.constant(choice?.weight ?? 0)) }
    return sum.total(roundings: weight == nil ? 0 : Self.roundings(targets.count))
  }

  /// How often libtorch rounds a 16-bit sum of so many losses, or weights: it adds up in the 16-bit format, sixteen
  /// at a time, then sixteen such sums, and so on, and at the end what is left of each of eight levels.
  static func roundings(_ count: Int) -> Int {
    var (levels, rest) = (1, count)
    while rest > 16 { (levels, rest) = (levels + 1, (rest + 15) / 16) }
    return min(count, 16 * levels + 8)
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let choices = choices(x.shape)
    let terms = choices.map { choice in
      choice.map { (-x.values[$0.place] * Scalar($0.weight)) } ?? Scalar(0)
    }
    let total = total(choices, like: x.values.first ?? Scalar(0))
    let y = reduction.apply(
      NDArray(terms, shape: [x.shape[0]] + x.shape.dropFirst(2)), weight: total,
      roundings: Self.roundings(terms.count))
    return Evaluated(y) { gradient in
      var dx = NDArray<Scalar>(shape: x.shape)
      for (index, choice) in choices.enumerated() {
        guard let choice else { continue }
        dx.values[choice.place] =
          (-reduction.factor(gradient, index, weight: total) * Scalar(choice.weight))
      }
      return Gradients(dx)
    }
  }
}

/// Softmax and negative log-likelihood in one, of logits `[N, C, …]`.
public struct CrossEntropy: Layer {
  /// What the logits are compared with.
  public enum Target: Sendable {
    case classes([Int])
    /// A probability for each logit.
    case probabilities([Double])
  }

  public let target: Target
  public let weight: [Double]?
  public let ignoreIndex: Int
  public let reduction: Reduction
  public let labelSmoothing: Double

  public init(
    _ target: Target, weight: [Double]? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean,
    labelSmoothing: Double = 0
  ) {
    self.target = target
    self.weight = weight
    self.ignoreIndex = ignoreIndex
    self.reduction = reduction
    self.labelSmoothing = labelSmoothing
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let logarithms = Softmax(dim: 1, logarithm: true).evaluate(x)
    if case .classes(let classes) = target, labelSmoothing == 0 {
      let loss = NegativeLogLikelihood(
        targets: classes, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction
      ).evaluate(logarithms.output)
      return Evaluated(loss.output) { logarithms.backward(loss.backward($0).input) }
    }
    let factors = factors(x.shape)
    let like = x.values.first ?? Scalar(0)
    let rows = Softmax.rows(x.shape, dim: 1)
    let y = logarithms.output
    let terms = rows.map { row -> Scalar in
      var sum = Scalar.Sum()
      for place in row { sum.add(-y.values[place], times: like.constant(1).scaled(by: factors[place])) }
      // Of 16-bit numbers: products with target and weight, the sum in float32, the smoothing's factor and sum.
      return sum.total(roundings: 5)
    }
    let scale = divisor(like, rows: rows.count)
    // What classes lose is added up by `NegativeLogLikelihood`.
    var roundings = 1
    if case .classes = target { roundings = NegativeLogLikelihood.roundings(terms.count) }
    let output = reduction.apply(
      NDArray(terms, shape: [x.shape[0]] + x.shape.dropFirst(2)), weight: scale, roundings: roundings)
    return Evaluated(output) { gradient in
      var dy = NDArray<Scalar>(shape: x.shape)
      for (index, row) in rows.enumerated() {
        let factor = reduction.factor(gradient, index, weight: scale)
        for place in row { dy.values[place] = (-factor.scaled(by: factors[place])) }
      }
      return logarithms.backward(dy)
    }
  }

  /// What the mean divides by: the weights of the classes used, or the number of rows of probabilities.
  private func divisor<Scalar: Real>(_ like: Scalar, rows: Int) -> Scalar {
    guard case .classes(let targets) = target else { return like.constant(Double(rows)) }
    var sum = Scalar.Sum()
    for target in targets where target != ignoreIndex { sum.add(like.constant(weight?[target] ?? 1)) }
    return sum.total(roundings: weight == nil ? 0 : NegativeLogLikelihood.roundings(targets.count))
  }

  /// The factor of each log-probability: with smoothing ε a class t gives `(1 − ε)·w[t]` to itself and
  /// `ε / C·w[c]` to every class c; a probability p gives `w[c]·p`, smoothed in the same manner.
  private func factors(_ shape: [Int]) -> [Double] {
    let classes = shape[1]
    var factors = [Double](repeating: 0, count: shape.reduce(1, *))
    for (index, row) in Softmax.rows(shape, dim: 1).enumerated() {
      switch target {
      case .classes(let targets):
        guard targets[index] != ignoreIndex else { continue }
        for (c, place) in row.enumerated() {
          let own = c == targets[index] ? 1 - labelSmoothing : 0
          factors[place] = (weight?[targets[index]] ?? 1) * own
          factors[place] += (weight?[c] ?? 1) * labelSmoothing / Double(classes)
        }
      case .probabilities(let probabilities):
        for (c, place) in row.enumerated() {
          let smoothed = probabilities[place] * (1 - labelSmoothing) + labelSmoothing / Double(classes)
          factors[place] = (weight?[c] ?? 1) * smoothed
        }
      }
    }
    return factors
  }
}

/// `(x − t)²`.
public struct MeanSquaredError: Layer {
  public let target: [Double]
  public let reduction: Reduction

  public init(target: [Double], reduction: Reduction = .mean) {
    self.target = target
    self.reduction = reduction
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let differences = zip(x.values, target).map { $0 - Scalar($1) }
    let n = Scalar(Double(x.count))
    let terms = NDArray(differences.map { ($0 * $0) }, shape: x.shape)
    return Evaluated(reduction.apply(terms, weight: n)) { gradient in
      let two = Scalar(2)
      let dx = differences.enumerated().map { place, difference in
        (reduction.factor(gradient, place, weight: n) * difference * two)
      }
      return Gradients(NDArray(dx, shape: x.shape))
    }
  }
}

/// `−w·(p·t·log σ(x) + (1 − t)·log(1 − σ(x)))`, computed without overflow: with `l = min(x, 0) −
/// log(1 + e^{−|x|})`, which is `log σ(x)`, it is `w·((1 − t)·x − (1 + (p − 1)·t)·l)`.
public struct BinaryCrossEntropyWithLogits: Layer {
  public let target: [Double]
  /// A factor for each element.
  public let weight: [Double]?
  /// The factor `p` of positive targets, one for each element.
  public let posWeight: [Double]?
  public let reduction: Reduction

  public init(
    target: [Double], weight: [Double]? = nil, posWeight: [Double]? = nil, reduction: Reduction = .mean
  ) {
    self.target = target
    self.weight = weight
    self.posWeight = posWeight
    self.reduction = reduction
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let n = Scalar(Double(x.count))
    let one = Scalar(1)
    /// `1 + (p − 1)·t`
    func positive(_ place: Int, _ x: Scalar) -> Scalar {
      guard let posWeight else { return one }
      return (x.constant(posWeight[place]) - one) * Scalar(target[place]) + one
    }
    let terms = x.values.enumerated().map { place, x -> Scalar in
      let decay = (-x.magnitude()).exp().log1p()
      let logSigmoid = (x.value < 0 ? x : Scalar(0)) - decay
      let complement = one - x.constant(target[place])
      let term = ((complement * x) - (positive(place, x) * logSigmoid))
      return weight.map { (term * Scalar($0[place])) } ?? term
    }
    return Evaluated(reduction.apply(NDArray(terms, shape: x.shape), weight: n)) { gradient in
      // ((p·t + 1 − t)·σ(x) − p·t)·w·g
      let dx = x.values.enumerated().map { place, x -> Scalar in
        let t = x.constant(target[place])
        let positive = posWeight.map { t * Scalar($0[place]) } ?? t
        let both = posWeight == nil ? one : positive + one - t
        let slope = (both * x.sigmoid() - positive) * reduction.factor(gradient, place, weight: n)
        return weight.map { slope * Scalar($0[place]) } ?? slope
      }
      return Gradients(NDArray(dx, shape: x.shape))
    }
  }
}
