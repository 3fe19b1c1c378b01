import CZlib

/// The gzip format (RFC 1952), through zlib.
public enum Gzip {
  /// Whether the bytes begin as a gzip file does.
  public static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// What was compressed; several members are joined, as gzip joins them.
  /// - Parameter maximumSize: more than this is refused, in bytes.
  /// - Throws: `FormatError` for a truncated or damaged file, one with other bytes behind it, one too large.
  public static func inflate(
    _ bytes: [UInt8], source: String, maximumSize: Int = 4 << 30
  ) throws(FormatError) -> [UInt8] {
    guard isGzip(bytes) else { throw FormatError(source: source, offset: 0, message: "it is no gzip file") }
    var output: [UInt8] = []
    // The last four bytes hold the size, modulo 2³²: a hint, never trusted with much memory.
    let hint = bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    output.reserveCapacity(min(hint, maximumSize, 1 << 28))
    var position = 0
    while position < bytes.count {
      // Zeros after the last member are padding, anything else is damage.
      if bytes[position...].allSatisfy({ $0 == 0 }) { break }
      // A member cut after its first byte is left to zlib, which calls it truncated.
      guard bytes[position] == 0x1F, position + 1 == bytes.count || bytes[position + 1] == 0x8B else {
        throw FormatError(
          source: source, offset: position,
          message: "\(bytes.count - position) bytes behind the end of the gzip data belong to nothing")
      }
      position += try member(bytes, from: position, into: &output, source, maximumSize)
    }
    return output
  }

  /// Inflates one member and returns how many bytes it took.
  private static func member(
    _ bytes: [UInt8], from start: Int, into output: inout [UInt8], _ source: String, _ maximumSize: Int
  ) throws(FormatError) -> Int {
    var stream = z_stream()
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw FormatError(source: source, message: "zlib has no memory")
    }
    defer { inflateEnd(&stream) }
    var status = Z_OK
    var taken = start
    let chunkSize = 1 << 20
    while status != Z_STREAM_END {
      let available = min(bytes.count - taken, 1 << 30)
      var produced = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, count in
        bytes.withUnsafeBufferPointer { input in
          stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress! + taken)
          stream.avail_in = UInt32(available)
          stream.next_out = buffer.baseAddress
          stream.avail_out = UInt32(chunkSize)
          status = CZlib.inflate(&stream, Z_NO_FLUSH)
        }
        produced = chunkSize - Int(stream.avail_out)
        count = produced
      }
      taken += available - Int(stream.avail_in)
      output += chunk
      guard output.count <= maximumSize else {
        throw FormatError(source: source, message: "it unpacks to more than \(maximumSize) bytes")
      }
      if status == Z_STREAM_END { break }
      if status == Z_BUF_ERROR || (status == Z_OK && taken == bytes.count && produced == 0) {
        throw FormatError(source: source, offset: bytes.count, message: "the gzip file is truncated")
      }
      guard status == Z_OK else {
        let reason = stream.msg.map { String(cString: $0) } ?? "code \(status)"
        throw FormatError(source: source, offset: taken, message: "the gzip file is damaged: \(reason)")
      }
    }
    return taken - start
  }

  /// Compresses to one member without name and time, so that equal bytes give equal files.
  public static func deflate(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    let version = ZLIB_VERSION
    let size = Int32(MemoryLayout<z_stream>.size)
    guard deflateInit2_(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, version, size) == Z_OK else {
      return []
    }
    defer { deflateEnd(&stream) }
    let capacity = Int(deflateBound(&stream, UInt(bytes.count)))
    return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      bytes.withUnsafeBufferPointer { input in
        // zlib counts in 32 bits, so the rest is handed over piece by piece.
        var taken = 0
        var status = Z_OK
        while status == Z_OK {
          let piece = min(input.count - taken, 1 << 30)
          let room = min(capacity - count, 1 << 30)
          stream.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + taken) }
          stream.avail_in = UInt32(piece)
          stream.next_out = buffer.baseAddress! + count
          stream.avail_out = UInt32(room)
          status = CZlib.deflate(&stream, taken + piece == input.count ? Z_FINISH : Z_NO_FLUSH)
          taken += piece - Int(stream.avail_in)
          count += room - Int(stream.avail_out)
        }
      }
    }
  }
}
