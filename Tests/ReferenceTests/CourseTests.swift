import Testing

@testable import Reference

private func array(_ rows: [[Double]]) -> NDArray<Double> {
  NDArray(rows.flatMap { $0 }, shape: [1, 1, rows.count, rows[0].count])
}

private func geometry(stride: Int = 1, padding: Int = 0) -> ConvolutionGeometry {
  ConvolutionGeometry(
    stride: [stride, stride], padding: [(padding, padding), (padding, padding)], dilation: [1, 1])
}

private func convolve(_ x: [[Double]], _ w: [[Double]], stride: Int = 1, padding: Int = 0) -> NDArray<Double>
{
  Convolution.forward(array(x), weight: array(w), bias: nil, geometry(stride: stride, padding: padding))
}

private let diagonals: [[Double]] = [[0, 0, 0.5], [0, 0.5, 0], [0, 0, 0.5]]
private let drawing: [[Double]] = [
  [0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0.4, 0], [0, 0, 0, 0.4, 0, 0], [0, 0, 0, 0, 0.4, 0], [0, 0, 0, 0.4, 0, 0],
  [0, 0, 0, 0, 0.4, 0],
]

@Suite("The course's worked numbers, from scratch")
struct CourseTests {
  @Test("C1: the two worked convolutions, with stride 1 and 3")
  func definition() {
    #expect(
      convolve(drawing, diagonals).values
        == [0.5, 0.2, 0, 0.2, 0, 0, 0.6, 0, 0, 0.4, 0, 0.2, 0, 0, 0.6, 0].map {
          $0 == 0.6 ? 0.2 + 0.2 + 0.2 : $0
        })
    #expect(convolve(drawing, diagonals, stride: 3).values == [0.5, 0.2, 0, 0])
    let x: [[Double]] = [
      [1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0],
    ]
    #expect(convolve(x, [[1, 0, 1], [0, 1, 0], [1, 0, 1]]).values == [4, 3, 4, 2, 4, 3, 2, 3, 4])
  }

  @Test("C2: one dimension with zero padding")
  func oneDimension() {
    let y = Convolution.forward(
      NDArray([10, 50, 60, 10, 20, 30, 40], shape: [1, 1, 7]), weight: NDArray([1, 1, 1], shape: [1, 1, 3]),
      bias: nil, ConvolutionGeometry(stride: [1], padding: [(1, 1)], dilation: [1]))
    #expect(y.values == [60, 120, 120, 90, 60, 90, 70])
  }

  @Test("C4: a filter of 30s along a curve answers 6600")
  func pattern() {
    let x: [[Double]] = [[50, 50, 50], [50, 20, 0]]
    #expect(convolve(x, [[30, 30, 30], [30, 30, 0]]).values == [6600])
  }

  @Test("C5: zero padding, first rows")
  func padding() {
    let x: [[Double]] = [
      [3, 3, 4, 4, 7, 0], [9, 7, 6, 5, 8, 2], [6, 5, 5, 6, 9, 2], [7, 1, 3, 2, 7, 8], [0, 3, 7, 1, 8, 3],
      [4, 0, 4, 3, 2, 2],
    ]
    let y = convolve(x, [[1, 0, -1], [1, 0, -1], [1, 0, -1]], padding: 1)
    #expect(Array(y.values[..<12]) == [-10, 2, 1, -5, 7, 15, -15, 3, 0, -9, 11, 24])
  }

  @Test("C6: output sizes", arguments: [(32, 5, 1, 28), (7, 3, 1, 5), (7, 3, 2, 3), (7, 3, 3, 2)])
  func sizes(_ n: Int, _ f: Int, _ s: Int, _ expected: Int) {
    #expect(geometry(stride: s).outputSize(input: [n, n], kernel: [f, f]) == [expected, expected])
  }

  @Test("C7: max and average pooling of C1's output")
  func pooling() {
    let x = array([[0.5, 0.25, 0, 0.25], [0, 0, 0.75, 0], [0, 0.5, 0, 0.25], [0, 0, 0.75, 0]])
    let two = PoolingWindows.sliding(
      PoolingGeometry(kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1]))
    #expect(MaxPool(two).evaluate(x).output.values == [0.5, 0.75, 0.5, 0.75])
    #expect(AveragePool(two).evaluate(x).output.values == [0.1875, 0.25, 0.125, 0.25])
  }

  @Test("C9: three channels, two filters with bias, stride 2, padding 1: 5×5 becomes 2×3×3")
  func channels() {
    let y = Convolution.forward(
      NDArray<Double>(repeating: 1, shape: [1, 3, 5, 5]), weight: NDArray(repeating: 1, shape: [2, 3, 3, 3]),
      bias: NDArray([0, 1], shape: [2]), geometry(stride: 2, padding: 1))
    #expect(y.shape == [1, 2, 3, 3])
    #expect(y[0, 0, 1, 1] == 27 && y[0, 1, 1, 1] == 28 && y[0, 0, 0, 0] == 12)
  }

  @Test("C13: the weight's gradient is the correlation of the input with the output's gradient")
  func backward() {
    let x = array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    let delta = array([[1, -2], [0.5, 3]])
    let gradients = Convolution.backward(x, weight: array([[1, 0], [0, 1]]), gradient: delta, geometry())
    #expect(
      gradients.weight.values
        == convolve([[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, -2], [0.5, 3]]).values)
    #expect(gradients.bias.values == [2.5])
    #expect(gradients.input.values == [1, -2, 0, 0.5, 4, -2, 0, 0.5, 3])
  }
}
