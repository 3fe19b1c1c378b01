import SwiftTorchLayers

/// A network drawn at random, and the batch that goes through it: every layer that YAML can name, in any order,
/// with residual blocks, branches, layers used twice and frozen ones.
///
/// Each place in the network has the same number of choices, and 0 is the simplest of each: a choice taken back to 0
/// leaves the other places as they are, so that a failing network can be made smaller.
struct RandomNetwork {
  /// The network as the text of a YAML file.
  let text: String
  /// `[channels, height, width]`.
  let inputShape: [Int]
  static let classes = 4
  /// Images of a batch.
  let batch: Int
  /// What kind of numbers the images have.
  let values: Values
  /// The network's weights are whole numbers, so that sums of products are the same in any order.
  let isWhole: Bool

  private static let places = 6
  private static let choicesOfPlace = 20

  init(_ draws: inout Draws) throws {
    // Large enough for the layout with channels last, and for oneDNN's kernels; or smaller.
    let isLarge = draws.oneIn(6)
    let channels = draws.one(of: isLarge ? [16, 3, 1, 8, 20] : [1, 2, 3, 5, 8])
    let sizes = isLarge ? 14...24 : 5...13
    let height = draws.int(sizes)
    let width = draws.int(sizes)
    batch = draws.one(of: isLarge ? [8, 16, 9, 2] : [2, 1, 3, 5, 8, 9])
    isWhole = draws.oneIn(3)
    values = draws.one(of: isWhole ? [.ties, .ties, .special] : [.plain, .normal, .ties, .normal, .special])
    // Half of the networks have only layers that run without the tape.
    let onlyKnown = isLarge || draws.oneIn(2)
    inputShape = [channels, height, width]
    var grammar = Grammar(
      inputShape: inputShape, onlyKnown: onlyKnown, isWhole: isWhole, mostOutputs: isLarge ? 32 : 12,
      places: (0..<Self.places).map { _ in (0..<Self.choicesOfPlace).map { _ in draws.int(0...59) } })
    text = grammar.make()
  }
}

/// Turns choices into a network that fits: what does not fit where it stands is left out.
private struct Grammar {
  /// The layers that a plan knows, the most frequent ones more often.
  private static let known = [
    "Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d", "Conv2d", "ReLU", "BatchNorm2d", "Linear", "Conv2d", "ReLU",
    "BatchNorm2d", "MaxPool2d", "AvgPool2d", "Dropout", "Flatten", "AdaptiveAvgPool2d", "Sigmoid", "Tanh",
    "BatchNorm1d", "Identity",
  ]
  /// Those of them whose sums of whole numbers are whole numbers.
  private static let whole = [
    "Conv2d", "ReLU", "MaxPool2d", "Conv2d", "Linear", "ReLU", "Flatten", "MaxPool2d", "Dropout", "Identity",
  ]

  let inputShape: [Int]
  let onlyKnown: Bool
  let isWhole: Bool
  let mostOutputs: Int
  let places: [[Int]]
  /// The place that is read, and the next of its choices.
  private var (place, next) = (0, 0)
  private var names: [String] = []

  init(inputShape: [Int], onlyKnown: Bool, isWhole: Bool, mostOutputs: Int, places: [[Int]]) {
    self.inputShape = inputShape
    self.onlyKnown = onlyKnown
    self.isWhole = isWhole
    self.mostOutputs = mostOutputs
    self.places = places
  }

  private mutating func choice(_ count: Int) -> Int {
    defer { next += 1 }
    return next < places[place].count ? places[place][next] % max(1, count) : 0
  }

  private mutating func one<Value>(of values: [Value]) -> Value { values[choice(values.count)] }

  mutating func make() -> String {
    var items: [String] = []
    while place < places.count {
      if let item = item(after: items, depth: 0) { items.append(item) }
      place += 1
    }
    let head = "  - Linear: {outFeatures: classes}\n"
    let (flat, shaped) = (items.joined() + head, items.joined() + "  - Flatten\n" + head)
    // A head on flat features, or after flattening.
    return whole(shape(of: items)?.count == 1 && fits(flat) ? flat : shaped)
  }

  private func whole(_ items: String) -> String { "input: \(inputShape)\nlayers:\n" + items }

  private func fits(_ items: String) -> Bool { network(items) != nil }

  private func network(_ items: String) -> Module? {
    try? Architecture(files: [Architecture.File(name: "network.yaml", text: whole(items))])
      .make(inputShape: inputShape, classes: RandomNetwork.classes)
  }

  /// What one image has become after the items.
  private func shape(of items: [String]) -> [Int]? {
    guard !items.isEmpty else { return inputShape }
    guard let network = network(items.joined()) else { return nil }
    return try? noGrad {
      try network.evaluating { Array(try network(Tensor.zeros([2] + inputShape)).shape.dropFirst()) }
    }
  }

  /// The item of the current place, with its children from the places behind it; nil for none.
  private mutating func item(after items: [String], depth: Int) -> String? {
    next = 0
    let indent = String(repeating: "    ", count: depth) + "  "
    let kind = choice(12)
    if kind == 0 { return nil }
    if kind == 1, !names.isEmpty {
      let used = "\(indent)- use: \(one(of: names))\n"
      return depth > 0 || fits((items + [used]).joined()) ? used : nil
    }
    if kind <= 3, depth < 2, !onlyKnown || kind == 2 {
      let word = onlyKnown ? "Sequential" : one(of: ["Residual", "Parallel", "Sequential"])
      return block(word, after: items, depth: depth, indent: indent)
    }
    guard let shape = depth == 0 ? shape(of: items) : inputShape else { return nil }
    guard let layer = layer(shape) else { return nil }
    let text = "\(indent)- \(layer)\n"
    return depth > 0 || fits((items + [text]).joined()) ? text : nil
  }

  private mutating func block(_ word: String, after items: [String], depth: Int, indent: String) -> String? {
    let name = "b\(place)"
    var children: [String] = []
    for _ in 0..<2 where place + 1 < places.count {
      place += 1
      if let child = item(after: items, depth: depth + 1) { children.append(child) }
    }
    guard !children.isEmpty else { return nil }
    let key = "\(indent)    "
    let lists: [String] =
      switch word {
      case "Parallel": ["\(key)branches:\n" + children.joined()]
      case "Residual":
        ["\(key)layers:\n" + children.joined()]
          + [1, 2, 3].map { stride in
            "\(key)shortcut:\n\(key)  Conv2d: {outChannels: \(outputs), kernelSize: 1, stride: \(stride)}\n\(key)layers:\n"
              + children.joined()
          }
      default: ["\(key)layers:\n" + children.joined()]
      }
    for list in lists {
      let text = "\(indent)- \(word):\n\(key)name: \(name)\n\(list)"
      if depth > 0 || fits((items + [text]).joined()) {
        names.append(name)
        return text
      }
    }
    // What cannot be added up can follow each other.
    let plain = children.map { $0.replacingIndent(from: key, to: indent) }.joined()
    return depth == 0 && fits((items + [plain]).joined()) ? plain : nil
  }

  private var outputs: Int { min(mostOutputs, 4) }

  /// A layer with drawn labels, as the text of a YAML item.
  private mutating func layer(_ shape: [Int]) -> String? {
    let entries = LayerEntry.all
    let known = isWhole ? Self.whole : Self.known
    let which = choice(60)
    let entry =
      onlyKnown
      ? entries.first { $0.name == known[which % known.count] }! : entries[which % entries.count]
    let name = "l\(place)"
    var labels: [String] = []
    for label in entry.labels where label.source == nil {
      guard let value = value(of: label, layer: entry.name, shape) else { continue }
      // A window that meets nothing but padding gives a place outside of the map, where libtorch's gradient then goes.
      let onlyPadding =
        entry.name.contains("MaxPool") && label.name == "dilation" && !labels.contains("padding: 0")
      if !onlyPadding { labels.append("\(label.name): \(value)") }
    }
    if choice(8) == 7 { labels.append("frozen: true") }
    names.append(name)
    return "\(entry.name): {\((labels + ["name: \(name)"]).joined(separator: ", "))}"
  }

  /// The text of a label's value; nil leaves it to the initialiser.
  private mutating func value(of label: Label, layer: String, _ shape: [Int]) -> String? {
    let channels = shape.first ?? 1
    switch (label.name, label.kind) {
    case ("outChannels", _), ("outFeatures", _):
      let all = [4, 1, 2, 8, 3, 5, 12, 16, 20, 32]
      return "\(min(mostOutputs, one(of: all)))"
    case ("groups", _): return choice(3) == 2 ? "\(channels)" : nil
    case ("numGroups", _): return "\(one(of: [1, channels, 2]))"
    case ("numParameters", _): return "\(one(of: [1, channels]))"
    case ("normalizedShape", _):
      let count = min(shape.count, 1 + choice(3))
      return "\(Array(shape.suffix(count)))"
    case ("p", _): return one(of: ["0.5", "0.25", "0", "1"])
    case ("eps", _): return one(of: [nil, "0.001", "0.1"])
    case ("momentum", _): return one(of: [nil, "0.5", onlyKnown ? "1" : "null", "0"])
    case ("normType", _): return one(of: ["2", "1", "3"])
    case ("scaleFactor", _): return one(of: ["2", "1.5", "0.5"])
    case ("size", _): return layer == "Upsample" ? nil : one(of: ["3", "2", "1", "5"])
    case ("weights", _): return one(of: ["0.5", "[1, 0.25]"])
    case ("inplace", _): return nil
    case ("lower", _), ("upper", _): return nil
    case (_, .sizes(let count, let range)):
      return sizes(label.name, count, range, allowsNull: label.allowsNull)
    case (_, .padding(let count)):
      let named = choice(4)
      return named == 3 ? "same" : sizes(label.name, count, 0...2, allowsNull: false)
    case (_, .optionalSizes(let count)): return sizes("outputSize", count, 1...4, allowsNull: false)
    case (_, .integer(let range)):
      if label.allowsNull { return one(of: [nil, "\(max(range.lowerBound, 1))", "3"]) }
      return one(of: [nil, "\(max(range.lowerBound, 1))", "\(max(range.lowerBound, 2))"]) ?? standard(label)
    case (_, .number): return one(of: [nil, "0.25", "0.75"]) ?? standard(label)
    case (_, .flag): return one(of: [nil, "true", "false"])
    case (_, .word(let words)): return one(of: [nil] + words.map { Optional($0) })
    case (_, .list), (_, .numbers): return "1"
    }
  }

  private func standard(_ label: Label) -> String? { label.standard == nil ? "1" : nil }

  private mutating func sizes(_ name: String, _ count: Int, _ range: ClosedRange<Int>, allowsNull: Bool)
    -> String?
  {
    let most =
      switch name {
      case "kernelSize": 4
      case "stride", "outputSize": 3
      case "padding": 2
      default: 2
      }
    if allowsNull, choice(2) == 0 { return nil }
    let simplest = name == "kernelSize" ? 2 : max(0, range.lowerBound)
    func drawn(_ choice: Int) -> Int {
      let value = simplest + choice
      return min(max(value, range.lowerBound, name == "padding" ? -1 : range.lowerBound), range.upperBound)
    }
    let first = drawn(choice(most))
    guard count > 1, choice(4) == 3 else { return "\(first)" }
    return
      "[\(([first] + (1..<count).map { _ in drawn(choice(most)) }).map(String.init).joined(separator: ", "))]"
  }
}

extension String {
  /// The lines that begin with one indent begin with the other.
  fileprivate func replacingIndent(from old: String, to new: String) -> String {
    split(separator: "\n").map { $0.hasPrefix(old) ? new + $0.dropFirst(old.count) : String($0) }
      .joined(separator: "\n") + "\n"
  }
}
