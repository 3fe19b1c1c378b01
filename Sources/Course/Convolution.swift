import SwiftTorchLayers

extension CourseRow {
  static let definition = CourseRow(
    "C1", "convolution, as networks mean it",
    notice: "where the picture looks like the kernel, the output is large; the kernel is not turned over."
  ) { lesson in
    let input = try Tensor(rows: [
      [0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0.4, 0], [0, 0, 0, 0.4, 0, 0], [0, 0, 0, 0, 0.4, 0],
      [0, 0, 0, 0.4, 0, 0], [0, 0, 0, 0, 0.4, 0],
    ])
    let kernel = try Tensor(rows: [[0, 0, 0.5], [0, 0.5, 0], [0, 0, 0.5]])
    lesson.say(
      "(h*k)(a,b) = Σi Σj h(a+i, b+j)·k(i,j): the kernel is laid on a part of the input, numbers that lie on each "
        + "other are multiplied, and the products added.")
    try lesson.show("kernel", kernel)
    try lesson.show("input", input)
    try lesson.show("output, stride 1", try convolution(kernel)(input))
    try lesson.show("output, stride 3", try convolution(kernel, stride: 3)(input))
  }

  static let oneDimension = CourseRow(
    "C2", "convolution in one dimension",
    notice:
      "a kernel of three thirds is a moving average, it smooths; at both ends the padding's zeros count."
  ) { lesson in
    let x = try Tensor([10, 50, 60, 10, 20, 30, 40] as [Float], shape: [1, 1, 7])
    let h = try Tensor([Float](repeating: 1 / 3, count: 3), shape: [1, 1, 3])
    let layer = Conv1d(inChannels: 1, outChannels: 1, kernelSize: 3, padding: 1, bias: false)
    try noGrad { _ = try layer.weight.copy_(h) }
    try lesson.show("x", x)
    try lesson.show("h", h)
    try lesson.show("y, zero padding 1", try layer(x))
  }
}
