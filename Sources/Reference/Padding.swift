/// How much is added before and after a dimension; negative amounts cut.
public typealias Border = (before: Int, after: Int)

/// A border around the last dimensions.
public struct Pad: Layer {
  /// For each padded dimension, the last one last.
  public let borders: [Border]
  public let mode: PaddingMode
  /// What the border is filled with in mode `zeros`.
  public let value: Double

  public init(_ borders: [Border], _ mode: PaddingMode, value: Double = 0) {
    self.borders = borders
    self.mode = mode
    self.value = value
  }

  /// `before + size + after` of each padded dimension.
  static func outputSize(_ input: [Int], _ borders: [Border]) -> [Int] {
    zip(input, borders).map { $1.before + $0 + $1.after }
  }

  /// For each place of the wider picture the place of the input that it repeats; nil for the value.
  static func sources(_ input: [Int], _ borders: [Border], _ mode: PaddingMode) -> [Int?] {
    indices(outputSize(input, borders)).map { p in
      var place = 0
      for d in input.indices {
        guard let source = mode.source(p[d] - borders[d].before, size: input[d]) else { return nil }
        place = place * input[d] + source
      }
      return place
    }
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let spatial = Array(x.shape.suffix(borders.count))
    let map = Resampling<Scalar>(
      terms: Self.sources(spatial, borders, mode).map { $0.map { [($0, nil)] } ?? [] },
      inputs: spatial.reduce(1, *), fill: value)
    return map.evaluate(
      x, shape: x.shape.dropLast(borders.count) + Self.outputSize(spatial, borders))
  }
}

/// A border of the mean of each channel of each picture.
public struct MeanPad: Layer {
  /// For each padded dimension, the last one last.
  public let borders: [Border]
  public init(_ borders: [Border]) { self.borders = borders }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let spatial = Array(x.shape.suffix(borders.count))
    let leading = Array(x.shape.dropLast(borders.count))
    let area = spatial.reduce(1, *)
    let sources = Pad.sources(spatial, borders, .zeros)
    let channels = leading.reduce(1, *)
    var y: [Scalar] = []
    for channel in 0..<channels {
      var sum = Scalar.Sum()
      for place in 0..<area { sum.add(x.values[channel * area + place]) }
      let mean = sum.total(roundings: 1) / Scalar(Double(area))
      y += sources.map { $0.map { x.values[channel * area + $0] } ?? mean }
    }
    return Evaluated(NDArray(y, shape: leading + Pad.outputSize(spatial, borders))) { gradient in
      var dx: [Scalar] = []
      for channel in 0..<channels {
        var border = Scalar.Sum()
        var own = [Scalar?](repeating: nil, count: area)
        for (place, source) in sources.enumerated() {
          let g = gradient.values[channel * sources.count + place]
          if let source { own[source] = g } else { border.add(g) }
        }
        let share = border.total(roundings: 1) / Scalar(Double(area))
        dx += own.map { $0.map { $0 + share } ?? share }
      }
      return Gradients(NDArray(dx, shape: x.shape))
    }
  }
}

/// A border of weighted sums of the nearest elements, `Σᵢ weights[i]·xᵢ`: the last dimension first, ring by ring,
/// where a ring is inside for the next one.
public struct WeightedPad: Layer {
  /// For each padded dimension, the last one last.
  public let borders: [Border]
  public let weights: [Double]

  public init(_ borders: [Border], weights: [Double]) {
    self.borders = borders
    self.weights = weights
  }

  /// Widens lines of elements that lie `inner` apart: the places of a line are −before ..< size + after.
  private struct Lines {
    let size: Int
    let inner: Int
    let border: Border
    var wide: Int { border.before + size + border.after }

    /// The rings, each with the places that it is made of, the nearest first; a ring after those inside of it.
    func rings(_ count: Int) -> [(ring: Int, near: [Int])] {
      let before = (0..<border.before).map { j in (-1 - j, (0..<count).map { -j + $0 }) }
      let after = (0..<border.after).map { j in (size + j, (0..<count).map { size + j - 1 - $0 }) }
      return before + after
    }

    /// The place in the wide array.
    func index(_ line: Int, _ place: Int) -> Int {
      (line / inner * wide + place + border.before) * inner + line % inner
    }
  }

  private func widen<Scalar: Real>(_ x: NDArray<Scalar>, _ dimension: Int, _ border: Border)
    -> Evaluated<Scalar>
  {
    let (outer, size, inner) = x.split(at: dimension)
    let lines = Lines(size: size, inner: inner, border: border)
    var shape = x.shape
    shape[dimension] = lines.wide
    var y = [Scalar](repeating: Scalar(0), count: outer * lines.wide * inner)
    let rings = lines.rings(weights.count)
    for line in 0..<outer * inner {
      for place in 0..<size {
        y[lines.index(line, place)] = x.values[(line / inner * size + place) * inner + line % inner]
      }
      for (ring, near) in rings {
        var sum = Scalar.Sum()
        for (weight, place) in zip(weights, near) {
          sum.add(y[lines.index(line, place)], times: Scalar(weight))
        }
        // A 16-bit format rounds every product and every addition.
        y[lines.index(line, ring)] = sum.total(roundings: weights.count)
      }
    }
    return Evaluated(NDArray(y, shape: shape)) { gradient in
      var dx = x.values
      for line in 0..<outer * inner {
        var sums: [Int: (sum: Scalar.Sum, terms: Int)] = [:]
        for place in -border.before..<size + border.after {
          var sum = Scalar.Sum()
          sum.add(gradient.values[lines.index(line, place)])
          sums[place] = (sum, 1)
        }
        // From the outermost ring inwards: its gradient is complete.
        for (ring, near) in rings.reversed() {
          guard let g = sums[ring].map({ $0.sum.total(roundings: 2 * $0.terms) }) else { continue }
          for (weight, place) in zip(weights, near) {
            sums[place]?.sum.add(g, times: Scalar(weight))
            sums[place]?.terms += 1
          }
        }
        for place in 0..<size {
          guard let (sum, terms) = sums[place] else { continue }
          dx[(line / inner * size + place) * inner + line % inner] = sum.total(
            roundings: terms == 1 ? 0 : 2 * terms)
        }
      }
      return Gradients(NDArray(dx, shape: x.shape))
    }
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    var steps = [Pad(borders.map { (min($0.before, 0), min($0.after, 0)) }, .zeros).evaluate(x, [])]
    for (index, border) in borders.enumerated().reversed() {
      let output = steps[steps.count - 1].output
      let dimension = output.shape.count - borders.count + index
      steps.append(widen(output, dimension, (max(border.before, 0), max(border.after, 0))))
    }
    let output = steps[steps.count - 1].output
    return Evaluated(output) { gradient in
      Gradients(steps.reversed().reduce(gradient) { $1.backward($0).input })
    }
  }
}
