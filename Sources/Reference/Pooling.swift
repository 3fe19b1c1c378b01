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
}

/// Pooling over the last dimensions of `[N, C, …]`, in any number of dimensions.
public enum Pooling<Scalar: BinaryFloatingPoint & Sendable> {
  /// Visits every window with the places of its inputs in row-major order, those in the padding left out.
  static func forEachWindow(
    _ shape: [Int], _ geometry: PoolingGeometry,
    _ body: (_ output: Int, _ index: [Int], _ inputs: [Int]) -> Void
  ) {
    let spatial = Array(shape.dropFirst(2))
    let output = Array(shape.prefix(2)) + geometry.outputSize(input: spatial)
    forEachIndex(output) { y in
      var inputs: [Int] = []
      forEachIndex(geometry.kernel) { k in
        var x = [y[0], y[1]]
        for d in spatial.indices {
          let position = geometry.stride[d] * y[d + 2] + geometry.dilation[d] * k[d] - geometry.padding[d]
          guard position >= 0, position < spatial[d] else { return }
          x.append(position)
        }
        inputs.append(flat(x, shape))
      }
      body(flat(y, output), y, inputs)
    }
  }

  /// The largest value of each window and its place. NaN counts as the largest; of equals the first wins.
  public static func max(
    _ x: NDArray<Scalar>, _ geometry: PoolingGeometry
  ) -> (output: NDArray<Scalar>, places: [Int]) {
    let shape = Array(x.shape.prefix(2)) + geometry.outputSize(input: Array(x.shape.dropFirst(2)))
    var y = NDArray<Scalar>(shape: shape)
    var places = [Int](repeating: 0, count: y.count)
    forEachWindow(x.shape, geometry) { output, _, inputs in
      var best = inputs[0]
      for input in inputs.dropFirst() where !x.values[best].isNaN {
        if x.values[input] > x.values[best] || x.values[input].isNaN { best = input }
      }
      y.values[output] = x.values[best]
      places[output] = best
    }
    return (y, places)
  }

  /// The output's gradient goes to the place of each largest value.
  public static func maxBackward(shape: [Int], places: [Int], gradient: NDArray<Scalar>) -> NDArray<Scalar> {
    var dx = NDArray<Scalar>(shape: shape)
    for (place, value) in zip(places, gradient.values) { dx.values[place] += value }
    return dx
  }

  /// What the sum of a window is divided by: the window's size, where `countIncludePad` counts the padding
  /// (but never what `ceilMode` adds behind it), or `divisorOverride`.
  static func divisor(
    _ y: [Int], _ spatial: [Int], _ geometry: PoolingGeometry, _ inside: Int, countIncludePad: Bool,
    divisorOverride: Int?
  ) -> Int {
    if let divisorOverride { return divisorOverride }
    guard countIncludePad else { return inside }
    return spatial.indices.reduce(1) { product, d in
      let start = geometry.stride[d] * y[d + 2] - geometry.padding[d]
      return product * (Swift.min(start + geometry.kernel[d], spatial[d] + geometry.padding[d]) - start)
    }
  }

  /// The mean of each window. Dilation must be 1.
  public static func average(
    _ x: NDArray<Scalar>, _ geometry: PoolingGeometry, countIncludePad: Bool = true,
    divisorOverride: Int? = nil
  ) -> NDArray<Scalar> {
    let spatial = Array(x.shape.dropFirst(2))
    var y = NDArray<Scalar>(shape: Array(x.shape.prefix(2)) + geometry.outputSize(input: spatial))
    forEachWindow(x.shape, geometry) { output, index, inputs in
      let divisor = divisor(
        index, spatial, geometry, inputs.count, countIncludePad: countIncludePad,
        divisorOverride: divisorOverride)
      y.values[output] = inputs.reduce(0) { $0 + x.values[$1] } / Scalar(divisor)
    }
    return y
  }

  /// The output's gradient, divided as in the forward pass, goes to every place of the window.
  public static func averageBackward(
    shape: [Int], gradient: NDArray<Scalar>, _ geometry: PoolingGeometry, countIncludePad: Bool = true,
    divisorOverride: Int? = nil
  ) -> NDArray<Scalar> {
    let spatial = Array(shape.dropFirst(2))
    var dx = NDArray<Scalar>(shape: shape)
    forEachWindow(shape, geometry) { output, index, inputs in
      let divisor = divisor(
        index, spatial, geometry, inputs.count, countIncludePad: countIncludePad,
        divisorOverride: divisorOverride)
      for input in inputs { dx.values[input] += gradient.values[output] / Scalar(divisor) }
    }
    return dx
  }
}
