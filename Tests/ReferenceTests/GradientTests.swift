import Testing

@testable import Reference

/// A small repeatable generator.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func array(_ shape: [Int]) -> NDArray<Double> {
    NDArray((0..<shape.reduce(1, *)).map { _ in Double.random(in: -1...1, using: &self) }, shape: shape)
  }
}

@Suite("Backward passes against central differences")
struct GradientTests {
  /// The largest difference between `gradient` and the slope of `loss` at each element of `x`.
  private func worst(_ x: NDArray<Double>, _ gradient: NDArray<Double>, _ loss: (NDArray<Double>) -> Double)
    -> Double
  {
    let h = 0x1p-20
    return x.values.indices.map { place in
      var (above, below) = (x, x)
      above.values[place] += h
      below.values[place] -= h
      return abs((loss(above) - loss(below)) / (2 * h) - gradient.values[place])
    }.max() ?? 0
  }

  private func dot(_ a: NDArray<Double>, _ b: NDArray<Double>) -> Double { a.zip(b, *).values.reduce(0, +) }

  @Test("convolution, with odd strides, padding, dilation and groups", arguments: 0..<12)
  func convolution(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    let dimensions = 1 + seed % 3
    let groups = 1 + seed % 2
    let geometry = ConvolutionGeometry(
      stride: (0..<dimensions).map { _ in Int.random(in: 1...3, using: &random) },
      padding: (0..<dimensions).map { _ in
        (Int.random(in: 0...2, using: &random), Int.random(in: 0...2, using: &random))
      }, dilation: (0..<dimensions).map { _ in Int.random(in: 1...2, using: &random) }, groups: groups)
    // Small in three dimensions: every element is nudged twice.
    let (sizes, kernels) = dimensions == 3 ? (3...4, 1...2) : (5...6, 1...3)
    let x = random.array(
      [2, 2 * groups] + (0..<dimensions).map { _ in Int.random(in: sizes, using: &random) })
    let w = random.array(
      [3 * groups, 2] + (0..<dimensions).map { _ in Int.random(in: kernels, using: &random) })
    let b = random.array([3 * groups])
    let y = Convolution.forward(x, weight: w, bias: b, geometry)
    let g = random.array(y.shape)
    let gradients = Convolution.backward(x, weight: w, gradient: g, geometry)
    #expect(
      worst(x, gradients.input) { dot(Convolution.forward($0, weight: w, bias: b, geometry), g) } < 1e-7)
    #expect(
      worst(w, gradients.weight) { dot(Convolution.forward(x, weight: $0, bias: b, geometry), g) } < 1e-7)
    #expect(worst(b, gradients.bias) { dot(Convolution.forward(x, weight: w, bias: $0, geometry), g) } < 1e-7)
  }

  @Test("pooling, with ceil mode and padding", arguments: 0..<8)
  func pooling(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed + 100))
    let kernel = [Int.random(in: 2...3, using: &random), Int.random(in: 2...3, using: &random)]
    let geometry = PoolingGeometry(
      kernel: kernel, stride: kernel.map { _ in Int.random(in: 1...3, using: &random) },
      padding: kernel.map { Int.random(in: 0...$0 / 2, using: &random) }, dilation: [1, 1],
      ceilMode: seed % 2 == 0)
    let x = random.array([1, 2, 6, 7])
    let (largest, places) = Pooling.max(x, geometry)
    let g = random.array(largest.shape)
    let dx = Pooling.maxBackward(shape: x.shape, places: places, gradient: g)
    #expect(worst(x, dx) { dot(Pooling.max($0, geometry).output, g) } < 1e-7)
    for countIncludePad in [true, false] {
      let dx = Pooling.averageBackward(
        shape: x.shape, gradient: g, geometry, countIncludePad: countIncludePad)
      #expect(worst(x, dx) { dot(Pooling.average($0, geometry, countIncludePad: countIncludePad), g) } < 1e-7)
    }
  }

  @Test("linear and cross-entropy")
  func dense() throws {
    try #require(Gemm.problem == nil)
    var random = SplitMix(state: 7)
    let (x, w, b, targets) = (random.array([4, 5]), random.array([3, 5]), random.array([3]), [0, 2, 1, 1])
    func loss(_ x: NDArray<Double>, _ w: NDArray<Double>, _ b: NDArray<Double>) -> Double {
      Softmax.crossEntropy(Linear.forward(x, weight: w, bias: b), targets)
    }
    let g = Softmax.crossEntropyBackward(Linear.forward(x, weight: w, bias: b), targets)
    let gradients = Linear.backward(x, weight: w, gradient: g)
    #expect(worst(x, gradients.input) { loss($0, w, b) } < 1e-8)
    #expect(worst(w, gradients.weight) { loss(x, $0, b) } < 1e-8)
    #expect(worst(b, gradients.bias) { loss(x, w, $0) } < 1e-8)
  }

  @Test("max pooling: of equal values the first wins, NaN is the largest")
  func ties() {
    let two = PoolingGeometry(kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1])
    let (_, places) = Pooling.max(NDArray<Double>([1, 1, 1, 1], shape: [1, 1, 2, 2]), two)
    #expect(places == [0])
    let (y, _) = Pooling.max(NDArray<Double>([1, .nan, 3, 1], shape: [1, 1, 2, 2]), two)
    #expect(y.values[0].isNaN)
  }
}
