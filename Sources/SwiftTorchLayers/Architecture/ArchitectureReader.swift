import Formats

/// A layer as a file describes it; sizes are still open.
struct LayerDescription: Sendable {
  indirect enum Kind: Sendable {
    case layer(LayerEntry, [String: (value: LabelValue, place: Place)])
    case sequential([LayerDescription])
    case residual([LayerDescription], shortcut: LayerDescription?)
    case parallel([LayerDescription])
    /// The layer of this key once more, from the same list or one around it.
    case use(String)
  }

  let kind: Kind
  /// What its keys begin with; nil for its number.
  let name: String?
  /// Whether its parameters are not trained.
  var isFrozen = false
  let place: Place

  /// The name in the file.
  var type: String {
    switch kind {
    case .layer(let entry, _): entry.name
    case .sequential: "Sequential"
    case .residual: "Residual"
    case .parallel: "Parallel"
    case .use(let key): "use: \(key)"
    }
  }
}

/// Makes descriptions of a file and of those that it includes.
struct ArchitectureReader {
  private let text: (String) throws -> String
  private(set) var files: [Architecture.File] = []
  /// The files that are being read, outermost first.
  private var open: [String] = []
  private var count = 0
  private static let mostLayers = 10_000
  private static let blocks = [
    "Sequential": ["layers"], "Residual": ["layers", "shortcut"], "Parallel": ["branches"],
  ]
  /// Every word that can stand where a layer is expected.
  static let words = LayerEntry.all.map(\.name) + blocks.keys.sorted() + ["include", "use"]

  init(text: @escaping (String) throws -> String) { self.text = text }

  typealias Root = (layers: [LayerDescription], input: (shape: [Int], place: Place)?)

  /// Reads a file.
  mutating func read(_ name: String) throws -> Root {
    let text: String
    if let known = files.first(where: { $0.name == name }) {
      text = known.text
    } else {
      text = try self.text(name)
      files.append(Architecture.File(name: name, text: text))
    }
    open.append(name)
    defer { open.removeLast() }
    let root = try YAMLValue.read(text, file: name)
    guard case .map(let entries) = root.content else {
      throw root.place.error("a network begins with the word layers: and a list, this is \(root.summary)")
    }
    var layers: [LayerDescription]?
    var input: (shape: [Int], place: Place)?
    for (key, place, value) in entries {
      switch key {
      case "layers": layers = try list(value, "layers")
      case "input": input = (try Self.shape(value), place)
      default: throw Self.unknown(key, in: ["input", "layers"], "key", place)
      }
    }
    guard let layers else { throw root.place.error("the key layers is missing") }
    return (layers, input)
  }

  private static func shape(_ value: YAMLValue) throws -> [Int] {
    guard case .list(let items) = value.content, items.count == 3 else {
      throw value.place.error("input must be [channels, height, width], not \(value.summary)")
    }
    return try items.map { item in
      guard case .scalar(let text, isQuoted: false) = item.content, let size = Int(text),
        (1...1 << 16).contains(size)
      else {
        throw item.place.error("a size of input must be a whole number from 1 to 65536, not \(item.summary)")
      }
      return size
    }
  }

  private static func unknown(_ word: String, in words: [String], _ what: String, _ place: Place)
    -> TorchError
  {
    let hint = nearest(word, in: words).map { "; did you mean \($0)?" } ?? ""
    let choices = words.count < 12 ? " (there are \(words.joined(separator: ", ")))" : ""
    return place.error("there is no \(what) '\(shown(word))'\(hint)\(choices)")
  }

  /// A list of layers, those of included files among them.
  private mutating func list(_ value: YAMLValue, _ key: String) throws -> [LayerDescription] {
    guard case .list(let items) = value.content else {
      throw value.place.error(
        "\(key) must be a list, a line with a dash for each layer, not \(value.summary)")
    }
    guard !items.isEmpty else { throw value.place.error("\(key) has no layer") }
    return try items.flatMap { try layers($0) }
  }

  /// The layers of one item of a list: one, or those of an included file.
  private mutating func layers(_ item: YAMLValue) throws -> [LayerDescription] {
    count += 1
    guard count <= Self.mostLayers else {
      throw item.place.error("there are more than \(Self.mostLayers) layers")
    }
    switch item.content {
    case .scalar(let word, isQuoted: false) where word != "include" && word != "use":
      return [try layer(word, item.place, [])]
    case .map(let entries) where entries.count == 1:
      let (word, place, value) = entries[0]
      if word == "include" { return try included(value) }
      if word == "use" { return [try use(value, place)] }
      switch value.content {
      case .map(let labels): return [try layer(word, place, labels)]
      case .scalar("", isQuoted: false): return [try layer(word, place, [])]
      default:
        guard Self.words.contains(word) else { throw Self.unknown(word, in: Self.words, "layer", place) }
        throw value.place.error(
          "\(word) takes labels with values, as in \(Self.example(word)), not \(value.summary)")
      }
    case .map(let entries) where entries.count > 1:
      throw entries[1].place.error(
        "a layer begins with a dash, and its labels are further in: '\(shown(entries[1].key))' stands beside "
          + "'\(shown(entries[0].key))'")
    default:
      throw item.place.error("a layer must be a word like ReLU or a word with labels, not \(item.summary)")
    }
  }

  /// How a layer is written.
  private static func example(_ word: String) -> String {
    switch word {
    case "Sequential", "Residual": return "\(word): {layers: [Conv2d: …]}"
    case "Parallel": return "Parallel: {branches: [Conv2d: …]}"
    default:
      let labels = LayerEntry.all.first { $0.name == word }?.labels ?? []
      let example = labels.first { $0.standard == nil && $0.source == nil } ?? labels.first
      return example.map { "\(word): {\($0.name): …}" } ?? word
    }
  }

  /// A layer that was there before: `use: conv`, or by its number `use: 0`.
  private func use(_ value: YAMLValue, _ place: Place) throws -> LayerDescription {
    guard case .scalar(let key, _) = value.content, !key.isEmpty else {
      throw value.place.error(
        "use needs the name or the number of an earlier layer of the list, not \(value.summary)")
    }
    return LayerDescription(kind: .use(key), name: nil, place: place)
  }

  private mutating func included(_ value: YAMLValue) throws -> [LayerDescription] {
    guard case .scalar(let path, _) = value.content, !path.isEmpty else {
      throw value.place.error("include needs the path of a file, not \(value.summary)")
    }
    let name = Self.path(path, from: value.place.file)
    guard !open.contains(name) else {
      throw value.place.error(
        "\(shown(name)) includes itself: \((open + [name]).map(shown).joined(separator: " → "))")
    }
    guard open.count < 32 else { throw value.place.error("files include each other more than 32 deep") }
    let root: Root
    do {
      root = try read(name)
    } catch let error as FormatError {
      throw value.place.error("\(error)")
    }
    if let input = root.input {
      throw input.place.error("only the outermost file has an input; this one is included")
    }
    return root.layers
  }

  /// A path that is relative to the folder of `file`, without the steps that cancel out.
  private static func path(_ path: String, from file: String) -> String {
    let folder = file.lastIndex(of: "/").map { file[...$0] } ?? ""
    let whole = path.hasPrefix("/") ? path : folder + path
    var parts: [Substring] = []
    for part in whole.split(separator: "/") where part != "." {
      if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
    }
    return (whole.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  private typealias Labels = [(key: String, place: Place, value: YAMLValue)]

  private mutating func layer(_ word: String, _ place: Place, _ given: Labels) throws -> LayerDescription {
    if let keys = Self.blocks[word] { return try block(word, keys, place, given) }
    guard let entry = LayerEntry.all.first(where: { $0.name == word }) else {
      throw Self.unknown(word, in: Self.words, "layer", place)
    }
    var values: [String: (value: LabelValue, place: Place)] = [:]
    var name: String?
    var isFrozen = false
    for (key, place, value) in given {
      if let label = entry.labels.first(where: { $0.name == key }) {
        values[key] = (try label.read(value, layer: word), value.place)
      } else if key == "name" {
        name = try Self.name(value)
      } else if key == "frozen" {
        isFrozen = try Self.flag(value, "frozen")
      } else {
        throw Self.unknown(key, in: entry.labels.map(\.name) + ["frozen", "name"], "label of \(word)", place)
      }
    }
    for label in entry.labels where label.standard == nil && label.source == nil && values[label.name] == nil
    {
      throw place.error("\(word) needs \(label.name), as in \(word): {\(label.name): …}")
    }
    return LayerDescription(kind: .layer(entry, values), name: name, isFrozen: isFrozen, place: place)
  }

  private static func name(_ value: YAMLValue) throws -> String {
    guard case .scalar(let name, _) = value.content, let first = name.unicodeScalars.first,
      first == "_" || first.properties.isAlphabetic,
      name.utf8.count <= 64, name.utf8.allSatisfy({ $0 < 128 }),
      name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }), !["forward", "training"].contains(name)
    else {
      throw value.place.error(
        "a name must be of letters, digits and _, and not forward or training; this is \(value.summary)")
    }
    return name
  }

  private static func flag(_ value: YAMLValue, _ key: String) throws -> Bool {
    switch value.content {
    case .scalar("true", isQuoted: false), .scalar("True", isQuoted: false): return true
    case .scalar("false", isQuoted: false), .scalar("False", isQuoted: false): return false
    default: throw value.place.error("\(key) must be true or false, not \(value.summary)")
    }
  }

  private mutating func block(_ word: String, _ keys: [String], _ place: Place, _ given: Labels) throws
    -> LayerDescription
  {
    var parts: [String: YAMLValue] = [:]
    var name: String?
    var isFrozen = false
    for (key, place, value) in given {
      if key == "name" {
        name = try Self.name(value)
      } else if key == "frozen" {
        isFrozen = try Self.flag(value, "frozen")
      } else if keys.contains(key) {
        parts[key] = value
      } else {
        throw Self.unknown(key, in: keys + ["frozen", "name"], "key of \(word)", place)
      }
    }
    guard let first = parts[keys[0]] else {
      throw place.error("\(word) needs \(keys[0]), a list of layers")
    }
    let kind: LayerDescription.Kind
    switch word {
    case "Sequential": kind = .sequential(try list(first, "layers"))
    case "Residual":
      let shortcut = try parts["shortcut"].map { try branch($0) }
      kind = .residual(try list(first, "layers"), shortcut: shortcut)
    default:
      guard case .list(let branches) = first.content, !branches.isEmpty else {
        throw first.place.error(
          "branches must be a list whose items are a layer or a list of layers, not \(first.summary)")
      }
      kind = .parallel(try branches.map { try branch($0) })
    }
    return LayerDescription(kind: kind, name: name, isFrozen: isFrozen, place: place)
  }

  /// A layer, or a list of layers that follow each other.
  private mutating func branch(_ value: YAMLValue) throws -> LayerDescription {
    func sequential(_ layers: [LayerDescription]) -> LayerDescription {
      LayerDescription(kind: .sequential(layers), name: nil, place: value.place)
    }
    if case .list = value.content { return sequential(try list(value, "a branch")) }
    let layers = try layers(value)
    return layers.count == 1 ? layers[0] : sequential(layers)
  }
}
