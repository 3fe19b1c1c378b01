/// A JSON value that keeps what a strict reader has to see: doubled keys and the exact text of numbers.
indirect enum JSONValue {
  case object([(key: String, value: JSONValue)])
  case array([JSONValue])
  case string(String)
  case number(String)
  case bool(Bool)
  case null

  /// A whole number without sign, fraction or exponent that fits `Int`.
  var size: Int? {
    guard case .number(let text) = self, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int(text)
  }
}

/// Reads JSON (RFC 8259) from bytes. Foundation's reader drops doubled keys, which a header must not have.
struct JSONReader {
  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private let source: String
  private static let deepest = 127

  /// Reads one value; nothing but white space may follow.
  static func parse(_ bytes: ArraySlice<UInt8>, source: String) throws(FormatError) -> JSONValue {
    var reader = JSONReader(bytes, source)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.position == bytes.endIndex else { throw reader.error("something follows the JSON header") }
    return value
  }

  private init(_ bytes: ArraySlice<UInt8>, _ source: String) {
    self.bytes = bytes
    self.source = source
    position = bytes.startIndex
  }

  private func error(_ message: String) -> FormatError {
    FormatError(source: source, offset: position, message: message)
  }

  private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func expect(_ character: Character) throws(FormatError) {
    skipSpace()
    guard next == character.asciiValue else { throw error("'\(character)' is missing in the JSON header") }
    position += 1
  }

  private mutating func take(_ character: Character) -> Bool {
    skipSpace()
    guard next == character.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(FormatError) -> JSONValue {
    guard depth < Self.deepest else { throw error("the JSON header is nested too deeply") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case let byte? where byte == UInt8(ascii: "-") || (48...57).contains(byte): return .number(try number())
    case nil: throw error("the JSON header is cut off")
    default: throw error("a JSON value is missing in the header")
    }
  }

  private mutating func object(_ depth: Int) throws(FormatError) -> JSONValue {
    position += 1
    var members: [(key: String, value: JSONValue)] = []
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw error("a name in quotes is missing in the JSON header") }
      let key = try string()
      try expect(":")
      members.append((key, try value(depth: depth + 1)))
    } while take(",")
    try expect("}")
    return .object(members)
  }

  private mutating func array(_ depth: Int) throws(FormatError) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    if take("]") { return .array(elements) }
    repeat { elements.append(try value(depth: depth + 1)) } while take(",")
    try expect("]")
    return .array(elements)
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(FormatError) -> JSONValue {
    guard bytes[position...].starts(with: word.utf8) else {
      throw error("a JSON value is missing in the header")
    }
    position += word.utf8.count
    return value
  }

  private mutating func number() throws(FormatError) -> String {
    let start = position
    func isDigit(_ byte: UInt8?) -> Bool { byte.map { (48...57).contains($0) } ?? false }
    func digits(_ reader: inout JSONReader) -> Int {
      let begin = reader.position
      while isDigit(reader.next) { reader.position += 1 }
      return reader.position - begin
    }
    if next == UInt8(ascii: "-") { position += 1 }
    let leadingZero = next == UInt8(ascii: "0")
    let whole = digits(&self)
    guard whole > 0, !(leadingZero && whole > 1) else {
      throw error("a number in the JSON header is malformed")
    }
    if next == UInt8(ascii: ".") {
      position += 1
      guard digits(&self) > 0 else { throw error("a number in the JSON header is malformed") }
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      guard digits(&self) > 0 else { throw error("a number in the JSON header is malformed") }
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func string() throws(FormatError) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw error("a string in the JSON header is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try escape(&text)
      case 0..<0x20: throw error("a control character stands in a string of the JSON header")
      default: text.append(byte)
      }
    }
    throw error("a string in the JSON header is cut off")
  }

  private mutating func escape(_ text: inout [UInt8]) throws(FormatError) {
    guard let byte = next else { throw error("a string in the JSON header is cut off") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code) {
        // The other half of a surrogate pair must follow.
        guard bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else {
          throw error("half a surrogate pair stands in the JSON header")
        }
        position += 2
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else {
          throw error("half a surrogate pair stands in the JSON header")
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else {
        throw error("half a surrogate pair stands in the JSON header")
      }
      text += Array(String(scalar).utf8)
    default: throw error("an escape in the JSON header is unknown")
    }
  }

  private mutating func hexadecimal() throws(FormatError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("a \\u escape in the JSON header is malformed")
      }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }
}
