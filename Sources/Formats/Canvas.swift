/// A picture in colours to draw on: areas, other pictures, lines and numbers. What lies outside is cut off.
public struct Canvas: Sendable {
  /// Red, green and blue from 0 to 255.
  public struct Color: Sendable, Equatable {
    public let red: UInt8
    public let green: UInt8
    public let blue: UInt8

    public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
      self.red = red
      self.green = green
      self.blue = blue
    }

    public static let white = Color(255, 255, 255)
    public static let black = Color(0, 0, 0)
    public static let gray = Color(128, 128, 128)
  }

  /// What was drawn so far, with three channels.
  public private(set) var picture: Picture

  /// - Precondition: width and height are positive.
  public init(width: Int, height: Int, background: Color = .white) {
    var pixels = [UInt8](repeating: background.red, count: width * height * 3)
    for pixel in 0..<width * height {
      pixels[3 * pixel + 1] = background.green
      pixels[3 * pixel + 2] = background.blue
    }
    picture = Picture(width: width, height: height, channels: 3, pixels: pixels)
  }

  /// One colour on the area from (x, y) on.
  public mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: Color) {
    let columns = max(0, x)..<max(0, x, min(picture.width, x + width))
    for row in max(0, y)..<max(0, y, min(picture.height, y + height)) {
      for column in columns {
        let place = 3 * (row * picture.width + column)
        picture.pixels[place] = color.red
        picture.pixels[place + 1] = color.green
        picture.pixels[place + 2] = color.blue
      }
    }
  }

  /// Another picture, its left upper corner at (x, y), each pixel a square of `scale` × `scale`.
  public mutating func draw(_ other: Picture, x: Int, y: Int, scale: Int = 1) {
    let colors = other.rgb()
    for row in 0..<other.height {
      for column in 0..<other.width {
        let place = 3 * (row * other.width + column)
        let color = Color(colors.pixels[place], colors.pixels[place + 1], colors.pixels[place + 2])
        fill(x: x + column * scale, y: y + row * scale, width: scale, height: scale, color)
      }
    }
  }

  /// A straight line, two pixels wide.
  public mutating func line(from: (x: Double, y: Double), to: (x: Double, y: Double), _ color: Color) {
    let limits = -1e6...1e6
    guard [from.x, from.y, to.x, to.y].allSatisfy(limits.contains) else { return }
    let steps = max(1, Int(max((to.x - from.x).magnitude, (to.y - from.y).magnitude).rounded(.up)))
    for step in 0...steps {
      let part = Double(step) / Double(steps)
      let x = Int((from.x + part * (to.x - from.x)).rounded())
      let y = Int((from.y + part * (to.y - from.y)).rounded())
      fill(x: x, y: y, width: 2, height: 2, color)
    }
  }

  /// A number, its left upper corner at (x, y): digits of 3 × 5 dots, each `scale` pixels wide.
  ///
  /// Characters other than `0`…`9`, `.`, `-` and `e` leave a gap.
  public mutating func number(_ text: String, x: Int, y: Int, scale: Int = 2, _ color: Color) {
    for (index, character) in text.enumerated() {
      guard let rows = Self.glyphs[character] else { continue }
      for (row, dots) in rows.enumerated() {
        for column in 0..<3 where dots & (4 >> column) != 0 {
          fill(
            x: x + (4 * index + column) * scale, y: y + row * scale, width: scale, height: scale, color)
        }
      }
    }
  }

  /// How wide `number` draws a text, in pixels.
  public static func width(of text: String, scale: Int = 2) -> Int { max(0, 4 * text.count - 1) * scale }

  /// Five rows of three dots each, the left one in the highest bit.
  private static let glyphs: [Character: [Int]] = [
    "0": [7, 5, 5, 5, 7], "1": [2, 6, 2, 2, 7], "2": [7, 1, 7, 4, 7], "3": [7, 1, 7, 1, 7],
    "4": [5, 5, 7, 1, 1], "5": [7, 4, 7, 1, 7], "6": [7, 4, 7, 5, 7], "7": [7, 1, 1, 1, 1],
    "8": [7, 5, 7, 5, 7], "9": [7, 5, 7, 1, 7], ".": [0, 0, 0, 0, 2], "-": [0, 0, 7, 0, 0],
    "e": [0, 7, 7, 4, 7],
  ]

  /// Pictures side by side in rows of `columns`, each as large as the largest, `gap` pixels apart.
  /// - Parameters:
  ///   - scale: how many pixels wide and high a pixel becomes.
  ///   - background: what shows between them.
  /// - Precondition: there is a picture, and `columns` and `scale` are positive.
  public static func grid(
    _ pictures: [Picture], columns: Int, scale: Int = 1, gap: Int = 2, background: Color = .gray
  ) -> Picture {
    let columns = min(columns, pictures.count)
    let rows = (pictures.count + columns - 1) / columns
    let width = scale * pictures.reduce(1) { max($0, $1.width) } + gap
    let height = scale * pictures.reduce(1) { max($0, $1.height) } + gap
    var canvas = Canvas(width: columns * width + gap, height: rows * height + gap, background: background)
    for (index, picture) in pictures.enumerated() {
      canvas.draw(picture, x: gap + index % columns * width, y: gap + index / columns * height, scale: scale)
    }
    return canvas.picture
  }
}
