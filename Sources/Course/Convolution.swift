import Formats
import SwiftTorchLayers

// What a convolution computes: C1 on a plane, C2 along a line, C4 as a search for a pattern. C3 is in
// KnownKernels.swift.

extension CourseRow {
  static let definition = CourseRow(
    "C1", "convolution, as networks mean it",
    notice: "where the picture looks like the kernel, the output is large; the kernel is not turned over."
  ) { lesson in
    lesson.say(
      """
      (h*k)(a,b) = Σi Σj h(a+i, b+j)·k(i,j)
      The kernel k is laid on a part of the input h, numbers that lie on each other are multiplied,
      and the products are added. Then the kernel moves on, by one place or by a larger stride.
      """)
    let input: [[Double]] = drawing
    let (x, kernel) = (try Tensor(rows: input), try Tensor(rows: diagonals))
    try lesson.show("kernel", kernel)
    try lesson.show("input", x)
    lesson.say(
      """
      The products that are not zero:
          row 1, column 1: \(products(input, diagonals, row: 0, column: 0))
          row 1, column 2: \(products(input, diagonals, row: 0, column: 1))
          row 2, column 3: \(products(input, diagonals, row: 1, column: 2))
      """)
    try lesson.show("output, stride 1", try convolution(kernel)(x))
    try lesson.show("output, stride 3", try convolution(kernel, stride: 3)(x))

    lesson.say("A second example: the kernel is a cross, and counts in how many of its five places a 1 lies.")
    let cross = try Tensor(rows: [[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    let ones = try Tensor(rows: [
      [1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0],
    ])
    try lesson.show("second kernel", cross)
    try lesson.show("second input", ones)
    try lesson.show("second output", try convolution(cross)(ones))
    lesson.say(
      """
      In a network a bias is added to each sum, and an activation follows. With the bias -3, ReLU keeps
      only the places where more than three fit.
      """)
    try lesson.show("second output, bias -3", try convolution(cross, bias: [-3])(ones))
    try lesson.show("second output, bias -3, then ReLU", try convolution(cross, bias: [-3])(ones).relu())
  }

  static let oneDimension = CourseRow(
    "C2", "convolution in one dimension",
    notice:
      "three thirds are a moving average, it smooths; at both ends the zeros of the padding count."
  ) { lesson in
    lesson.say(
      """
      y(a) = Σi x(a+i)·h(i)
      On a line, for example a sound or a temperature by the hour, the kernel moves in one direction only.
      A zero is put before the first and behind the last number, so that y is as long as x.
      """)
    let x = try Tensor([10, 50, 60, 10, 20, 30, 40] as [Float], shape: [1, 1, 7])
    func filter(_ h: [Float]) throws -> Conv1d {
      let layer = Conv1d(inChannels: 1, outChannels: 1, kernelSize: h.count, padding: 1, bias: false)
      try noGrad { _ = try layer.weight.copy_(Tensor(h, shape: [1, 1, h.count])) }
      return layer
    }
    let average = try filter([Float](repeating: 1 / 3, count: 3))
    try lesson.show("x", x)
    try lesson.show("h", average.weight)
    try lesson.show("y, zero padding 1", try average(x))
    lesson.say(
      """
      A second example: h = -1 0 1 is right minus left, it answers where the numbers rise or fall and
      is zero where they stay.
      """)
    let difference = try filter([-1, 0, 1])
    try lesson.show("second h", difference.weight)
    try lesson.show("second y, zero padding 1", try difference(x))
  }

  static let pattern = CourseRow(
    "C4", "a kernel that looks for a pattern",
    notice: "a large number means: the curve is here; other shapes of the same brightness give less."
  ) { lesson in
    lesson.say(
      """
      A kernel is a small picture of what it looks for. Laid on a patch that shows the same, large numbers
      meet large numbers. This kernel has 30 along a curve.
      """)
    let curve: [[Double]] = [[0, 0, 30], [0, 30, 0], [30, 0, 0], [30, 30, 0]]
    let patch: [[Double]] = [[0, 0, 50], [0, 50, 0], [50, 0, 0], [50, 20, 0]]
    let other: [[Double]] = [[50, 50, 0], [50, 0, 20], [0, 0, 50], [0, 0, 50]]
    let filter = try convolution(try Tensor(rows: curve))
    try lesson.show("kernel", filter.weight)
    try lesson.show("patch with the curve", try Tensor(rows: patch))
    lesson.say("    " + products(patch, curve, row: 0, column: 0))
    lesson.show("answer", try filter(Tensor(rows: patch)).item())
    lesson.say("\nThe same kernel on a patch that is as bright, but bent the other way:")
    try lesson.show("patch with something else", try Tensor(rows: other))
    lesson.show("answer to something else", try filter(Tensor(rows: other)).item())

    lesson.say("\nOn a larger picture the same kernel says where. The curve was put into row 3, column 4:")
    var picture = [[Double]](repeating: [Double](repeating: 0, count: 9), count: 8)
    for row in 0..<4 { for column in 0..<3 { picture[2 + row][3 + column] = patch[row][column] } }
    for row in 0..<8 { picture[row][8] = 50 }
    for column in 0..<4 { picture[7][column] = 50 }
    let answers = try filter(Tensor(rows: picture))
    try lesson.show("picture", try Tensor(rows: picture))
    try lesson.show("answers", answers)
    let place: Int = try answers.argmax().item()
    let (row, column) = (place / answers.shape[3] + 1, place % answers.shape[3] + 1)
    lesson.keep("place of the largest answer", [Double(row), Double(column)])
    lesson.say("The largest answer is in row \(row), column \(column).")
  }
}

/// The course's first input.
private let drawing: [[Double]] = [
  [0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0.4, 0], [0, 0, 0, 0.4, 0, 0], [0, 0, 0, 0, 0.4, 0],
  [0, 0, 0, 0.4, 0, 0], [0, 0, 0, 0, 0.4, 0],
]

/// The course's first kernel.
let diagonals: [[Double]] = [[0, 0, 0.5], [0, 0.5, 0], [0, 0, 0.5]]

/// The output of the course's first example, `[1, 1, 4, 4]`.
func firstOutput() throws -> Tensor { try convolution(Tensor(rows: diagonals))(Tensor(rows: drawing)) }

/// The products of one place, without those that are zero: `1·0.5 + 0.4·0.5 = 0.7`.
private func products(_ input: [[Double]], _ kernel: [[Double]], row: Int, column: Int) -> String {
  var terms: [String] = []
  var sum = 0.0
  for i in kernel.indices {
    for j in kernel[i].indices {
      let (h, k) = (input[row + i][column + j], kernel[i][j])
      guard h * k != 0 else { continue }
      terms.append("\(plain(h))·\(plain(k))")
      sum += h * k
    }
  }
  return terms.joined(separator: " + ") + " = " + plain(sum)
}
