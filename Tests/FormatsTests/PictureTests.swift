import Formats
import Foundation
import Testing

@Suite("Pictures and files")
struct PictureTests {
  private func folder() throws -> URL {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("formats-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url
  }

  @Test("PNG keeps every grey and colour value", arguments: [1, 3])
  func png(_ channels: Int) throws {
    let picture = Picture(
      width: 16, height: 16, channels: channels, pixels: (0..<256 * channels).map { UInt8($0 % 256) })
    #expect(try Picture.decode(picture.pngData(), source: "x") == picture)
  }

  @Test("a JPEG of 16x8 grey values decodes to its size and about its values")
  func jpeg() throws {
    // Pillow 12: Image.fromarray(full((8, 16), 200, uint8)).save(f, "JPEG", quality=90)
    let data = try #require(Data(base64Encoded: Self.greyJPEG))
    let picture = try Picture.decode([UInt8](data), source: "x")
    #expect(picture.width == 16 && picture.height == 8 && picture.channels == 1)
    #expect(picture.pixels.allSatisfy { abs(Int($0) - 200) <= 1 })
    let cut = failure { () throws(FormatError) in try Picture.decode([UInt8](data.prefix(200)), source: "x") }
    #expect(cut?.contains("the JPEG is damaged") == true)
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
      (Array("hello".utf8), "not an image"),
    ] as [([UInt8], String)])
  func other(_ bytes: [UInt8], _ expected: String) {
    #expect(
      failure { () throws(FormatError) in try Picture.decode(bytes, source: "x") }?.contains(expected) == true
    )
  }

  @Test("every truncation of a PNG is an error")
  func truncatedPNG() throws {
    let data = try Picture(width: 5, height: 4, channels: 1, pixels: [UInt8](repeating: 9, count: 20))
      .pngData()
    for length in 0..<data.count - 12 {  // the last chunk holds nothing
      #expect(
        failure { () throws(FormatError) in try Picture.decode(Array(data[..<length]), source: "x") } != nil)
    }
  }

  @Test("an atomic write replaces the file or leaves it alone, and leaves nothing beside it")
  func atomicWrite() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("a").path
    try FileIO.writeAtomically([1, 2], to: path)
    try FileIO.writeAtomically([3], to: path)
    #expect(try FileIO.read(path) == [3])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a"])
    for bad in [path + "/below-a-file", folder.path + "/none/x", "/proc/x", folder.path, "/dev/null"] {
      let message = failure { () throws(FormatError) in try FileIO.writeAtomically([1], to: bad) }
      #expect(message?.hasPrefix("\(bad): cannot be written: ") == true)
    }
    #expect(failure { () throws(FormatError) in try FileIO.read(folder.path) }?.contains("folder") == true)
    #expect(
      failure { () throws(FormatError) in try FileIO.read(path + ".none") }?.contains("No such file") == true)
  }

  private static let greyJPEG =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU"
    + "FRUVDA8XGBYUGBIUFRT/wAALCAAIABABAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF"
    + "BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW"
    + "V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi"
    + "4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APsCiv/Z"
}
