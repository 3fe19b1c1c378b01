/// Normalises groups of elements: `y = (x − mean) / √(var + eps) · w + b`, mean and (biased) variance of each
/// group, in training and in evaluation. Parameters: weight and bias, weight, or none.
/// - Source: Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450; Wu & He 2018,
///   https://arxiv.org/abs/1803.08494
public struct GroupNormalization: Layer {
  public enum Groups: Sendable {
    /// All of a sample's last so many dimensions; the weight has their shape.
    case lastDimensions(Int)
    /// So many groups of neighbouring channels of `[N, C, …]`; the weight has one element for each channel.
    case channels(Int)
  }

  public let groups: Groups
  public let eps: Double

  public init(_ groups: Groups, eps: Double) {
    self.groups = groups
    self.eps = eps
  }

  /// How many neighbouring elements make a group, and which weight an element has.
  private func layout(_ shape: [Int]) -> (size: Int, weight: @Sendable (Int) -> Int) {
    switch groups {
    case .lastDimensions(let count):
      let size = shape.suffix(count).reduce(1, *)
      return (size, { $0 % size })
    case .channels(let count):
      let (channels, area) = (shape[1], shape.dropFirst(2).reduce(1, *))
      return (channels / count * area, { $0 / area % channels })
    }
  }

  /// Mean and 1 / σ. Libraries take the variance from the differences to the mean, or as the mean of the
  /// squares less the squared mean, where it cancels: the bound is that of the worse.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private func moments<Scalar: Real>(_ x: ArraySlice<Scalar>) -> (mean: Scalar, inverse: Scalar) {
    var (sum, squares) = (Scalar.Sum(), Scalar.Sum())
    for value in x {
      sum.add(value)
      squares.add(value, times: value)
    }
    let n = Scalar(Double(x.count))
    let mean = sum.total() / n
    var differences = Scalar.Sum()
    for value in x { differences.add((value - mean).squared()) }
    let variance = (differences.total() / n).or(squares.total() / n - mean * mean)
    return (mean, (variance + mean.constant(1).scaled(by: eps)).reciprocalRoot())
  }

  /// Backward, with s = Σ g·w·x, t = Σ g·w over a group of n: `∂x = g·w/σ + x·c − c·mean − t/(σn)`, where
  /// c = (t·mean − s)/(σ³·n); `∂w = Σ g·(x − mean)/σ`, `∂b = Σ g`.
  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (size, weightPlace) = layout(x.shape)
    let (weight, bias) = (parameters.first, parameters.dropFirst().first)
    let wide = x.values.map { $0.widened() }
    let starts = Array(stride(from: 0, to: x.count, by: max(size, 1)))
    let moments = starts.map { self.moments(wide[$0..<$0 + size]) }
    var y = x
    for place in x.values.indices {
      let (mean, inverse) = moments[place / size]
      // Either `(x/σ − mean/σ)·w + b` or `x·(w/σ) + (b − mean·(w/σ))`.
      let w = weight?.values[weightPlace(place)].widened() ?? Scalar(1)
      let b = bias?.values[weightPlace(place)].widened() ?? Scalar(0)
      let direct = (wide[place] * inverse - mean * inverse) * w + b
      let folded = wide[place] * (inverse * w) + (b - mean * (inverse * w))
      y.values[place] = direct.or(folded).narrowed(like: x.values[place])
    }
    return Evaluated(y) { gradient in
      let g = gradient.values.map { $0.widened() }
      var dx = x
      var (dw, db) = ([Scalar.Sum](), [Scalar.Sum]())
      if let weight {
        dw = [Scalar.Sum](repeating: Scalar.Sum(), count: weight.count)
        db = dw
      }
      let n = Scalar(Double(size))
      for (start, kept) in zip(starts, moments) {
        // libtorch keeps both in the format of x until the backward pass.
        let (mean, inverse) = (
          kept.mean.narrowed(like: x.values[start]).widened(),
          kept.inverse.narrowed(like: x.values[start]).widened()
        )
        let weighted = (start..<start + size).map { place in
          weight.map { g[place] * $0.values[weightPlace(place)].widened() } ?? g[place]
        }
        var (s, t) = (Scalar.Sum(), Scalar.Sum())
        for (value, x) in zip(weighted, wide[start...]) {
          s.add(value, times: x)
          t.add(value)
        }
        let total = t.total()
        let c = (total * mean - s.total()) * inverse * inverse * inverse / n
        let constant = -(c * mean) - total * inverse / n
        for (place, value) in zip(start..., weighted) {
          dx.values[place] = (inverse * value + wide[place] * c + constant).narrowed(like: x.values[place])
          guard weight != nil else { continue }
          // As one sum, or each `Σ g·x − mean·Σ g`: the terms are the same.
          let weighted = gradient.values[place] * inverse
          dw[weightPlace(place)].add(weighted, times: wide[place])
          dw[weightPlace(place)].add(-weighted, times: mean)
          db[weightPlace(place)].add(gradient.values[place])
        }
      }
      guard let weight else { return Gradients(dx) }
      // A 16-bit sum is rounded after each group.
      func array(_ sums: [Scalar.Sum]) -> NDArray<Scalar> {
        NDArray(sums.map { $0.total(roundings: starts.count + 1) }, shape: weight.shape)
      }
      return Gradients(dx, [array(dw)] + (bias == nil ? [] : [array(db)]))
    }
  }
}

/// Normalises each channel of each image of `[N, C, …]`: `BatchNorm` of N·C channels of a single image, with
/// the weights repeated. Parameters: weight and bias, weight, or none.
/// - Source: Ulyanov, Vedaldi & Lempitsky 2016, https://arxiv.org/abs/1607.08022
public struct InstanceNormalization: Layer {
  public let eps: Double
  /// Mean and variance of each channel; nil takes those of the image's places.
  public let statistics: (mean: [Double], variance: [Double])?

  public init(eps: Double, statistics: (mean: [Double], variance: [Double])? = nil) {
    self.eps = eps
    self.statistics = statistics
  }

  private static func repeated<Element>(_ values: [Element], _ count: Int) -> [Element] {
    (0..<count).flatMap { _ in values }
  }

  private static func asOneImage<Scalar>(_ x: NDArray<Scalar>) -> NDArray<Scalar> {
    x.reshaped([1, x.shape[0] * x.shape[1]] + x.shape.dropFirst(2))
  }

  /// The running statistics after a batch: means over the images of `(1 − momentum)·old + momentum·new`.
  public static func updated<Scalar: Real>(
    mean: [Scalar], variance: [Scalar], with x: NDArray<Scalar>, momentum: Double
  ) -> (mean: [Scalar], variance: [Scalar]) {
    let batch = x.shape[0]
    let each = BatchNorm.updated(
      mean: repeated(mean, batch), variance: repeated(variance, batch), with: asOneImage(x),
      momentum: momentum)
    func average(_ values: [Scalar]) -> [Scalar] {
      mean.indices.map { channel in
        var sum = Scalar.Sum()
        for image in 0..<batch { sum.add(values[image * mean.count + channel]) }
        return sum.total(roundings: 1) / Scalar(Double(batch))
      }
    }
    return (average(each.mean), average(each.variance))
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (batch, channels) = (x.shape[0], x.shape[1])
    let given = statistics.map { (Self.repeated($0.mean, batch), Self.repeated($0.variance, batch)) }
    let run = BatchNorm(eps: eps, statistics: given).evaluate(
      Self.asOneImage(x),
      parameters.map { NDArray(Self.repeated($0.values, batch), shape: [batch * channels]) })
    return Evaluated(run.output.reshaped(x.shape)) { gradient in
      let found = run.backward(Self.asOneImage(gradient))
      let sums = found.parameters.map { repeated in
        NDArray(
          (0..<channels).map { channel in
            var sum = Scalar.Sum()
            for image in 0..<batch { sum.add(repeated.values[image * channels + channel]) }
            return sum.total(roundings: 1)
          }, shape: [channels])
      }
      return Gradients(found.input.reshaped(x.shape), sums)
    }
  }
}

/// Divides by a power of the squares in the neighbouring channels of `[N, C, …]`:
/// `y = x / (k + α/n · Σ x′²)^β`, the sum over n channels from n/2 before to (n − 1)/2 after.
/// - Source: Krizhevsky, Sutskever & Hinton 2012, section 3.3
public struct LocalResponseNormalization: Layer {
  public let size: Int
  public let alpha: Double
  public let beta: Double
  public let k: Double

  public init(size: Int, alpha: Double, beta: Double, k: Double) {
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.k = k
  }

  /// Backward, with p = k + α·m, m the mean of the squares: `∂x = g/p^β + 2x·Σ α/n·∂p`, the sum over the
  /// channels that have x in their mean, `∂p = −g·x/p^β/p^β · β·p^(β−1)`.
  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (_, channels, inner) = x.split(at: 1)
    let (before, after) = (size / 2, (size - 1) / 2)
    let divisor = Scalar(Double(size))
    let powers = x.values.indices.map { place -> Scalar in
      let c = place / inner % channels
      var sum = Scalar.Sum()
      for other in max(0, c - before)..<min(channels, c + after + 1) {
        sum.add(x.values[place + (other - c) * inner].squared())
      }
      let mean = sum.total(roundings: 1) / divisor
      return mean.scaled(by: alpha) + mean.constant(1).scaled(by: k)
    }
    let divisors = powers.map { $0.power(beta) }
    let y = zip(x.values, divisors).map { $0 / $1 }
    return Evaluated(NDArray(y, shape: x.shape)) { gradient in
      let ofMeans = x.values.indices.map { place -> Scalar in
        let ofDivisor = -gradient.values[place] * (x.values[place] / divisors[place] / divisors[place])
        return (ofDivisor * powers[place].power(beta - 1).scaled(by: beta)).scaled(by: alpha) / divisor
      }
      var dx = x
      for place in x.values.indices {
        let c = place / inner % channels
        var sum = Scalar.Sum()
        for other in max(0, c - after)..<min(channels, c + before + 1) {
          sum.add(ofMeans[place + (other - c) * inner])
        }
        // Autograd adds x·s to g/p^β once for each factor of the square.
        let part = sum.total(roundings: size) * x.values[place]
        dx.values[place] = gradient.values[place] / divisors[place] + part + part
      }
      return Gradients(dx)
    }
  }
}
