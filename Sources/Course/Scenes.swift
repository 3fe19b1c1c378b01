import Formats
import SwiftTorchLayers

/// A rectangle in pixels, from (left, top) up to (right, bottom).
struct Box: Equatable, Sendable {
  var left: Double
  var top: Double
  var right: Double
  var bottom: Double

  var area: Double { max(0, right - left) * max(0, bottom - top) }

  /// Intersection over union, 0 (apart) to 1 (the same): what both cover by what either covers.
  func iou(_ other: Box) -> Double {
    let common = Box(
      left: max(left, other.left), top: max(top, other.top), right: min(right, other.right),
      bottom: min(bottom, other.bottom)
    ).area
    let either = area + other.area - common
    return either > 0 ? common / either : 0
  }
}

/// A made picture of 64×64 pixels in colour, and what is to be seen in it: one to three discs, squares and triangles
/// in bright colours on a dim background with a texture.
struct Scene: Equatable, Sendable {
  enum Shape: Int, CaseIterable, Sendable {
    case disc
    case square
    case triangle

    /// The colour of its boxes and masks in our pictures.
    var color: Canvas.Color {
      switch self {
      case .disc: Canvas.Color(230, 60, 50)
      case .square: Canvas.Color(40, 110, 240)
      case .triangle: Canvas.Color(30, 170, 60)
      }
    }
  }

  struct Object: Equatable, Sendable {
    let shape: Shape
    /// The smallest box around its pixels.
    let box: Box
  }

  static let size = 64

  let picture: Picture
  /// Their centres lie in different cells of a grid of 8×8 pixels.
  let objects: [Object]
  /// For every pixel, rows from the top, 0 for the background or 1 + the number of the shape.
  let mask: [UInt8]

  /// Scenes to measure with have numbers from here on, so that no training sees them.
  static let firstHeldOut = 1_000_000_000

  /// The same seed and number give the same scene.
  init(seed: UInt64, number: Int) {
    var random = SeededNumbers(seed: seed &* 0x2545_F491_4F6C_DD1D &+ UInt64(number))
    random = SeededNumbers(seed: random.next())
    let size = Scene.size
    let background = Background(&random)
    var pixels = background.pixels(&random)
    var mask = [UInt8](repeating: 0, count: size * size)
    var outlines: [Outline] = []
    var objects: [Object] = []
    let wanted = Int.random(in: 1...3, using: &random)
    for _ in 0..<30 where objects.count < wanted {
      let outline = Outline(&random)
      guard outlines.allSatisfy({ !$0.isNear(outline) }) else { continue }
      outlines.append(outline)
      let color = background.otherColor(&random)
      objects.append(outline.draw(color, on: &pixels, &mask))
    }
    picture = Picture(width: size, height: size, channels: 3, pixels: pixels)
    self.objects = objects
    self.mask = mask
  }
}

/// A dim colour that grows lighter and darker in soft patches, with grain on it.
private struct Background {
  private let color: [Int]
  /// How much lighter the picture is at every eighth pixel, nine by nine.
  private let lightness: [Double]

  init(_ random: inout SeededNumbers) {
    color = (0..<3).map { _ in Int.random(in: 30...110, using: &random) }
    lightness = (0..<81).map { _ in Double.random(in: -25...25, using: &random) }
  }

  /// Bytes `[height, width, 3]`.
  func pixels(_ random: inout SeededNumbers) -> [UInt8] {
    let size = Scene.size
    var pixels = [UInt8](repeating: 0, count: size * size * 3)
    for y in 0..<size {
      let (row, down) = (y / 8, Double(y % 8) / 8)
      var grain = UInt64(0)
      for x in 0..<size {
        let (corner, right) = (9 * row + x / 8, Double(x % 8) / 8)
        let above = lightness[corner] + right * (lightness[corner + 1] - lightness[corner])
        let below = lightness[corner + 9] + right * (lightness[corner + 10] - lightness[corner + 9])
        // Two bits of chance for each pixel.
        if x % 32 == 0 { grain = random.next() }
        let light = Int(above + down * (below - above)) + [-8, 0, 0, 8][Int(grain & 3)]
        grain >>= 2
        let place = 3 * (y * size + x)
        for channel in 0..<3 { pixels[place + channel] = UInt8(min(255, max(0, color[channel] + light))) }
      }
    }
    return pixels
  }

  /// A bright colour that can be told from this one.
  func otherColor(_ random: inout SeededNumbers) -> [UInt8] {
    while true {
      let other = (0..<3).map { _ in Int.random(in: 0...255, using: &random) }
      let distance = zip(other, color).reduce(0) { $0 + abs($1.0 - $1.1) }
      if other.max()! >= 220, distance >= 180 { return other.map { UInt8($0) } }
    }
  }
}

/// A shape's place, size and direction.
private struct Outline {
  private let shape: Scene.Shape
  /// Half of what it extends.
  private let radius: Double
  private let center: (x: Double, y: Double)
  /// Where its lower side is, of length 1.
  private let direction: (x: Double, y: Double)

  /// All within the picture.
  init(_ random: inout SeededNumbers) {
    shape = Scene.Shape.allCases[Int.random(in: 0..<3, using: &random)]
    let size = Double.random(in: 6...9.5, using: &random)
    // Shapes of one size cover about the same area.
    radius =
      switch shape {
      case .disc: size
      case .square: 1.2 * size
      case .triangle: 1.35 * size
      }
    let places = (radius + 1)...(Double(Scene.size) - radius - 1)
    center = (Double.random(in: places, using: &random), Double.random(in: places, using: &random))
    // Upright or nearly so: up to 15 degrees to either side.
    let tilt = Double.random(in: -0.27...0.27, using: &random)
    let length = (1 + tilt * tilt).squareRoot()
    direction = (tilt / length, 1 / length)
  }

  /// Whether the circles around both shapes meet.
  func isNear(_ other: Outline) -> Bool {
    let (x, y) = (center.x - other.center.x, center.y - other.center.y)
    let least = radius + other.radius + 1
    return x * x + y * y < least * least
  }

  private func contains(_ x: Double, _ y: Double) -> Bool {
    let (dx, dy) = (x - center.x, y - center.y)
    let along = dx * direction.x + dy * direction.y
    let across = dx * direction.y - dy * direction.x
    switch shape {
    case .disc: return dx * dx + dy * dy <= radius * radius
    case .square: return max(abs(along), abs(across)) <= radius * 0.5.squareRoot()
    case .triangle:
      let slanted = 0.75.squareRoot() * abs(across) - along / 2
      return max(along, slanted) <= radius / 2
    }
  }

  func draw(_ color: [UInt8], on pixels: inout [UInt8], _ mask: inout [UInt8]) -> Scene.Object {
    var box = Box(left: .infinity, top: .infinity, right: 0, bottom: 0)
    for y in Int(center.y - radius)...Int(center.y + radius) {
      for x in Int(center.x - radius)...Int(center.x + radius) {
        guard contains(Double(x) + 0.5, Double(y) + 0.5) else { continue }
        let place = y * Scene.size + x
        mask[place] = UInt8(1 + shape.rawValue)
        for channel in 0..<3 { pixels[3 * place + channel] = color[channel] }
        box.left = min(box.left, Double(x))
        box.top = min(box.top, Double(y))
        box.right = max(box.right, Double(x + 1))
        box.bottom = max(box.bottom, Double(y + 1))
      }
    }
    return Scene.Object(shape: shape, box: box)
  }
}

extension [Scene] {
  /// `count` scenes, from a number on.
  init(seed: UInt64, from number: Int, count: Int) {
    self = (number..<number + count).map { Scene(seed: seed, number: $0) }
  }

  /// The pictures for a network: float32 `[N, 3, 64, 64]`, from −2 (black) to 2.
  func images(on device: Device = .cpu) throws -> Tensor {
    let shape = [count, Scene.size, Scene.size, 3]
    let bytes = try Tensor(flatMap(\.picture.pixels), shape: shape).to(device)
    let planes = try bytes.permute([0, 3, 1, 2]).contiguous().to(.float32)
    return try planes / 63.75 - 2.0
  }

  /// The class of every pixel: int64 `[N, 64, 64]`, 0 for the background.
  func masks(on device: Device = .cpu) throws -> Tensor {
    try Tensor(flatMap(\.mask), shape: [count, Scene.size, Scene.size]).to(device).to(.int64)
  }
}
