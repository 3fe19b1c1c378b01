import Formats
import SwiftTorchLayers

extension CourseRow {
  static let backwards = CourseRow(
    "C13", "one convolution, backwards",
    notice: "three ways to the gradient, one result; a step against it makes the error smaller."
  ) { lesson in
    lesson.say(
      """
      How must the weights change so that the error E falls? X is 3×3, W is 2×2, z = X*W is 2×2. What lies
      behind hands back δ = ∂E/∂z. Wherever a weight was used, its input times δ counts, so
          ∂E/∂W11 = X11·δ11 + X12·δ12 + X21·δ21 + X22·δ22,
      for W12 one column further to the right, for W21 one row below, for W22 both.
      """)
    let x: [[Double]] = [[1, -2, 3], [0.5, 5, -6], [7, 1.5, -9]]
    let delta: [[Double]] = [[1, -2], [0.5, 3]]
    let layer = try convolution(Tensor(rows: [[2, -1], [0.5, 4]]))
    try lesson.show("X", Tensor(rows: x))
    try lesson.show("W", layer.weight)
    let z = try layer(Tensor(rows: x))
    try lesson.show("z", z)
    try lesson.show("δ", Tensor(rows: delta))

    try z.backward(gradient: Tensor(rows: delta))
    let autograd = try layer.weight.grad!.scalars(as: Float.self).map(Double.init)
    let correlation = try convolution(Tensor(rows: delta))(Tensor(rows: x)).detach()
      .scalars(as: Float.self).map(Double.init)
    var formula: [Double] = []
    var products: [String] = []
    for i in 0..<2 {
      for j in 0..<2 {
        let terms = [(0, 0), (0, 1), (1, 0), (1, 1)].map { (a, b) in (x[a + i][b + j], delta[a][b]) }
        formula.append(terms.reduce(0) { $0 + $1.0 * $1.1 })
        products.append(terms.map { "\(bracketed($0))·\(bracketed($1))" }.joined(separator: " + "))
      }
    }
    lesson.keep("∂E/∂W by autograd", autograd)
    lesson.keep("∂E/∂W by the formula", formula)
    lesson.keep("∂E/∂W by correlation", correlation)
    lesson.say("The same four numbers in three ways: by the formula, by autograd, by correlating X with δ.")
    lesson.show(
      columns: ["weight", "products", "formula", "autograd", "correlation"],
      rows: (0..<4).map { place in
        ["W\(place / 2 + 1)\(place % 2 + 1)", products[place]]
          + [formula[place], autograd[place], correlation[place]].map(plain)
      })
    let agree = formula == autograd && formula == correlation
    lesson.say("Equal to the last bit: \(agree ? "yes" : "no"). Sums of small halves are exact.")
    lesson.keep("equal", [agree ? 1 : 0])
    try strided(lesson)
  }

  /// X 5×5, W 3×3, stride 2: four patches, and the step.
  private static func strided(_ lesson: Lesson) throws {
    lesson.say(
      """
      With a stride of 2 a kernel of 3×3 lies on four patches of a 5×5 input:
          ∂E/∂W = Σ patch·δ over the four.
      Here E = ½ Σ (z - t)², the squared distance from the targets t, so that δ = z - t.
      """)
    let x = try Tensor(rows: [
      [1, 0, -0.5, 1, 0.5], [0, 1, 0.5, -1, 0], [-0.5, 0.5, 1, 0, 1], [1, -1, 0, 0.5, -0.5],
      [0.5, 0, 1, -0.5, 1],
    ])
    let weights = try Tensor([1, 0, -0.5, 0.5, 1, 0, -1, 0.5, 0] as [Float], shape: [1, 1, 3, 3])
    let t = try Tensor(rows: [[1, -1], [2, 0.5]])
    let layer = try convolution(weights, stride: 2)
    func error() throws -> Tensor { try (layer(x) - t).square().sum() * 0.5 }
    let delta = try (layer(x) - t).detach()
    let before = try error()
    try before.backward()
    try lesson.show("X, 5×5", x)
    try lesson.show("W, 3×3", weights)
    try lesson.show("t", t)
    try lesson.show("z, stride 2", try layer(x))
    try lesson.show("δ = z - t", delta)

    var sum = try Tensor.zeros([3, 3])
    for (place, name) in ["11", "12", "21", "22"].enumerated() {
      let (a, b) = (place / 2, place % 2)
      let patch = try x[0, 0, 2 * a..<2 * a + 3, 2 * b..<2 * b + 3] * delta[0, 0, a, b]
      try lesson.show("patch \(name) times δ\(name)", patch)
      sum = try sum + patch
    }
    try lesson.show("∂E/∂W, the sum of the four", sum)
    let gradient = try layer.weight.grad!.clone()
    try lesson.show("∂E/∂W, stride 2, by autograd", gradient)
    lesson.say("As a correlation δ is spread out, with a zero between its numbers (a dilation of 2):")
    let spread = Conv2d(inChannels: 1, outChannels: 1, kernelSize: 2, dilation: 2, bias: false)
    try noGrad { _ = try spread.weight.copy_(delta) }
    try lesson.show("∂E/∂W, stride 2, by correlation", try spread(x))

    let lr = 0.0625
    lesson.say("The step W ← W - η ∂E/∂W with η = \(plain(lr)):")
    try lesson.show("W - η ∂E/∂W by hand", try weights - gradient * lr)
    try SGD(layer.parameters(), lr: lr).step()
    try lesson.show("W after a step of SGD", layer.weight)
    lesson.show("E before", try before.item())
    lesson.show("E after", try error().item())
    lesson.say("\nThe error has become smaller. Training is this step, over and over.")
  }
}

/// `-2` as `(-2)`, to stand behind a dot.
private func bracketed(_ value: Double) -> String { value < 0 ? "(\(plain(value)))" : plain(value) }
