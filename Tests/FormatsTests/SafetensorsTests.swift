import Formats
import Testing

@Suite("safetensors")
struct SafetensorsTests {
  private static func file(_ header: String, data: Int = 0) -> [UInt8] {
    let text = Array(header.utf8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
      + [UInt8](repeating: 7, count: data)
  }

  private static let good = Safetensors(
    entries: [
      .init(name: "b", dtype: .float32, shape: [2, 1], bytes: [1, 2, 3, 4, 5, 6, 7, 8]),
      .init(name: "a", dtype: .uint8, shape: [3], bytes: [9, 8, 7]),
      .init(name: "ü\"\\\n", dtype: .int64, shape: [], bytes: [1, 0, 0, 0, 0, 0, 0, 0]),
      .init(name: "empty", dtype: .float16, shape: [0, 4], bytes: []),
    ], metadata: ["k": "v\t", "format": "pt"])

  @Test("what is written is read again; larger alignments first, then names; the header is padded to 8")
  func roundTrip() throws {
    let bytes = Self.good.serialized()
    let read = try Safetensors.parse(bytes, source: "x")
    #expect(read.metadata == Self.good.metadata)
    #expect(read.entries.map(\.name) == ["ü\"\\\n", "b", "empty", "a"])
    for entry in Self.good.entries { #expect(read[entry.name] == entry) }
    #expect(bytes[0] % 8 == 0 && bytes[8] == UInt8(ascii: "{"))
    #expect(
      Safetensors(entries: Self.good.entries.reversed(), metadata: Self.good.metadata).serialized() == bytes)
  }

  @Test("every header is padded to 8 bytes with spaces, whatever its own length", arguments: 0..<16)
  func padding(_ length: Int) throws {
    let name = String(repeating: "n", count: length)
    let bytes = Safetensors(
      entries: [.init(name: name, dtype: .float64, shape: [1], bytes: [UInt8](1...8))], metadata: [:]
    ).serialized()
    let size = bytes[..<8].enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
    #expect(size % 8 == 0 && bytes.count == 8 + size + 8, "a header of \(size) bytes")
    let header = bytes[8..<8 + size]
    #expect(header.last == UInt8(ascii: "}") || header.last == UInt8(ascii: " "))
    // No more than is needed.
    #expect(header.reversed().prefix { $0 == UInt8(ascii: " ") }.count < 8)
    #expect(Array(bytes[(8 + size)...]) == [UInt8](1...8))
  }

  @Test(
    "accepted as by the format's own reader",
    arguments: [
      ("{}", 0), (#"{"x":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}}"#, 0),
      (#"{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#, 1),
      (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":[{"a":null}]}}"#, 1),
      (#"{"__metadata__":null}"#, 0),
      (
        #"{"y":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
        2
      ),
      (#"{"\u00e9\ud83d\ude00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   "#, 1),
    ])
  func accepted(_ header: String, _ data: Int) {
    #expect(
      failure { () throws(FormatError) in try Safetensors.parse(Self.file(header, data: data), source: "x") }
        == nil)
  }

  @Test(
    "refused as by the format's own reader",
    arguments: [
      ("[]", 0, "not a JSON object"), ("\u{FEFF}{}", 0, "a JSON value"), ("{}\0", 0, "follows"),
      (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 2, "belong to no tensor"),
      (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 0, "truncated"),
      (
        #"{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
        2, "overlaps"
      ),
      (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, 2, "hole"),
      (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}"#, 1, "in order"),
      (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}"#, 1, "whole numbers"),
      (#"{"x":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#, 1, "whole numbers"),
      (#"{"x":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, 1, "whole numbers"),
      (#"{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,1]}}"#, 1, "2^63"),
      (#"{"x":{"dtype":"F32","shape":[0,9223372036854775808,4],"data_offsets":[0,0]}}"#, 0, "whole numbers"),
      (#"{"x":{"dtype":"F32","shape":[0,9223372036854775807,4],"data_offsets":[0,0]}}"#, 0, "2^63"),
      (#"{"x":{"dtype":"Q8","shape":[1],"data_offsets":[0,1]}}"#, 1, "Q8"),
      (#"{"x":{"dtype":"u8","shape":[1],"data_offsets":[0,1]}}"#, 1, "u8"),
      (#"{"x":{"shape":[1],"data_offsets":[0,1]}}"#, 1, "no dtype"),
      (#"{"x":{"dtype":"U8","data_offsets":[0,1]}}"#, 1, "no shape"),
      (#"{"x":{"dtype":"U8","shape":[1]}}"#, 1, "data_offsets"),
      (#"{"x":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1, "twice"),
      (
        #"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
        1, "twice"
      ),
      (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}"#, 1, "data_offsets"),
      (#"{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}"#, 1, "2 bytes, but has 1"),
      (#"{"__metadata__":{"k":1}}"#, 0, "not a string"), (#"{"x":1}"#, 0, "not an object"),
      ("{", 0, "in quotes"),
      (#"{"x":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}"#, 1, "malformed"),
      (#"{"\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1, "surrogate"),
    ])
  func refused(_ header: String, _ data: Int, _ expected: String) {
    let message = failure { () throws(FormatError) in
      try Safetensors.parse(Self.file(header, data: data), source: "x")
    }
    #expect(message?.contains(expected) == true, "\(message ?? "no error")")
  }

  @Test("a pair of escapes is one character beyond the first plane")
  func surrogates() throws {
    let file = Self.file(#"{"\ud83d\ude00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: 1)
    #expect(try Safetensors.parse(file, source: "x").entries.map(\.name) == ["\u{1F600}"])
  }

  @Test("names are ordered by their bytes, whatever Unicode calls equal")
  func order() throws {
    let names = ["f", "e\u{301}", "Z", "a.10", "a.2"]
    let file = Safetensors(
      entries: names.map { .init(name: $0, dtype: .uint8, shape: [1], bytes: [1]) })
    let read = try Safetensors.parse(file.serialized(), source: "x")
    #expect(read.entries.map(\.name) == ["Z", "a.10", "a.2", "e\u{301}", "f"])
  }

  @Test("a name in an error neither breaks the line nor drives the terminal, and is cut when long")
  func hostileNames() throws {
    let name = #"a\n\u001b[31m\u2028"# + String(repeating: "x", count: 1000)
    let message = try #require(
      failure { () throws(FormatError) in
        try Safetensors.parse(Self.file("{\"\(name)\":{}}"), source: "x")
      })
    #expect(message.contains(#"a\u{a}\u{1b}[31m\u{2028}xx"#) && message.count < 200, "\(message)")
  }

  @Test("deep nesting, a header that is no UTF-8, and wrong lengths are refused")
  func limits() {
    let deep = "{\"x\":" + String(repeating: "[", count: 5000)
    var invalid = Self.file(#"{"xx":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: 1)
    invalid[10] = 0xFF
    let wrong: [[UInt8]] = [
      Self.file(deep), invalid, [], [1, 2, 3], [UInt8](repeating: 0, count: 8),
      [UInt8](repeating: 255, count: 16),
      [9, 0, 0, 0, 0, 0, 0, 0, 123],
    ]
    for bytes in wrong {
      #expect(failure { () throws(FormatError) in try Safetensors.parse(bytes, source: "x") } != nil)
    }
  }

  @Test("no truncation and no changed byte of the header ever traps, and no truncation is accepted")
  func damage() {
    let bytes = Self.good.serialized()
    for length in 0..<bytes.count {
      #expect(
        failure { () throws(FormatError) in try Safetensors.parse(Array(bytes[..<length]), source: "x") }
          != nil)
    }
    let headerEnd = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
    for position in 0..<headerEnd {
      for value: UInt8 in [0, 0x22, 0x2C, 0x30, 0x39, 0x5B, 0x5C, 0x7B, 0x7D, 0xFF] {
        var changed = bytes
        changed[position] = value
        _ = failure { () throws(FormatError) in try Safetensors.parse(changed, source: "x") }
      }
    }
  }
}
