/// Named tensors in the safetensors format.
///
/// A little-endian 64-bit N, N bytes of JSON, then the data; offsets count from the data's start.
/// - Source: https://github.com/huggingface/safetensors
public struct Safetensors: Sendable {
  /// The element types that are read and written, with the format's names.
  public enum DType: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case uint8 = "U8"
    case int8 = "I8"
    case int16 = "I16"
    case uint16 = "U16"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int32 = "I32"
    case uint32 = "U32"
    case float32 = "F32"
    case int64 = "I64"
    case uint64 = "U64"
    case float64 = "F64"

    /// Bytes of an element.
    public var size: Int {
      switch self {
      case .bool, .uint8, .int8: 1
      case .int16, .uint16, .float16, .bfloat16: 2
      case .int32, .uint32, .float32: 4
      case .int64, .uint64, .float64: 8
      }
    }
  }

  /// One tensor: little-endian elements in C order.
  public struct Entry: Sendable, Equatable {
    /// The key, in PyTorch's spelling for weights: `0.weight`.
    public var name: String
    /// The type of the elements.
    public var dtype: DType
    /// The sizes, slowest first; none for a scalar.
    public var shape: [Int]
    /// `product(shape) · dtype.size` bytes.
    public var bytes: [UInt8]

    /// A tensor of `shape` whose elements are `bytes`.
    public init(name: String, dtype: DType, shape: [Int], bytes: [UInt8]) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.bytes = bytes
    }
  }

  /// In the order of their data in the file.
  public var entries: [Entry]
  /// The texts of `__metadata__`; empty when there is none.
  public var metadata: [String: String]

  /// The content of a file; the order of `entries` does not reach the file.
  public init(entries: [Entry], metadata: [String: String] = [:]) {
    self.entries = entries
    self.metadata = metadata
  }

  /// The tensor of that name, or nil.
  public subscript(name: String) -> Entry? { entries.first { $0.name == name } }

  // MARK: Writing

  /// The file's bytes; equal content gives equal bytes. Larger alignments come first, then names in order.
  /// - Precondition: names differ and are not `__metadata__`; each entry has the bytes that its shape needs.
  public func serialized() -> [UInt8] {
    // By the names' bytes, as the format's own writer: Swift's order of strings knows equal spellings.
    let ordered = entries.sorted {
      $0.dtype.size == $1.dtype.size
        ? $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) : $0.dtype.size > $1.dtype.size
    }
    var parts: [String] = []
    if !metadata.isEmpty {
      let members = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      parts.append("\"__metadata__\":{\(members.joined(separator: ","))}")
    }
    var offset = 0
    for entry in ordered {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      let end = offset + entry.bytes.count
      parts.append(
        "\(quoted(entry.name)):{\"dtype\":\"\(entry.dtype.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(parts.joined(separator: ","))}".utf8)
    header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
    var file: [UInt8] = []
    file.reserveCapacity(8 + header.count + offset)
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { file += $0 }
    file += header
    for entry in ordered { file += entry.bytes }
    return file
  }

  /// Writes the file beside `path` and renames it.
  public func write(to path: String) throws(FormatError) {
    try FileIO.writeAtomically(serialized(), to: path)
  }

  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  // MARK: Reading

  /// Reads a file.
  public static func read(path: String) throws(FormatError) -> Safetensors {
    try parse(try FileIO.read(path), source: path)
  }

  /// Reads the bytes of a file, as strictly as the format's own reader.
  /// - Throws: `FormatError` naming the rule that is broken.
  public static func parse(_ bytes: [UInt8], source: String) throws(FormatError) -> Safetensors {
    func error(_ message: String, _ offset: Int? = nil) -> FormatError {
      FormatError(source: source, offset: offset, message: message)
    }
    guard bytes.count >= 8 else {
      throw error("it has \(bytes.count) bytes, a safetensors file has at least 8")
    }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length > 0 else { throw error("the header is empty", 0) }
    guard length <= 100_000_000 else {
      throw error("the header's length \(length) is more than 100 000 000", 0)
    }
    guard Int(length) <= bytes.count - 8 else {
      throw error(
        "the header has \(length) bytes, only \(bytes.count - 8) are there: the file is truncated", 0)
    }
    let start = 8 + Int(length)
    let json = bytes[8..<start]
    guard case .object(let members) = try JSONReader.parse(json, source: source) else {
      throw error("the header is not a JSON object", 8)
    }
    var metadata: [String: String] = [:]
    var found: [(name: String, dtype: DType, shape: [Int], begin: Int, end: Int)] = []
    // Swift's strings are equal when Unicode calls them so: stricter than bytes, but `self[name]` needs it.
    var names: Set<String> = []
    for (name, value) in members {
      guard names.insert(name).inserted else {
        throw error("the name \(shown(name)) stands twice in the header", 8)
      }
      if name == "__metadata__" {
        metadata = try readMetadata(value, error)
      } else {
        found.append(try readEntry(name, value, error))
      }
    }
    found.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
    var entries: [Entry] = []
    var position = 0
    for item in found {
      guard item.begin == position else {
        let what = item.begin < position ? "overlaps the tensor before it" : "leaves a hole before it"
        throw error("the data of \(shown(item.name)) \(what)", 8)
      }
      guard item.end <= bytes.count - start else {
        throw error(
          "the data of \(shown(item.name)) ends behind the end of the file: it is truncated", bytes.count)
      }
      entries.append(
        Entry(
          name: item.name, dtype: item.dtype, shape: item.shape,
          bytes: Array(bytes[start + item.begin..<start + item.end])))
      position = item.end
    }
    guard position == bytes.count - start else {
      throw error("\(bytes.count - start - position) bytes at the end belong to no tensor", start + position)
    }
    return Safetensors(entries: entries, metadata: metadata)
  }

  private static func readMetadata(
    _ value: JSONValue, _ error: (String, Int?) -> FormatError
  ) throws(FormatError) -> [String: String] {
    if case .null = value { return [:] }
    guard case .object(let members) = value else { throw error("__metadata__ is not an object", 8) }
    var metadata: [String: String] = [:]
    for (key, value) in members {
      guard case .string(let text) = value else {
        throw error("the metadata \(shown(key)) is not a string", 8)
      }
      metadata[key] = text
    }
    return metadata
  }

  private static func readEntry(
    _ name: String, _ value: JSONValue, _ error: (String, Int?) -> FormatError
  ) throws(FormatError) -> (name: String, dtype: DType, shape: [Int], begin: Int, end: Int) {
    let label = shown(name)
    guard case .object(let fields) = value else { throw error("the entry \(label) is not an object", 8) }
    var known: [String: JSONValue] = [:]
    for (key, value) in fields where ["dtype", "shape", "data_offsets"].contains(key) {
      guard known.updateValue(value, forKey: key) == nil else {
        throw error("the field \(key) of \(label) stands twice", 8)
      }
    }
    guard case .string(let typeName)? = known["dtype"] else { throw error("\(label) has no dtype", 8) }
    guard let dtype = DType(rawValue: typeName) else {
      throw error("\(label) has the element type \(shown(typeName)), which is not supported", 8)
    }
    guard case .array(let sizes)? = known["shape"] else { throw error("\(label) has no shape", 8) }
    var shape: [Int] = []
    var product = dtype.size
    for size in sizes {
      guard let size = size.size else {
        throw error("the shape of \(label) is not a list of whole numbers", 8)
      }
      shape.append(size)
      // Zeros are left out of this product: they would hide an overflow.
      let (next, overflow) = product.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow else { throw error("the shape of \(label) multiplies to more than 2^63", 8) }
      product = next
    }
    if shape.contains(0) { product = 0 }
    guard case .array(let offsets)? = known["data_offsets"], offsets.count == 2,
      let begin = offsets[0].size, let end = offsets[1].size, begin <= end
    else { throw error("the data_offsets of \(label) are not two whole numbers in order", 8) }
    guard end - begin == product else {
      throw error("\(label) is \(typeName) \(shape), which is \(product) bytes, but has \(end - begin)", 8)
    }
    return (name, dtype, shape, begin, end)
  }
}
