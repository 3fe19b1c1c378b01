import Reference
import SwiftTorchLayers
import Testing

/// The first kernel of C1.
let diagonals: [[Double]] = [[0, 0, 0.5], [0, 0.5, 0], [0, 0, 0.5]]
/// The first input of C1.
private let drawing: [[Double]] = [
  [0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0.4, 0], [0, 0, 0, 0.4, 0, 0], [0, 0, 0, 0, 0.4, 0], [0, 0, 0, 0.4, 0, 0],
  [0, 0, 0, 0, 0.4, 0],
]
/// Sums of a few numbers with one decimal, in float32.
private let oneDecimal = 1e-6

/// A kernel that is known by a name.
struct NamedKernel: Sendable, CustomTestStringConvertible {
  let name: String
  let rows: [[Double]]
  var testDescription: String { name }

  static let all = [
    NamedKernel(name: "identity", rows: [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    NamedKernel(name: "Sobel, vertical edges", rows: [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    NamedKernel(name: "Sobel, horizontal edges", rows: [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    NamedKernel(
      name: "Gaussian blur",
      rows: [1, 4, 6, 4, 1].map { row in [1, 4, 6, 4, 1].map { row * $0 / 256 } }),
    NamedKernel(name: "sharpen", rows: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    NamedKernel(name: "emboss", rows: [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
    NamedKernel(name: "outline", rows: [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    NamedKernel(name: "box blur", rows: [[Double]](repeating: [1 / 9, 1 / 9, 1 / 9], count: 3)),
    NamedKernel(name: "typed by the user", rows: [[1, 2, 3], [4, 5, 6], [7, 8, -9]]),
  ]
}

@Suite("The course's worked examples on the library and on the reference")
struct CourseTests {
  @Test("C1: the first worked convolution, with stride 1 and 3")
  func definition() throws {
    let x = maps(drawing)
    try Both.convolution(kernels(diagonals))(x).output.expect(
      [0.5, 0.2, 0, 0.2, 0, 0, 0.6, 0, 0, 0.4, 0, 0.2, 0, 0, 0.6, 0], shape: [1, 1, 4, 4], within: oneDecimal)
    try Both.convolution(kernels(diagonals), stride: 3)(x).output.expect(
      [0.5, 0.2, 0, 0], shape: [1, 1, 2, 2], within: oneDecimal)
  }

  @Test("C1: the second worked convolution, then with a bias and an activation")
  func definitionOfNetworks() throws {
    let x = maps([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]])
    let cross = kernels([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    try Both.convolution(cross)(x).output.expect([4, 3, 4, 2, 4, 3, 2, 3, 4], shape: [1, 1, 3, 3])
    try Both.sequence(.convolution(cross, bias: [-3]), .relu)(x).output.expect([1, 0, 1, 0, 1, 0, 0, 0, 1])
  }

  @Test("C2: one dimension with zero padding")
  func oneDimension() throws {
    let x = Numbers([10, 50, 60, 10, 20, 30, 40], shape: [1, 1, 7])
    let thirds = Numbers([1 / 3, 1 / 3, 1 / 3], shape: [1, 1, 3])
    try Both.convolution(thirds, padding: .explicit([1]))(x).output.expect(
      [20, 40, 40, 30, 20, 30, 23.333], shape: [1, 1, 7], within: 5e-4)
    let ones = Numbers([1, 1, 1], shape: [1, 1, 3])
    try Both.convolution(ones, padding: .explicit([1]))(x).output.expect([60, 120, 120, 90, 60, 90, 70])
  }

  @Test("C3: a single bright pixel becomes the kernel, turned by 180 degrees", arguments: NamedKernel.all)
  func knownKernelsOnAPoint(_ kernel: NamedKernel) throws {
    var point = Numbers(shape: [1, 1, 7, 7])
    point[0, 0, 3, 3] = 1
    var turned = Numbers(shape: [1, 1, 7, 7])
    let reach = kernel.rows.count / 2
    for i in -reach...reach {
      for j in -reach...reach {
        turned[0, 0, 3 - i, 3 - j] = Double(Float(kernel.rows[i + reach][j + reach]))
      }
    }
    try Both.convolution(kernels(kernel.rows), padding: .same)(point).output.expect(
      turned.values, shape: [1, 1, 7, 7])
  }

  @Test("C3: Sobel's kernels answer an edge of their own direction only")
  func edges() throws {
    let edge = maps([[Double]](repeating: [0, 0, 1, 1, 1], count: 5))
    try Both.convolution(kernels(NamedKernel.all[1].rows))(edge).output.expect([4, 4, 0, 4, 4, 0, 4, 4, 0])
    try Both.convolution(kernels(NamedKernel.all[2].rows))(edge).output.expect(
      [Double](repeating: 0, count: 9))
  }

  private static let photograph = Result {
    let image = try NamedDataset.fashionMNIST.load(.test).images[0..<1]
    return Numbers(try image.scalars(as: Double.self).map { $0 / 255 }, shape: image.shape)
  }

  @Test("C3: known kernels on a picture of Fashion-MNIST", arguments: NamedKernel.all)
  func knownKernelsOnAPicture(_ kernel: NamedKernel) throws {
    let output = try Both.convolution(kernels(kernel.rows), padding: .same)(Self.photograph.get()).output
    try output.expect(shape: [1, 1, 28, 28])
    #expect(try output.library.abs().max().item(as: Float.self) > 0.5)
  }

  @Test("C4: a filter of 30s along a curve answers 6600 where the curve is, little elsewhere")
  func pattern() throws {
    let curve = try Both.convolution(kernels([[0, 0, 30], [0, 30, 0], [30, 0, 0], [30, 30, 0]]))
    try curve(maps([[0, 0, 50], [0, 50, 0], [50, 0, 0], [50, 20, 0]])).output.expect(
      [50 * 30 * 4 + 20 * 30], shape: [1, 1, 1, 1])
    try curve(maps([[50, 50, 0], [50, 0, 20], [0, 0, 50], [0, 0, 50]])).output.expect([0])
  }

  @Test("C5: the first kernel of C1 with zero padding 1")
  func zeroPadding() throws {
    let x = maps([[1, 0, 0, 0.4], [0, 0, 0.4, 0], [0, 0, 0, 0.4], [0, 0, 0.4, 0]])
    try Both.convolution(kernels(diagonals), padding: .explicit([1, 1]))(x).output.expect(
      [0.5, 0.2, 0, 0.2, 0, 0, 0.6, 0, 0, 0.4, 0, 0.2, 0, 0, 0.4, 0], shape: [1, 1, 4, 4], within: oneDecimal)
  }

  @Test("C5: three rows of 1 0 -1 with zero padding 1")
  func zeroPaddingOfEdges() throws {
    let x = maps([
      [3, 3, 4, 4, 7, 0], [9, 7, 6, 5, 8, 2], [6, 5, 5, 6, 9, 2], [7, 1, 3, 2, 7, 8], [0, 3, 7, 1, 8, 3],
      [4, 0, 4, 3, 2, 2],
    ])
    let rows: [[Double]] = [
      [-10, 2, 1, -5, 7, 15], [-15, 3, 0, -9, 11, 24], [-13, 8, 0, -10, 1, 24], [-9, -2, 0, -9, -4, 24],
      [-4, -3, -2, -3, -7, 17], [-3, -7, -1, 1, -1, 10],
    ]
    try Both.convolution(kernels([[1, 0, -1], [1, 0, -1], [1, 0, -1]]), padding: .explicit([1, 1]))(x)
      .output.expect(rows.flatMap { $0 }, shape: [1, 1, 6, 6])
  }

  @Test(
    "C5: zero, replicate, reflect and circular padding, with their gradients",
    arguments: zip(
      SwiftTorchLayers.PaddingMode.allCases,
      [
        (padded: [0, 0, 1, 2, 3, 0, 0], gradient: [4, 8, 16]),
        (padded: [3, 2, 1, 2, 3, 2, 1], gradient: [4 + 64, 2 + 8 + 32, 1 + 16]),
        (padded: [1, 1, 1, 2, 3, 3, 3], gradient: [1 + 2 + 4, 8, 16 + 32 + 64]),
        (padded: [2, 3, 1, 2, 3, 1, 2], gradient: [4 + 32, 1 + 8 + 64, 2 + 16]),
      ] as [(padded: [Double], gradient: [Double])]))
  func paddingKinds(
    _ mode: SwiftTorchLayers.PaddingMode, _ expected: (padded: [Double], gradient: [Double])
  ) throws {
    let copy = Numbers([1], shape: [1, 1, 1])
    let run = try Both.convolution(copy, padding: .explicit([2]), mode: mode)(
      Numbers([1, 2, 3], shape: [1, 1, 3]))
    try run.output.expect(expected.padded)
    try run.backward([1, 2, 4, 8, 16, 32, 64]).input.expect(expected.gradient)
  }

  @Test("C5: a border of the channel's mean in each image, from differentiable operations")
  func meanPadding() throws {
    let x = Numbers([1, 2, 3, 6, 0, 0, 0, 2, -1, -1, -1, -1, 4, 8, 12, 0], shape: [2, 2, 2, 2])
    let run = try Both.meanPadding(x)
    let means: [Double] = [3, 0.5, -1, 6]
    let expected = means.indices.flatMap { map -> [Double] in
      let (mean, v) = (means[map], Array(x.values[map * 4..<map * 4 + 4]))
      let border = [Double](repeating: mean, count: 5)
      return border + [v[0], v[1], mean, mean, v[2], v[3]] + border
    }
    try run.output.expect(expected, shape: [2, 2, 4, 4])
    // Each pixel has a quarter of the border's gradient, 90, beside its own, 5, 6, 9 and 10.
    let seed: [Double] = (0..<64).map { Double($0 % 16) }
    let gradient: [Double] = [27.5, 28.5, 31.5, 32.5]
    try run.backward(seed).input.expect(gradient + gradient + gradient + gradient)
    try Both.sequence(.meanPadding, .convolution(kernels([[1, 0, 0], [0, 2, 0], [0, 0, 0]])))(
      maps([[1, 2], [3, 6]])
    ).output.expect([3 + 2, 3 + 4, 3 + 6, 1 + 12])
  }

  @Test("C5: a border of 2·x₀ − x₁, from differentiable operations")
  func weightedPadding() throws {
    let run = try Both.weightedPadding([2, -1])(maps([[1, 2, 4], [3, 5, 8]]))
    try run.output.expect(
      [-1, -1, -1, 0, 1, 0, 1, 2, 4, 6, 1, 3, 5, 8, 11, 2, 5, 8, 12, 16], shape: [1, 1, 4, 5])
    // Of a line of three the sum with border is 3·x₀ − x₁ + 3·x₂, of a line of two 2·x₀ + 2·x₁.
    try run.backward([Double](repeating: 1, count: 20)).input.expect([6, -2, 6, 6, -2, 6])
  }

  @Test("C5: a wider border of 2·x₀ − x₁ goes on as a straight line, one of x₀ repeats the edge")
  func widerWeightedPadding() throws {
    let x = maps([[3, 5, 8], [3, 5, 8]])
    try Both.weightedPadding([2, -1], width: 2)(x).output.expect(
      [Double](repeating: 0, count: 6).flatMap { _ in [-1, 1, 3, 5, 8, 11, 14] }, shape: [1, 1, 6, 7])
    try Both.weightedPadding([1], width: 2)(x).output.expect(
      [Double](repeating: 0, count: 6).flatMap { _ in [3, 3, 3, 5, 8, 8, 8] })
  }

  @Test(
    "C5: same padding of a kernel of 4 adds one more behind than before",
    arguments: zip(
      SwiftTorchLayers.PaddingMode.allCases,
      [[3210, 543, 54], [3212, 4543, 3454], [3211, 5543, 5554], [3215, 1543, 2154]] as [[Double]]))
  func sameOfEvenKernel(_ mode: SwiftTorchLayers.PaddingMode, _ edges: [Double]) throws {
    let x = Numbers([1, 2, 3, 4, 5], shape: [1, 1, 5])
    let decimal = Numbers([1, 10, 100, 1000], shape: [1, 1, 4])
    try Both.convolution(decimal, padding: .same, mode: mode)(x).output.expect(
      [edges[0], 4321, 5432, edges[1], edges[2]])
  }

  @Test("C5: same keeps the size, also for a kernel of 2 by 2; valid adds nothing")
  func sameAndValid() throws {
    let x = maps([[1, 2], [3, 4]])
    let ones = kernels([[1, 1], [1, 1]])
    let same = try Both.convolution(ones, padding: .same)(x)
    try same.output.expect([10, 6, 7, 4], shape: [1, 1, 2, 2])
    try same.backward([1, 2, 4, 8]).input.expect([1, 1 + 2, 1 + 4, 1 + 2 + 4 + 8])
    try Both.convolution(ones, padding: .valid)(x).output.expect([10], shape: [1, 1, 1, 1])
  }

  @Test(
    "C6: the output size is (N + 2P − F)/S + 1, rounded down",
    arguments: [
      (n: 32, f: 5, p: 0, s: 1, size: 28), (n: 7, f: 3, p: 0, s: 1, size: 5),
      (n: 7, f: 3, p: 0, s: 2, size: 3),
      (n: 7, f: 3, p: 0, s: 3, size: 2),
    ] + [1, 3, 5, 7, 11].map { (n: 12, f: $0, p: ($0 - 1) / 2, s: 1, size: 12) })
  func outputSize(_ given: (n: Int, f: Int, p: Int, s: Int, size: Int)) throws {
    #expect((given.n + 2 * given.p - given.f) / given.s + 1 == given.size)
    let kernel = Numbers(repeating: 1, shape: [1, 1, given.f, given.f])
    try Both.convolution(kernel, stride: given.s, padding: .explicit([given.p, given.p]))(
      Numbers(repeating: 1, shape: [1, 1, given.n, given.n])
    ).output.expect(shape: [1, 1, given.size, given.size])
  }

  @Test("C7: max, average and 2-max pooling of C1's output, 2-max from differentiable operations")
  func pooling() throws {
    let x = maps([[0.5, 0.2, 0, 0.2], [0, 0, 0.6, 0], [0, 0.4, 0, 0.2], [0, 0, 0.6, 0]])
    try Both.maxPool(2)(x).output.expect([0.5, 0.6, 0.4, 0.6], shape: [1, 1, 2, 2], within: oneDecimal)
    try Both.averagePool(2)(x).output.expect(
      [0.175, 0.2, 0.1, 0.2], shape: [1, 1, 2, 2], within: oneDecimal)
    try Both.nMaxPool(2, size: 2)(x).output.expect(
      [0.35, 0.4, 0.2, 0.4], shape: [1, 1, 2, 2], within: oneDecimal)
    let convolution = try Both.convolution(kernels(diagonals))
    try Both.sequence(convolution, .maxPool(2))(maps(drawing)).output.expect(
      [0.5, 0.6, 0.4, 0.6], within: oneDecimal)
    try Both.sequence(convolution, .averagePool(2))(maps(drawing)).output.expect(
      [0.175, 0.2, 0.1, 0.2], within: oneDecimal)
  }

  @Test(
    "C7: n-max pooling is max pooling for n = 1 and average pooling for n = all, gradients included",
    arguments: [
      (n: 1, means: [8, 6], gradient: [0, 0, 0, 0, 0, 12, 0, 6]),
      (n: 2, means: [6.5, 5], gradient: [0, 6, 0, 3, 0, 6, 0, 3]),
      (n: 4, means: [4, 3.5], gradient: [3, 3, 1.5, 1.5, 3, 3, 1.5, 1.5]),
    ] as [(n: Int, means: [Double], gradient: [Double])])
  func nMaxPooling(_ given: (n: Int, means: [Double], gradient: [Double])) throws {
    let x = maps([[1, 5, 2, 4], [2, 8, 2, 6]])
    let run = try Both.nMaxPool(given.n, size: 2)(x)
    try run.output.expect(given.means)
    try run.backward([12, 6]).input.expect(given.gradient)
    if given.n == 1 { try Both.maxPool(2)(x).output.expect(given.means) }
    if given.n == 4 { try Both.averagePool(2)(x).output.expect(given.means) }
  }

  @Test("C8: global average pooling makes one number of each map, without parameters")
  func globalAverage() throws {
    let layer = Both.globalAveragePool
    let run = try layer(
      maps(
        [[1, 2, 3, 4], [5, 6, 7, 8]], [[0, 0, 0, 1], [0, 0, 1, 0]], [[-2, -2, -2, -2], [-2, -2, -2, -2]]))
    try run.output.expect([4.5, 0.25, -2], shape: [1, 3, 1, 1])
    try run.backward([8, 16, -4]).input.expect([1, 2, -0.5].flatMap { [Double](repeating: $0, count: 8) })
    #expect(layer.module.parameters().isEmpty)
  }

  @Test("C21: a transposed convolution adds up copies of its kernel, the decoder's way to larger pictures")
  func transposedConvolution() throws {
    let x = maps([[1, 2], [3, 4]])
    try Both.transposedConvolution(kernels([[1, 1], [1, 1]]), stride: 2)(x).output.expect(
      [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4], shape: [1, 1, 4, 4])
    let run = try Both.transposedConvolution(kernels([[1, 2], [3, 4]]), stride: 1)(x)
    try run.output.expect([1, 4, 4, 6, 20, 16, 9, 24, 16], shape: [1, 1, 3, 3])
    // Backwards it is the convolution of the gradient.
    let gradients = try run.backward([1, 0, 2, 0, 1, 0, 0, 0, 1])
    try gradients.input.expect([1 + 4, 4 + 3, 2, 1 + 4])
    try gradients.parameters[0].expect([1 + 4, 4 + 3, 2, 1 + 4])
    try Both.transposedConvolution(kernels([[1]]), stride: 2, outputPadding: 1)(x).output.expect(
      [1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0], shape: [1, 1, 4, 4])
  }
}
