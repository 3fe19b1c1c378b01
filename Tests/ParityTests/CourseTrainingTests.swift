import Reference
import SwiftTorchLayers
import Testing

/// `Σ_c Σ_i Σ_j x(c, a·s + i − p, b·s + j − p)·k(o, c, i, j) + bias(o)`, written out.
private func formula(
  _ x: Numbers, _ k: Numbers, bias: [Double]? = nil, stride: Int = 1, padding: Int = 0
) -> [Double] {
  func size(_ d: Int) -> Int { (x.shape[d] + 2 * padding - k.shape[d]) / stride + 1 }
  var y: [Double] = []
  for o in 0..<k.shape[0] {
    for a in 0..<size(2) {
      for b in 0..<size(3) {
        var sum = bias?[o] ?? 0
        for c in 0..<k.shape[1] {
          for i in 0..<k.shape[2] {
            for j in 0..<k.shape[3] {
              let (row, column) = (a * stride + i - padding, b * stride + j - padding)
              guard 0..<x.shape[2] ~= row, 0..<x.shape[3] ~= column else { continue }
              sum += x[0, c, row, column] * k[o, c, i, j]
            }
          }
        }
        y.append(sum)
      }
    }
  }
  return y
}

/// `∂L/∂k(o, c, i, j) = Σ_a Σ_b x(c, a·s + i − p, b·s + j − p)·∂L/∂z(o, a, b)`: patch by patch.
private func weightGradient(
  _ x: Numbers, _ delta: Numbers, kernel: [Int], stride: Int, padding: Int = 0
) -> [Double] {
  var gradient = Numbers(shape: [delta.shape[1], x.shape[1]] + kernel)
  for o in 0..<delta.shape[1] {
    for a in 0..<delta.shape[2] {
      for b in 0..<delta.shape[3] {
        for c in 0..<x.shape[1] {
          for i in 0..<kernel[0] {
            for j in 0..<kernel[1] {
              let (row, column) = (a * stride + i - padding, b * stride + j - padding)
              guard 0..<x.shape[2] ~= row, 0..<x.shape[3] ~= column else { continue }
              gradient[o, c, i, j] += x[0, c, row, column] * delta[0, o, a, b]
            }
          }
        }
      }
    }
  }
  return gradient.values
}

/// Small integers and halves, of different signs.
private func halves(_ shape: [Int]) -> Numbers {
  let values: [Double] = (0..<shape.reduce(1, *)).map { place -> Double in
    Double(place * 7 % 19 - 9) / 2
  }
  return Numbers(values, shape: shape)
}

/// Normal numbers of float32.
private func random(_ shape: [Int], seed: UInt64) throws -> Numbers {
  Numbers(try Tensor.randn(shape, generator: Generator(seed: seed)).scalars(as: Double.self), shape: shape)
}

extension CourseTests {
  @Test("C9: three channels, two filters with a bias, stride 2, padding 1: 5×5 becomes 2×3×3")
  func channels() throws {
    let (x, weight, bias) = (halves([1, 3, 5, 5]), halves([2, 3, 3, 3]), [1.0, -2])
    let layer = try Both.convolution(weight, bias: bias, stride: 2, padding: .explicit([1, 1]))
    try layer(x).output.expect(
      formula(x, weight, bias: bias, stride: 2, padding: 1), shape: [1, 2, 3, 3])
    #expect(layer.module.parameters().map(\.shape) == [[2, 3, 3, 3], [2]])
  }

  @Test("C9: a kernel spans all channels; K kernels make K maps", arguments: [1, 2, 5])
  func featureMaps(_ k: Int) throws {
    let ones = Numbers(repeating: 1, shape: [k, 3, 2, 2])
    let x = Numbers((0..<27).map { [1.0, 10, 100][$0 / 9] }, shape: [1, 3, 3, 3])
    try Both.convolution(ones)(x).output.expect(
      [Double](repeating: 444, count: 4 * k), shape: [1, k, 2, 2])
  }

  @Test("C10: two 3×3 maps become 18 values, map by map, left to right, top to bottom")
  func flatten() throws {
    let run = try Both.flatten(
      maps([[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[10, 11, 12], [13, 14, 15], [16, 17, 18]]))
    try run.output.expect((1...18).map(Double.init), shape: [1, 18])
    try run.backward((1...18).map(Double.init)).input.expect((1...18).map(Double.init), shape: [1, 2, 3, 3])
  }

  @Test("C11: 250×250×3 is 187 500 inputs")
  func inputs() throws {
    try Both.flatten(Numbers(shape: [1, 3, 250, 250])).output.expect(shape: [1, 187_500])
    #expect(try summarize(Flatten(), inputShape: [3, 250, 250]).map(\.outputShape) == [[187_500]])
  }

  @Test("C11: one 7×7 layer has 49C² weights, three of 3×3 have 27C² and see as much", arguments: [1, 2, 5])
  func weights(_ c: Int) throws {
    func convolution(_ size: Int) throws -> Both {
      try .convolution(Numbers(repeating: 1, shape: [c, c, size, size]))
    }
    let one = try convolution(7)
    let three = try Both.sequence(convolution(3), convolution(3), convolution(3))
    for (layers, count) in [(one, 49 * c * c), (three, 27 * c * c)] {
      #expect(try summarize(layers.module, inputShape: [c, 7, 7]).reduce(0) { $0 + $1.parameters } == count)
      let run = try layers(Numbers(repeating: 1, shape: [1, c, 7, 7]))
      try run.output.expect(shape: [1, c, 1, 1])
      let gradients = try run.backward([Double](repeating: 1, count: c))
      #expect(gradients.parameters.reduce(0) { $0 + $1.reference.count } == count)
      let sees = try gradients.input.library.scalars(as: Float.self).allSatisfy { $0 > 0 }
      #expect(sees && gradients.input.reference.values.allSatisfy { $0.value > 0 })
    }
  }

  @Test(
    "C11: multiplications of 5×5 to 32×32×32, of the layer 1×1 in between, and of 5×5 behind that",
    arguments: [
      (inputs: 200, outputs: 32, size: 5, count: 163_840_000),
      (inputs: 200, outputs: 16, size: 1, count: 3_276_800),
      (inputs: 16, outputs: 32, size: 5, count: 13_107_200),
    ])
  func multiplications(_ given: (inputs: Int, outputs: Int, size: Int, count: Int)) throws {
    let module = Conv2d(
      inChannels: given.inputs, outChannels: given.outputs, kernelSize: given.size, padding: .same)
    let row = try #require(try summarize(module, inputShape: [given.inputs, 32, 32]).first)
    #expect(row.outputShape == [given.outputs, 32, 32])
    #expect(row.multiplyAdds == given.count)
    // Of ones alone each product adds 1: the sum of the output is the number of multiplications. The border
    // is of ones, too.
    let shape = [1, given.inputs, 31 + given.size, 31 + given.size]
    let weight = [given.outputs, given.inputs, given.size, given.size]
    let own = Conv2d(
      inChannels: given.inputs, outChannels: given.outputs, kernelSize: given.size, bias: false)
    try noGrad { _ = try own.weight.fill_(1) }
    #expect(try own(Tensor.ones(shape)).sum(dtype: .float64).item(as: Double.self) == Double(given.count))
    let geometry = ConvolutionGeometry(stride: [1, 1], padding: [(0, 0), (0, 0)], dilation: [1, 1])
    let reference = Conv(geometry, fast: true).evaluate(
      Numbers(repeating: 1, shape: shape), [Numbers(repeating: 1, shape: weight)])
    #expect(reference.output.values.reduce(0, +) == Double(given.count))
  }

  @Test("C12: three stacked 3×3 of stride 1 see 7×7 pixels")
  func receptiveField() throws {
    let box = kernels([[1, 1, 1], [1, 1, 1], [1, 1, 1]])
    let stack = try Both.sequence(.convolution(box), .convolution(box), .convolution(box))
    let run = try stack(halves([1, 1, 11, 11]))
    // In how many ways a row of three, three times, reaches each place.
    let ways = [0, 0, 1, 3, 6, 7, 6, 3, 1, 0, 0].map(Double.init)
    try run.backward((0..<25).map { $0 == 12 ? 1 : 0 }).input.expect(
      ways.flatMap { row in ways.map { row * $0 } }, shape: [1, 1, 11, 11])
  }

  @Test(
    "C12: stride and pooling multiply the jump",
    arguments: [
      (strides: [1, 1, 1], pooled: false, sees: 7, jump: 1),
      (strides: [2, 1], pooled: false, sees: 7, jump: 2),
      (strides: [2, 2, 1], pooled: false, sees: 15, jump: 4),
      (strides: [1, 1], pooled: true, sees: 8, jump: 2),
    ])
  func jump(_ given: (strides: [Int], pooled: Bool, sees: Int, jump: Int)) throws {
    let box = kernels([[1, 1, 1], [1, 1, 1], [1, 1, 1]])
    var parts = try given.strides.map { try Both.convolution(box, stride: $0) }
    if given.pooled { parts.insert(.averagePool(2), at: 1) }
    let run = try Both.sequence(parts)(Numbers(repeating: 1, shape: [1, 1, 24, 24]))
    /// The columns that the output at the first row and this column depends on.
    func columns(of output: Int) throws -> (library: [Int], reference: [Int]) {
      let seed = (0..<run.libraryOutput.numel).map { $0 == output ? 1.0 : 0 }
      let gradient = try run.backward(seed).input
      let own = try gradient.library.scalars(as: Double.self)
      return (
        (0..<24).filter { own[$0] != 0 }, (0..<24).filter { gradient.reference.values[$0].value != 0 }
      )
    }
    let (first, second) = (try columns(of: 0), try columns(of: 1))
    #expect(first.library == Array(0..<given.sees))
    #expect(second.library == Array(given.jump..<given.jump + given.sees))
    #expect(first.reference == first.library && second.reference == second.library)
  }

  @Test("C13: the weight's gradient of a 3×3 input and a 2×2 kernel, product by product")
  func gradientByHand() throws {
    let x: [[Double]] = [[1, -2, 3], [0.5, 5, -6], [7, 1.5, -9]]
    let delta: [[Double]] = [[1, -2], [0.5, 3]]
    let weight: [[Double]] = [[2, -1], [0.5, 4]]
    let run = try Both.convolution(kernels(weight), bias: [0.5])(maps(x))
    try run.output.expect(formula(maps(x), kernels(weight), bias: [0.5]), shape: [1, 1, 2, 2])
    let gradients = try run.backward(delta.flatMap { $0 })
    // X₁₁δ₁₁ + X₁₂δ₁₂ + X₂₁δ₂₁ + X₂₂δ₂₂, then one place to the right, one down, and both.
    try gradients.parameters[0].expect(
      [
        1 * 1 - 2 * -2 + 0.5 * 0.5 + 5 * 3, -2 * 1 + 3 * -2 + 5 * 0.5 - 6 * 3,
        0.5 * 1 + 5 * -2 + 7 * 0.5 + 1.5 * 3, 5 * 1 - 6 * -2 + 1.5 * 0.5 - 9 * 3,
      ], shape: [1, 1, 2, 2])
    try gradients.parameters[0].expect(formula(maps(x), kernels(delta)))
    try gradients.parameters[1].expect([1 - 2 + 0.5 + 3])
    // Each δ, times the kernel, at the output's four pixels.
    try gradients.input.expect([2, -5, 2, 1.5, 8.5, -11, 0.25, 3.5, 12])
  }

  @Test("C13: a 5×5 input and a 3×3 kernel with stride 2: the sum of four patches, and the step against it")
  func gradientAndStep() throws {
    let (x, weight) = (halves([1, 1, 5, 5]), halves([1, 1, 3, 3]))
    let delta = Numbers([1, -0.5, 2, 3], shape: [1, 1, 2, 2])
    let run = try Both.convolution(weight, stride: 2)(x)
    try run.output.expect(formula(x, weight, stride: 2), shape: [1, 1, 2, 2])
    let gradient = try run.backward(delta.values).parameters[0]
    let expected = weightGradient(x, delta, kernel: [3, 3], stride: 2)
    try gradient.expect(expected, shape: [1, 1, 3, 3])

    try SwiftTorchLayers.SGD(run.module.parameters(), lr: 0.25).step()
    let stepped = Reference.SGD(lr: 0.25).update(
      weight.running().values, gradient: gradient.reference.values, memory: [:], step: 1)
    try Answer(
      library: run.module.parameters()[0], reference: NDArray(stepped.parameter, shape: weight.shape)
    ).expect(zip(weight.values, expected).map { $0 - 0.25 * $1 })
  }

  @Test("C13: on random values library, reference and formula agree inside the bound", arguments: 1...5)
  func gradientOfRandomValues(_ seed: UInt64) throws {
    let x = try random([1, 2, 7, 6], seed: seed)
    let weight = try random([3, 2, 3, 2], seed: seed + 100)
    let delta = try random([1, 3, 4, 4], seed: seed + 200)
    let run = try Both.convolution(weight, bias: [0, 0, 0], stride: 2, padding: .explicit([1, 1]))(x)
    try run.output.expect(
      formula(x, weight, stride: 2, padding: 1), shape: delta.shape, within: run.output.bound)
    let gradients = try run.backward(delta.values)
    try gradients.input.expect(shape: x.shape)
    try gradients.parameters[0].expect(
      weightGradient(x, delta, kernel: [3, 2], stride: 2, padding: 1), shape: weight.shape,
      within: gradients.parameters[0].bound)
    try gradients.parameters[1].expect(
      (0..<3).map { delta.values[$0 * 16..<$0 * 16 + 16].reduce(0, +) }, within: gradients.parameters[1].bound
    )
  }
}
