import CYAML

/// The parts of a YAML text in their order, as libyaml finds them. Nothing is expanded, so a small text cannot
/// become a large one.
final class YAMLEvents {
  struct Event {
    enum Kind: Equatable {
      case scalar(String, isQuoted: Bool)
      case listBegins
      case mapBegins
      /// Of the list or mapping that began last.
      case ends
    }
    let kind: Kind
    let place: Place
  }

  private let file: String
  private let text: UnsafeMutableBufferPointer<UInt8>
  private let lineCount: Int
  // libyaml keeps its address.
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)

  init(_ text: String, file: String) throws {
    self.file = file
    self.text = .allocate(capacity: text.utf8.count)
    _ = self.text.initialize(from: text.utf8)
    lineCount = text.split(separator: "\n", omittingEmptySubsequences: false).count
    guard yaml_parser_initialize(parser) == 1 else {
      parser.initialize(to: yaml_parser_t())
      throw Place(file: file, line: 1).error("there is no memory to read it")
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, self.text.baseAddress, self.text.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    text.deallocate()
  }

  /// The next part; nil when the text is over.
  /// - Throws: `TorchError` with file and line for what is no YAML, and for anchors and aliases.
  func next() throws -> Event? {
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
      defer { yaml_event_delete(&event) }
      let place = Place(file: file, line: Int(event.start_mark.line) + 1)
      func made(_ kind: Event.Kind, anchor: UnsafeMutablePointer<yaml_char_t>?) throws -> Event {
        guard anchor == nil else { throw place.error(Self.noAliases) }
        return Event(kind: kind, place: place)
      }
      switch event.type {
      case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return nil
      case YAML_ALIAS_EVENT: throw place.error(Self.noAliases)
      case YAML_SCALAR_EVENT:
        let scalar = event.data.scalar
        let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        let isQuoted =
          scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE || scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE
        return try made(
          .scalar(String(decoding: bytes, as: UTF8.self), isQuoted: isQuoted), anchor: scalar.anchor)
      case YAML_SEQUENCE_START_EVENT:
        return try made(.listBegins, anchor: event.data.sequence_start.anchor)
      case YAML_MAPPING_START_EVENT: return try made(.mapBegins, anchor: event.data.mapping_start.anchor)
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return Event(kind: .ends, place: place)
      default: break  // a stream or a document begins, a document ends
      }
    }
  }

  private static let noAliases =
    "anchors and aliases (& and *) are not read here: write the layers out, or use include"

  private func problem() -> TorchError {
    let said = parser.pointee.problem.map { String(cString: $0) } ?? "it cannot be read"
    let context = parser.pointee.context.map { " \(String(cString: $0))" } ?? ""
    if parser.pointee.error == YAML_READER_ERROR {
      let before = text.prefix(parser.pointee.problem_offset)
      return Place(file: file, line: before.count { $0 == 10 } + 1).error("this is no YAML: \(said)")
    }
    let line = min(Int(parser.pointee.problem_mark.line) + 1, lineCount)
    // libyaml looks ahead of us; it goes 1000 deep and then speaks to programmers.
    if said.hasPrefix("Maximum nesting") { return Place(file: file, line: line).error(YAMLValue.tooDeep) }
    return Place(file: file, line: line).error("this is no YAML: \(said)\(context)")
  }
}
