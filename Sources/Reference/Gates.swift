/// `x` above zero, else `w · x`, w for all elements or for each channel (dimension 1); parameters: w.
public struct ParametricReLU: Layer {
  public init() {}

  /// Which weight an element has.
  private func weightPlaces(_ shape: [Int], _ count: Int) -> [Int] {
    guard count > 1 else { return [Int](repeating: 0, count: shape.reduce(1, *)) }
    let (_, size, inner) = NDArray<Double>(shape: shape).split(at: 1)
    return (0..<shape.reduce(1, *)).map { $0 / inner % size }
  }

  /// Backward: `∂x = g` or `g·w`; `∂w = Σ g·x` over what is not above zero.
  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let weight = parameters[0]
    let places = weightPlaces(x.shape, weight.count)
    var y = x
    for (place, w) in places.enumerated() {
      let value = x.values[place]
      y.values[place] = value.choose(>, 0, value, value * weight.values[w])
    }
    return Evaluated(y) { gradient in
      var dx = x
      var sums = [Scalar.Sum](repeating: Scalar.Sum(), count: weight.count)
      for (place, w) in places.enumerated() {
        let (value, g) = (x.values[place], gradient.values[place])
        dx.values[place] = value.choose(>, 0, g, g * weight.values[w])
        sums[w].add(g, times: value.choose(>, 0, Scalar(0), value))
      }
      return Gradients(dx, [NDArray(sums.map { $0.total(roundings: 2) }, shape: weight.shape)])
    }
  }
}

/// `x` above zero, else `slopes · x` with a slope drawn for each element before; one slope is all elements'.
public struct RandomReLU: Layer {
  public let slopes: [Double]
  public init(slopes: [Double]) { self.slopes = slopes }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    func apply(_ values: NDArray<Scalar>) -> NDArray<Scalar> {
      var result = values
      for (place, value) in values.values.enumerated() {
        let below = value.scaled(by: slopes[slopes.count > 1 ? place : 0])
        result.values[place] = x.values[place].choose(>, 0, value, below)
      }
      return result
    }
    return Evaluated(apply(x)) { Gradients(apply($0)) }
  }
}

/// `a · σ(b)`, a the first half along a dimension, b the second.
public struct GatedLinearUnit: Layer {
  public let dim: Int
  public init(dim: Int) { self.dim = dim }

  /// Backward: `∂a = g·σ(b)`, `∂b = (1 − σ)·σ·g·a`.
  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (outer, size, inner) = x.split(at: dim)
    let half = size / 2 * inner
    var shape = x.shape
    shape[dim < 0 ? dim + shape.count : dim] /= 2
    let places = (0..<outer * half).map { $0 / max(half, 1) * 2 * half + $0 % max(half, 1) }
    let y = places.map {
      (x.values[$0].widened() * x.values[$0 + half].widened().sigmoid()).narrowed(like: x.values[$0])
    }
    return Evaluated(NDArray(y, shape: shape)) { gradient in
      var dx = x
      for (g, place) in zip(gradient.values, places) {
        let sigmoid = x.values[place + half].sigmoid()
        dx.values[place] = g * sigmoid
        dx.values[place + half] = (Scalar(1) - sigmoid) * sigmoid * g * x.values[place]
      }
      return Gradients(dx)
    }
  }
}

/// `e⁻ˣⁱ / Σⱼ e⁻ˣʲ` along a dimension.
public struct Softmin: Layer {
  private let softmax: Softmax
  public init(dim: Int) { softmax = Softmax(dim: dim) }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let negative = softmax.evaluate(x.map { -$0 })
    return Evaluated(negative.output) { Gradients(negative.backward($0).input.map { -$0 }) }
  }
}

/// What `AlphaDropout` makes of each element with a mask that was drawn before: `a·x + b`, or of those dropped
/// `−a·α′ + b`, with α′ = 1.7580…, a = 1 / √((α′²·p + 1)·(1 − p)) and b = a·α′·p.
public struct AlphaDropout: Layer {
  public let p: Double
  /// Which elements are kept; nil keeps all as they are, as in evaluation.
  public let kept: [Bool]?

  public init(p: Double, kept: [Bool]?) {
    self.p = p
    self.kept = kept
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    guard let kept else { return Evaluated(x) { Gradients($0) } }
    let alpha = 1.7580993408473766
    let a = 1 / ((alpha * alpha * p + 1) * (1 - p)).squareRoot()
    func mask(_ values: NDArray<Scalar>) -> NDArray<Scalar> {
      NDArray(zip(values.values, kept).map { $1 ? $0.scaled(by: a) : Scalar(0) * $0 }, shape: x.shape)
    }
    var y = mask(x)
    for (place, isKept) in kept.enumerated() {
      // The shift is computed for each element: (mask − 1)·aα′ + aα′p.
      let zero = x.values[place].constant(0)
      let floor = isKept ? zero : zero.constant(-1).scaled(by: alpha * a)
      y.values[place] = y.values[place] + (floor + zero.constant(1).scaled(by: alpha * a * p))
    }
    return Evaluated(y) { Gradients(mask($0)) }
  }
}

/// A table's rows, `y = weight[indices]`; the input is the table.
///
/// With `maxNorm` a row that is looked up and has a larger norm becomes `row · maxNorm / (norm + 1e-7)` before.
public struct Embedding: Layer {
  public let indices: [Int]
  /// The row that gets no gradient.
  public let paddingIndex: Int?
  /// The largest norm and which one: 1 or 2.
  public let maxNorm: (limit: Double, type: Double)?
  public let scaleGradByFreq: Bool

  public init(
    indices: [Int], paddingIndex: Int? = nil, maxNorm: (limit: Double, type: Double)? = nil,
    scaleGradByFreq: Bool = false
  ) {
    self.indices = indices
    self.paddingIndex = paddingIndex
    self.maxNorm = maxNorm
    self.scaleGradByFreq = scaleGradByFreq
  }

  /// The table as the look-up leaves it.
  public func shortened<Scalar: Real>(_ table: NDArray<Scalar>) -> NDArray<Scalar> {
    guard let maxNorm else { return table }
    var table = table
    let width = table.shape[1]
    for row in Set(indices) {
      let places = row * width..<(row + 1) * width
      var sum = Scalar.Sum()
      for place in places {
        let value = table.values[place]
        if maxNorm.type == 2 { sum.add(value, times: value) } else { sum.add(value.magnitude()) }
      }
      let total = sum.total(roundings: 1)
      let norm = maxNorm.type == 2 ? total.sqrt() : total
      let factor = Scalar(1).scaled(by: maxNorm.limit) / (norm + Scalar(1e-7))
      for place in places {
        let value = table.values[place]
        table.values[place] = norm.choose(>, maxNorm.limit, value * factor, value)
      }
    }
    return table
  }

  /// Backward: a row's gradient is the sum of those of its appearances, perhaps divided by their number. It is
  /// that of the shortened table.
  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (table, width) = (shortened(x), x.shape[1])
    let y = indices.flatMap { table.values[$0 * width..<($0 + 1) * width] }
    return Evaluated(NDArray(y, shape: [indices.count, width])) { gradient in
      var dx = NDArray<Scalar>(shape: x.shape)
      for (row, appearances) in Dictionary(grouping: indices.indices, by: { indices[$0] })
      where row != paddingIndex {
        for column in 0..<width {
          var sum = Scalar.Sum()
          for place in appearances {
            let g = gradient.values[place * width + column]
            sum.add(scaleGradByFreq ? g.scaled(by: 1 / Double(appearances.count)) : g)
          }
          dx.values[row * width + column] = sum.total(roundings: appearances.count)
        }
      }
      return Gradients(dx)
    }
  }
}
