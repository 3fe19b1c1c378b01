import Formats
import Foundation
import Testing

@Suite("Pictures")
struct PictureTests {
  @Test("PNG keeps every grey and colour value", arguments: [1, 3])
  func png(_ channels: Int) throws {
    let picture = Picture(
      width: 16, height: 16, channels: channels, pixels: (0..<256 * channels).map { UInt8($0 % 256) })
    #expect(try Picture.decode(picture.pngData(), source: "x") == picture)
  }

  @Test(
    "every kind of PNG becomes 8 bits; what is transparent is laid over white",
    arguments: [
      // Grey 10, 100, 200 with alpha 255, 128, 0.
      (
        "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABCAQAAACx6dw/AAAAD0lEQVR42mPg+p/ScIIBAAneAraJS3dJAAAAAElFTkSuQmCC", 1,
        [10, 177, 255]
      ),
      // A palette of three colours, the last with alpha 128.
      (
        "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABCAMAAAAsPuSGAAAACVBMVEX/AAAAyAAJCchY5YzVAAAAA3RSTlP//4A6co5hAAAADElE"
          + "QVR42mNgYGQCAAAIAAQIHWMKAAAAAElFTkSuQmCC", 3, [255, 0, 0, 0, 200, 0, 132, 132, 227]
      ),
      // 16-bit grey: 0, 0x8080, 0xFFFF.
      (
        "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABEAAAAABuG5crAAAAD0lEQVR42mNgYGho+P8fAAaEAv//G2LxAAAAAElFTkSuQmCC", 1,
        [0, 128, 255]
      ),
      // One bit: white, black, white.
      (
        "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABAQAAAAAzmykZAAAACklEQVR42mNYAAAAogChcQXLQQAAAABJRU5ErkJggg==", 1,
        [255, 0, 255]
      ),
      // Adam7-interlaced RGB, 3x3: 0, 9, 18 and so on.
      (
        "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAIAAAGuTRJ+AAAAKklEQVR42mNg4BRiMLP3YFi0esuNh68YpFV0GfYeO88QGJWcU1rX"
          + "PmEmAK7JDFgY9vI2AAAAAElFTkSuQmCC", 3, (0..<27).map { $0 * 9 }
      ),
    ] as [(String, Int, [UInt8])])
  func pngKinds(_ base64: String, _ channels: Int, _ expected: [UInt8]) throws {
    let picture = try Picture.decode(bytes(base64), source: "x")
    #expect(picture.channels == channels && picture.pixels == expected, "\(picture)")
  }

  @Test(
    "a PNG's gamma does not change its stored values",
    arguments: [
      // 16-bit grey, and RGB, without a chunk of their colours: one beside it would count more.
      "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABEAAAAABuG5crAAAAD0lEQVR42mNgYGho+P8fAAaEAv//G2LxAAAAAElFTkSuQmCC",
      "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAIAAAGuTRJ+AAAAKklEQVR42mNg4BRiMLP3YFi0esuNh68YpFV0GfYeO88QGJWcU1rX"
        + "PmEmAK7JDFgY9vI2AAAAAElFTkSuQmCC",
    ])
  func gamma(_ base64: String) throws {
    let plain = try bytes(base64)
    var file = plain
    // A chunk gAMA of 1.0, behind IHDR.
    file.insert(contentsOf: try bytes("AAAABGdBTUEAAYagMeiWXw=="), at: 33)
    #expect(try Picture.decode(file, source: "x") == Picture.decode(plain, source: "x"))
  }

  @Test("a picture of 400 megapixels is refused before memory is taken")
  func huge() throws {
    let file = try bytes(
      "iVBORw0KGgoAAAANSUhEUgAATiAAAE4gCAAAAADGGxnlAAAAC0lEQVR42mNggAEAAAoAAewkA7kAAAAASUVORK5CYII=")
    #expect(
      failure { () throws(FormatError) in try Picture.decode(file, source: "x") }
        == "x: it has 20000x20000 pixels, more than 100000000 are refused")
  }

  @Test("grey is ITU-R 601 in Pillow's integers")
  func grey() {
    let picture = Picture(width: 3, height: 1, channels: 3, pixels: [255, 0, 0, 0, 255, 0, 10, 20, 30])
    #expect(picture.grayscale().pixels == [76, 150, 18])
    #expect(picture.grayscale().rgb().pixels == [76, 76, 76, 150, 150, 150, 18, 18, 18])
  }

  @Test(
    "what is no picture is named",
    arguments: [
      ([], "empty"), (Array("GIF89a..".utf8), "GIF"), (Array("BM......".utf8), "BMP"),
      (Array("hello".utf8), "not an image but text"), ([0, 1, 2], "it is not an image;"),
      (Array("RIFF....WEBPVP8 ".utf8), "WebP"), ([0, 0, 0, 24] + Array("ftypheic".utf8), "HEIC"),
      (Gzip.deflate([1]), "gzip"),
    ] as [([UInt8], String)])
  func other(_ bytes: [UInt8], _ expected: String) {
    #expect(
      failure { () throws(FormatError) in try Picture.decode(bytes, source: "x") }?.contains(expected) == true
    )
  }

  @Test("every truncation of a PNG is an error, and no changed byte traps")
  func damagedPNG() throws {
    let file = try Picture(width: 5, height: 4, channels: 1, pixels: [UInt8](repeating: 9, count: 20))
      .pngData()
    for length in 0..<file.count {
      #expect(
        failure { () throws(FormatError) in try Picture.decode(Array(file[..<length]), source: "x") } != nil,
        "\(length) of \(file.count) bytes")
    }
    for position in file.indices {
      for value: UInt8 in [0, 1, 0x7F, 0xFF] {
        var changed = file
        changed[position] = value
        _ = failure { () throws(FormatError) in try Picture.decode(changed, source: "x") }
      }
    }
  }

  private func bytes(_ base64: String) throws -> [UInt8] {
    [UInt8](try #require(Data(base64Encoded: base64)))
  }
}
