import CTurboJPEG

/// JPEG (ITU-T T.81) through libjpeg-turbo.
enum JPEG {
  static let signature: [UInt8] = [0xFF, 0xD8, 0xFF]

  static func decode(_ bytes: [UInt8], _ source: String) throws(FormatError) -> Picture {
    guard let decoder = tjInitDecompress() else {
      throw FormatError(source: source, message: "libjpeg-turbo has no memory")
    }
    defer { tjDestroy(decoder) }
    func error() -> FormatError {
      let reason = shown(String(cString: tjGetErrorStr2(decoder)))
      return FormatError(source: source, message: "the JPEG is damaged: \(reason)")
    }
    var (width, height, subsampling, space): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    guard
      tjDecompressHeader3(decoder, bytes, UInt(bytes.count), &width, &height, &subsampling, &space) == 0
    else { throw error() }
    try Picture.checkSize(Int(width), Int(height), source)
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
    let picture = Picture(width: Int(width), height: Int(height), channels: channels, pixels: pixels)
    return upright(picture, orientation(bytes))
  }

  /// EXIF's orientation, 1 to 8; 1, which is upright, when the file says nothing that makes sense.
  /// - Source: CIPA DC-008 (Exif 2.32), tag 0x0112.
  static func orientation(_ bytes: [UInt8]) -> Int {
    var position = 2
    while position + 4 <= bytes.count, bytes[position] == 0xFF {
      let marker = bytes[position + 1]
      // Fill bytes may stand before a marker.
      if marker == 0xFF {
        position += 1
        continue
      }
      // The picture's data begin, or its end is reached: no EXIF data follow.
      if marker == 0xDA || marker == 0xD9 { return 1 }
      let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
      let end = position + 2 + length
      guard length >= 2, end <= bytes.count else { return 1 }
      let segment = bytes[position + 4..<end]
      if marker == 0xE1, segment.starts(with: "Exif\0\0".utf8) {
        return tiffOrientation(Array(segment.dropFirst(6)))
      }
      position = end
    }
    return 1
  }

  /// The orientation in the first directory of EXIF's TIFF block.
  private static func tiffOrientation(_ tiff: [UInt8]) -> Int {
    let isLittleEndian = tiff.starts(with: "II*\0".utf8)
    guard isLittleEndian || tiff.starts(with: "MM\0*".utf8) else { return 1 }
    func number(at offset: Int, bytes count: Int) -> Int? {
      guard offset >= 0, offset + count <= tiff.count else { return nil }
      let field = tiff[offset..<offset + count]
      return isLittleEndian
        ? field.reversed().reduce(0) { $0 << 8 | Int($1) } : field.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(at: 4, bytes: 4), let count = number(at: directory, bytes: 2) else {
      return 1
    }
    let (orientationTag, short) = (0x0112, 3)
    for index in 0..<count {
      let entry = directory + 2 + 12 * index
      guard let tag = number(at: entry, bytes: 2) else { return 1 }
      guard tag == orientationTag else { continue }
      guard number(at: entry + 2, bytes: 2) == short, let value = number(at: entry + 8, bytes: 2),
        (1...8).contains(value)
      else { return 1 }
      return value
    }
    return 1
  }

  /// Turns and mirrors the stored rows and columns into what is seen.
  static func upright(_ picture: Picture, _ orientation: Int) -> Picture {
    guard orientation != 1 else { return picture }
    let (width, height, channels) = (picture.width, picture.height, picture.channels)
    let isTransposed = orientation >= 5
    let fromRight = [2, 3, 7, 8].contains(orientation)
    let fromBottom = [3, 4, 6, 7].contains(orientation)
    let (newWidth, newHeight) = isTransposed ? (height, width) : (width, height)
    let pixels = [UInt8](unsafeUninitializedCapacity: picture.pixels.count) { buffer, count in
      var target = 0
      for y in 0..<newHeight {
        for x in 0..<newWidth {
          let (column, row) = isTransposed ? (y, x) : (x, y)
          let source =
            (fromBottom ? height - 1 - row : row) * width + (fromRight ? width - 1 - column : column)
          for channel in 0..<channels {
            buffer.initializeElement(at: target, to: picture.pixels[source * channels + channel])
            target += 1
          }
        }
      }
      count = target
    }
    return Picture(width: newWidth, height: newHeight, channels: channels, pixels: pixels)
  }
}
