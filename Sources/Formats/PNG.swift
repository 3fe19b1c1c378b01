import CPNG

/// PNG (ISO/IEC 15948) through libpng's simplified interface.
enum PNG {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  static func decode(_ bytes: [UInt8], _ source: String) throws(FormatError) -> Picture {
    let plain = try withoutColorSpace(bytes, source)
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    // The bytes must stay where they are between libpng's two calls.
    let result: Result<Picture, FormatError> = plain.withUnsafeBytes { buffer in
      do throws(FormatError) {
        guard png_image_begin_read_from_memory(&image, buffer.baseAddress, buffer.count) != 0 else {
          throw error(image, source)
        }
        return .success(try finish(&image, source))
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  private static func finish(_ image: inout png_image, _ source: String) throws(FormatError) -> Picture {
    let (width, height) = (Int(image.width), Int(image.height))
    try Picture.checkSize(width, height, source)
    // 8-bit values of the file's own kind; a palette becomes colours.
    image.format &= UInt32(PNG_FORMAT_FLAG_COLOR) | UInt32(PNG_FORMAT_FLAG_ALPHA)
    // 16-bit values are taken as they are, not as linear light.
    image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
    let channels = image.format & UInt32(PNG_FORMAT_FLAG_COLOR) != 0 ? 3 : 1
    let hasAlpha = image.format & UInt32(PNG_FORMAT_FLAG_ALPHA) != 0
    let stored = channels + (hasAlpha ? 1 : 0)
    var values = [UInt8](repeating: 0, count: width * height * stored)
    guard png_image_finish_read(&image, nil, &values, Int32(width * stored), nil) != 0 else {
      throw error(image, source)
    }
    return Picture(
      width: width, height: height, channels: channels,
      pixels: hasAlpha ? overWhite(values, channels: channels) : values)
  }

  /// `round((v·α + 255·(255 − α)) / 255)` on the values as stored, as browsers and Pillow do; libpng's own
  /// composition works in linear light and gives other values.
  private static func overWhite(_ values: [UInt8], channels: Int) -> [UInt8] {
    let count = values.count / (channels + 1)
    return [UInt8](unsafeUninitializedCapacity: count * channels) { buffer, initialized in
      for pixel in 0..<count {
        let alpha = Int(values[pixel * (channels + 1) + channels])
        for channel in 0..<channels {
          let value = Int(values[pixel * (channels + 1) + channel])
          let mixed = (value * alpha + 255 * (255 - alpha) + 127) / 255
          buffer.initializeElement(at: pixel * channels + channel, to: UInt8(mixed))
        }
      }
      initialized = count * channels
    }
  }

  /// The file without the chunks from which libpng would compute other values than the stored ones.
  ///
  /// Checks on the way that the last chunk is there, which libpng does not look for.
  private static func withoutColorSpace(_ bytes: [UInt8], _ source: String) throws(FormatError) -> [UInt8] {
    var kept = signature
    kept.reserveCapacity(bytes.count)
    var position = signature.count
    while true {
      let rest = bytes.count - position
      let length = rest < 12 ? 0 : bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      guard rest >= 12 + length else {
        throw FormatError(source: source, offset: bytes.count, message: "the PNG is truncated")
      }
      let name = String(decoding: bytes[position + 4..<position + 8], as: UTF8.self)
      if !["gAMA", "cHRM", "sRGB", "iCCP"].contains(name) {
        kept += bytes[position..<position + 12 + length]
      }
      if name == "IEND" { return kept }
      position += 12 + length
    }
  }

  static func encode(_ picture: Picture) throws(FormatError) -> [UInt8] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(picture.width)
    image.height = UInt32(picture.height)
    image.format = picture.channels == 3 ? UInt32(PNG_FORMAT_FLAG_COLOR) : 0
    defer { png_image_free(&image) }
    // libpng says how much it needs when asked with no memory.
    var size = 0
    guard png_image_write_to_memory(&image, nil, &size, 0, picture.pixels, 0, nil) != 0 else {
      throw FormatError(
        source: "PNG", message: "a \(picture.width)x\(picture.height) picture cannot be written")
    }
    var file = [UInt8](repeating: 0, count: size)
    guard png_image_write_to_memory(&image, &file, &size, 0, picture.pixels, 0, nil) != 0 else {
      throw FormatError(
        source: "PNG", message: "a \(picture.width)x\(picture.height) picture cannot be written")
    }
    return Array(file.prefix(size))
  }

  private static func error(_ image: png_image, _ source: String) -> FormatError {
    let text = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return FormatError(source: source, message: "the PNG is damaged: \(shown(text))")
  }
}
