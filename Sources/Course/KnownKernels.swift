import Formats
import SwiftTorchLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension CourseRow {
  static let knownKernels = CourseRow(
    "C3", "known kernels on a real picture",
    notice:
      "a kernel that sums to 1 keeps the brightness, one that sums to 0 keeps only what changes."
  ) { lesson in
    let (source, photo) = try picture(lesson)
    lesson.say(
      """
      One kernel is moved over a whole picture, here over
      \(source).
      A semicolon ends a row of a kernel; all its numbers are divided by the divisor.
      """)
    let typed = "0 1 0; 1 -4 1; 0 1 0"
    var kernels = NamedKernel.allCases.map {
      (name: $0.rawValue, grid: $0.grid, divisor: $0.divisor, text: written($0.rows))
    }
    kernels.append(("your own", try NumberGrid(parsing: typed, "the kernel"), 1, typed))
    lesson.show(
      columns: ["tile", "kernel", "divisor", "numbers"],
      rows: kernels.enumerated().map { ["\($0 + 1)", $1.name, plain($1.divisor), "\"\($1.text)\""] })

    var tiles: [Picture] = []
    var rows: [[String]] = []
    for (index, kernel) in kernels.enumerated() {
      var filter = ImageFilter(kernel: kernel.grid)
      filter.padding = .same
      // A border of zeros would be an edge of its own.
      filter.paddingMode = .replicate
      let result = try FilteredPicture(filter(photo), .usual(for: kernel.grid))
      tiles.append(try result.picture())
      let numbers = kernel.grid.rows.flatMap { $0 }
      lesson.keep(kernel.name, numbers)
      lesson.keep("\(kernel.name), least and greatest", [result.least, result.greatest])
      rows.append(
        ["\(index + 1)", kernel.name]
          + [numbers.reduce(0, +), result.least, result.greatest].map(plain) + [result.scaling.rawValue])
    }
    lesson.say(
      """
      What comes out is not always a number from 0 to 255. `clamp` cuts off what is outside; `rescale`
      makes the least value black and the greatest white, so that a grey says: no change here.
      """)
    lesson.show(columns: ["tile", "kernel", "sum", "least", "greatest", "shown by"], rows: rows)
    let scale = max(1, 224 / max(tiles[0].width, tiles[0].height))
    try lesson.picture(
      Canvas.grid(tiles, columns: 3, scale: scale), "kernels",
      "the tiles row by row, 1 2 3 / 4 5 6 / 7 8 9")
    lesson.say(
      """
      With a photograph of yours, one kernel at a time or a kernel that you type:
          torchlayers filter photo.jpg --kernel sobel-x --padding same --output edges.png
          torchlayers filter photo.jpg --kernel "\(typed)" --padding same --output mine.png
      Put \(photoNames.joined(separator: " or ")) into \(lesson.folder) and all nine are shown of it.
      """)
  }
}

private let photoNames = ["photo.jpg", "photo.png"]

/// The longer side of a photograph is made no longer than this.
private let longestSide = 320

/// A photograph from the row's folder when there is one, else a boot; in words, and as float32 `[1, C, H, W]`.
private func picture(_ lesson: Lesson) throws -> (String, Tensor) {
  for name in photoNames {
    let path = "\(lesson.folder)/\(name)"
    guard FileManager.default.fileExists(atPath: path) else { continue }
    let photo = try Picture.read(path: path)
    let longer = max(photo.width, photo.height)
    func fit(_ side: Int) -> Int { longer <= longestSide ? side : max(1, side * longestSide / longer) }
    let shape = [photo.channels, fit(photo.height), fit(photo.width)]
    return (path, try photo.resized(to: shape).to(.float32))
  }
  let boot = try NamedDataset.fashionMNIST.load(.test).slice(0..<1).images
  return ("the first test picture of Fashion-MNIST, a boot of 28×28 pixels", try boot.to(.float32))
}

/// As one types a kernel: `0 1 0; 1 -4 1; 0 1 0`.
private func written(_ rows: [[Double]]) -> String {
  rows.map { $0.map(plain).joined(separator: " ") }.joined(separator: "; ")
}
