import Reference
import SwiftTorchLayers
import Testing

/// Half a unit in the last of four decimals.
private let fourDecimals = 5e-5

/// A picture of 9×9: an X of 1 on −1.
private let letterX: Numbers = {
  var x = Numbers(repeating: -1, shape: [1, 1, 9, 9])
  for i in 1...7 {
    x[0, 0, i, i] = 1
    x[0, 0, i, 8 - i] = 1
  }
  return x
}()

/// The three filters, divided by 9.
private let filters = kernels(
  [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]], [[1, -1, 1], [-1, 1, -1], [1, -1, 1]],
  [[-1, -1, 1], [-1, 1, -1], [1, -1, -1]]
).map { $0 / 9 }

/// The three maps after ReLU and pooling.
private let pooled: [[Double]] = [
  [
    1, 0.3333, 0.5556, 0.3333, 0.3333, 1, 0.3333, 0.5556, 0.5556, 0.3333, 1, 0.1111, 0.3333, 0.5556, 0.1111,
    0.7778,
  ],
  [
    0.5556, 0.3333, 0.5556, 0.3333, 0.3333, 1, 0.5556, 0.1111, 0.5556, 0.5556, 0.5556, 0.1111, 0.3333, 0.1111,
    0.1111, 0.3333,
  ],
  [
    0.3333, 0.5556, 1, 0.7778, 0.5556, 0.5556, 1, 0.3333, 1, 1, 0.1111, 0.5556, 0.7778, 0.3333, 0.5556,
    0.3333,
  ],
]

extension CourseTests {
  @Test("C14: the first map's first row, and its rectified values")
  func filtersOnX() throws {
    let responses = try Both.convolution(filters)(letterX).output
    try responses.expect(shape: [1, 3, 7, 7])
    let row = [0.7778, -0.1111, 0.1111, 0.3333, 0.5556, -0.1111, 0.3333]
    func first(_ answer: Answer) throws -> Answer {
      let part = NDArray(Array(answer.reference.values[..<7]), shape: [7])
      return Answer(library: try answer.library[0, 0, 0], reference: part)
    }
    try first(responses).expect(row, within: fourDecimals)
    let rectified = try Both.sequence(.convolution(filters), .relu)(letterX).output
    try first(rectified).expect(row.map { max($0, 0) }, within: fourDecimals)
  }

  @Test("C14: 2×2 max pooling of 7×7 in ceil mode gives the three maps of 4×4")
  func pooledMaps() throws {
    let convolution = try Both.convolution(filters)
    try Both.sequence(convolution, .relu, .maxPool(2, ceilMode: true))(letterX).output.expect(
      pooled.flatMap { $0 }, shape: [1, 3, 4, 4], within: fourDecimals)
    try Both.sequence(convolution, .relu, .maxPool(2))(letterX).output.expect(shape: [1, 3, 3, 3])
  }

  /// Convolution, ReLU and pooling; once more, with filters that keep each map or those given; flattened.
  private func stack(_ second: Numbers? = nil) throws -> [Both] {
    var keep = Numbers(shape: [3, 3, 3, 3])
    for map in 0..<3 { keep[map, map, 1, 1] = 1 }
    return [
      try .convolution(filters), .relu, .maxPool(2, ceilMode: true),
      try .convolution(second ?? keep, padding: .same), .relu, .maxPool(2, ceilMode: true), .flatten,
    ]
  }

  @Test("C14: stacked once more and flattened, the maps are twelve numbers, map by map")
  func stackedAndFlattened() throws {
    try Both.sequence(stack())(letterX).output.expect(
      [1, 0.5556, 0.5556, 1, 1, 0.5556, 0.5556, 0.5556, 0.5556, 1, 1, 0.5556], shape: [1, 12],
      within: fourDecimals)
  }

  @Test("C14: two votes: the mean of the numbers that an X makes large, and of the others")
  func votes() throws {
    let isLarge = [1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0].map(Double.init)
    let votes = try Both.linear(isLarge.map { $0 / 5 }, isLarge.map { (1 - $0) / 7 })
    try Both.sequence(stack() + [votes])(letterX).output.expect(
      [1, 0.5556], shape: [1, 2], within: fourDecimals)
  }

  @Test("C14: a noisy X through random second filters and votes: outputs and gradients inside the bounds")
  func randomStack() throws {
    let generator = try Generator(seed: 14)
    func random(_ shape: [Int]) throws -> Numbers {
      Numbers(try Tensor.randn(shape, generator: generator).scalars(as: Double.self), shape: shape)
    }
    // Without noise some windows have two largest values, and the gradient a choice.
    let noisy = letterX.zip(try random(letterX.shape)) { $0 + $1 / 4 }
    let votes = try random([2, 12]).values
    let run = try Both.sequence(
      stack(random([3, 3, 3, 3])) + [.linear(Array(votes[..<12]), Array(votes[12...]))])(noisy)
    try run.output.expect(shape: [1, 2])
    let gradients = try run.backward([1, -1])
    #expect(gradients.parameters.count == 3)
    for gradient in [gradients.input] + gradients.parameters { try gradient.expect() }
  }
}
