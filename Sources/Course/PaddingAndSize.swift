import Formats
import SwiftTorchLayers

extension CourseRow {
  static let paddingKinds = CourseRow(
    "C5", "padding: what stands outside the picture",
    notice: "zeros make an edge where the picture has none; the other kinds invent something likelier."
  ) { lesson in
    lesson.say(
      """
      Without padding (`valid`) a kernel of 3 loses a pixel at every side. A border of one pixel brings
      them back. Zeros are the usual border:
      """)
    let inner = try Tensor(rows: [[1, 0, 0, 0.4], [0, 0, 0.4, 0], [0, 0, 0, 0.4], [0, 0, 0.4, 0]])
    try lesson.show("input", inner)
    try lesson.show(
      "kernel of C1, zero padding 1", try convolution(Tensor(rows: diagonals), padding: 1)(inner))

    lesson.say("A kernel of three rows 1 0 -1 is left minus right. The border of zeros is an edge for it:")
    let scene = try Tensor(rows: [
      [3, 3, 4, 4, 7, 0], [9, 7, 6, 5, 8, 2], [6, 5, 5, 6, 9, 2], [7, 1, 3, 2, 7, 8], [0, 3, 7, 1, 8, 3],
      [4, 0, 4, 3, 2, 2],
    ])
    let edges = try Tensor(rows: [[Double]](repeating: [1, 0, -1], count: 3))
    try lesson.show("second input", scene)
    try lesson.show("1 0 -1, zero padding 1", try convolution(edges, padding: 1)(scene))
    try lesson.show(
      "1 0 -1, replicate padding 1", try convolution(edges, padding: 1, paddingMode: .replicate)(scene))

    lesson.say("The kinds of border on one line, 1 2 4, two places at each side:")
    let line = try Tensor([1, 2, 4] as [Float], shape: [1, 1, 3])
    let kinds: [(name: String, layer: Module, meaning: String)] = [
      ("zero", ZeroPad1d(padding: 2), "nothing is there"),
      ("replicate", ReplicationPad1d(padding: 2), "the edge is repeated"),
      ("reflect", ReflectionPad1d(padding: 2), "a mirror at the edge pixel"),
      ("circular", CircularPad1d(padding: 2), "the other side goes on"),
      ("mean", MeanPad1d(padding: 2), "the mean of the channel"),
      ("weighted 2 -1", WeightedPad1d(padding: 2, weights: [2, -1]), "2·x0 - x1: a straight line goes on"),
    ]
    lesson.show(
      columns: ["kind", "", "", "", "", "", "", "", "meaning"],
      rows: try kinds.map { kind in
        let values = try kind.layer(line).scalars(as: Float.self).map(Double.init)
        lesson.keep("padding \(kind.name)", values)
        return [kind.name] + values.map(plain) + [kind.meaning]
      })

    lesson.say("On a plane, first the rows are continued, then the columns:")
    let plane = try Tensor(rows: [[1, 2, 4], [3, 5, 9]])
    try lesson.show("plane", plane)
    try lesson.show("plane with mean padding 1", try MeanPad2d(padding: 1)(plane))
    try lesson.show(
      "plane with weighted padding 1, 2 -1", try WeightedPad2d(padding: 1, weights: [2, -1])(plane))

    lesson.say(
      """
      `same` pads as much as keeps the size, `valid` nothing. For an even kernel `same` cannot be the same
      at both ends: the end gets one more. The kernel 1 10 100 1000 shows it in its digits:
      """)
    let digits = try Tensor([1, 2, 3, 4, 5] as [Float], shape: [1, 1, 5])
    func decimal(_ padding: SwiftTorchLayers.Padding) throws -> Tensor {
      let layer = Conv1d(inChannels: 1, outChannels: 1, kernelSize: 4, padding: padding, bias: false)
      try noGrad { _ = try layer.weight.copy_(Tensor([1, 10, 100, 1000] as [Float], shape: [1, 1, 4])) }
      return try layer(digits)
    }
    try lesson.show("line", digits)
    try lesson.show("valid, kernel of 4", try decimal(.valid))
    try lesson.show("same, kernel of 4", try decimal(.same))

    let photo = try NamedDataset.fashionMNIST.load(.test).slice(1..<2).images
    let tiles = try [
      ZeroPad2d(padding: 8), ReplicationPad2d(padding: 8), ReflectionPad2d(padding: 8),
      CircularPad2d(padding: 8), MeanPad2d(padding: 8), WeightedPad2d(padding: 8, weights: [2, -1]),
    ].map { try FilteredPicture($0(photo.to(.float32)), .clamp).picture() }
    try lesson.picture(
      Canvas.grid(tiles, columns: 3, scale: 5), "borders",
      "zero, replicate, reflect / circular, mean, weighted 2 -1")
  }

  static let outputSize = CourseRow(
    "C6", "output size and stride",
    notice: "when the division leaves a rest, PyTorch drops it without a word; the summary warns."
  ) { lesson in
    lesson.say(
      """
      (N + 2P - F)/S + 1
      N pixels of input, P of padding at each side, a kernel of F, a stride of S. The formula by hand
      beside the size of what the layer really gives:
      """)
    let cases: [(n: Int, f: Int, p: Int, s: Int)] = [
      (32, 5, 0, 1), (7, 3, 0, 1), (7, 3, 0, 2), (7, 3, 0, 3), (12, 1, 0, 1), (12, 3, 1, 1), (12, 5, 2, 1),
      (12, 7, 3, 1), (12, 11, 5, 1),
    ]
    var rows: [[String]] = []
    var warnings: [(name: String, layers: [LayerSummary])] = []
    for (n, f, p, s) in cases {
      let layer = Conv2d(inChannels: 1, outChannels: 1, kernelSize: f, stride: s, padding: p)
      let size = try layer(Tensor.zeros([1, 1, n, n])).shape[2]
      let formula = Double(n + 2 * p - f) / Double(s) + 1
      let name = "N \(n), F \(f), P \(p), S \(s)"
      lesson.keep(name, [formula, Double(size)])
      rows.append([n, f, p, s].map(String.init) + [fixed(formula, 2), "\(n)×\(n) → \(size)×\(size)"])
      let layers = try summarize(Sequential { layer }, inputShape: [1, n, n])
      if layers[0].warning != nil { warnings.append((name, layers)) }
    }
    lesson.show(columns: ["N", "F", "P", "S", "by hand", "layer"], rows: rows)
    lesson.say("With stride 1, P = (F - 1)/2 keeps the size: the last five rows.")
    for (name, layers) in warnings {
      lesson.say("For \(name) the summary of the layer says:")
      lesson.show(layers)
    }
    lesson.keep("warnings", [Double(warnings.count)])
    lesson.say(
      """
      The last column and the last row of the input are never looked at. A padding of 1 makes it fit,
      (7 + 2 - 3)/3 + 1 = 3.
      """)
  }
}
