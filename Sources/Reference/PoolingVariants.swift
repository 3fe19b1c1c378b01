/// The mean of the n largest values of each window of `[N, C, …]`; of fewer where the window has fewer inside. Of equals
/// the first are taken; NaN counts as the largest. Each of them gets an equal share of the gradient.
public struct NMaxPool: Layer {
  public let geometry: PoolingGeometry
  public let n: Int

  public init(_ geometry: PoolingGeometry, n: Int) {
    self.geometry = geometry
    self.n = n
  }

  /// A window's values that count, and those that may count as far as the error bounds know.
  private struct Choice {
    var places: [Int]
    var rivals: Set<Int> = []
  }

  private func choose<Scalar: Real>(_ places: [Int], _ x: [Scalar]) -> Choice {
    func comesFirst(_ a: Int, _ b: Int) -> Bool {
      let (left, right) = (x[a].value, x[b].value)
      if left.isNaN || right.isNaN { return left.isNaN && (!right.isNaN || a < b) }
      return left > right || (left == right && a < b)
    }
    let count = min(n, places.count)
    let order = places.sorted(by: comesFirst)
    guard places.contains(where: { x[$0].error > 0 }) else {
      return Choice(places: Array(order.prefix(count)))
    }
    var choice = Choice(places: [])
    for place in places {
      func others(_ isAbove: (Scalar, Scalar) -> Bool) -> Int {
        places.filter { $0 != place && isAbove(x[$0], x[place]) }.count
      }
      if others({ $0.value - $0.error > $1.value + $1.error }) >= count { continue }
      choice.places.append(place)
      if others({ $0.value + $0.error >= $1.value - $1.error }) >= count { choice.rivals.insert(place) }
    }
    return choice
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let spatial = Array(x.shape.dropFirst(2))
    let area = spatial.reduce(1, *)
    let fields = geometry.windows(input: spatial)
    var (y, choices) = ([Scalar](), [(choice: Choice, count: Int)]())
    for channel in 0..<x.shape[0] * x.shape[1] {
      for field in fields {
        let places = field.places.map { channel * area + $0 }
        let choice = choose(places, x.values)
        let count = min(n, places.count)
        // The i-th largest is off by at most the largest error.
        let error = places.reduce(0) { max($0, x.values[$1].error) }
        let largest = places.map { x.values[$0] }.sorted {
          $0.value.isNaN ? !$1.value.isNaN : $0.value > $1.value
        }
        var sum = Scalar.Sum()
        for value in largest.prefix(count) {
          sum.add(error > 0 ? value.upTo(Scalar(value.value + error)) : value)
        }
        y.append(sum.total(roundings: 1) / Scalar(Double(count)))
        choices.append((choice, count))
      }
    }
    let shape = Array(x.shape.prefix(2)) + geometry.outputSize(input: spatial)
    return Evaluated(NDArray(y, shape: shape)) { gradient in
      var sums = [Scalar.Sum](repeating: .init(), count: x.count)
      var counts = [Int](repeating: 0, count: x.count)
      for ((choice, count), g) in zip(choices, gradient.values) {
        let share = g / Scalar(Double(count))
        for place in choice.places {
          sums[place].add(choice.rivals.contains(place) ? share.orZero() : share)
          counts[place] += 1
        }
      }
      return Gradients(NDArray(zip(sums, counts).map { $0.total(roundings: $1) }, shape: x.shape))
    }
  }
}

/// `(Σ xᵖ)^(1/p)` over each window of `[N, C, …]`: the mean of the powers times the window's full size, as PyTorch
/// computes it, so that a window that reaches over the edge counts as full.
public struct LPPool: Layer {
  public let geometry: PoolingGeometry
  public let p: Double

  public init(_ geometry: PoolingGeometry, p: Double) {
    self.geometry = geometry
    self.p = p
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let spatial = Array(x.shape.dropFirst(2))
    let fields = geometry.windows(input: spatial)
    let size = Scalar(Double(geometry.kernel.reduce(1, *)))
    let area = spatial.reduce(1, *)
    let powers = x.values.map { $0.raised(to: p) }
    var sums: [Scalar?] = []
    for channel in 0..<x.shape[0] * x.shape[1] {
      for field in fields {
        let places = field.places.map { channel * area + $0 }
        var sum = Scalar.Sum()
        for place in places { sum.add(powers[place]) }
        // Nothing but zeros: the root has no slope there, and PyTorch gives none.
        let isZero = places.allSatisfy { x.values[$0].value == 0 && x.values[$0].error == 0 }
        sums.append(isZero ? nil : sum.total() / Scalar(Double(field.sizes[0])) * size)
      }
    }
    let y = sums.map { $0?.raised(to: 1 / p) ?? Scalar(0) }
    let shape = Array(x.shape.prefix(2)) + geometry.outputSize(input: spatial)
    return Evaluated(NDArray(y, shape: shape)) { gradient in
      var totals = [Scalar.Sum](repeating: .init(), count: x.count)
      var counts = [Int](repeating: 0, count: x.count)
      for (index, (sum, g)) in zip(sums, gradient.values).enumerated() {
        guard let sum else { continue }
        let field = fields[index % fields.count]
        let share = g * sum.raised(to: 1 / p - 1).scaled(by: 1 / p) * size / Scalar(Double(field.sizes[0]))
        for place in field.places {
          totals[index / fields.count * area + place].add(share)
          counts[index / fields.count * area + place] += 1
        }
      }
      let dx = x.values.indices.map { place in
        totals[place].total(roundings: counts[place]) * (x.values[place].raised(to: p - 1).scaled(by: p))
      }
      return Gradients(NDArray(dx, shape: x.shape))
    }
  }
}

extension Real {
  /// The number to a constant power that is rounded to the format, `e^(p·log x)`, exact for 0, 1 and 2 as libtorch's
  /// is. A negative number has only whole powers; `power(_:)` is for positive ones.
  fileprivate func raised(to p: Double) -> Self {
    if p == 0 { return constant(1) }
    if p == 1 { return self }
    if p == 2 { return self * self }
    if value == 0, error == 0 { return constant(p > 0 ? 0 : .infinity) }
    let y = magnitude().log().scaled(by: p).exp()
    if value < 0 {
      guard p == p.rounded() else { return constant(.nan) }
      return p.remainder(dividingBy: 2) == 0 ? y : -y
    }
    return y
  }
}

/// The largest value of windows that lie at random places of their own in each channel of `[N, C, H, W]`.
public struct FractionalMaxPool: Layer {
  public let kernel: [Int]
  public let outputSize: [Int]
  /// Two numbers in 0..<1 for each channel of each picture: the column's, then the row's.
  public let samples: [Double]
  /// Rounds to the format in which libtorch computes the places.
  private let rounded: @Sendable (Double) -> Double

  public init(
    kernel: [Int], outputSize: [Int], samples: [Double],
    rounded: @escaping @Sendable (Double) -> Double = { $0 }
  ) {
    self.kernel = kernel
    self.outputSize = outputSize
    self.samples = samples
    self.rounded = rounded
  }

  /// Where the windows begin: `⌊(i + u)·α⌋ − ⌊u·α⌋` with `α = (N − F) / (O − 1)`; the last one ends with the input.
  /// - Source: Graham 2014, https://arxiv.org/abs/1412.6071
  private func starts(_ u: Double, input: Int, _ d: Int) -> [Int] {
    let (room, count) = (input - kernel[d], outputSize[d])
    guard count > 1 else { return [room] }
    let alpha = rounded(rounded(Double(room)) / rounded(Double(count - 1)))
    let first = Int(rounded(u * alpha))
    return (0..<count - 1).map { Int(rounded(rounded(rounded(Double($0)) + u) * alpha)) - first } + [room]
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (height, width) = (x.shape[2], x.shape[3])
    let area = height * width
    var (y, choices) = ([Scalar](), [[Pooling.Choice]]())
    for channel in 0..<x.shape[0] * x.shape[1] {
      let columns = starts(samples[2 * channel], input: width, 1)
      let rows = starts(samples[2 * channel + 1], input: height, 0)
      let windows = rows.flatMap { row in
        columns.map { column in
          PoolingWindow(
            places: indices(kernel).map { (row + $0[0]) * width + column + $0[1] },
            sizes: [kernel.reduce(1, *)])
        }
      }
      let map = NDArray(Array(x.values[channel * area..<(channel + 1) * area]), shape: [1, 1, height, width])
      let (output, chosen) = Pooling.max(map, .listed(windows, output: outputSize))
      y += output.values
      choices.append(chosen)
    }
    return Evaluated(NDArray(y, shape: Array(x.shape.prefix(2)) + outputSize)) { gradient in
      var dx: [Scalar] = []
      let count = outputSize.reduce(1, *)
      for (channel, choices) in choices.enumerated() {
        let part = NDArray(
          Array(gradient.values[channel * count..<(channel + 1) * count]), shape: [1, 1] + outputSize)
        dx += Pooling.maxBackward(shape: [1, 1, height, width], choices: choices, gradient: part).values
      }
      return Gradients(NDArray(dx, shape: x.shape))
    }
  }
}
