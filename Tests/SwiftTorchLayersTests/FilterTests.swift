import SwiftTorchLayers
import Testing

/// A table of numbers as an image of one channel.
private func image(_ text: String) throws -> Tensor {
  let grid = try NumberGrid(parsing: text, "the input")
  return try Tensor(
    grid.rows.flatMap { $0.map(Float.init) }, shape: [1, 1, grid.height, grid.width])
}

private func filter(_ kernel: String, _ change: (inout ImageFilter) -> Void = { _ in }) throws -> ImageFilter
{
  var made = ImageFilter(kernel: try NumberGrid(parsing: kernel, "the kernel"))
  change(&made)
  return made
}

/// Whether the output is these rows, to a few ulps of sums of small numbers.
private func expect(
  _ output: Tensor, _ rows: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let expected = try image(rows)
  #expect(output.shape == expected.shape, sourceLocation: sourceLocation)
  let distance = try (output - expected).abs().max().item(as: Double.self)
  let numbers = try output.scalars(as: Float.self)
  #expect(distance < 1e-5, "\(numbers)", sourceLocation: sourceLocation)
}

private let drawing = "0 0 0 0 0 0; 0 1 0 0 .4 0; 0 0 0 .4 0 0; 0 0 0 0 .4 0; 0 0 0 .4 0 0; 0 0 0 0 .4 0"
private let diagonals = "0 0 .5; 0 .5 0; 0 0 .5"

@Suite("Filters")
struct FilterTests {
  @Test("C1: both worked examples, with stride 1 and 3")
  func definition() throws {
    let first = try filter(diagonals)(image(drawing))
    try expect(first, ".5 .2 0 .2; 0 0 .6 0; 0 .4 0 .2; 0 0 .6 0")
    try expect(try filter(diagonals) { $0.stride = 3 }(image(drawing)), ".5 .2; 0 0")
    let cross = try filter("1 0 1; 0 1 0; 1 0 1")
    try expect(
      try cross(image("1 1 1 0 0; 0 1 1 1 0; 0 0 1 1 1; 0 0 1 1 0; 0 1 1 0 0")), "4 3 4; 2 4 3; 2 3 4")
  }

  @Test("C5: zero padding, by number and as same")
  func zeroPadding() throws {
    let input = try image("1 0 0 .4; 0 0 .4 0; 0 0 0 .4; 0 0 .4 0")
    for padding in [Padding.explicit([1, 1]), .same] {
      try expect(
        try filter(diagonals) { $0.padding = padding }(input), ".5 .2 0 .2; 0 0 .6 0; 0 .4 0 .2; 0 0 .4 0")
    }
  }

  @Test(
    "padding modes fill the border as they say",
    arguments: [
      (.zeros, "0 1 2 0"), (.replicate, "1 1 2 2"), (.reflect, "2 1 2 1"), (.circular, "2 1 2 1"),
    ] as [(PaddingMode, String)])
  func modes(_ mode: PaddingMode, _ row: String) throws {
    // The identity shows the padded picture's middle; a shifted one its border.
    let rows = try NumberGrid(parsing: row, "row").rows[0]
    for (kernel, offset) in [("1 0 0", 0), ("0 1 0", 1), ("0 0 1", 2)] {
      let output = try filter(kernel) {
        $0.padding = .explicit([0, 1])
        $0.paddingMode = mode
      }(image("1 2"))
      #expect(try output.scalars(as: Double.self) == Array(rows[offset..<offset + 2]), "\(kernel)")
    }
  }

  @Test("C4: a curve that fits its filter gives 6600")
  func pattern() throws {
    let curve = "0 0 30; 0 30 0; 30 0 0; 30 0 0; 30 0 0"
    let patch = "0 0 50; 0 50 0; 50 0 0; 50 0 0; 20 0 0"
    try expect(try filter(curve)(image(patch)), "6600")
  }

  @Test("C7: pooling of C1's output, without and with its kernel")
  func pooling() throws {
    var plain = ImageFilter()
    plain.pooling = .average
    try expect(
      try plain(image(".5 .2 0 .2; 0 0 .6 0; 0 .4 0 .2; 0 0 .6 0")), ".175 .2; .1 .2")
    try expect(try filter(diagonals) { $0.pooling = .max }(image(drawing)), ".5 .6; .4 .6")
    try expect(
      try filter(diagonals) {
        $0.pooling = .max
        $0.poolSize = 3
        $0.poolStride = 1
      }(image(drawing)), ".6 .6; .6 .6")
  }

  @Test(
    "C3: blurs keep a grey area, edge kernels empty it, sharpen and emboss keep it",
    arguments: NamedKernel.allCases)
  func sums(_ kernel: NamedKernel) throws {
    let flat = try Tensor.full([1, 3, 7, 7], 100.0)
    let output = try ImageFilter(kernel: kernel.grid)(flat).scalars(as: Float.self)
    let expected: Float = [.sobelX, .sobelY, .outline].contains(kernel) ? 0 : 100
    #expect(output.allSatisfy { ($0 - expected).magnitude < 1e-4 }, "\(output[0])")
  }

  @Test("C3: Sobel's and Gauss' numbers are the course's")
  func named() throws {
    #expect(NamedKernel.sobelX.grid == (try NumberGrid(parsing: "-1 0 1\n-2 0 2\n-1 0 1", "")))
    #expect(NamedKernel.sobelY.grid == (try NumberGrid(parsing: "-1,-2,-1; 0,0,0; 1,2,1", "")))
    let row = [1.0, 4, 6, 4, 1]
    #expect(NamedKernel.gaussianBlur.grid.rows == row.map { a in row.map { a * $0 / 256 } })
    #expect(
      NamedKernel.boxBlur.grid == (try NumberGrid(parsing: "1/9 1/9 1/9; 1/9 1/9 1/9; 1/9 1/9 1/9", "")))
  }

  @Test("each channel is filtered by itself")
  func channels() throws {
    let colors = try cat([try image("1 2; 3 4"), try image("5 6; 7 8"), try image("0 0; 0 1")], dim: 1)
    #expect(try filter("1 0; 0 1")(colors).scalars(as: Float.self) == [5, 13, 1])
  }

  @Test("an even kernel with same gets one more row at the bottom and column at the right")
  func even() throws {
    try expect(try filter("1 1; 1 1") { $0.padding = .same }(image("1 2; 3 4")), "10 6; 7 4")
  }

  @Test("what does not fit is said in a sentence")
  func bad() throws {
    let input = try image("1 2; 3 4")
    func expectMessage(
      _ words: String, _ kernel: String = "1", sourceLocation: SourceLocation = #_sourceLocation,
      _ change: (inout ImageFilter) -> Void
    ) throws {
      let made = try filter(kernel, change)
      let said = message { try made(input) }
      #expect(said.contains(words), "\(said)", sourceLocation: sourceLocation)
    }
    try expectMessage("the picture's height is 2; give --padding or a larger one", "1 1 1; 1 1 1; 1 1 1") {
      _ in
    }
    try expectMessage("the picture's width is 2, 4 with padding", "1 1 1 1 1") {
      $0.padding = .explicit([0, 1])
    }
    try expectMessage("the stride must be from 1") { $0.stride = 0 }
    try expectMessage("the stride must be from 1") { $0.stride = Int.max }
    try expectMessage("the padding must be from 0") { $0.padding = .explicit([Int.max, 1]) }
    try expectMessage("the padding must be from 0") { $0.padding = .explicit([-1, -1]) }
    try expectMessage("4295229444 pixels") { $0.padding = .explicit([1 << 15, 1 << 15]) }
    try expectMessage("needs stride 1, not 2", "1 1 1") {
      $0.padding = .same
      $0.stride = 2
    }
    try expectMessage("use replicate") {
      $0.padding = .explicit([2, 2])
      $0.paddingMode = .reflect
    }
    try expectMessage("goes around more than once") {
      $0.padding = .explicit([3, 3])
      $0.paddingMode = .circular
    }
    try expectMessage("pooling 3×3 does not fit") {
      $0.pooling = .max
      $0.poolSize = 3
    }
    try expectMessage("must be positive") {
      $0.pooling = .max
      $0.poolStride = 0
    }
  }

  @Test(
    "numbers that cannot be read are named by row and column",
    arguments: [
      ("0 1; 1", "row 2 of x has 1 number, row 1 has 2"), ("1 2; 3 x", "'x' in row 2, column 2 of x"),
      ("", "x has no numbers"), (" ; \n;", "x has no numbers"), ("nan", "'nan'"), ("1e999", "'1e999'"),
      ("1/0", "'1/0'"), ("0x10", "'0x10'"), ("1 /2", "'/2'"), ("1/2/3", "'1/2/3'"), ("\u{1B}[2J", "'?[2J'"),
      (String(repeating: "9", count: 400), "99…'"),
      (String(repeating: "1 ", count: 70_000), "more than 65536 numbers"),
    ])
  func unreadable(_ text: String, _ words: String) {
    let said = message { try NumberGrid(parsing: text, "x") }
    #expect(said.contains(words), "\(said)")
  }

  @Test("clamping cuts, rescaling stretches, and the summary says which")
  func scaling() throws {
    let values = try image("-100 0; 100 300")
    let clamped = try FilteredPicture(values, .clamp)
    #expect(try clamped.picture().pixels == [0, 0, 100, 255])
    #expect(clamped.summary == "-100 to 300, clamped to 0…255")
    let rescaled = try FilteredPicture(values, .rescale)
    #expect(try rescaled.picture().pixels == [0, 64, 128, 255])
    #expect(rescaled.summary == "-100 to 300, rescaled to 0…255")
    #expect(try FilteredPicture(image("7 7"), .rescale).picture().pixels == [0, 0])
    #expect(try FilteredPicture(image("7 7"), .clamp).summary == "7 to 7, as they are")
    #expect(FilteredPicture.Scaling.usual(for: NamedKernel.outline.grid) == .rescale)
    #expect(FilteredPicture.Scaling.usual(for: NamedKernel.gaussianBlur.grid) == .clamp)
  }
}
