import CPNG
import CTurboJPEG

/// An image of 8-bit values, rows from the top, channels interleaved.
public struct Picture: Sendable, Equatable {
  public var width: Int
  public var height: Int
  /// 1 for grey, 3 for red, green and blue.
  public var channels: Int
  public var pixels: [UInt8]

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

  /// Reads a PNG or JPEG file, told apart by its content. What is transparent shows white.
  public static func read(path: String) throws(FormatError) -> Picture {
    try decode(try FileIO.read(path), source: path)
  }

  /// Reads the bytes of a PNG or JPEG file.
  /// - Throws: `FormatError` saying what the bytes are instead, or what is damaged.
  public static func decode(_ bytes: [UInt8], source: String) throws(FormatError) -> Picture {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      return try decodePNG(bytes, source)
    }
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return try decodeJPEG(bytes, source) }
    let what =
      if bytes.isEmpty {
        "the file is empty"
      } else if bytes.starts(with: "GIF8".utf8) {
        "it is a GIF"
      } else if bytes.starts(with: "BM".utf8) {
        "it is a BMP"
      } else if bytes.starts(with: "RIFF".utf8) {
        "it is a WebP or another RIFF file"
      } else if bytes.starts(with: [0x49, 0x49, 0x2A, 0]) || bytes.starts(with: [0x4D, 0x4D, 0, 0x2A]) {
        "it is a TIFF"
      } else {
        "it is not an image"
      }
    throw FormatError(source: source, message: "\(what); PNG and JPEG can be read")
  }

  private static func decodePNG(_ bytes: [UInt8], _ source: String) throws(FormatError) -> Picture {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    func error(_ image: png_image) -> FormatError {
      let text = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      return FormatError(source: source, message: "the PNG is damaged: \(text)")
    }
    // The bytes must stay where they are between the two calls.
    let result: Result<Picture, FormatError> = bytes.withUnsafeBytes { buffer in
      guard png_image_begin_read_from_memory(&image, buffer.baseAddress, buffer.count) != 0 else {
        return .failure(error(image))
      }
      let (width, height) = (Int(image.width), Int(image.height))
      guard width * height <= maximumPixels else {
        return .failure(FormatError(source: source, message: "\(width)x\(height) pixels are too many"))
      }
      let isColor = image.format & UInt32(PNG_FORMAT_FLAG_COLOR) != 0
      image.format = isColor ? UInt32(PNG_FORMAT_FLAG_COLOR) : 0
      // 16-bit values are taken as they are, not as linear light.
      image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
      let channels = isColor ? 3 : 1
      var white = png_color(red: 255, green: 255, blue: 255)
      var pixels = [UInt8](repeating: 0, count: width * height * channels)
      guard png_image_finish_read(&image, &white, &pixels, Int32(width * channels), nil) != 0 else {
        return .failure(error(image))
      }
      return .success(Picture(width: width, height: height, channels: channels, pixels: pixels))
    }
    return try result.get()
  }

  private static func decodeJPEG(_ bytes: [UInt8], _ source: String) throws(FormatError) -> Picture {
    guard let decoder = tjInitDecompress() else {
      throw FormatError(source: source, message: "libjpeg-turbo has no memory")
    }
    defer { tjDestroy(decoder) }
    func error() -> FormatError {
      FormatError(source: source, message: "the JPEG is damaged: \(String(cString: tjGetErrorStr2(decoder)))")
    }
    var (width, height, subsampling, space): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    guard
      tjDecompressHeader3(decoder, bytes, UInt(bytes.count), &width, &height, &subsampling, &space) == 0
    else { throw error() }
    guard Int(width) * Int(height) <= maximumPixels else {
      throw FormatError(source: source, message: "\(width)x\(height) pixels are too many")
    }
    guard space != TJCS_CMYK.rawValue, space != TJCS_YCCK.rawValue else {
      throw FormatError(source: source, message: "the JPEG has four inks (CMYK); convert it to RGB")
    }
    let isGrey = space == TJCS_GRAY.rawValue
    let channels = isGrey ? 1 : 3
    var pixels = [UInt8](repeating: 0, count: Int(width) * Int(height) * channels)
    let format = Int32((isGrey ? TJPF_GRAY : TJPF_RGB).rawValue)
    // A warning (a truncated file) is an error here: half a picture is not the picture.
    guard tjDecompress2(decoder, bytes, UInt(bytes.count), &pixels, width, 0, height, format, 0) == 0 else {
      throw error()
    }
    return Picture(width: Int(width), height: Int(height), channels: channels, pixels: pixels)
  }

  /// The picture in grey, by ITU-R 601 in the integers that Pillow uses.
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
    return Picture(width: width, height: height, channels: 3, pixels: pixels.flatMap { [$0, $0, $0] })
  }

  /// The picture as a PNG file.
  public func pngData() throws(FormatError) -> [UInt8] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format = channels == 3 ? UInt32(PNG_FORMAT_FLAG_COLOR) : 0
    defer { png_image_free(&image) }
    // libpng says how much it needs at most when asked with no memory.
    var size = 0
    guard png_image_write_to_memory(&image, nil, &size, 0, pixels, 0, nil) != 0 else {
      throw FormatError(source: "PNG", message: "a \(width)x\(height) picture cannot be written")
    }
    var file = [UInt8](repeating: 0, count: size)
    guard png_image_write_to_memory(&image, &file, &size, 0, pixels, 0, nil) != 0 else {
      throw FormatError(source: "PNG", message: "a \(width)x\(height) picture cannot be written")
    }
    return Array(file.prefix(size))
  }

  /// Writes a PNG file beside `path` and renames it.
  public func writePNG(to path: String) throws(FormatError) {
    try FileIO.writeAtomically(try pngData(), to: path)
  }
}
