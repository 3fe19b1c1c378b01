import Formats

/// A line of a file.
struct Place: Sendable {
  let file: String
  let line: Int

  /// `file:line: message`.
  func error(_ message: String) -> TorchError { TorchError("\(file):\(line): \(message)") }
}

/// A value of a YAML file, with the place where it begins.
struct YAMLValue {
  enum Content {
    /// A word or a number; `isQuoted` when it was written in quotes.
    case scalar(String, isQuoted: Bool)
    case list([YAMLValue])
    case map([(key: String, place: Place, value: YAMLValue)])
  }

  let content: Content
  let place: Place

  /// What it is, for a message.
  var summary: String {
    switch content {
    case .scalar("", isQuoted: false): "nothing"
    case .scalar(let text, let isQuoted): isQuoted ? "the text '\(shown(text))'" : "'\(shown(text))'"
    case .list: "a list"
    case .map: "a mapping"
    }
  }

  /// Reads a file's text.
  /// - Throws: `TorchError` with file and line for what is no YAML, or YAML that describes no network: anchors
  ///   and aliases, several documents, deep nesting, a key that is there twice.
  static func read(_ text: String, file: String) throws -> YAMLValue {
    guard text.contains(where: { !$0.isWhitespace }) else {
      throw Place(file: file, line: 1).error("the file is empty")
    }
    let events = try YAMLEvents(text, file: file)
    guard let first = try events.next() else {
      throw Place(file: file, line: 1).error("the file has nothing but comments")
    }
    let root = try YAMLValue(first, events, depth: 0)
    if let more = try events.next() { throw more.place.error("a second document begins here; one is read") }
    return root
  }

  private static let deepest = 64
  static let tooDeep = "lists and mappings are nested too deeply, more than \(deepest) times"

  private init(_ first: YAMLEvents.Event, _ events: YAMLEvents, depth: Int) throws {
    place = first.place
    guard depth < Self.deepest else { throw place.error(Self.tooDeep) }
    func value(_ event: YAMLEvents.Event) throws -> YAMLValue {
      try YAMLValue(event, events, depth: depth + 1)
    }
    switch first.kind {
    case .scalar(let text, let isQuoted): content = .scalar(text, isQuoted: isQuoted)
    case .listBegins:
      var list: [YAMLValue] = []
      while let event = try events.next(), event.kind != .ends { list.append(try value(event)) }
      content = .list(list)
    case .mapBegins:
      var map: [(key: String, place: Place, value: YAMLValue)] = []
      var keys: Set<String> = []
      while let event = try events.next(), event.kind != .ends {
        guard case .scalar(let key, _) = event.kind else { throw event.place.error("a key must be a word") }
        guard keys.insert(key).inserted else {
          throw event.place.error("the key '\(shown(key))' is there twice")
        }
        guard let next = try events.next() else { break }
        map.append((key, event.place, try value(next)))
      }
      content = .map(map)
    case .ends: throw place.error("a list or a mapping ends that did not begin")
    }
  }
}
