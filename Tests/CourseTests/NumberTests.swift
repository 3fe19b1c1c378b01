import Course
import Formats
import Foundation
import SwiftTorchLayers
import Testing

@Suite("The course's rows give the course's numbers")
struct NumberTests {
  @Test("C1: the worked convolution with stride 1 and 3")
  func definition() throws {
    let numbers = try taught("C1").numbers
    #expect(
      close(numbers["output, stride 1"], [0.5, 0.2, 0, 0.2, 0, 0, 0.6, 0, 0, 0.4, 0, 0.2, 0, 0, 0.6, 0]))
    #expect(close(numbers["output, stride 3"], [0.5, 0.2, 0, 0]))
    #expect(numbers["second output"] == [4, 3, 4, 2, 4, 3, 2, 3, 4])
    #expect(numbers["second output, bias -3"] == [1, 0, 1, -1, 1, 0, -1, 0, 1])
    #expect(numbers["second output, bias -3, then ReLU"] == [1, 0, 1, 0, 1, 0, 0, 0, 1])
  }

  @Test("C2: one dimension")
  func oneDimension() throws {
    let numbers = try taught("C2").numbers
    #expect(close(numbers["y, zero padding 1"], [20, 40, 40, 30, 20, 30, 23.333], within: 5e-4))
    // Each number's right neighbour minus its left one.
    #expect(numbers["second y, zero padding 1"] == [50, 50, -40, -40, 20, 20, -30])
  }

  @Test("C3: the kernels' numbers, and what a bright pixel and an edge make of them")
  func knownKernels() throws {
    let lesson = try taught("C3")
    let numbers = lesson.numbers
    #expect(numbers["sobel-x"] == [-1, 0, 1, -2, 0, 2, -1, 0, 1])
    #expect(numbers["sobel-y"] == [-1, -2, -1, 0, 0, 0, 1, 2, 1])
    let row = [1.0, 4, 6, 4, 1]
    #expect(numbers["gaussian-blur"] == row.flatMap { y in row.map { y * $0 / 256 } })
    #expect(numbers["identity"] == [0, 0, 0, 0, 1, 0, 0, 0, 0])
    #expect(close(numbers["box-blur"], [Double](repeating: 1 / 9, count: 9)))
    #expect(numbers["sharpen"] == [0, -1, 0, -1, 5, -1, 0, -1, 0])
    #expect(numbers["emboss"] == [-2, -1, 0, -1, 1, 1, 0, 1, 2])
    #expect(numbers["outline"] == [-1, -1, -1, -1, 8, -1, -1, -1, -1])
    #expect(numbers["your own"] == [0, 1, 0, 1, -4, 1, 0, 1, 0])
    #expect(numbers["identity, least and greatest"] == [0, 255])
    #expect(lesson.pictures.map { ($0 as NSString).lastPathComponent } == ["kernels.png"])
  }

  @Test("C3: a photograph in the row's folder takes the place of the boot; a damaged one is named")
  func ownPhotograph() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: "\(folder)/C3", withIntermediateDirectories: true)
    var settings = Lesson.Settings()
    settings.folder = folder
    func teach() throws -> Lesson {
      let row = CourseRow.all.first { $0.name == "C3" }!
      let lesson = Lesson(row, settings, Lesson.Listener())
      try row.teach(lesson)
      return lesson
    }
    // Left dark, right light: a vertical edge in the middle of 4×6 colour pixels.
    let pixels = (0..<24).flatMap { [UInt8](repeating: $0 % 6 < 3 ? 10 : 60, count: 3) }
    try Picture(width: 6, height: 4, channels: 3, pixels: pixels).writePNG(to: "\(folder)/C3/photo.png")
    let lesson = try teach()
    #expect(lesson.numbers["identity, least and greatest"] == [10, 60])
    #expect(lesson.numbers["sobel-x, least and greatest"] == [0, 200])
    #expect(lesson.numbers["sobel-y, least and greatest"] == [0, 0])
    let tiles = try Picture.read(path: "\(folder)/C3/kernels.png")
    #expect(tiles.width == 3 * (6 * 37 + 2) + 2 && tiles.height == 3 * (4 * 37 + 2) + 2)

    try FileManager.default.removeItem(atPath: "\(folder)/C3/kernels.png")
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/C3/photo.png"))
    let error = #expect(throws: FormatError.self) { try teach() }
    #expect(error.map { "\($0)".contains("photo.png") } == true)
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/C3/kernels.png"))
  }

  @Test("C4: 6600 where the curve is, 0 where something else is, and its place in a larger picture")
  func pattern() throws {
    let numbers = try taught("C4").numbers
    #expect(numbers["answer"] == [6600])
    #expect(numbers["answer to something else"] == [0])
    #expect(numbers["place of the largest answer"] == [3, 4])
    #expect(numbers["answers"]?.max() == 6600)
  }

  @Test("C5: the worked outputs, every kind of border, same and valid of an even kernel")
  func paddingKinds() throws {
    let numbers = try taught("C5").numbers
    #expect(
      close(
        numbers["kernel of C1, zero padding 1"],
        [0.5, 0.2, 0, 0.2, 0, 0, 0.6, 0, 0, 0.4, 0, 0.2, 0, 0, 0.4, 0]))
    let edges = try #require(numbers["1 0 -1, zero padding 1"])
    #expect(edges.count == 36)
    #expect(Array(edges[..<6]) == [-10, 2, 1, -5, 7, 15])
    #expect(Array(edges[6..<12]) == [-15, 3, 0, -9, 11, 24])
    let borders: [(String, [Double])] = [
      ("zero", [0, 0, 1, 2, 4, 0, 0]), ("replicate", [1, 1, 1, 2, 4, 4, 4]),
      ("reflect", [4, 2, 1, 2, 4, 2, 1]), ("circular", [2, 4, 1, 2, 4, 1, 2]),
      ("mean", [7.0 / 3, 7.0 / 3, 1, 2, 4, 7.0 / 3, 7.0 / 3]), ("weighted 2 -1", [-1, 0, 1, 2, 4, 6, 8]),
    ]
    for (name, border) in borders { #expect(close(numbers["padding \(name)"], border), "\(name)") }
    #expect(
      numbers["plane with mean padding 1"] == [
        4, 4, 4, 4, 4, 4, 1, 2, 4, 4, 4, 3, 5, 9, 4, 4, 4, 4, 4, 4,
      ])
    // Rows first: 2·1 − 2 and 2·4 − 2, 2·3 − 5 and 2·9 − 5; then 2·row − the other.
    #expect(
      numbers["plane with weighted padding 1, 2 -1"] == [
        -1, -1, -1, -1, -1, 0, 1, 2, 4, 6, 1, 3, 5, 9, 13, 2, 5, 8, 14, 20,
      ])
    #expect(numbers["valid, kernel of 4"] == [4321, 5432])
    #expect(numbers["same, kernel of 4"] == [3210, 4321, 5432, 543, 54])
  }

  @Test("C6: (N + 2P − F)/S + 1, and one warning where it does not fit")
  func outputSize() throws {
    var said = ""
    let numbers = try taught("C6") { said += $0 + "\n" }.numbers
    #expect(numbers["N 32, F 5, P 0, S 1"] == [28, 28])
    #expect(numbers["N 7, F 3, P 0, S 1"] == [5, 5])
    #expect(numbers["N 7, F 3, P 0, S 2"] == [3, 3])
    #expect(close(numbers["N 7, F 3, P 0, S 3"], [2.33, 2], within: 5e-3))
    for (f, p) in [(1, 0), (3, 1), (5, 2), (7, 3), (11, 5)] {
      #expect(numbers["N 12, F \(f), P \(p), S 1"] == [12, 12])
    }
    #expect(numbers["warnings"] == [1])
    #expect(said.contains("stride 3 does not fit: (7 − 3)/3 + 1 = 2.33, PyTorch takes 2"))
  }

  @Test("C7: max, average and 2-max of C1's output; N-max from max to average")
  func pooling() throws {
    let numbers = try taught("C7").numbers
    #expect(close(numbers["max"], [0.5, 0.6, 0.4, 0.6]))
    #expect(close(numbers["average"], [0.175, 0.2, 0.1, 0.2]))
    #expect(close(numbers["2-max"], [0.35, 0.4, 0.2, 0.4]))
    #expect(numbers["second map, 1-max"] == [8, 6] && numbers["second map, max"] == [8, 6])
    #expect(numbers["second map, 2-max"] == [6.5, 5])
    #expect(numbers["second map, 4-max"] == [4, 3.5] && numbers["second map, average"] == [4, 3.5])
    #expect(numbers["gradient through max"] == [0, 0, 0, 0, 0, 12, 0, 6])
    #expect(numbers["gradient through 2-max"] == [0, 6, 0, 3, 0, 6, 0, 3])
    #expect(numbers["gradient through average"] == [3, 3, 1.5, 1.5, 3, 3, 1.5, 1.5])
  }

  @Test("C8: a mean for each map, no parameters")
  func globalAverage() throws {
    let numbers = try taught("C8").numbers
    #expect(numbers["means, 1×1×3"] == [4.5, 0.25, -2])
    #expect(numbers["parameters"] == [0])
    #expect(numbers["parameters of the dense head"] == [128 * 49 * 10 + 10])
    #expect(numbers["parameters of the pooled head"] == [128 * 10 + 10])
  }

  @Test("C9: K kernels make K maps; 3×5×5 becomes 2×3×3, its first number by hand")
  func channels() throws {
    let numbers = try taught("C9").numbers
    for k in [1, 2, 5] { #expect(numbers["\(k) kernels"] == [Double](repeating: 444, count: 4 * k)) }
    #expect(numbers["output shape"] == [2, 3, 3])
    let maps = try #require(numbers["maps"])
    #expect(maps.count == 18 && numbers["first number by hand"] == [maps[0]])
  }

  @Test("C10: two 3×3 maps become 18 values, map by map")
  func flatten() throws {
    let numbers = try taught("C10").numbers
    #expect(numbers["flattened"] == (1...18).map(Double.init))
    #expect(numbers["in the maps"] == [12] && numbers["in the row"] == [12])
  }

  @Test("C11: by hand and in the summary: inputs, weights, multiplications, receptive fields")
  func counting() throws {
    let numbers = try taught("C11").numbers
    #expect(numbers["inputs of 250×250×3"] == [187_500, 187_500])
    for c in [1.0, 16, 64] {
      let name = "C = \(Int(c))"
      #expect(numbers["one 7×7, \(name)"] == [49 * c * c, 49 * c * c])
      #expect(numbers["three 3×3, \(name)"] == [27 * c * c, 27 * c * c])
    }
    #expect(numbers["receptive fields"] == [7, 7, 7, 7])
    #expect(numbers["5×5, 200 to 32"] == [163_840_000, 163_840_000])
    #expect(numbers["1×1, 200 to 16"] == [3_276_800, 3_276_800])
    #expect(numbers["5×5, 16 to 32"] == [13_107_200, 13_107_200])
    #expect(numbers["both"] == [16_384_000, 16_384_000])
  }

  @Test("C12: three 3×3 see 7 pixels; stride and pooling multiply the jump")
  func receptiveField() throws {
    let numbers = try taught("C12").numbers
    // For each layer the field by hand and by the library, then the jump.
    #expect(numbers["three 3×3, stride 1"] == [3, 3, 1, 1, 5, 5, 1, 1, 7, 7, 1, 1])
    #expect(numbers["3×3 with stride 2, twice, then 3×3"] == [3, 3, 2, 2, 7, 7, 4, 4, 15, 15, 4, 4])
    #expect(numbers["3×3, max pooling 2, 3×3"] == [3, 3, 1, 1, 4, 4, 2, 2, 8, 8, 2, 2])
    // 3·3·7 ways up and down, and 0 1 3 6 7 6 3 1 from left to right.
    #expect(numbers["ways, middle row"] == [0, 0, 1, 3, 6, 7, 6, 3, 1, 0, 0].map { 7 * $0 })
    #expect(numbers["pixels with a gradient"] == [7])
  }

  @Test("C13: autograd, formula and correlation are equal; the step makes the error smaller")
  func backwards() throws {
    let numbers = try taught("C13").numbers
    // X₁₁δ₁₁ + X₁₂δ₁₂ + X₂₁δ₂₁ + X₂₂δ₂₂, then one place to the right, one down, and both.
    let expected: [Double] = [
      1 * 1 - 2 * -2 + 0.5 * 0.5 + 5 * 3, -2 * 1 + 3 * -2 + 5 * 0.5 - 6 * 3,
      0.5 * 1 + 5 * -2 + 7 * 0.5 + 1.5 * 3, 5 * 1 - 6 * -2 + 1.5 * 0.5 - 9 * 3,
    ]
    for way in ["autograd", "the formula", "correlation"] {
      #expect(numbers["∂E/∂W by \(way)"] == expected, "\(way)")
    }
    let gradient = try #require(numbers["∂E/∂W, the sum of the four"])
    #expect(gradient.count == 9 && gradient.contains { $0 != 0 })
    #expect(numbers["∂E/∂W, stride 2, by autograd"] == gradient)
    #expect(numbers["∂E/∂W, stride 2, by correlation"] == gradient)
    let patches = try ["11", "12", "21", "22"].map { try #require(numbers["patch \($0) times δ\($0)"]) }
    #expect(gradient.indices.map { place in patches.reduce(0) { $0 + $1[place] } } == gradient)
    let weights = try #require(numbers["W, 3×3"])
    #expect(numbers["W after a step of SGD"] == zip(weights, gradient).map { $0 - 0.0625 * $1 })
    #expect(numbers["W - η ∂E/∂W by hand"] == numbers["W after a step of SGD"])
    let (before, after) = (try #require(numbers["E before"]), try #require(numbers["E after"]))
    #expect(before[0] > 0 && after[0] < before[0])
  }

  @Test("C19: AlexNet's values, parameters, warning, towers, and a pass forwards and backwards")
  func alexnet() throws {
    var said = ""
    let numbers = try taught("C19") { said += $0 + "\n" }.numbers
    #expect(numbers["inputs"] == [150_528])
    #expect(
      numbers["values, 2012"] == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000])
    #expect(
      numbers["values, one tower"] == [193_600, 139_968, 64_896, 43_264, 43_264, 4096, 4096, 1000])
    #expect(numbers["parameters, 2012"] == [60_965_224])
    #expect(numbers["parameters, one tower"] == [61_100_840])
    #expect(numbers["warnings"] == [1])
    #expect(said.contains("stride 4 does not fit: (224 + 4 − 11)/4 + 1 = 55.25, PyTorch takes 55"))
    for (layer, seen) in [(2, 48.0), (3, 256), (4, 192), (5, 192)] {
      #expect(numbers["layer \(layer), maps seen by the first half"] == [seen])
    }
    for name in ["2012", "one tower"] {
      #expect(numbers["gradients, \(name)"] == [16, 16])
    }
    // ln 1000, and what uneven first guesses add.
    #expect(close(numbers["loss, one tower"], [6.91], within: 0.05))
    #expect(close(numbers["loss, 2012"], [7.5], within: 0.7))
  }
}
