/// An image of 8-bit values, rows from the top, channels interleaved.
public struct Picture: Sendable, Equatable {
  /// Pixels in a row.
  public var width: Int
  /// Rows.
  public var height: Int
  /// 1 for grey, 3 for red, green and blue.
  public var channels: Int
  /// `height · width · channels` values from 0 (black) to 255, as the file has them: no gamma is applied.
  public var pixels: [UInt8]

  /// A picture of the given values.
  /// - Precondition: `pixels` has `width · height · channels` values; `channels` is 1 or 3.
  public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
    precondition(channels == 1 || channels == 3, "a picture has 1 or 3 channels, not \(channels)")
    precondition(
      pixels.count == width * height * channels, "the number of pixel values does not fit the size")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  /// More pixels than this are refused before memory is taken.
  static let maximumPixels = 100_000_000

  /// Reads a PNG or JPEG file, told apart by its content, not its name.
  ///
  /// What is transparent is laid over white. A JPEG is turned upright when its EXIF data says how.
  /// - Throws: `FormatError` saying what the file is instead, or what is damaged.
  public static func read(path: String) throws(FormatError) -> Picture {
    try decode(try FileIO.read(path), source: path)
  }

  /// Reads the bytes of a PNG or JPEG file, as `read(path:)` does.
  public static func decode(_ bytes: [UInt8], source: String) throws(FormatError) -> Picture {
    if bytes.starts(with: PNG.signature) { return try PNG.decode(bytes, source) }
    if bytes.starts(with: JPEG.signature) { return try JPEG.decode(bytes, source) }
    throw FormatError(source: source, message: "\(kind(of: bytes)); PNG and JPEG can be read")
  }

  /// The picture in grey: luma of ITU-R 601, `(19595·R + 38470·G + 7471·B + 32768) >> 16` as in Pillow.
  public func grayscale() -> Picture {
    guard channels == 3 else { return self }
    let grey = (0..<width * height).map { index -> UInt8 in
      let (red, green, blue) = (
        Int(pixels[3 * index]), Int(pixels[3 * index + 1]), Int(pixels[3 * index + 2])
      )
      return UInt8((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16)
    }
    return Picture(width: width, height: height, channels: 1, pixels: grey)
  }

  /// The picture with three channels; grey is repeated.
  public func rgb() -> Picture {
    guard channels == 1 else { return self }
    let colors = [UInt8](unsafeUninitializedCapacity: 3 * pixels.count) { buffer, count in
      for (index, value) in pixels.enumerated() {
        for channel in 0..<3 { buffer.initializeElement(at: 3 * index + channel, to: value) }
      }
      count = 3 * pixels.count
    }
    return Picture(width: width, height: height, channels: 3, pixels: colors)
  }

  /// The picture as a PNG file: grey or RGB, 8 bits.
  public func pngData() throws(FormatError) -> [UInt8] { try PNG.encode(self) }

  /// Writes a PNG file beside `path` and renames it.
  public func writePNG(to path: String) throws(FormatError) {
    try FileIO.writeAtomically(try pngData(), to: path)
  }

  /// Throws for a picture that no one means, before memory is taken for it.
  static func checkSize(_ width: Int, _ height: Int, _ source: String) throws(FormatError) {
    guard width * height <= maximumPixels else {
      throw FormatError(
        source: source, message: "it has \(width)x\(height) pixels, more than \(maximumPixels) are refused")
    }
  }

  /// What bytes that are neither PNG nor JPEG look like.
  private static func kind(of bytes: [UInt8]) -> String {
    let signatures: [(offset: Int, text: String, name: String)] = [
      (0, "GIF8", "a GIF"), (0, "BM", "a BMP"), (8, "WEBP", "a WebP"), (0, "II*\0", "a TIFF"),
      (0, "MM\0*", "a TIFF"), (4, "ftypheic", "a HEIC"), (4, "ftypheix", "a HEIC"), (4, "ftypmif1", "a HEIC"),
      (4, "ftypavif", "an AVIF"), (0, "%PDF", "a PDF"), (0, "PK\u{3}\u{4}", "a zip file"),
    ]
    if bytes.isEmpty { return "the file is empty" }
    for (offset, text, name) in signatures where bytes.dropFirst(offset).starts(with: text.utf8) {
      return "it is \(name)"
    }
    if Gzip.isGzip(bytes) { return "it is a gzip file" }
    return isText(bytes) ? "it is not an image but text" : "it is not an image"
  }

  /// Whether a file that is no picture looks like text: no control characters at its beginning.
  public static func isText(_ bytes: [UInt8]) -> Bool {
    if bytes.starts(with: PNG.signature) || bytes.starts(with: JPEG.signature) { return false }
    return bytes.prefix(512).allSatisfy { $0 >= 0x20 && $0 != 0x7F || (9...13).contains($0) }
  }
}
