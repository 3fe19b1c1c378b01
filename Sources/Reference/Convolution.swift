/// What lies outside the input.
public enum PaddingMode: String, Sendable, CaseIterable {
  case zeros
  /// Mirrored without repeating the edge: 3 2 | 1 2 3 | 2 1.
  case reflect
  /// The edge repeated: 1 1 | 1 2 3 | 3 3.
  case replicate
  /// The other side: 2 3 | 1 2 3 | 1 2.
  case circular

  /// Which input a position stands for, `0..<size` or outside; nil for a zero.
  public func source(_ position: Int, size: Int) -> Int? {
    guard position < 0 || position >= size else { return position }
    switch self {
    case .zeros: return nil
    case .reflect: return position < 0 ? -position : 2 * (size - 1) - position
    case .replicate: return position < 0 ? 0 : size - 1
    case .circular: return ((position % size) + size) % size
    }
  }
}

/// Sizes of a convolution along each spatial dimension.
public struct ConvolutionGeometry: Sendable {
  public var stride: [Int]
  /// How much is added before and after.
  public var padding: [(before: Int, after: Int)]
  public var dilation: [Int]
  public var groups: Int
  public var paddingMode: PaddingMode

  public init(
    stride: [Int], padding: [(before: Int, after: Int)], dilation: [Int], groups: Int = 1,
    paddingMode: PaddingMode = .zeros
  ) {
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    self.paddingMode = paddingMode
  }

  /// `⌊(N + P₁ + P₂ − D·(F − 1) − 1) / S⌋ + 1` in every dimension.
  public func outputSize(input: [Int], kernel: [Int]) -> [Int] {
    input.indices.map { d in
      let padded = input[d] + padding[d].before + padding[d].after
      return (padded - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1
    }
  }

  /// Whether every output position meets nothing but zeros of the padding.
  public func meetsOnlyPadding(input: [Int], kernel: [Int]) -> Bool {
    taps(input: input, kernel: kernel).allSatisfy { $0 < 0 }
  }

  /// For each output position p and kernel position k the input position `s·p + d·k − P`, row-major in
  /// `[p, k]`; −1 for a zero of the padding. A transposed convolution may have fewer output positions.
  func taps(input: [Int], kernel: [Int], output: [Int]? = nil) -> [Int] {
    let kernelPositions = indices(kernel)
    return indices(output ?? outputSize(input: input, kernel: kernel)).flatMap { p in
      kernelPositions.map { k in
        var place = 0
        for d in input.indices {
          let position = stride[d] * p[d] + dilation[d] * k[d] - padding[d].before
          guard let source = paddingMode.source(position, size: input[d]) else { return -1 }
          place = place * input[d] + source
        }
        return place
      }
    }
  }
}

/// Cross-correlation, which networks call convolution, in any number of spatial dimensions:
///
/// `y[n, o, p] = b[o] + Σ_c Σ_k w[o, c, k] · x[n, c, s·p + d·k − P]`
///
/// Shapes: x `[N, C, …]`, w `[O, C / groups, …]`, b `[O]`, y `[N, O, …]`.
public enum Convolution {
  /// Visits every product of the formula with the places of output, input and weight. Forward and backward
  /// pass differ only in what they do with it.
  static func forEachProduct(
    input: [Int], weight: [Int], output: [Int], _ geometry: ConvolutionGeometry,
    _ body: (_ output: Int, _ input: Int, _ weight: Int) -> Void
  ) {
    let taps = geometry.taps(
      input: Array(input.dropFirst(2)), kernel: Array(weight.dropFirst(2)), output: Array(output.dropFirst(2))
    )
    let (inputArea, outputArea) = (input.dropFirst(2).reduce(1, *), output.dropFirst(2).reduce(1, *))
    let kernelArea = weight.dropFirst(2).reduce(1, *)
    let (inputsPerGroup, outputsPerGroup) = (weight[1], weight[0] / geometry.groups)
    for n in 0..<input[0] {
      for o in 0..<weight[0] {
        for p in 0..<outputArea {
          for c in 0..<inputsPerGroup {
            let channel = o / outputsPerGroup * inputsPerGroup + c
            for k in 0..<kernelArea {
              let source = taps[p * kernelArea + k]
              guard source >= 0 else { continue }  // a zero of the padding
              body(
                (n * weight[0] + o) * outputArea + p, (n * input[1] + channel) * inputArea + source,
                (o * inputsPerGroup + c) * kernelArea + k)
            }
          }
        }
      }
    }
  }

  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public static func forward<Scalar: Real>(
    _ x: NDArray<Scalar>, weight w: NDArray<Scalar>, bias: NDArray<Scalar>?, _ geometry: ConvolutionGeometry
  ) -> NDArray<Scalar> {
    let spatial = geometry.outputSize(input: Array(x.shape.dropFirst(2)), kernel: Array(w.shape.dropFirst(2)))
    let shape = [x.shape[0], w.shape[0]] + spatial
    var sums = [Scalar.Sum](repeating: .init(), count: shape.reduce(1, *))
    forEachProduct(input: x.shape, weight: w.shape, output: shape, geometry) { output, input, weight in
      sums[output].add(w.values[weight], times: x.values[input])
    }
    if let bias {
      let area = spatial.reduce(1, *)
      for place in sums.indices { sums[place].add(bias.values[place / area % w.shape[0]]) }
    }
    return NDArray(sums.map { $0.total(roundings: 1) }, shape: shape)
  }

  /// The loss's derivatives with respect to input, weight and bias, given that with respect to the output:
  /// every product `w·x` of the forward pass gives `gradient·w` to its input and `gradient·x` to its weight.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public static func backward<Scalar: Real>(
    _ x: NDArray<Scalar>, weight w: NDArray<Scalar>, gradient: NDArray<Scalar>,
    _ geometry: ConvolutionGeometry
  ) -> (input: NDArray<Scalar>, weight: NDArray<Scalar>, bias: NDArray<Scalar>) {
    var dx = [Scalar.Sum](repeating: .init(), count: x.count)
    var dw = [Scalar.Sum](repeating: .init(), count: w.count)
    forEachProduct(input: x.shape, weight: w.shape, output: gradient.shape, geometry) {
      output, input, weight in
      dx[input].add(gradient.values[output], times: w.values[weight])
      dw[weight].add(gradient.values[output], times: x.values[input])
    }
    let roundings = ConvolutionRoundings(x.shape, w.shape, geometry)
    return (
      NDArray(dx.map { $0.total(roundings: roundings.input) }, shape: x.shape),
      NDArray(dw.map { $0.total(roundings: roundings.weight) }, shape: w.shape),
      biasGradient(gradient)
    )
  }

  /// The sum of the output's gradient over batch and positions.
  static func biasGradient<Scalar: Real>(_ gradient: NDArray<Scalar>) -> NDArray<Scalar> {
    let channels = gradient.shape[1]
    let area = gradient.shape.dropFirst(2).reduce(1, *)
    var db = [Scalar.Sum](repeating: .init(), count: channels)
    for place in gradient.values.indices { db[place / area % channels].add(gradient.values[place]) }
    return NDArray(db.map { $0.total(roundings: gradient.shape[0] + 1) }, shape: [channels])
  }
}

/// How often a 16-bit format rounds a gradient on the way: the input's once for each kernel position (and
/// each copy that padding made) and at the end, the weight's once for each image and at the end.
struct ConvolutionRoundings {
  let input: Int
  let weight: Int

  init(_ input: [Int], _ weight: [Int], _ geometry: ConvolutionGeometry) {
    let copies =
      geometry.paddingMode == .zeros
      ? 0 : geometry.padding.reduce(1) { $0 * (1 + Swift.max($1.before, $1.after)) }
    self.input = weight.dropFirst(2).reduce(1, *) + 1 + copies
    self.weight = input[0] + 1
  }
}

/// A convolution layer; parameters: weight, and bias where there is one.
public struct Conv: Layer {
  public var geometry: ConvolutionGeometry
  /// Whether large ones are computed as matrix products (`FastConvolution`).
  public var fast: Bool

  public init(_ geometry: ConvolutionGeometry, fast: Bool = false) {
    self.geometry = geometry
    self.fast = fast
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (weight, bias) = (parameters[0], parameters.count > 1 ? parameters[1] : nil)
    func result(
      _ g: (input: NDArray<Scalar>, weight: NDArray<Scalar>, bias: NDArray<Scalar>)
    ) -> Gradients<Scalar> { Gradients(g.input, bias == nil ? [g.weight] : [g.weight, g.bias]) }
    if fast {
      let (y, columns) = FastConvolution.forward(x, weight: weight, bias: bias, geometry)
      return Evaluated(y) {
        result(
          FastConvolution.backward(x.shape, columns: columns, weight: weight, gradient: $0, geometry))
      }
    }
    return Evaluated(Convolution.forward(x, weight: weight, bias: bias, geometry)) {
      result(Convolution.backward(x, weight: weight, gradient: $0, geometry))
    }
  }
}
