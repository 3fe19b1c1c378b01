import Formats
import SwiftTorchLayers

extension CourseRow {
  static let xOrO = CourseRow(
    "C14", "X or O: three filters, pooling, two votes; then learned",
    notice:
      "filters that somebody thought out know one drawing; as many learned ones know nearly every drawing."
  ) { lesson in
    let byHand = try workedNetwork(lesson)
    try learnedNetwork(lesson, byHand: byHand)
  }

  private static let drawnX = [
    ".........", ".#.....#.", "..#...#..", "...#.#...", "....#....", "...#.#...", "..#...#..",
    ".#.....#.", ".........",
  ]
  private static let drawnO = [
    ".........", "...###...", "..#...#..", ".#.....#.", ".#.....#.", ".#.....#.", "..#...#..",
    "...###...", ".........",
  ]

  /// One diagonal, the crossing, the other diagonal: `[3, 1, 3, 3]`.
  private static func givenFilters() throws -> Tensor {
    let values: [Float] = [
      1, -1, -1, -1, 1, -1, -1, -1, 1,
      1, -1, 1, -1, 1, -1, 1, -1, 1,
      -1, -1, 1, -1, 1, -1, 1, -1, -1,
    ]
    return try Tensor(values, shape: [3, 1, 3, 3])
  }

  private static func image(_ rows: [String]) throws -> Tensor {
    try Tensor(rows: rows.map { $0.map { $0 == "#" ? 1 : -1 } })
  }

  /// The numbers step by step.
  /// - Returns: the network with the weights that were worked out.
  private static func workedNetwork(_ lesson: Lesson) throws -> Sequential {
    let network = try Models.xOrO.make(inputShape: [1, 9, 9], classes: 2) as! Sequential
    let filters = try givenFilters()
    var state = try noGrad { try network.stateDict().mapValues { try Tensor.zerosLike($0) } }
    state["0.weight"] = try filters / 9.0
    state["3.weight"] = try Tensor.eye(3).reshape([3, 3, 1, 1]).pad([1, 1, 1, 1], value: 0)
    try network.loadStateDict(state)

    lesson.say("1. By hand. A picture of 9×9 pixels: −1 is paper, 1 is ink.")
    let x = try image(drawnX)
    try lesson.show("the X", x)
    lesson.say("Three filters: what an X has at its arms and at its crossing.")
    try lesson.show("filters", filters)
    lesson.say(
      "A filter is laid on 3×3 pixels, the nine products are added and divided by 9. Where the picture\n"
        + "is as the filter, all products are 1 and the response is 1. Three filters, three maps of 7×7.")
    let maps = try outputs(of: network, for: x)
    try lesson.show("responses, divided by 9", maps[0])
    lesson.say("ReLU: what speaks against a filter counts as nothing.")
    try lesson.show("after ReLU", maps[1])
    lesson.say(
      "Max pooling: of each 2×2 the largest. 7 is odd; the last row and column pool what there is\n"
        + "(ceilMode): 4×4.")
    try lesson.show("after pooling", maps[2])
    lesson.say(
      "The same is stacked once more. Here the second convolution only hands each map on (a 1 in the\n"
        + "middle of its kernel), so that what one sees is the second pooling: three maps of 2×2.")
    try lesson.show("after the second stack", maps[5])
    lesson.say(
      "Flatten makes them a list of 12, map by map. The list of an O, drawn by the same rules, differs.")
    let o = try image(drawnO)
    let (listX, listO) = (maps[6], try outputs(of: network, for: o)[6])
    try lesson.show("list of the X", listX)
    try lesson.show("list of the O", listO)
    lesson.say(
      "The dense layer votes: X gets the mean of the places where the X is larger, O the mean of those\n"
        + "where the O is.")
    // Equal responses may differ in their last bit.
    let forX = try ((listX - listO) .> 0.01).to(.float32)
    let forO = try ((listO - listX) .> 0.01).to(.float32)
    state["7.weight"] = try cat([forX / forX.sum(), forO / forO.sum()])
    try network.loadStateDict(state)
    try lesson.show("weights of the two votes", try cat([forX / forX.sum(), forO / forO.sum()]))
    try lesson.show("votes for X and for O, of the X", try outputs(of: network, for: x)[7])
    try lesson.show("votes for X and for O, of the O", try outputs(of: network, for: o)[7])
    return network
  }

  /// What each layer gives.
  private static func outputs(of network: Sequential, for image: Tensor) throws -> [Tensor] {
    try noGrad {
      var value = image
      return try network.modules.map { layer in
        value = try layer(value)
        return value
      }
    }
  }

  /// Trains a network of the same form on drawings, and asks both about others.
  private static func learnedNetwork(_ lesson: Lesson, byHand: Module) throws {
    let (many, epochs, held) = lesson.quick ? (6000, 10, 500) : (12_000, 15, 2000)
    let seed = lesson.settings.seed
    lesson.say(
      "2. Learned. \(grouped(Double(many))) drawings, half X, half O, each disturbed in one of six ways. The "
        + "network has the\nsame form and begins with random weights: \(epochs) epochs, Adam, batches of 100. Then "
        + "it is asked about\n\(grouped(Double(held))) others of each kind.")
    let data = try DrawnLetters.make(many, Disturbance.allCases, seed: seed &* 2)
    let normalization = DrawnLetters.normalization
    // A network this small loses time when threads wait for each other.
    try Torch.setNumThreads(1)
    defer { try? Torch.setNumThreads(lesson.settings.threads) }
    let (network, seconds) = try lesson.train(.xOrO, on: data, normalization, epochs: epochs, lr: 0.01)
    lesson.show(
      "parameters", Double(network.parameters().reduce(0) { $0 + $1.numel }))
    lesson.say("seconds of training: \(fixed(seconds, 1))")
    var table: [[String]] = []
    var answers: [String: [[(picture: Picture, isRight: Bool)]]] = [:]
    var mistakes: [(picture: Picture, isRight: Bool)] = []
    for disturbance in Disturbance.allCases {
      let asked = try DrawnLetters.make(held, [disturbance], seed: seed &* 2 &+ 1)
      let labels = try asked.labels.scalars(as: Int.self)
      var line = [disturbance.rawValue, disturbance.summary]
      for (name, model) in [("by hand", byHand), ("learned", network)] {
        let result = try lesson.evaluate(model, on: asked, normalization)
        lesson.keep("\(disturbance.rawValue), \(name)", [result.accuracy])
        line.append(percent(result.accuracy))
        func answer(_ index: Int) throws -> (picture: Picture, isRight: Bool) {
          (try asked.picture(index), result.predictions[index] == labels[index])
        }
        answers[name, default: []].append(try (0..<12).map(answer))
        guard name == "learned" else { continue }
        let wrong = labels.indices.filter { result.predictions[$0] != labels[$0] }
        mistakes += try wrong.map(answer)
      }
      table.append(line)
    }
    lesson.show(columns: ["drawings", "how", "by hand", "learned"], rows: table)
    for (file, name) in [("answers-by-hand", "by hand"), ("answers-learned", "learned")] {
      try lesson.picture(
        answersPicture(answers[name]!, scale: 4), file,
        "one row for each kind; blue was right, red was wrong, \(name)")
    }
    if mistakes.isEmpty {
      lesson.say("The learned network made no mistake.")
    } else {
      let rows = stride(from: 0, to: min(mistakes.count, 48), by: 12).map {
        Array(mistakes[$0..<min($0 + 12, mistakes.count)])
      }
      try lesson.picture(
        answersPicture(rows, scale: 4), "mistakes", "what the learned network got wrong")
    }
    try lesson.picture(
      try kernels([givenFilters(), network.stateDict()["0.weight"]!]), "kernels",
      "above the filters that were given, below those learned; red is positive, blue negative"
    )
  }

  /// Kernels in rows, each row on a scale of its own.
  private static func kernels(_ rows: [Tensor]) throws -> Picture {
    let tiles = try noGrad {
      try rows.flatMap { weight in
        let values = try weight.scalars(as: Float.self).map(Double.init)
        let scale = ValueScale(magnitude: values.map(\.magnitude).max()!, isSigned: true)
        return stride(from: 0, to: values.count, by: 9).map {
          scale.picture(values[$0..<$0 + 9], width: 3, height: 3)
        }
      }
    }
    return Canvas.grid(tiles, columns: 3, scale: 24, gap: 6)
  }
}
