/// Sizes of a pooling along each spatial dimension.
public struct PoolingGeometry: Sendable {
  public var kernel: [Int]
  public var stride: [Int]
  public var padding: [Int]
  public var dilation: [Int]
  /// Keeps a last window that reaches over the edge.
  public var ceilMode: Bool

  public init(kernel: [Int], stride: [Int], padding: [Int], dilation: [Int], ceilMode: Bool = false) {
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.ceilMode = ceilMode
  }

  /// `(N + 2P − D·(F − 1) − 1) / S + 1`, rounded down, or up with `ceilMode`; a window that would begin in the
  /// padding behind the input is left out.
  public func outputSize(input: [Int]) -> [Int] {
    input.indices.map { d in
      let reach = input[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1
      var size = (reach + (ceilMode ? stride[d] - 1 : 0)) / stride[d] + 1
      if ceilMode, (size - 1) * stride[d] >= input[d] + padding[d] { size -= 1 }
      return size
    }
  }

  /// The windows over an input, in row-major order: the places inside it, and the size with padding (but
  /// without what `ceilMode` adds behind it).
  public func windows(input: [Int]) -> [PoolingWindow] {
    let kernelPositions = indices(kernel)
    return indices(outputSize(input: input)).map { p in
      let places = kernelPositions.compactMap { k -> Int? in
        var place = 0
        for d in input.indices {
          let position = stride[d] * p[d] + dilation[d] * k[d] - padding[d]
          guard position >= 0, position < input[d] else { return nil }
          place = place * input[d] + position
        }
        return place
      }
      let size = input.indices.reduce(1) { product, d in
        let start = stride[d] * p[d] - padding[d]
        return product * (min(start + kernel[d], input[d] + padding[d]) - start)
      }
      return PoolingWindow(places: places, sizes: [size])
    }
  }
}

/// One field of a pooling.
public struct PoolingWindow: Sendable {
  /// The places inside the input, in row-major order.
  public let places: [Int]
  /// What the sum is divided by when padding counts: one number, or one for each dimension in turn.
  public let sizes: [Int]
}

/// How the windows of a pooling lie.
public enum PoolingWindows: Sendable {
  case sliding(PoolingGeometry)
  /// Output i of O covers the inputs from `⌊i·N / O⌋` up to `⌈(i + 1)·N / O⌉`; nil keeps a size.
  case adaptive([Int?])
  /// One by one, and the output's size.
  case listed([PoolingWindow], output: [Int])

  func outputSize(_ input: [Int]) -> [Int] {
    switch self {
    case .sliding(let geometry): geometry.outputSize(input: input)
    case .adaptive(let sizes): zip(sizes, input).map { $0 ?? $1 }
    case .listed(_, let output): output
    }
  }

  func windows(_ input: [Int]) -> [PoolingWindow] {
    switch self {
    case .sliding(let geometry): return geometry.windows(input: input)
    case .listed(let windows, _): return windows
    case .adaptive: break
    }
    let output = outputSize(input)
    return indices(output).map { p in
      var (places, sizes) = ([0], [Int]())
      for d in input.indices {
        let range = p[d] * input[d] / output[d]..<((p[d] + 1) * input[d] + output[d] - 1) / output[d]
        places = places.flatMap { place in range.map { place * input[d] + $0 } }
        sizes.append(range.count)
      }
      return PoolingWindow(places: places, sizes: sizes)
    }
  }
}

/// The largest value of each window of `[N, C, …]`; of equals the first wins. NaN counts as the largest, and of
/// several the last wins. The output's gradient goes to the place of each largest value.
public struct MaxPool: Layer {
  public let windows: PoolingWindows
  public init(_ windows: PoolingWindows) { self.windows = windows }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (y, choices) = Pooling.max(x, windows)
    return Evaluated(y) { Gradients(Pooling.maxBackward(shape: x.shape, choices: choices, gradient: $0)) }
  }
}

/// The mean of each window of `[N, C, …]`. What a sum is divided by: the window's size, where
/// `countIncludePad` counts the padding, or `divisorOverride`.
public struct AveragePool: Layer {
  public let windows: PoolingWindows
  public let countIncludePad: Bool
  public let divisorOverride: Int?

  public init(_ windows: PoolingWindows, countIncludePad: Bool = true, divisorOverride: Int? = nil) {
    self.windows = windows
    self.countIncludePad = countIncludePad
    self.divisorOverride = divisorOverride
  }

  private func divisors(_ window: PoolingWindow) -> [Double] {
    if let divisorOverride { return [Double(divisorOverride)] }
    return countIncludePad ? window.sizes.map(Double.init) : [Double(window.places.count)]
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let spatial = Array(x.shape.dropFirst(2))
    let fields = windows.windows(spatial)
    let divisors = fields.map(divisors)
    return Evaluated(
      Pooling.average(x, fields, divisors, shape: Array(x.shape.prefix(2)) + windows.outputSize(spatial))
    ) {
      Gradients(Pooling.averageBackward(shape: x.shape, fields, divisors, gradient: $0))
    }
  }
}

/// Pooling's loops over every window of every channel of `[N, C, …]`.
public enum Pooling {
  /// Where a maximum is, and other places that may have it as far as the error bounds know.
  public struct Choice: Sendable {
    public let place: Int
    public let rivals: [Int]
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public static func max<Scalar: Real>(
    _ x: NDArray<Scalar>, _ windows: PoolingWindows
  ) -> (output: NDArray<Scalar>, choices: [Choice]) {
    let spatial = Array(x.shape.dropFirst(2))
    let fields = windows.windows(spatial)
    let area = spatial.reduce(1, *)
    var (values, choices) = ([Scalar](), [Choice]())
    for channel in 0..<x.shape[0] * x.shape[1] {
      for field in fields {
        var best = channel * area + field.places[0]
        for place in field.places.dropFirst() {
          let other = channel * area + place
          if x.values[other].value > x.values[best].value || x.values[other].value.isNaN { best = other }
        }
        var top = x.values[best]
        var rivals: [Int] = []
        for place in field.places {
          let other = x.values[channel * area + place]
          guard channel * area + place != best, top.error > 0 || other.error > 0 else { continue }
          if other.value + other.error >= top.value - top.error { rivals.append(channel * area + place) }
        }
        for rival in rivals { top = top.upTo(x.values[rival]) }
        values.append(top)
        choices.append(Choice(place: best, rivals: rivals))
      }
    }
    return (NDArray(values, shape: Array(x.shape.prefix(2)) + windows.outputSize(spatial)), choices)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public static func maxBackward<Scalar: Real>(
    shape: [Int], choices: [Choice], gradient: NDArray<Scalar>
  ) -> NDArray<Scalar> {
    var sums = [Scalar.Sum](repeating: .init(), count: shape.reduce(1, *))
    var counts = [Int](repeating: 0, count: sums.count)
    for (choice, g) in zip(choices, gradient.values) {
      // Where rivals are, the gradient may be at any of them: half of it, give or take half of it.
      guard choice.rivals.isEmpty else {
        for place in [choice.place] + choice.rivals { sums[place].add(g.orZero()) }
        continue
      }
      sums[choice.place].add(g)
      counts[choice.place] += 1
    }
    return NDArray(zip(sums, counts).map { $0.total(roundings: $1) }, shape: shape)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  static func average<Scalar: Real>(
    _ x: NDArray<Scalar>, _ fields: [PoolingWindow], _ divisors: [[Double]], shape: [Int]
  ) -> NDArray<Scalar> {
    let area = x.shape.dropFirst(2).reduce(1, *)
    var values: [Scalar] = []
    for channel in 0..<x.shape[0] * x.shape[1] {
      for (field, divisor) in zip(fields, divisors) {
        var sum = Scalar.Sum()
        for place in field.places { sum.add(x.values[channel * area + place]) }
        // With a division for each dimension a 16-bit format rounds at every addition, too.
        let total = sum.total(roundings: divisor.count > 1 ? field.places.count : 0)
        values.append(divisor.reduce(total) { ($0 / Scalar($1)) })
      }
    }
    return NDArray(values, shape: shape)
  }

  /// The output's gradient, divided as in the forward pass, goes to every place of the window.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  static func averageBackward<Scalar: Real>(
    shape: [Int], _ fields: [PoolingWindow], _ divisors: [[Double]], gradient: NDArray<Scalar>
  ) -> NDArray<Scalar> {
    let area = shape.dropFirst(2).reduce(1, *)
    var sums = [Scalar.Sum](repeating: .init(), count: shape.reduce(1, *))
    var counts = [Int](repeating: 0, count: sums.count)
    for channel in 0..<shape[0] * shape[1] {
      for (index, field) in fields.enumerated() {
        let g = divisors[index].reduce(gradient.values[channel * fields.count + index]) {
          ($0 / Scalar($1))
        }
        for place in field.places {
          sums[channel * area + place].add(g)
          counts[channel * area + place] += 1
        }
      }
    }
    return NDArray(zip(sums, counts).map { $0.total(roundings: $1) }, shape: shape)
  }
}
