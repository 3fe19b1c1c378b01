/// Normalises each channel of `[N, C, …]`: `y = (x − mean) / √(var + eps) · w + b`. In training mean and
/// (biased) variance are the batch's, otherwise given ones. Parameters: weight and bias, or none.
/// - Source: Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167
public struct BatchNorm: Layer {
  public let eps: Double
  /// Mean and variance of each channel; nil takes the batch's.
  public let statistics: (mean: [Double], variance: [Double])?

  public init(eps: Double, statistics: (mean: [Double], variance: [Double])? = nil) {
    self.eps = eps
    self.statistics = statistics
  }

  /// The places of each channel of `[N, C, …]`.
  private static func channels(_ shape: [Int]) -> [[Int]] {
    let area = shape.dropFirst(2).reduce(1, *)
    return (0..<shape[1]).map { c in
      (0..<shape[0]).flatMap { n in (0..<area).map { (n * shape[1] + c) * area + $0 } }
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  static func mean<Scalar: Real>(_ x: [Scalar]) -> Scalar {
    var sum = Scalar.Sum()
    for value in x { sum.add(value) }
    return sum.total() / Scalar(Double(x.count))
  }

  /// Batch mean and biased variance of each channel.
  public static func batchStatistics<Scalar: Real>(_ x: NDArray<Scalar>) -> (
    mean: [Scalar], variance: [Scalar]
  ) {
    var (means, variances) = ([Scalar](), [Scalar]())
    for places in channels(x.shape) {
      let values = places.map { x.values[$0] }
      let mean = mean(values)
      means.append(mean)
      variances.append(Self.mean(values.map { ($0 - mean).squared() }))
    }
    return (means, variances)
  }

  /// The running statistics after a batch: `(1 − momentum)·old + momentum·new`, the variance unbiased.
  public static func updated<Scalar: Real>(
    mean: [Scalar], variance: [Scalar], with x: NDArray<Scalar>, momentum: Double
  ) -> (mean: [Scalar], variance: [Scalar]) {
    let batch = batchStatistics(x)
    let n = Double(x.count / max(1, x.shape[1]))
    func mix(_ old: [Scalar], _ new: [Scalar], _ factor: Double) -> [Scalar] {
      zip(old, new).map {
        ($0.scaled(by: 1 - momentum) + ($1 * Scalar(factor)).scaled(by: momentum))
      }
    }
    return (mix(mean, batch.mean, 1), mix(variance, batch.variance, n / (n - 1)))
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let channels = Self.channels(x.shape)
    let zero = x.values.first ?? Scalar(0)
    let (mean, variance) =
      statistics.map { ($0.mean.map(zero.constant), $0.variance.map(zero.constant)) }
      ?? Self.batchStatistics(x)
    let (weight, bias) = (parameters.first, parameters.dropFirst().first)
    // 1 / σ of each channel.
    let inverse = variance.map { ($0 + zero.constant(1).scaled(by: eps)).reciprocalRoot() }
    var y = x
    for (c, places) in channels.enumerated() {
      // As `x·α + (b − mean·α)` with α = w / σ: two operations an element.
      let scale = weight.map { inverse[c] * $0.values[c] } ?? inverse[c]
      let shift = (bias?.values[c] ?? Scalar(0)) - mean[c] * scale
      for place in places { y.values[place] = (x.values[place] * scale + shift) }
    }
    return Evaluated(y) { gradient in
      var (dx, dw, db) = (x, [Scalar](), [Scalar]())
      for (c, places) in channels.enumerated() {
        let n = Scalar(Double(places.count))
        var (sum, product) = (Scalar.Sum(), Scalar.Sum())
        for place in places {
          sum.add(gradient.values[place])
          product.add(gradient.values[place], times: x.values[place] - mean[c])
        }
        // Both are sums in float32.
        let (total, along) = (sum.total(roundings: 1), product.total(roundings: 1))
        dw.append((along * inverse[c]))
        db.append(total)
        let scale = weight.map { inverse[c] * $0.values[c] } ?? inverse[c]
        for place in places {
          guard statistics == nil else {
            dx.values[place] = (gradient.values[place] * scale)
            continue
          }
          // w/σ·(g − mean(g) − x̂·mean(g·x̂)), with x̂ = (x − mean) / σ
          let slope = (x.values[place] - mean[c]) * (along * inverse[c] * inverse[c] / n)
          dx.values[place] = ((gradient.values[place] - slope - total / n) * scale)
        }
      }
      guard weight != nil else { return Gradients(dx) }
      return Gradients(
        dx, [NDArray(dw, shape: [dw.count])] + (bias == nil ? [] : [NDArray(db, shape: [db.count])]))
    }
  }
}
