import Formats
import Foundation
import Testing

@Suite("filter and inspect")
struct LookTests {
  private static let drawing =
    "0 0 0 0 0 0; 0 1 0 0 .4 0; 0 0 0 .4 0 0; 0 0 0 0 .4 0; 0 0 0 .4 0 0; 0 0 0 0 .4 0"
  private static let diagonals = "0 0 .5; 0 .5 0; 0 0 .5"

  /// Light on the right: a vertical edge, in red only.
  private static let edge: Picture = {
    let dark: [UInt8] = [0, 50, 50]
    let light: [UInt8] = [100, 50, 50]
    let row = Array([dark, dark, dark, dark, light, light, light, light].joined())
    return Picture(width: 8, height: 6, channels: 3, pixels: Array([row, row, row, row, row, row].joined()))
  }()

  // MARK: filter

  @Test("C1 can be followed by eye: kernel, input and output as numbers")
  func numbers() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers("filter", "--input", Self.drawing, "--kernel", Self.diagonals)
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(
      ended.output.hasSuffix(
        "\noutput\n0.5  0.2    0  0.2\n  0    0  0.6    0\n  0  0.4    0  0.2\n  0    0  0.6    0\n"))
    try torchlayers.write("x.txt", Array(Self.drawing.replacing(";", with: "\n").utf8))
    let flags = ["--kernel", Self.diagonals, "--stride", "3", "--json"]
    let json = try torchlayers(["filter", "x.txt"] + flags).json()
    let values = try #require(json["values"] as? [[[Double]]])
    #expect(values[0].map { $0.map { ($0 * 10).rounded() / 10 } } == [[0.5, 0.2], [0, 0]])
    #expect(json["output_shape"] as? [Int] == [1, 2, 2])
  }

  @Test("a picture goes in and one comes out; edges are where they are, each channel by itself")
  func picture() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers.write("edge.png", Self.edge.pngData())
    let ended = try torchlayers("filter", "edge.png", "--kernel", "vertical-edges", "--output", "out.png")
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(
      ended.output == "size    3×6×8 becomes 3×4×6\nvalues  0 to 400, rescaled to 0…255\nfile    out.png\n")
    let out = try Picture.read(path: torchlayers.path("out.png"))
    // Red where the edge is, in each of the four rows; the flat green and blue channels become black.
    let row: [UInt8] = [0, 0, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0]
    let expected = [[UInt8]](repeating: row, count: 4).flatMap { $0 }
    #expect(out.width == 6 && out.height == 4)
    #expect(out.pixels == expected)
    let same = try torchlayers(
      "filter", "edge.png", "--kernel", "identity", "--padding", "same", "--padding-mode", "reflect",
      "--output",
      "same.png")
    #expect(same.output.contains("values  0 to 100, as they are"), "\(same.errors)")
    #expect(try Picture.read(path: torchlayers.path("same.png")) == Self.edge)
    let pooled = try torchlayers("filter", "edge.png", "--gray", "--pool", "max", "--numbers")
    #expect(
      pooled.output.contains("output\n35  35  65  65\n35  35  65  65\n35  35  65  65\n"), "\(pooled.output)")
  }

  @Test("a terminal gets both pictures in half blocks and 24-bit colour, a pipe or NO_COLOR never")
  func terminal() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers.write("edge.png", Self.edge.pngData())
    let call = "\(Command.program) filter edge.png --kernel identity"
    func typescript(_ environment: [String: String]) throws -> String {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["script", "-qec", call, "typescript"]
      process.currentDirectoryURL = torchlayers.folder
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      process.standardOutput = FileHandle.nullDevice
      process.standardInput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return String(decoding: try torchlayers.read("typescript"), as: UTF8.self)
    }
    let shown = try typescript(["TERM": "xterm-256color", "NO_COLOR": ""])
    // Three lines of 8 and 6 blocks, the second picture two pixels lower.
    #expect(shown.components(separatedBy: "▀").count == 3 * 8 + 2 * 6 + 1)
    #expect(shown.contains("\u{1B}[38;2;0;50;50m\u{1B}[48;2;0;50;50m▀"))
    #expect(!(try typescript(["TERM": "xterm-256color", "NO_COLOR": "1"])).contains("▀"))
    #expect(!(try typescript(["TERM": "dumb", "NO_COLOR": ""])).contains("▀"))
    #expect(!(try torchlayers("filter", "edge.png", "--kernel", "identity")).output.contains("\u{1B}"))
  }

  @Test("filter says what is wrong with its input, and writes nothing")
  func filterErrors() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers.write("edge.png", Self.edge.pngData())
    try torchlayers.write("broken.png", Array(try Self.edge.pngData().dropLast(20)))
    try torchlayers.write("words.txt", Array("some words".utf8))
    try torchlayers.write("x.gif", Array("GIF89a\u{1}\u{0}\u{1}\u{0}".utf8))
    func fails(_ status: Int32, _ arguments: [String], _ words: String...) throws {
      let ended = try torchlayers(["filter"] + arguments + ["--output", "no.png"])
      expectError(ended, status)
      for word in words { #expect(ended.sentence.contains(word), "\(ended.errors)") }
    }
    let box = ["--kernel", "box"]
    try fails(64, box, "give a picture")
    try fails(64, ["edge.png"], "give --kernel")
    try fails(64, ["edge.png", "--kernel", "sobelx"], "did you mean sobel-x?")
    try fails(1, ["edge.png", "--kernel", "1 2; 3"], "row 2 of the kernel has 1 number, row 1 has 2")
    try fails(1, ["edge.png", "--kernel", "-1 x"], "'x' in row 1, column 2 of the kernel")
    try fails(1, ["gone.png"] + box, "gone.png")
    try fails(1, ["broken.png"] + box, "the PNG is truncated")
    try fails(1, ["words.txt"] + box, "words.txt is no PNG or JPEG picture", "'some' in row 1")
    try fails(1, ["x.gif"] + box, "it is a GIF")
    try fails(1, ["-"] + box, "standard input has no numbers")
    try fails(1, ["--input", "1 2; 3 4"] + box, "the 3×3 kernel does not fit", "--padding")
    try fails(64, ["edge.png", "--padding", "some"] + box, "--padding must be a number, valid or same")
    try fails(64, ["edge.png", "--padding-mode", "mirror"] + box, "there is no padding mode 'mirror'")
    try fails(64, ["edge.png", "--padding-mode", "reflect"] + box, "needs --padding")
    try fails(1, ["edge.png", "--padding", "99999999999"] + box, "the padding must be from 0")
    try fails(1, ["edge.png", "--padding", "same", "--stride", "2"] + box, "needs stride 1")
    try fails(64, ["edge.png", "--pool", "mean"], "there is no pooling 'mean'")
    try fails(64, ["edge.png", "--pool", "max", "--stride", "2"], "belong to a kernel")
    try fails(1, ["edge.png", "--pool", "max", "--pool-size", "7"], "does not fit the 6×8 values")
    try fails(64, ["edge.png", "--scale", "clam"] + box, "did you mean clamp?")
    #expect(!FileManager.default.fileExists(atPath: torchlayers.path("no.png")))
    #expect(try torchlayers("filter", "--list").output.contains("-1  -2  -1"))
  }

  // MARK: inspect

  /// Squares at the left (class 0) and at the right (class 1) as the files of Fashion-MNIST, of which a
  /// network learns everything in one epoch.
  private func train(_ torchlayers: Command, count: Int = 300) throws {
    var pixels: [UInt8] = []
    for image in 0..<count {
      let (left, top) = (image % 2 == 0 ? 3 : 17, 4 + image / 2 % 12)
      for place in 0..<784 {
        let isInside = (left..<left + 8).contains(place % 28) && (top..<top + 8).contains(place / 28)
        pixels.append(isInside ? 200 : 0)
      }
    }
    let images = IDX(elementType: .uint8, shape: [count, 28, 28], bytes: pixels)
    let labels = IDX(elementType: .uint8, shape: [count], bytes: (0..<count).map { UInt8($0 % 2) })
    for part in ["train", "t10k"] {
      try torchlayers.write("data/\(part)-images-idx3-ubyte", images.serialized())
      try torchlayers.write("data/\(part)-labels-idx1-ubyte", labels.serialized())
    }
    let ended = try torchlayers(
      "train", "--model", "tiny", "--data-dir", "data", "--epochs", "2", "--batch-size", "20", "--threads",
      "1", "--output",
      "run")
    try #require(ended.status == 0, "\(ended.errors)")
  }

  @Test("inspect writes every picture and a page that needs nothing else")
  func inspect() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try train(torchlayers)
    let json = try torchlayers("inspect", "run", "--images", "250", "--json").json()
    let files = try #require(json["files"] as? [String])
    #expect(
      files == [
        "index.html", "picture.png", "saliency.png", "grad-cam.png", "classes.png", "kernels-0.png",
        "maps-0.png",
        "patches-0.png", "maps-1.png", "maps-2.png", "maps-3.png", "maps-4.png", "patches-4.png",
        "confusion.png",
        "loss.png", "accuracy.png",
      ])
    #expect(json["page"] as? String == "run/inspect/index.html" && json["count"] as? Int == 250)
    #expect(json["accuracy"] as? Double == 1)
    #expect((json["confusion"] as? [[Int]]).map { [$0[0][0], $0[1][1]] } == [125, 125])
    let written = try FileManager.default.contentsOfDirectory(atPath: torchlayers.path("run/inspect"))
    #expect(written.sorted() == files.sorted())
    for name in files where name.hasSuffix(".png") {
      let picture = try Picture.read(path: torchlayers.path("run/inspect/\(name)"))
      #expect(Set(picture.pixels).count > 1, "\(name) is empty")
    }
    try expectPictures(torchlayers)
    let page = String(decoding: try torchlayers.read("run/inspect/index.html"), as: UTF8.self)
    try expectSelfContained(page)
    #expect(page.contains("T-shirt/top") && page.contains("Layer 0: Conv2d(1, 8"))
    #expect(page.components(separatedBy: "data:image/png;base64,").count - 1 == 3 + 2 + 8)
    _ = try torchlayers("inspect", "run", "--test-index", "1", "--images", "20", "--output", "other")
    #expect(try torchlayers.read("other/picture.png") != torchlayers.read("run/inspect/picture.png"))
    #expect(try torchlayers.read("other/kernels-0.png") == torchlayers.read("run/inspect/kernels-0.png"))
  }

  /// The pictures of the first test image: a square of 200 from column 3, row 4 on.
  private func expectPictures(_ torchlayers: Command) throws {
    func read(_ name: String) throws -> Picture {
      try Picture.read(path: torchlayers.path("run/inspect/\(name).png"))
    }
    let picture = try read("picture")
    let factor = picture.width / 28
    #expect(factor >= 1 && picture.width == 28 * factor && picture.height == 28 * factor)
    for y in 0..<picture.height {
      for x in 0..<picture.width {
        let isInside = (3..<11).contains(x / factor) && (4..<12).contains(y / factor)
        for channel in 0..<picture.channels {
          #expect(
            picture.pixels[(y * picture.width + x) * picture.channels + channel] == (isInside ? 200 : 0))
        }
      }
    }
    /// The mean brightness over a square of pixels of the test image.
    func brightness(_ picture: Picture, _ columns: Range<Int>, _ rows: Range<Int>) -> Double {
      var (sum, count) = (0.0, 0.0)
      for y in 0..<picture.height where rows.contains(y * 28 / picture.height) {
        for x in 0..<picture.width where columns.contains(x * 28 / picture.width) {
          for channel in 0..<picture.channels {
            sum += Double(picture.pixels[(y * picture.width + x) * picture.channels + channel])
            count += 1
          }
        }
      }
      return sum / count
    }
    // Over the picture lies where the class was seen: at the square, not at the empty lower edge.
    let heat = try read("grad-cam")
    #expect(heat.width == picture.width && heat.channels == 3)
    #expect(brightness(heat, 3..<11, 4..<12) > brightness(heat, 0..<28, 20..<28) + 50)
    // The first layer's eight kernels of 3×3 and eight maps are not all alike.
    for name in ["kernels-0", "maps-0"] {
      let grid = try read(name)
      #expect(Set(grid.pixels).count >= 8, "\(name)")
    }
    let saliency = try read("saliency")
    #expect(saliency.width == picture.width && saliency.height == picture.height)
    #expect(try read("picture") != saliency && heat != saliency)
  }

  @Test("names from a run's files are text on the page, never tags; broken metrics are left out")
  func hostileNames() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try train(torchlayers, count: 60)
    var text = String(decoding: try torchlayers.read("run/config.json"), as: UTF8.self)
    let evil = "</p><script src='http://x.test/y'>&\\\""
    text = text.replacing("\"T-shirt/top\"", with: "\"\(evil)\"").replacing(
      "\"T-shirt\\/top\"", with: "\"\(evil)\"")
    try torchlayers.write("run/config.json", Array(text.utf8))
    try torchlayers.write(
      "run/metrics.csv", Array("epoch,train_loss,epoch\n1,nan,3\n2,-1e308\n3,1e400,,,,\nx,0x1p3\n".utf8))
    try torchlayers.write("<b>&.png", Self.edge.pngData())
    let ended = try torchlayers("inspect", "run", "--image", "<b>&.png", "--invert")
    #expect(ended.status == 0, "\(ended.errors)")
    let page = String(decoding: try torchlayers.read("run/inspect/index.html"), as: UTF8.self)
    try expectSelfContained(page)
    #expect(page.contains("&lt;/p&gt;&lt;script") && page.contains("&lt;b&gt;&amp;.png"))
    #expect(!page.contains("<script"))
    // No classes but the run's own.
    let short = text.replacing(",\"Ankle boot\"", with: "").replacing(",\n    \"Ankle boot\"", with: "")
    try torchlayers.write("run/config.json", Array(short.utf8))
    if short != text { expectError(try torchlayers("inspect", "run"), 1, "does not fit config.json") }
  }

  @Test("inspect says what is wrong, and writes nothing")
  func inspectErrors() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try train(torchlayers, count: 60)
    try torchlayers.write("words.txt", Array("some words".utf8))
    expectError(try torchlayers("inspect", "gone"), 1, "there is no run folder gone")
    expectError(try torchlayers("inspect", "run", "--test-index", "60"), 1, "has 60 test images", "no 60")
    expectError(try torchlayers("inspect", "run", "--test-index", "-1"), 64, "--test-index")
    expectError(try torchlayers("inspect", "run", "--image", "words.txt"), 1, "not an image but text")
    expectError(try torchlayers("inspect", "run", "--image", "a", "--test-index", "1"), 64, "one of them")
    expectError(try torchlayers("inspect", "run", "--images", "0"), 64, "--images must be positive")
    expectError(try torchlayers("inspect", "run", "--units", "0"), 64, "--units must be from 1 to 256")
    expectError(try torchlayers("inspect", "run", "--data-dir", "gone"), 1, "gone")
    #expect(!FileManager.default.fileExists(atPath: torchlayers.path("run/inspect")))
    expectError(try torchlayers("inspect", "run", "--output", "words.txt"), 1, "words.txt")
  }

  /// Every tag is closed in order, and nothing is fetched from elsewhere.
  private func expectSelfContained(_ page: String) throws {
    var open: [Substring] = []
    var balanced = true
    for tag in page.matches(of: /<(\/?)([a-zA-Z!][a-zA-Z0-9]*)((?:[^<>"]|"[^"<>]*")*?)(\/?)>/) {
      let name = tag.2
      if tag.1 == "/" {
        balanced = balanced && open.popLast() == name
      } else if tag.4.isEmpty, !["!doctype", "meta", "img"].contains(name) {
        open.append(name)
      }
      for attribute in tag.3.matches(of: /(src|href|action|data|poster)="([^"]*)"/) {
        #expect(attribute.2.hasPrefix("data:image/png;base64,"), "\(attribute.0.prefix(80))")
      }
      #expect(tag.3.firstMatch(of: /\son\w+=/) == nil && tag.3.firstMatch(of: /="[^"]*http/) == nil)
    }
    #expect(balanced && open.isEmpty, "\(open)")
    #expect(!page.contains("url(") && !page.contains("@import") && !page.contains("<link"))
    // A stray bracket would be one more than the tags have.
    let brackets = page.count { $0 == "<" }
    let tags = page.matches(of: /<[^<>]*>/).count
    #expect(brackets == tags)
  }
}
