/// A transposed convolution in any number of spatial dimensions: what a convolution does to the gradient of its
/// input. Each input adds a copy of the kernel, times itself, to the output:
///
/// `y[n, o, s·q + d·k − P] += w[c, o, k] · x[n, c, q]`, then the bias.
///
/// Shapes: x `[N, C, …]`, w `[C, O / groups, …]`, b `[O]`, y `[N, O, …]`; parameters: weight, and bias where there is
/// one.
public struct ConvTranspose: Layer {
  /// Stride, padding (alike before and after), dilation and groups.
  public var geometry: ConvolutionGeometry
  public var outputPadding: [Int]

  public init(_ geometry: ConvolutionGeometry, outputPadding: [Int]) {
    self.geometry = geometry
    self.outputPadding = outputPadding
  }

  /// `(N − 1)·S − P₁ − P₂ + D·(F − 1) + outputPadding + 1` in every dimension.
  public func outputSize(input: [Int], kernel: [Int]) -> [Int] {
    input.indices.map { d in
      let padding = geometry.padding[d]
      return (input[d] - 1) * geometry.stride[d] - padding.before - padding.after
        + geometry.dilation[d] * (kernel[d] - 1) + outputPadding[d] + 1
    }
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let (w, bias) = (parameters[0], parameters.count > 1 ? parameters[1] : nil)
    let spatial = outputSize(input: Array(x.shape.dropFirst(2)), kernel: Array(w.shape.dropFirst(2)))
    let shape = [x.shape[0], w.shape[1] * geometry.groups] + spatial
    let y = Self.forward(x, w, bias, shape, geometry)
    return Evaluated(y) { gradient in
      let (dx, dw) = Self.backward(x, w, gradient, geometry)
      return Gradients(dx, bias == nil ? [dw] : [dw, Convolution.biasGradient(gradient)])
    }
  }

  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private static func forward<Scalar: Real>(
    _ x: NDArray<Scalar>, _ w: NDArray<Scalar>, _ bias: NDArray<Scalar>?, _ shape: [Int],
    _ geometry: ConvolutionGeometry
  ) -> NDArray<Scalar> {
    var sums = [Scalar.Sum](repeating: .init(), count: shape.reduce(1, *))
    // The convolution's output is the input here.
    Convolution.forEachProduct(input: shape, weight: w.shape, output: x.shape, geometry) {
      sums[$1].add(w.values[$2], times: x.values[$0])
    }
    if let bias {
      let area = shape.dropFirst(2).reduce(1, *)
      for place in sums.indices { sums[place].add(bias.values[place / area % shape[1]]) }
    }
    // A 16-bit format rounds for each kernel position, at the end, and for the bias.
    let roundings = w.shape.dropFirst(2).reduce(1, *) + 2
    return NDArray(sums.map { $0.total(roundings: roundings) }, shape: shape)
  }

  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private static func backward<Scalar: Real>(
    _ x: NDArray<Scalar>, _ w: NDArray<Scalar>, _ gradient: NDArray<Scalar>, _ geometry: ConvolutionGeometry
  ) -> (input: NDArray<Scalar>, weight: NDArray<Scalar>) {
    var dx = [Scalar.Sum](repeating: .init(), count: x.count)
    var dw = [Scalar.Sum](repeating: .init(), count: w.count)
    Convolution.forEachProduct(input: gradient.shape, weight: w.shape, output: x.shape, geometry) {
      dx[$0].add(gradient.values[$1], times: w.values[$2])
      dw[$2].add(gradient.values[$1], times: x.values[$0])
    }
    return (
      NDArray(dx.map { $0.total(roundings: 1) }, shape: x.shape),
      NDArray(dw.map { $0.total(roundings: x.shape[0] + 1) }, shape: w.shape)
    )
  }
}
