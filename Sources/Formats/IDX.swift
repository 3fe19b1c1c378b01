/// An array in the IDX format, in which MNIST and Fashion-MNIST come.
///
/// `00 00 type ndim`, then `ndim` big-endian 32-bit sizes, then the values in C order.
/// - Source: http://yann.lecun.com/exdb/mnist/
public struct IDX: Sendable {
  /// The type of the values, with the format's numbers.
  public enum ElementType: UInt8, Sendable {
    case uint8 = 0x08
    case int8 = 0x09
    case int16 = 0x0B
    case int32 = 0x0C
    case float32 = 0x0D
    case float64 = 0x0E

    /// Bytes of a value.
    public var size: Int {
      switch self {
      case .uint8, .int8: 1
      case .int16: 2
      case .int32, .float32: 4
      case .float64: 8
      }
    }
  }

  /// The type of the values.
  public var elementType: ElementType
  /// The sizes, slowest first.
  public var shape: [Int]
  /// The values in C order and this machine's (little-endian) byte order.
  public var bytes: [UInt8]

  /// An array of `shape` whose values are `bytes`.
  public init(elementType: ElementType, shape: [Int], bytes: [UInt8]) {
    self.elementType = elementType
    self.shape = shape
    self.bytes = bytes
  }

  /// Reads a file, gzipped or plain, told apart by its content.
  public static func read(path: String) throws(FormatError) -> IDX {
    try parse(try FileIO.read(path), source: path)
  }

  /// Reads the bytes of a file, gzipped or plain.
  /// - Throws: `FormatError` naming the rule that is broken.
  public static func parse(_ given: [UInt8], source: String) throws(FormatError) -> IDX {
    guard !given.isEmpty else { throw FormatError(source: source, message: "the file is empty") }
    let bytes = Gzip.isGzip(given) ? try Gzip.inflate(given, source: source) : given
    guard bytes.count >= 4 else {
      throw FormatError(source: source, message: "it has \(bytes.count) bytes, an IDX file has at least 4")
    }
    guard bytes[0] == 0, bytes[1] == 0 else {
      throw FormatError(
        source: source, offset: 0, message: "it is no IDX file: that begins with two zero bytes")
    }
    guard let type = ElementType(rawValue: bytes[2]) else {
      throw FormatError(source: source, offset: 2, message: "the element type \(bytes[2]) is unknown")
    }
    let dimensions = Int(bytes[3])
    guard dimensions > 0 else {
      throw FormatError(source: source, offset: 3, message: "it has no dimensions")
    }
    let start = 4 + 4 * dimensions
    guard bytes.count >= start else {
      throw FormatError(
        source: source, offset: bytes.count, message: "the sizes of \(dimensions) dimensions are cut off")
    }
    var shape: [Int] = []
    var needed = type.size
    for index in 0..<dimensions {
      let size = bytes[(4 + 4 * index)..<(8 + 4 * index)].reduce(0) { $0 << 8 | Int($1) }
      // Zeros are left out of this product: they would hide an overflow.
      let (product, overflow) = needed.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow else {
        throw FormatError(
          source: source, offset: 4 + 4 * index, message: "the sizes multiply to more than 2^63")
      }
      shape.append(size)
      needed = product
    }
    if shape.contains(0) { needed = 0 }
    guard bytes.count - start == needed else {
      let what = bytes.count - start < needed ? "is truncated" : "has too many bytes"
      throw FormatError(
        source: source, offset: bytes.count,
        message: "it \(what): sizes \(shape) need \(needed) bytes of values, \(bytes.count - start) are there"
      )
    }
    var values = Array(bytes[start...])
    swapBytes(&values, ofEach: type.size)
    return IDX(elementType: type, shape: shape, bytes: values)
  }

  /// The file's bytes, not compressed.
  /// - Precondition: at most 255 dimensions, sizes below 2³², as many bytes as the sizes need.
  public func serialized() -> [UInt8] {
    var file: [UInt8] = [0, 0, elementType.rawValue, UInt8(shape.count)]
    for size in shape { withUnsafeBytes(of: UInt32(size).bigEndian) { file += $0 } }
    var values = bytes
    IDX.swapBytes(&values, ofEach: elementType.size)
    return file + values
  }

  private static func swapBytes(_ bytes: inout [UInt8], ofEach size: Int) {
    switch size {
    case 2: swapBytes(&bytes, as: UInt16.self)
    case 4: swapBytes(&bytes, as: UInt32.self)
    case 8: swapBytes(&bytes, as: UInt64.self)
    default: break
    }
  }

  private static func swapBytes<Word: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: inout [UInt8], as type: Word.Type
  ) {
    let size = MemoryLayout<Word>.size
    bytes.withUnsafeMutableBytes { buffer in
      for index in 0..<buffer.count / size {
        let word = buffer.loadUnaligned(fromByteOffset: index * size, as: type)
        buffer.storeBytes(of: word.byteSwapped, toByteOffset: index * size, as: type)
      }
    }
  }
}
