import Testing

@testable import Reference

@Suite("Backward passes of activations, normalisation and containers against central differences")
struct LayerGradientTests {
  @Test("elementwise functions, where each has its bends")
  func elementwise() {
    var random = SplitMix(state: 21)
    let x = random.array([3, 4, 5]).map { $0 * 7 }
    let functions: [Elementwise] = [
      .leakyReLU(slope: 0.1), .elu(alpha: 1.3, scale: 1.1, inputScale: 0.7), .gelu, .geluByTanh, .silu,
      .mish, .softplus(beta: 1.5, threshold: 20), .logSigmoid, .clamp(low: -2, high: 3), .hardsigmoid,
      .hardswish, .softshrink(limit: 0.7), .hardshrink(limit: 0.7), .threshold(limit: 1, value: -3),
      .softsign, .tanhshrink,
    ]
    for function in functions { #expect(worstSlope(function, x, [], &random) < 1e-7, "\(function)") }
  }

  @Test("functions with weights, gates and drawn slopes")
  func gates() {
    var random = SplitMix(state: 22)
    let x = random.array([3, 4, 2])
    for weights in [1, 4] {
      #expect(worstSlope(ParametricReLU(), x, [random.array([weights])], &random) < 1e-7)
    }
    #expect(worstSlope(RandomReLU(slopes: random.array([24]).values), x, [], &random) < 1e-7)
    #expect(worstSlope(RandomReLU(slopes: [0.2]), x, [], &random) < 1e-7)
    for dim in [1, -1] {
      #expect(worstSlope(GatedLinearUnit(dim: dim), x, [], &random) < 1e-7)
      #expect(worstSlope(Softmin(dim: dim), x, [], &random) < 1e-7)
    }
    let kept = (0..<24).map { _ in Bool.random(using: &random) }
    #expect(worstSlope(AlphaDropout(p: 0.3, kept: kept), x, [], &random) < 1e-7)
    let table = Embedding(indices: [0, 2, 2, 1])
    #expect(worstSlope(table, random.array([4, 3]), [], &random) < 1e-8)
  }

  @Test("layer, group, instance and local response normalisation")
  func normalization() {
    var random = SplitMix(state: 23)
    let x = random.array([2, 6, 3, 2])
    let (w, b) = (random.array([6]), random.array([6]))
    for groups in [1, 2, 3] {
      let layer = GroupNormalization(.channels(groups), eps: 1e-3)
      for parameters in [[], [w], [w, b]] {
        #expect(worstSlope(layer, x, parameters, &random) < 1e-6, "\(groups) groups")
      }
    }
    let last = GroupNormalization(.lastDimensions(2), eps: 1e-3)
    #expect(worstSlope(last, x, [random.array([3, 2]), random.array([3, 2])], &random) < 1e-6)
    #expect(worstSlope(InstanceNormalization(eps: 1e-3), x, [w, b], &random) < 1e-6)
    let statistics = (mean: w.values, variance: b.values.map { abs($0) + 0.3 })
    let fixed = InstanceNormalization(eps: 1e-3, statistics: statistics)
    #expect(worstSlope(fixed, x, [w, b], &random) < 1e-7)
    for size in 1...4 {
      let layer = LocalResponseNormalization(size: size, alpha: 0.7, beta: 0.6, k: 1.5)
      #expect(worstSlope(layer, x, [], &random) < 1e-7, "size \(size)")
    }
  }

  @Test("residual blocks and parallel branches")
  func branches() {
    var random = SplitMix(state: 24)
    let (x, w, v) = (random.array([3, 4]), random.array([2, 4]), random.array([2, 4]))
    let (body, shortcut) = (
      Sequential([(Linear(), 1), (Activation.tanh, 0)]), Sequential([(Linear(), 1)])
    )
    #expect(worstSlope(Residual(body: body, shortcut: shortcut), x, [w, v], &random) < 1e-7)
    let square = random.array([4, 4])
    #expect(worstSlope(Residual(body: body), x, [square], &random) < 1e-7)
    for combination in [Parallel.Combination.concatenate, .sum] {
      let layer = Parallel([body, shortcut], combination: combination)
      #expect(worstSlope(layer, x, [w, v], &random) < 1e-7)
    }
  }

  @Test("error bounds of choices take in both sides where the number is too near the limit to tell")
  func choices() {
    let (far, near) = (
      Running(2, error: 0.1, format: .float32), Running(0.05, error: 0.1, format: .float32)
    )
    let (yes, no) = (Running(5, format: .float32), Running(1, format: .float32))
    #expect(far.choose(>, 0, yes, no).error == 0)
    #expect(near.choose(>, 0, yes, no).value == 5)
    #expect(near.choose(>, 0, yes, no).error == 4)
    // tanh and sigmoid of a number with a large error are still within their range.
    let wide = Running(40, error: 100, format: .float32)
    #expect(wide.tanh().error < 2.1 && wide.sigmoid().error < 1.1)
    #expect(Running(1e3, error: 1, format: .float32).tanh().error < 1e-6)
  }
}
