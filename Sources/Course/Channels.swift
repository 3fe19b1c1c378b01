import Formats
import SwiftTorchLayers

extension CourseRow {
  static let channels = CourseRow(
    "C9", "channels: a kernel spans them all",
    notice: "a kernel has a plane of weights for each input channel, and yet makes one map only."
  ) { lesson in
    lesson.say(
      """
      A colour picture has three channels. A kernel has a plane for each, the products of all planes are
      added, and one map comes out. K kernels make K maps. With channels of 1s, 10s and 100s and kernels
      of 2×2×3 ones, each number is four of each, 4·1 + 4·10 + 4·100:
      """)
    let powers = try Tensor((0..<27).map { Float([1, 10, 100][$0 / 9]) }, shape: [1, 3, 3, 3])
    lesson.show(
      columns: ["kernels", "input", "output", "first map"],
      rows: try [1, 2, 5].map { k in
        let maps = try convolution(Tensor.ones([k, 3, 2, 2]))(powers)
        let values = try maps.detach().scalars(as: Float.self).map(Double.init)
        lesson.keep("\(k) kernels", values)
        return [
          "\(k)", shape([3, 3, 3]), shape(Array(maps.shape.dropFirst())),
          values.prefix(4).map(plain).joined(separator: " "),
        ]
      })
    lesson.say(
      """
      A volume of 3 channels, two filters with a bias each, stride 2, padding 1. First the input:
      """)
    let volume = try Tensor(halves(75, 11), shape: [1, 3, 5, 5])
    let kernels = try Tensor(halves(54, 5), shape: [2, 3, 3, 3])
    let layer = try convolution(kernels, bias: [1, -2], stride: 2, padding: 1)
    let maps = try layer(volume)
    try lesson.show("volume, 3 channels", volume)
    try lesson.show("first filter, 3 planes", kernels[0..<1])
    try lesson.show("second filter, 3 planes", kernels[1..<2])
    try lesson.show("biases", layer.bias!)
    try lesson.show("maps", maps)
    lesson.say("The first number of the first map by hand, channel by channel, a border of zeros around:")
    let corner = try volume.pad([1, 1, 1, 1])[0, .all, 0..<3, 0..<3] * kernels[0]
    let parts = try corner.sum(dim: [1, 2]).scalars(as: Float.self).map(Double.init)
    let sum = parts.reduce(1, +)
    lesson.keep("first number by hand", [sum])
    lesson.say(
      "    \(parts.map { "(\(plain($0)))" }.joined(separator: " + ")) + bias 1 = \(plain(sum))")
    lesson.show(try summarize(Sequential { layer }, inputShape: [3, 5, 5]))
    lesson.keep("output shape", maps.shape.dropFirst().map(Double.init))
    lesson.say("Parameters: 2 filters · 3 channels · 3·3 weights + 2 biases = 56.")
  }

  static let flatten = CourseRow(
    "C10", "flatten: maps become a row",
    notice: "map by map, left to right, top to bottom: no number changes, only its place."
  ) { lesson in
    lesson.say("A dense layer takes a row of numbers. Two maps of 3×3 become 18 values.")
    let maps = try Tensor((1...18).map { Float($0) }, shape: [1, 2, 3, 3])
    let row = try Flatten()(maps)
    try lesson.show("maps", maps)
    try lesson.show("flattened", row)
    lesson.say(
      """
      The number in map m, row r, column c (all counted from 0) goes to place (m·3 + r)·3 + c. The number
      in map 1, row 0, column 2 goes to place (1·3 + 0)·3 + 2 = 11:
      """)
    lesson.show("in the maps", try maps[0, 1, 0, 2].item())
    lesson.show("in the row", try row[0, 11].item())
    lesson.say("\nIt is the same number.")
  }

  static let counting = CourseRow(
    "C11", "counting: weights and multiplications",
    notice: "three small kernels see as far as one large, for 27 instead of 49 weights; 1×1 saves work."
  ) { lesson in
    var rows: [[String]] = []
    func compare(_ name: String, byHand: Int, summary: Int) {
      lesson.keep(name, [Double(byHand), Double(summary)])
      rows.append([name, grouped(Double(byHand)), grouped(Double(summary))])
    }
    let columns = ["what", "by hand", "summary"]
    let photo = try summarize(Flatten(), inputShape: [3, 250, 250])
    compare("inputs of 250×250×3", byHand: 250 * 250 * 3, summary: photo[0].outputShape[0])
    lesson.say("Each pixel and colour of a picture is an input:")
    lesson.show(columns: columns, rows: rows)

    lesson.say(
      """
      From C maps to C maps, without biases: one layer of 7×7 has C kernels of 7·7·C weights, 49C². Three
      layers of 3×3 have 3·(3·3·C)·C, 27C². Both see 7×7 pixels.
      """)
    rows = []
    var fields: [[Int]] = []
    for c in [1, 16, 64] {
      func conv(_ size: Int) -> Module {
        Conv2d(inChannels: c, outChannels: c, kernelSize: size, padding: .same, bias: false)
      }
      let one = try summarize(Sequential { conv(7) }, inputShape: [c, 32, 32])
      let three = try summarize(Sequential { for _ in 0..<3 { conv(3) } }, inputShape: [c, 32, 32])
      compare("one 7×7, C = \(c)", byHand: 49 * c * c, summary: one.parameters)
      compare("three 3×3, C = \(c)", byHand: 27 * c * c, summary: three.parameters)
      fields = [one, three].map { $0.last!.receptiveField! }
    }
    lesson.keep("receptive fields", fields.joined().map(Double.init))
    lesson.show(columns: columns, rows: rows)
    lesson.say(
      "Receptive field of one 7×7: \(shape(fields[0])), of three 3×3: \(shape(fields[1])).")

    lesson.say(
      """
      From 32×32×200 to 32×32×32 with 5×5, padding 2: every one of 32·32·32 outputs takes 5·5·200
      multiplications. A layer of 1×1 to 16 channels in between makes it ten times less:
      """)
    let direct = try summarize(
      Sequential { Conv2d(inChannels: 200, outChannels: 32, kernelSize: 5, padding: 2) },
      inputShape: [200, 32, 32])
    let narrow = try summarize(
      Sequential {
        Conv2d(inChannels: 200, outChannels: 16, kernelSize: 1)
        Conv2d(inChannels: 16, outChannels: 32, kernelSize: 5, padding: 2)
      }, inputShape: [200, 32, 32])
    let places = 32 * 32
    rows = []
    compare("5×5, 200 to 32", byHand: places * 32 * 5 * 5 * 200, summary: direct.multiplyAdds)
    compare("1×1, 200 to 16", byHand: places * 16 * 200, summary: narrow[0].multiplyAdds)
    compare("5×5, 16 to 32", byHand: places * 32 * 5 * 5 * 16, summary: narrow[1].multiplyAdds)
    compare(
      "both", byHand: places * 16 * 200 + places * 32 * 5 * 5 * 16, summary: narrow.multiplyAdds)
    lesson.show(columns: columns, rows: rows)
    lesson.say("The summary of the narrow one, in full:")
    lesson.show(narrow)
  }

  static let receptiveField = CourseRow(
    "C12", "receptive field: how far a value sees",
    notice: "each 3×3 adds two pixels, times the jump; stride and pooling make the jump larger."
  ) { lesson in
    lesson.say(
      """
      A value behind one 3×3 convolution sees 3 pixels in each direction, behind two 5, behind three 7.
          field = field + (F - 1)·jump, then jump = jump·S
      The jump says how many pixels two neighbours are apart. It begins as 1, and so does the field.
      """)
    func conv(stride: Int = 1) -> Module {
      Conv2d(inChannels: 1, outChannels: 1, kernelSize: 3, stride: stride)
    }
    let stacks: [(name: String, layers: [(size: Int, stride: Int, module: Module)])] = [
      ("three 3×3, stride 1", [(3, 1, conv()), (3, 1, conv()), (3, 1, conv())]),
      (
        "3×3 with stride 2, twice, then 3×3",
        [(3, 2, conv(stride: 2)), (3, 2, conv(stride: 2)), (3, 1, conv())]
      ),
      ("3×3, max pooling 2, 3×3", [(3, 1, conv()), (2, 2, MaxPool2d(kernelSize: 2)), (3, 1, conv())]),
    ]
    for stack in stacks {
      let model = Sequential(stack.layers.map(\.module))
      let fields = try receptiveFields(of: model, inputShape: [1, 31, 31])
      let summary = try summarize(model, inputShape: [1, 31, 31])
      var (field, jump) = (1, 1)
      var numbers: [Double] = []
      lesson.say("\(stack.name):")
      lesson.show(
        columns: ["key", "layer", "F", "S", "field by hand", "library", "jump by hand", "library"],
        rows: stack.layers.indices.map { index in
          let layer = stack.layers[index]
          field += (layer.size - 1) * jump
          jump *= layer.stride
          let found = fields["\(index)"]!
          numbers += [field, found.size[0], jump, found.jump[0]].map(Double.init)
          return [
            "\(index)", summary[index].kind, "\(layer.size)", "\(layer.stride)", "\(field)",
            "\(found.size[0])", "\(jump)", "\(found.jump[0])",
          ]
        })
      lesson.keep(stack.name, numbers)
    }
    lesson.say(
      """
      It can be seen in the gradient: of one value in the middle, behind three 3×3 of ones, the gradient
      with respect to a line of pixels says in how many ways each pixel reaches it.
      """)
    let box = try Tensor.ones([1, 1, 3, 3])
    let three = Sequential(try (0..<3).map { _ in try convolution(box) })
    let x = try Tensor.zeros([1, 1, 11, 11]).requiresGrad(true)
    try three(x)[0, 0, 2, 2].backward()
    let ways = try x.grad![0, 0, 5]
    try lesson.show("ways, middle row", ways)
    let seen = try ways.scalars(as: Float.self).filter { $0 != 0 }.count
    lesson.show("pixels with a gradient", Double(seen))
    lesson.say("\nThe middle pixel has the most ways: a value sees the middle of its field best.")
  }
}

/// Small halves of different signs: sums of their products are exact.
private func halves(_ count: Int, _ kinds: Int) -> [Float] {
  (0..<count).map { Float($0 * 7 % kinds - kinds / 2) / 2 }
}
