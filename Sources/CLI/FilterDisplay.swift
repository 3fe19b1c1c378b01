import ArgumentParser
import Formats
import SwiftTorchLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What is filtered.
enum FilterSource {
  case picture(Picture)
  case numbers(NumberGrid)

  var isNumbers: Bool {
    if case .numbers = self { return true }
    return false
  }

  /// float32 `[1, channels, height, width]`; pixels from 0 to 255.
  func tensor() throws -> Tensor {
    switch self {
    case .picture(let picture):
      let pixels = try Tensor(picture.pixels, shape: [1, picture.height, picture.width, picture.channels])
      return try pixels.permute([0, 3, 1, 2]).contiguous().to(.float32)
    case .numbers(let grid):
      return try Tensor(
        grid.rows.flatMap { $0.map(Float.init) }, shape: [1, 1, grid.height, grid.width])
    }
  }

  func picture() throws -> Picture {
    if case .picture(let picture) = self { return picture }
    return try FilteredPicture(tensor(), .rescale).picture()
  }
}

extension Terminal {
  /// The size of the terminal that standard output is, in characters; nil for a file, a pipe, and a terminal
  /// that shows no colours or was asked for none.
  static var pictureSize: (columns: Int, rows: Int)? {
    let environment = ProcessInfo.processInfo.environment
    guard isatty(1) == 1, environment["NO_COLOR", default: ""].isEmpty,
      !["", "dumb", "linux"].contains(environment["TERM", default: ""])
    else { return nil }
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }
}

/// The rows of each channel of `[1, channels, height, width]`.
func planes(_ values: Tensor) throws -> [[[Double]]] {
  let shape = values.shape
  let all = try values.scalars(as: Double.self)
  return (0..<shape[1]).map { channel in
    (0..<shape[2]).map { row in
      let begin = (channel * shape[2] + row) * shape[3]
      return Array(all[begin..<begin + shape[3]])
    }
  }
}

/// Two pictures beside each other in half blocks: the upper pixel is the character's colour, the lower the
/// background's. Large ones are made smaller, both by the same factor.
func sideBySide(_ left: Picture, _ right: Picture, columns: Int, rows: Int) throws -> String {
  let gap = 2
  let widest = max(1, (columns - gap) / 2)
  let tallest = max(2, 2 * (rows - 4))
  let (width, height) = (max(left.width, right.width), max(left.height, right.height))
  let factor = min(1, Double(widest) / Double(width), Double(tallest) / Double(height))
  let pictures = try [left, right].map { picture in
    let shape = [
      3, max(1, Int(Double(picture.height) * factor)), max(1, Int(Double(picture.width) * factor)),
    ]
    let small = try picture.resized(to: shape).permute([0, 2, 3, 1]).contiguous().bytes()
    return Picture(width: shape[2], height: shape[1], channels: 3, pixels: small)
  }
  func color(_ picture: Picture, _ x: Int, _ y: Int) -> String? {
    guard y < picture.height else { return nil }
    let place = 3 * (y * picture.width + x)
    return picture.pixels[place..<place + 3].map(String.init).joined(separator: ";")
  }
  func line(_ picture: Picture, _ row: Int) -> String {
    guard 2 * row < picture.height else { return String(repeating: " ", count: picture.width) }
    var text = ""
    for x in 0..<picture.width {
      text += "\u{1B}[38;2;\(color(picture, x, 2 * row)!)m"
      text += color(picture, x, 2 * row + 1).map { "\u{1B}[48;2;\($0)m▀" } ?? "\u{1B}[49m▀"
    }
    return text + "\u{1B}[0m"
  }
  let lines = (pictures.map(\.height).max()! + 1) / 2
  return (0..<lines).map { row in
    pictures.map { line($0, row) }.joined(separator: String(repeating: " ", count: gap))
  }.joined(separator: "\n")
}
