import Formats
import Foundation
import Testing

@Suite("JPEG")
struct JPEGTests {
  /// Six grey tiles of 8x8 pixels, `20 60 100` above `140 180 220`, by Pillow: quality 90, optimize.
  private static let tiles = decoded(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU"
      + "FRUVDA8XGBYUGBIUFRT/wAALCAAQABgBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAABwn/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oA"
      + "CAEBAAA/AJvms1Gs1mp//9k=")
  /// 8x8 pixels of (200, 30, 90).
  private static let color = decoded(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU"
      + "FRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU"
      + "FBQUFBQUFBT/wAARCAAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAf/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QA"
      + "FQEBAQAAAAAAAAAAAAAAAAAAAgj/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCKAGtV/9k=")
  private static let fourInks = decoded(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAIBgYHBgUIBwcHCQkICgwUDQwLCwwZEhMPFB0aHx4dGhwcICQuJyAiLCMcHCg3KSwwMTQ0"
      + "NB8nOT04MjwuMzQy/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABQAAQAAAAAAAAAAAAAAAAAAAAf/xAAUEAEAAAAAAAAAAAAAAAAA"
      + "AAAA/9oADgRDAE0AWQBLAAA/AH8/n8/v/9k=")

  private static func decoded(_ base64: String) -> [UInt8] { [UInt8](Data(base64Encoded: base64)!) }

  /// The values in the middle of the 8x8 tiles, a list for each row.
  private func tileValues(_ picture: Picture) -> [[UInt8]] {
    stride(from: 4, to: picture.height, by: 8).map { y in
      stride(from: 4, to: picture.width, by: 8).map { x in picture.pixels[y * picture.width + x] }
    }
  }

  /// `tiles` with an EXIF block of one entry, written in the given byte order.
  private func file(orientation: Int, bigEndian: Bool, type: Int = 3) -> [UInt8] {
    func field(_ value: Int, _ size: Int) -> [UInt8] {
      let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      return bigEndian ? bytes.reversed() : bytes
    }
    let entry = field(0x112, 2) + field(type, 2) + field(1, 4) + field(orientation, 2) + [0, 0]
    let tiff =
      Array((bigEndian ? "MM" : "II").utf8) + field(42, 2) + field(8, 4) + field(1, 2) + entry + field(0, 4)
    let segment = Array("Exif\0\0".utf8) + tiff
    return Self.tiles[..<2] + [0xFF, 0xE1, 0, UInt8(segment.count + 2)] + segment + Self.tiles[2...]
  }

  @Test("a grey JPEG stays grey, a colour one has three channels")
  func kinds() throws {
    let grey = try Picture.decode(Self.tiles, source: "x")
    #expect(grey.width == 24 && grey.height == 16 && grey.channels == 1)
    #expect(tileValues(grey) == [[20, 60, 100], [140, 180, 220]])
    let color = try Picture.decode(Self.color, source: "x")
    #expect(color.width == 8 && color.height == 8 && color.channels == 3)
    // The decoder of Pillow, which is the same, gives (200, 31, 90).
    #expect(Array(color.pixels.prefix(3)) == [200, 31, 90])
  }

  @Test(
    "a photograph is turned upright as its EXIF orientation says",
    arguments: [
      [[20, 60, 100], [140, 180, 220]], [[100, 60, 20], [220, 180, 140]], [[220, 180, 140], [100, 60, 20]],
      [[140, 180, 220], [20, 60, 100]], [[20, 140], [60, 180], [100, 220]],
      [[140, 20], [180, 60], [220, 100]],
      [[220, 100], [180, 60], [140, 20]], [[100, 220], [60, 180], [20, 140]],
    ].enumerated().map { ($0.offset + 1, $0.element) } as [(Int, [[UInt8]])])
  func orientation(_ orientation: Int, _ expected: [[UInt8]]) throws {
    for bigEndian in [false, true] {
      let picture = try Picture.decode(file(orientation: orientation, bigEndian: bigEndian), source: "x")
      #expect(tileValues(picture) == expected)
    }
  }

  @Test("an orientation that makes no sense is ignored")
  func senselessOrientation() throws {
    let files = [file(orientation: 0, bigEndian: false), file(orientation: 9, bigEndian: true)]
    for file in files + [file(orientation: 6, bigEndian: false, type: 2)] {
      #expect(tileValues(try Picture.decode(file, source: "x")) == [[20, 60, 100], [140, 180, 220]])
    }
  }

  @Test("a JPEG of four inks is refused by name")
  func inks() {
    let message = failure { () throws(FormatError) in try Picture.decode(Self.fourInks, source: "x") }
    #expect(message?.contains("four inks (CMYK)") == true, "\(message ?? "no error")")
  }

  @Test("every truncation is an error, and no changed byte traps")
  func damage() {
    for file in [Self.color, file(orientation: 6, bigEndian: true)] {
      for length in 0..<file.count {
        #expect(
          failure { () throws(FormatError) in try Picture.decode(Array(file[..<length]), source: "x") }
            != nil,
          "\(length) of \(file.count) bytes")
      }
      for position in file.indices {
        for value: UInt8 in [0, 1, 0x7F, 0xD8, 0xFF] {
          var changed = file
          changed[position] = value
          _ = failure { () throws(FormatError) in try Picture.decode(changed, source: "x") }
        }
      }
    }
  }
}
