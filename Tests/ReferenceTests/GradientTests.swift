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

/// The largest difference between each gradient and the slope of `Σ s·y`, by central differences one element
/// at a time.
func worstSlope(
  _ layer: any Layer, _ x: NDArray<Double>, _ parameters: [NDArray<Double>], _ random: inout SplitMix
) -> Double {
  let h = 0x1p-20
  let evaluated = layer.evaluate(x, parameters)
  let s = random.array(evaluated.output.shape)
  let gradients = evaluated.backward(s)
  let inputs = [x] + parameters
  func value(_ inputs: [NDArray<Double>]) -> Double {
    layer.evaluate(inputs[0], Array(inputs.dropFirst())).output.zip(s, *).values.reduce(0, +)
  }
  var worst = 0.0
  for (index, gradient) in ([gradients.input] + gradients.parameters).enumerated() {
    for place in gradient.values.indices {
      var (above, below) = (inputs, inputs)
      above[index].values[place] += h
      below[index].values[place] -= h
      worst = max(worst, abs((value(above) - value(below)) / (2 * h) - gradient.values[place]))
    }
  }
  return worst
}

@Suite("Backward passes against central differences")
struct GradientTests {
  @Test("convolution, with odd strides, padding modes, dilation and groups", arguments: 0..<16)
  func convolution(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    let dimensions = 1 + seed % 3
    let groups = 1 + seed % 2
    let geometry = ConvolutionGeometry(
      stride: (0..<dimensions).map { _ in Int.random(in: 1...3, using: &random) },
      padding: (0..<dimensions).map { _ in
        (Int.random(in: 0...2, using: &random), Int.random(in: 0...2, using: &random))
      }, dilation: (0..<dimensions).map { _ in Int.random(in: 1...2, using: &random) }, groups: groups,
      paddingMode: PaddingMode.allCases[seed % 4])
    // Small in three dimensions: every element is nudged twice.
    let (sizes, kernels) = dimensions == 3 ? (3...4, 1...2) : (5...6, 1...3)
    let x = random.array(
      [2, 2 * groups] + (0..<dimensions).map { _ in Int.random(in: sizes, using: &random) })
    let w = random.array(
      [3 * groups, 2] + (0..<dimensions).map { _ in Int.random(in: kernels, using: &random) })
    let b = random.array([3 * groups])
    #expect(worstSlope(Conv(geometry), x, [w, b], &random) < 1e-7)
    // The fast path is the same function.
    let (slow, fast) = (
      Conv(geometry).evaluate(x, [w, b]), Conv(geometry, fast: true).evaluate(x, [w, b])
    )
    let s = random.array(slow.output.shape)
    let (slowBack, fastBack) = (slow.backward(s), fast.backward(s))
    for (a, b) in zip(
      [slow.output, slowBack.input] + slowBack.parameters,
      [fast.output, fastBack.input] + fastBack.parameters)
    { #expect(a.zip(b) { abs($0 - $1) }.values.allSatisfy { $0 < 1e-12 }) }
  }

  @Test("dense layers, by loops and by OpenBLAS")
  func dense() throws {
    try #require(Gemm.problem == nil)
    var random = SplitMix(state: 7)
    let (x, w, b) = (random.array([4, 5]), random.array([3, 5]), random.array([3]))
    for fast in [false, true] { #expect(worstSlope(Linear(fast: fast), x, [w, b], &random) < 1e-8) }
    let (slow, fast) = (Linear().evaluate(x, [w, b]), Linear(fast: true).evaluate(x, [w, b]))
    #expect(slow.output.zip(fast.output) { abs($0 - $1) }.values.allSatisfy { $0 < 1e-14 })
  }

  @Test(
    "matrix products by loops, for where there is no OpenBLAS",
    arguments: [(3, 5, 4), (1, 1, 1), (2, 1030, 7), (4, 3, 0)])
  func loops(_ m: Int, _ n: Int, _ k: Int) {
    var random = SplitMix(state: 11)
    let (a, b) = (random.array([m * k]).values, random.array([k * n]).values)
    func transposed(_ matrix: [Double], _ rows: Int, _ columns: Int) -> [Double] {
      (0..<rows * columns).map { matrix[$0 % rows * columns + $0 / rows] }
    }
    let expected = (0..<m * n).map { place in
      (0..<k).reduce(0.0) { $0 + a[place / n * k + $1] * b[$1 * n + place % n] }
    }
    for (transposeA, transposeB) in [(false, false), (false, true), (true, false), (true, true)] {
      let own = Gemm.loops(
        m, n, k, transposeA ? transposed(a, m, k) : a, transposeA, transposeB ? transposed(b, k, n) : b,
        transposeB)
      #expect(own.count == m * n && zip(own, expected).allSatisfy { abs($0 - $1) < 1e-13 })
    }
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
    for windows in [PoolingWindows.sliding(geometry), .adaptive([3, nil]), .adaptive([4, 5])] {
      #expect(worstSlope(MaxPool(windows), x, [], &random) < 1e-7)
      for countIncludePad in [true, false] {
        #expect(worstSlope(AveragePool(windows, countIncludePad: countIncludePad), x, [], &random) < 1e-7)
      }
    }
    #expect(worstSlope(AveragePool(.sliding(geometry), divisorOverride: 3), x, [], &random) < 1e-7)
  }

  @Test("borders, also those computed from the picture")
  func padding() {
    var random = SplitMix(state: 11)
    let x = random.array([2, 2, 4, 5])
    let borders: [Border] = [(2, 1), (0, 3)]
    for mode in PaddingMode.allCases {
      #expect(worstSlope(Pad(borders, mode, value: 2), x, [], &random) < 1e-7)
      #expect(worstSlope(Pad([(-1, 2), (1, -1)], mode), x, [], &random) < 1e-7)
    }
    #expect(worstSlope(MeanPad(borders), x, [], &random) < 1e-7)
    #expect(worstSlope(MeanPad([(-1, 2), (1, 0)]), x, [], &random) < 1e-7)
    for weights in [[2, -1], [3, -3, 1], [0.5]] {
      #expect(worstSlope(WeightedPad(borders, weights: weights), x, [], &random) < 1e-7)
      #expect(worstSlope(WeightedPad([(-1, 2), (3, -1)], weights: weights), x, [], &random) < 1e-7)
    }
  }

  @Test("transposed convolution is the convolution's way back", arguments: 0..<6)
  func transposedConvolution(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed + 20))
    let dimensions = 1 + seed % 2
    let spatial = (0..<dimensions).map { _ in Int.random(in: 3...4, using: &random) }
    let geometry = ConvolutionGeometry(
      stride: spatial.map { _ in Int.random(in: 1...3, using: &random) },
      padding: spatial.map { _ in seed % 3 == 0 ? (1, 1) : (0, 0) },
      dilation: spatial.map { _ in Int.random(in: 1...2, using: &random) }, groups: 1 + seed % 2)
    let layer = ConvTranspose(geometry, outputPadding: spatial.map { _ in 0 })
    let x = random.array([2, 2 * geometry.groups] + spatial)
    let w = random.array([2 * geometry.groups, 3] + spatial.map { _ in 2 })
    let b = random.array([3 * geometry.groups])
    #expect(worstSlope(layer, x, [w, b], &random) < 1e-7)
    let y = layer.evaluate(x, [w]).output
    let back = Convolution.backward(y, weight: w, gradient: x, geometry).input
    #expect(y.zip(back) { abs($0 - $1) }.values.allSatisfy { $0 < 1e-12 })
  }

  @Test("n-max, power-average and fractional pooling, patches, upsampling")
  func resizing() {
    var random = SplitMix(state: 30)
    let x = random.array([1, 2, 6, 7])
    let field = PoolingGeometry(
      kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 2], ceilMode: true)
    for n in [1, 3, 6] { #expect(worstSlope(NMaxPool(field, n: n), x, [], &random) < 1e-7) }
    let plain = PoolingGeometry(
      kernel: [3, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1], ceilMode: true)
    for p in [1.0, 2, 4] { #expect(worstSlope(LPPool(plain, p: p), x, [], &random) < 1e-6) }
    #expect(worstSlope(LPPool(plain, p: 1.5), x.map { abs($0) + 0.1 }, [], &random) < 1e-6)
    let fractional = FractionalMaxPool(
      kernel: [2, 3], outputSize: [4, 3], samples: [0.1, 0.9, 0.5, 0.3])
    #expect(worstSlope(fractional, x, [], &random) < 1e-7)
    let geometry = ConvolutionGeometry(stride: [2, 1], padding: [(1, 1), (0, 0)], dilation: [1, 2])
    let unfold = Unfold(geometry, kernel: [3, 2])
    #expect(worstSlope(unfold, x, [], &random) < 1e-7)
    let columns = unfold.evaluate(x).output
    #expect(worstSlope(Fold(unfold, outputSize: [6, 7]), columns, [], &random) < 1e-7)
    for kind in [Upsampling.Kind.nearest, .nearestExact, .linear, .cubic] {
      for corners in [false, true] {
        let layer = Upsampling(kind, outputSize: [9, 5], alignCorners: corners)
        #expect(worstSlope(layer, x, [], &random) < 1e-7)
      }
      let layer = Upsampling(kind, outputSize: [9, 17], factors: [1.5, 2.5])
      #expect(worstSlope(layer, x, [], &random) < 1e-7)
    }
  }

  @Test("activations, softmax, dropout and batch normalisation")
  func elementwise() {
    var random = SplitMix(state: 8)
    let x = random.array([3, 4, 2])
    for function in Activation.allCases { #expect(worstSlope(function, x, [], &random) < 1e-7) }
    for dim in -1...2 {
      for logarithm in [false, true] {
        #expect(worstSlope(Softmax(dim: dim, logarithm: logarithm), x, [], &random) < 1e-7)
      }
    }
    let kept = (0..<24).map { _ in Bool.random(using: &random) }
    #expect(worstSlope(Dropout(p: 0.3, kept: kept), x, [], &random) < 1e-7)
    let (w, b) = (random.array([4]), random.array([4]))
    #expect(worstSlope(BatchNorm(eps: 1e-3), x, [w, b], &random) < 1e-6)
    let statistics = (mean: [0.1, 0.2, -0.3, 0], variance: [1, 0.5, 2, 1.5])
    #expect(worstSlope(BatchNorm(eps: 1e-3, statistics: statistics), x, [w, b], &random) < 1e-7)
  }

  @Test("losses", arguments: Reduction.allCases)
  func losses(_ reduction: Reduction) {
    var random = SplitMix(state: 9)
    let (x, targets) = (random.array([3, 4, 2]), [0, 2, -100, 3, 1, 1])
    let weight = [1, 2, 0.5, 3]
    let same = random.array([3, 4, 2]).map(abs).values
    let layers: [any Layer] = [
      NegativeLogLikelihood(targets: targets, weight: weight, reduction: reduction),
      CrossEntropy(.classes(targets), weight: weight, reduction: reduction),
      CrossEntropy(.classes(targets), weight: weight, reduction: reduction, labelSmoothing: 0.2),
      CrossEntropy(.probabilities(same), weight: weight, reduction: reduction, labelSmoothing: 0.2),
      MeanSquaredError(target: same, reduction: reduction),
      BinaryCrossEntropyWithLogits(target: same, weight: same, posWeight: same, reduction: reduction),
    ]
    for layer in layers { #expect(worstSlope(layer, x, [], &random) < 1e-7, "\(type(of: layer))") }
  }

  @Test("losses of elements", arguments: Reduction.allCases)
  func elementLosses(_ reduction: Reduction) {
    var random = SplitMix(state: 19)
    let x = random.array([3, 4])
    let target = random.array([3, 4]).map(abs).values
    let counts = target.map { ($0 * 5).rounded() }
    let layers: [any Layer] = [
      AbsoluteError(target: target, reduction: reduction),
      RoundedError.smoothL1(target: target, beta: 0.4, reduction: reduction),
      RoundedError.huber(target: target, delta: 0.4, reduction: reduction),
      PoissonNegativeLogLikelihood(target: counts, full: true, reduction: reduction),
      KullbackLeibler(target: target, perRow: true, reduction: reduction),
      KullbackLeibler(target: target, logTarget: true, reduction: reduction),
      SigmoidFocal(target: target, reduction: reduction),
      SigmoidFocal(target: target, alpha: nil, gamma: 3, reduction: reduction),
      SigmoidFocal(target: target, gamma: 0, reduction: reduction),
    ]
    for layer in layers { #expect(worstSlope(layer, x, [], &random) < 1e-7, "\(type(of: layer))") }
    let probabilities = x.map { 0.5 + 0.3 * $0 }
    let ofProbabilities: [any Layer] = [
      BinaryCrossEntropy(target: target, weight: target, reduction: reduction),
      PoissonNegativeLogLikelihood(target: counts, logInput: false, reduction: reduction),
    ]
    for layer in ofProbabilities {
      #expect(worstSlope(layer, probabilities, [], &random) < 1e-7, "\(type(of: layer))")
    }
  }

  @Test("a whole network")
  func network() {
    var random = SplitMix(state: 10)
    let geometry = ConvolutionGeometry(stride: [1, 1], padding: [(1, 1), (1, 1)], dilation: [1, 1])
    let two = PoolingGeometry(kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1])
    let network = Sequential([
      (Conv(geometry, fast: true), 2), (Activation.tanh, 0), (MaxPool(.sliding(two)), 0),
      (Reshape.flatten(), 0), (Linear(fast: true), 2), (CrossEntropy(.classes([1, 0])), 0),
    ])
    let parameters = [
      random.array([3, 1, 3, 3]), random.array([3]), random.array([4, 12]), random.array([4]),
    ]
    #expect(worstSlope(network, random.array([2, 1, 4, 4]), parameters, &random) < 1e-7)
  }

  @Test("max pooling: of equal values the first wins, NaN is the largest, of several the last")
  func ties() {
    let two = PoolingWindows.sliding(
      PoolingGeometry(kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1]))
    let (_, choices) = Pooling.max(NDArray<Double>([1, 1, 1, 1], shape: [1, 1, 2, 2]), two)
    #expect(choices.map(\.place) == [0])
    let (y, last) = Pooling.max(NDArray<Double>([1, .nan, .nan, 1], shape: [1, 1, 2, 2]), two)
    #expect(y.values[0].isNaN && last[0].place == 2)
  }
}
