import Formats
import SwiftTorchLayers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An X or an O as it is drawn on 9×9 pixels. Lengths are in pixels.
struct DrawnLetter: Equatable {
  /// Pixels of a side.
  static let side = 9

  var isX: Bool
  /// Half the height.
  var radius = 3.0
  /// In radians.
  var angle = 0.0
  /// Of the stroke.
  var thickness = 1.0
  /// Where the middle lies, as a part of the room that there is: −1 … 1, to the right and down.
  var place = (x: 0.0, y: 0.0)
  /// Standard deviation of what is added to each pixel.
  var noise = 0.0

  static func == (one: DrawnLetter, other: DrawnLetter) -> Bool {
    one.isX == other.isX && one.radius == other.radius && one.angle == other.angle
      && one.thickness == other.thickness && one.place == other.place && one.noise == other.noise
  }

  /// Rows of values from −1 (paper) to 1 (ink), their edges smoothed; the whole letter lies inside the picture.
  func pixels(using numbers: inout SeededNumbers) -> [Double] {
    let edge = Double(Self.side) / 2
    let thickness = min(thickness, 0.9 * radius)
    let (cosine, sine) = (cos(angle), sin(angle))
    // A turned X is wider than it was.
    let widening = isX ? abs(cosine) + abs(sine) : 1
    let radius = min(radius, (edge - thickness / 2) / widening)
    let room = edge - thickness / 2 - radius * widening
    var pixels: [Double] = []
    pixels.reserveCapacity(Self.side * Self.side)
    for row in 0..<Self.side {
      for column in 0..<Self.side {
        let x = Double(column) + 0.5 - edge - place.x * room
        let y = Double(row) + 0.5 - edge - place.y * room
        let (along, across) = (x * cosine + y * sine, y * cosine - x * sine)
        let distance = distance(along, across, radius)
        let ink = max(0, min(1, 0.5 + thickness / 2 - distance))
        pixels.append(2 * ink - 1)
      }
    }
    guard noise > 0 else { return pixels }
    return pixels.map { max(-1, min(1, $0 + noise * numbers.normal())) }
  }

  /// How far a point is from the middle of the nearest stroke.
  private func distance(_ x: Double, _ y: Double, _ radius: Double) -> Double {
    guard isX else { return abs((x * x + y * y).squareRoot() - radius) }
    let strokes = [1.0, -1.0].map { slope in
      let foot = max(-radius, min(radius, (x + slope * y) / 2))
      let (dx, dy) = (x - foot, y - slope * foot)
      return (dx * dx + dy * dy).squareRoot()
    }
    return min(strokes[0], strokes[1])
  }
}

/// What may happen to a drawing.
enum Disturbance: String, CaseIterable {
  case shifted
  case scaled
  case rotated
  case thick
  case noisy
  case together = "all together"

  /// A letter to which it happened, as chance wants it.
  func letter(isX: Bool, using numbers: inout SeededNumbers) -> DrawnLetter {
    var letter = DrawnLetter(isX: isX)
    let eighth = Double.pi / 4
    switch self {
    case .shifted:
      letter.radius = 2
      letter.place = (numbers.between(-1, 1), numbers.between(-1, 1))
    case .scaled: letter.radius = numbers.between(1.5, 3.75)
    case .rotated: letter.angle = numbers.between(-eighth, eighth)
    case .thick: letter.thickness = numbers.between(1.5, 2.75)
    case .noisy: letter.noise = numbers.between(0.1, 0.5)
    case .together:
      letter.radius = numbers.between(2, 3.5)
      letter.angle = numbers.between(-eighth, eighth)
      letter.thickness = numbers.between(0.8, 2)
      letter.noise = numbers.between(0, 0.3)
      letter.place = (numbers.between(-1, 1), numbers.between(-1, 1))
    }
    return letter
  }

  /// How far it goes, in words.
  var summary: String {
    switch self {
    case .shifted: "4 pixels high, anywhere in the picture"
    case .scaled: "3 to 7.5 pixels high"
    case .rotated: "by up to 45 degrees"
    case .thick: "strokes of 1.5 to 2.75 pixels"
    case .noisy: "noise of deviation 0.1 to 0.5"
    case .together: "4 to 7 pixels high, strokes of 0.8 to 2, noise up to 0.3"
    }
  }
}

/// Drawings of X and O in turn, to learn from or to be asked about.
enum DrawnLetters {
  static let classes = ["X", "O"]
  /// Bytes become −1 … 1.
  static let normalization = Normalization(mean: [0.5], std: [0.5])

  /// `count` drawings, as many of each disturbance. Equal seeds give equal drawings.
  static func make(_ count: Int, _ disturbances: [Disturbance], seed: UInt64) throws -> ImageDataset {
    var numbers = SeededNumbers(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * DrawnLetter.side * DrawnLetter.side)
    var labels: [Int64] = []
    for index in 0..<count {
      let isX = index / disturbances.count % 2 == 0
      let letter = disturbances[index % disturbances.count].letter(isX: isX, using: &numbers)
      bytes += letter.pixels(using: &numbers).map { UInt8((($0 + 1) * 127.5).rounded()) }
      labels.append(isX ? 0 : 1)
    }
    return ImageDataset(
      images: try Tensor(bytes, shape: [count, 1, DrawnLetter.side, DrawnLetter.side]),
      labels: try Tensor(labels, shape: [count]), classes: classes)
  }
}
