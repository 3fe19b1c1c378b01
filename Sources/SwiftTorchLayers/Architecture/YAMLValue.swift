import Formats
import Yams

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
  ///   and aliases, several documents, deep nesting.
  static func read(_ text: String, file: String) throws -> YAMLValue {
    func error(_ message: String, _ line: Int) -> TorchError { Place(file: file, line: line).error(message) }
    guard text.contains(where: { !$0.isWhitespace }) else { throw error("the file is empty", 1) }
    try requireOneReading(text, file)
    let root: Node?
    do {
      root = try Parser(yaml: text, encoding: .utf8).singleRoot()
    } catch let failure as YamlError {
      switch failure {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        let line = min(mark.line, text.split(separator: "\n", omittingEmptySubsequences: false).count)
        // libyaml goes 1000 deep and then speaks to programmers.
        if problem.hasPrefix("Maximum nesting") { throw error(YAMLValue.tooDeep, line) }
        throw error("this is no YAML: \(problem)", line)
      case .duplicatedKeysInMapping(let keys, let context):
        let names = keys.map { "'\(shown($0))'" }.joined(separator: " and ")
        throw error("the key \(names) is there twice", context.mark.line)
      case .reader(let problem, let offset, _, _):
        let line = text.prefix(offset ?? 0).count { $0.isNewline } + 1
        throw error("this is no YAML: \(problem)", line)
      default: throw error("this is no YAML: \(failure)", 1)
      }
    }
    guard let root else { throw error("the file has nothing but comments", 1) }
    return try YAMLValue(root, Place(file: file, line: 1), depth: 0)
  }

  private static let tooDeep = "lists and mappings are nested too deeply, more than 64 times"

  /// - Parameter parent: the place for a node that does not know its own.
  private init(_ node: Node, _ parent: Place, depth: Int) throws {
    let place = Place(file: parent.file, line: node.mark?.line ?? parent.line)
    self.place = place
    guard depth < 64 else { throw place.error(Self.tooDeep) }
    switch node {
    case .scalar(let scalar):
      content = .scalar(scalar.string, isQuoted: [.singleQuoted, .doubleQuoted].contains(scalar.style))
    case .sequence(let list):
      content = .list(try list.map { try YAMLValue($0, place, depth: depth + 1) })
    case .mapping(let map):
      content = .map(
        try map.map { key, value in
          let keyPlace = Place(file: parent.file, line: key.mark?.line ?? place.line)
          guard case .scalar(let scalar) = key else { throw keyPlace.error("a key must be a word") }
          return (scalar.string, keyPlace, try YAMLValue(value, keyPlace, depth: depth + 1))
        })
    case .alias: throw place.error(noAliases)
    }
  }
}

private let noAliases =
  "anchors and aliases (& and *) are not read here: write the layers out, or use include"

/// Refuses a text in which an alias could hide, before YAML is made of it: aliases of aliases grow without
/// limit. Comments may say anything. A quote must end on its line, so that it is sure what is a comment.
private func requireOneReading(_ text: String, _ file: String) throws {
  var line = 1
  var (quotes, doubleQuotes, inComment) = (0, 0, false)
  var previous: Unicode.Scalar = " "
  func requireClosed() throws {
    guard quotes % 2 == 0, doubleQuotes % 2 == 0 else {
      throw Place(file: file, line: line).error("a quote is not closed on its line")
    }
  }
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
      // A return and a line feed are one end of a line.
      if scalar != "\n" || previous != "\r" {
        try requireClosed()
        line += 1
      }
      (quotes, doubleQuotes, inComment) = (0, 0, false)
      previous = scalar == "\r" ? "\r" : " "
      continue
    case _ where inComment: break
    case "#" where quotes + doubleQuotes == 0 && [" ", "\t", "\r"].contains(previous): inComment = true
    case "'": quotes += 1
    case "\"": doubleQuotes += 1
    case "&", "*": throw Place(file: file, line: line).error(noAliases)
    case "\\": throw Place(file: file, line: line).error("a backslash has no meaning here")
    default: break
    }
    previous = scalar
  }
  try requireClosed()
}
