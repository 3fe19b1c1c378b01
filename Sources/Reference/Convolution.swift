/// Sizes of a convolution along each spatial dimension.
public struct ConvolutionGeometry: Sendable {
  public var stride: [Int]
  /// Zeros before and after.
  public var padding: [(before: Int, after: Int)]
  public var dilation: [Int]
  public var groups: Int

  public init(stride: [Int], padding: [(before: Int, after: Int)], dilation: [Int], groups: Int = 1) {
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// `⌊(N + P₁ + P₂ − D·(F − 1) − 1) / S⌋ + 1` in every dimension.
  public func outputSize(input: [Int], kernel: [Int]) -> [Int] {
    input.indices.map { d in
      let padded = input[d] + padding[d].before + padding[d].after
      return (padded - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1
    }
  }
}

/// Cross-correlation, which networks call convolution, in any number of spatial dimensions:
///
/// `y[n, o, p] = b[o] + Σ_c Σ_k w[o, c, k] · x[n, c, s·p + d·k − P]`
///
/// Shapes: x `[N, C, …]`, w `[O, C / groups, …]`, b `[O]`, y `[N, O, …]`.
public enum Convolution<Scalar: BinaryFloatingPoint & Sendable> {
  /// Visits every product of the formula with the places of output, input and weight. Forward and backward
  /// pass differ only in what they do with it.
  static func forEachProduct(
    input: [Int], weight: [Int], output: [Int], _ geometry: ConvolutionGeometry,
    _ body: (_ output: Int, _ input: Int, _ weight: Int) -> Void
  ) {
    let (inputsPerGroup, outputsPerGroup) = (weight[1], weight[0] / geometry.groups)
    let kernel = Array(weight.dropFirst(2))
    let spatial = Array(input.dropFirst(2))
    forEachIndex(output) { y in
      let (n, o) = (y[0], y[1])
      let group = o / outputsPerGroup
      forEachIndex([inputsPerGroup] + kernel) { k in
        var x = [n, group * inputsPerGroup + k[0]]
        for d in spatial.indices {
          let position =
            geometry.stride[d] * y[d + 2] + geometry.dilation[d] * k[d + 1] - geometry.padding[d].before
          guard position >= 0, position < spatial[d] else { return }  // a zero of the padding
          x.append(position)
        }
        body(flat(y, output), flat(x, input), flat([o] + k, weight))
      }
    }
  }

  public static func forward(
    _ x: NDArray<Scalar>, weight w: NDArray<Scalar>, bias: NDArray<Scalar>?, _ geometry: ConvolutionGeometry
  ) -> NDArray<Scalar> {
    let spatial = geometry.outputSize(input: Array(x.shape.dropFirst(2)), kernel: Array(w.shape.dropFirst(2)))
    var y = NDArray<Scalar>(shape: [x.shape[0], w.shape[0]] + spatial)
    forEachProduct(input: x.shape, weight: w.shape, output: y.shape, geometry) { output, input, weight in
      y.values[output] += w.values[weight] * x.values[input]
    }
    guard let bias else { return y }
    let area = spatial.reduce(1, *)
    for place in y.values.indices { y.values[place] += bias.values[place / area % w.shape[0]] }
    return y
  }

  /// The loss's derivatives with respect to input, weight and bias, given that with respect to the output:
  /// every product `w·x` of the forward pass gives `gradient·w` to its input and `gradient·x` to its weight.
  public static func backward(
    _ x: NDArray<Scalar>, weight w: NDArray<Scalar>, gradient: NDArray<Scalar>,
    _ geometry: ConvolutionGeometry
  ) -> (input: NDArray<Scalar>, weight: NDArray<Scalar>, bias: NDArray<Scalar>) {
    var (dx, dw) = (NDArray<Scalar>(shape: x.shape), NDArray<Scalar>(shape: w.shape))
    var db = NDArray<Scalar>(shape: [w.shape[0]])
    forEachProduct(input: x.shape, weight: w.shape, output: gradient.shape, geometry) {
      output, input, weight in
      dx.values[input] += gradient.values[output] * w.values[weight]
      dw.values[weight] += gradient.values[output] * x.values[input]
    }
    let area = gradient.shape.dropFirst(2).reduce(1, *)
    for place in gradient.values.indices { db.values[place / area % w.shape[0]] += gradient.values[place] }
    return (dx, dw, db)
  }
}

/// The most products that one element of each result sums: the n of its error bound.
public struct ConvolutionTerms: Sendable {
  public let output: Int
  public let input: Int
  public let weight: Int
  public let bias: Int

  public init(input: [Int], weight: [Int], output: [Int], bias: Bool) {
    let kernel = weight.dropFirst(2).reduce(1, *)
    self.output = weight[1] * kernel + (bias ? 1 : 0)
    self.input = weight[0] * kernel
    self.weight = output[0] * output.dropFirst(2).reduce(1, *)
    self.bias = self.weight
  }
}
