/// A table of whole numbers from 0 to 255 written as text: a row is a line, with a comma between two numbers (CSV without
/// header and quotes). Pictures come so where each row holds the pixels of one, and its class.
///
///     0,0,128,255,7
///     0,9,0,31,2
public struct ByteTable: Equatable, Sendable {
  /// The numbers of a row.
  public let columns: Int
  /// Row by row.
  public let values: [UInt8]

  public var rows: Int { values.count / columns }

  /// One row's numbers.
  /// - Precondition: `row` is from 0 to `rows` − 1.
  public func row(_ row: Int) -> ArraySlice<UInt8> { values[row * columns..<(row + 1) * columns] }

  /// Reads a file, gzipped or plain, told apart by its content.
  public static func read(path: String) throws(FormatError) -> ByteTable {
    try parse(try FileIO.read(path), source: path)
  }

  /// Reads the bytes of a file, gzipped or plain. Lines end as on Unix or as on Windows; the last need not end.
  /// - Parameter maximumSize: a gzipped file that unpacks to more bytes is refused.
  /// - Throws: `FormatError` with the line: for what is no number from 0 to 255, and for a row that is shorter or longer
  ///   than the first.
  public static func parse(
    _ given: [UInt8], source: String, maximumSize: Int = 1 << 30
  ) throws(FormatError) -> ByteTable {
    let bytes =
      Gzip.isGzip(given) ? try Gzip.inflate(given, source: source, maximumSize: maximumSize) : given
    guard !bytes.isEmpty else { throw FormatError(source: source, message: "the table is empty") }
    var reader = Reader(source: source)
    reader.values.reserveCapacity(bytes.count / 2)
    for (offset, byte) in bytes.enumerated() { try reader.take(byte, at: offset) }
    if bytes.last != UInt8(ascii: "\n") { try reader.endLine(at: bytes.count) }
    return ByteTable(columns: reader.columns, values: reader.values)
  }

  private struct Reader {
    let source: String
    var values: [UInt8] = []
    /// Of the first line; 0 while it is read.
    var columns = 0
    private var line = 1
    private var rowStart = 0
    private var number = 0
    private var hasDigit = false
    /// After a carriage return only the line's end may come.
    private var isReturning = false

    init(source: String) { self.source = source }

    mutating func take(_ byte: UInt8, at offset: Int) throws(FormatError) {
      guard !isReturning || byte == UInt8(ascii: "\n") else {
        throw error("a carriage return stands within the line", offset)
      }
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        number = 10 * number + Int(byte - UInt8(ascii: "0"))
        hasDigit = true
        // Checked at each digit: a thousand of them must not overflow.
        guard number <= 255 else { throw error("numbers are from 0 to 255, this one is larger", offset) }
      case UInt8(ascii: ","): try endNumber(at: offset)
      case UInt8(ascii: "\n"): try endLine(at: offset)
      case UInt8(ascii: "\r"): isReturning = true
      default:
        let text = shown(String(UnicodeScalar(byte)))
        throw error("whole numbers from 0 to 255 with commas are needed, '\(text)' is there", offset)
      }
    }

    private mutating func endNumber(at offset: Int) throws(FormatError) {
      guard hasDigit else { throw error("a number is missing", offset) }
      values.append(UInt8(number))
      (number, hasDigit) = (0, false)
    }

    mutating func endLine(at offset: Int) throws(FormatError) {
      try endNumber(at: offset)
      let count = values.count - rowStart
      if columns == 0 { columns = count }
      guard count == columns else {
        throw error("it has \(count) numbers, line 1 has \(columns)", offset)
      }
      rowStart = values.count
      line += 1
      isReturning = false
    }

    private func error(_ text: String, _ offset: Int) -> FormatError {
      FormatError(source: source, offset: offset, message: "line \(line): \(text)")
    }
  }
}
