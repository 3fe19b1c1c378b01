import Formats

// Numbers as pictures. Values without a sign go from black to white; values with one from blue (negative)
// over white (zero) to red.

/// How numbers become brightness: `magnitude` and more is the end of the scale.
package struct ValueScale: Equatable {
  package let magnitude: Double
  package let isSigned: Bool

  /// A scale for all `values`, each of which counts; one stray value in a thousand may be cut off.
  package init(_ values: [Double]) {
    let sizes = values.map(\.magnitude).filter(\.isFinite).sorted()
    let highest = sizes.isEmpty ? 0 : sizes[(sizes.count - 1) * 999 / 1000]
    magnitude = highest > 0 ? highest : sizes.last.flatMap { $0 > 0 ? $0 : nil } ?? 1
    isSigned = values.contains { $0 < 0 }
  }

  package init(magnitude: Double, isSigned: Bool) {
    self.magnitude = magnitude
    self.isSigned = isSigned
  }

  func color(_ value: Double) -> Canvas.Color {
    guard value.isFinite else { return Canvas.Color(255, 0, 255) }
    let part = max(-1, min(1, value / magnitude))
    guard isSigned else {
      let level = byte(255 * part)
      return Canvas.Color(level, level, level)
    }
    // Red and blue of equal lightness, so that both signs weigh the same to the eye.
    let end = part < 0 ? (33.0, 102.0, 172.0) : (178.0, 24.0, 43.0)
    func mixed(_ channel: Double) -> UInt8 { byte(255 + (channel - 255) * part.magnitude) }
    return Canvas.Color(mixed(end.0), mixed(end.1), mixed(end.2))
  }

  /// `height` rows of `width` values.
  package func picture(_ values: some Collection<Double>, width: Int, height: Int) -> Picture {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * width * height)
    for value in values {
      let color = color(value)
      pixels += [color.red, color.green, color.blue]
    }
    return Picture(width: width, height: height, channels: 3, pixels: pixels)
  }
}

/// The nearest whole number from 0 to 255; 0 for what is no number.
func byte(_ value: Double) -> UInt8 { value > 0 ? UInt8(min(value, 255).rounded()) : 0 }

/// How many times a picture of this size is enlarged, to be about `wanted` pixels wide.
func enlargement(_ size: Int, wanted: Int) -> Int { max(1, wanted / max(1, size)) }

extension Picture {
  /// One image of a data set, bytes `[channels, height, width]`.
  package init(planes: [UInt8], shape: [Int]) {
    let (channels, area) = (shape[0], shape[1] * shape[2])
    var pixels = [UInt8](repeating: 0, count: area * channels)
    for channel in 0..<channels {
      for index in 0..<area { pixels[index * channels + channel] = planes[channel * area + index] }
    }
    self.init(width: shape[2], height: shape[1], channels: channels, pixels: pixels)
  }

  /// Each pixel as a square of `factor` × `factor`.
  func enlarged(_ factor: Int) -> Picture {
    guard factor > 1 else { return self }
    var canvas = Canvas(width: width * factor, height: height * factor)
    canvas.draw(self, x: 0, y: 0, scale: factor)
    return canvas.picture
  }

  /// The part of the picture that begins at (x, y); what is outside is grey.
  func part(x: Int, y: Int, width: Int, height: Int) -> Picture {
    var canvas = Canvas(width: width, height: height, background: .gray)
    canvas.draw(self, x: -x, y: -y)
    return canvas.picture
  }

  /// The picture in grey, dimmed, with `heat` (a value from 0 to 1 for each pixel) glowing over it: nothing,
  /// red, yellow.
  func overlaid(heat: some Collection<Double>) -> Picture {
    let grey = grayscale().pixels
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * grey.count)
    for (level, heat) in zip(grey, heat) {
      let part = max(0, min(1, heat.isFinite ? heat : 0))
      let (dimmed, share) = (Double(level) * 0.8, 0.65 * min(1, 1.5 * part))
      let glow = (255.0, 255 * max(0, 2 * part - 0.8) / 1.2, 30.0)
      for channel in [glow.0, glow.1, glow.2] {
        pixels.append(byte(dimmed * (1 - share) + channel * share))
      }
    }
    return Picture(width: width, height: height, channels: 3, pixels: pixels)
  }
}

/// The kernels of a convolution with two dimensions, as one picture.
///
/// Kernels on one channel lie in rows of eight, those on three are colours; else each kernel is a row with a
/// column for each input map. At most 64 kernels or 32 rows and columns are drawn.
func kernelPicture(_ weight: Tensor) throws -> (picture: Picture, drawn: Int, magnitude: Double) {
  let shape = weight.shape
  let (kernels, maps, height, width) = (shape[0], shape[1], shape[2], shape[3])
  let values = try noGrad { try weight.to(.float32).scalars(as: Double.self) }
  let magnitude = values.filter(\.isFinite).map(\.magnitude).max() ?? 0
  let scale = ValueScale(magnitude: ValueScale(values).magnitude, isSigned: true)
  let area = height * width
  func tile(_ kernel: Int, _ map: Int) -> Picture {
    let begin = (kernel * maps + map) * area
    return scale.picture(values[begin..<begin + area], width: width, height: height)
  }
  switch maps {
  case 1:
    let drawn = min(kernels, 64)
    let tiles = (0..<drawn).map { tile($0, 0) }
    return (Canvas.grid(tiles, columns: 8, scale: enlargement(width, wanted: 56)), drawn, magnitude)
  case 3:
    let drawn = min(kernels, 96)
    let tiles = (0..<drawn).map { kernel in
      let planes = values[kernel * 3 * area..<(kernel + 1) * 3 * area].map {
        byte(127.5 + 127.5 * $0 / scale.magnitude)
      }
      return Picture(planes: planes, shape: [3, height, width])
    }
    return (Canvas.grid(tiles, columns: 12, scale: enlargement(width, wanted: 44)), drawn, magnitude)
  default:
    let drawn = min(kernels, 32)
    let columns = min(maps, 32)
    let tiles = (0..<drawn).flatMap { kernel in (0..<columns).map { tile(kernel, $0) } }
    return (
      Canvas.grid(tiles, columns: columns, scale: enlargement(width, wanted: 20), gap: 1), drawn, magnitude
    )
  }
}

/// The maps of one image, `[1, maps, height, width]`, on a common scale; of a dense layer, `[1, features]`, a
/// small square for each feature. nil for other shapes.
package func mapsPicture(_ output: Tensor) throws -> (
  picture: Picture, drawn: Int, of: Int, scale: ValueScale
)? {
  let shape = output.shape
  guard shape.count == 4 || shape.count == 2, shape[0] == 1, !shape.contains(0) else { return nil }
  let all = try output.to(.float32).scalars(as: Double.self)
  let scale = ValueScale(all)
  if shape.count == 2 {
    let drawn = min(shape[1], 2048)
    let tiles = all.prefix(drawn).map { scale.picture([$0], width: 1, height: 1) }
    return (Canvas.grid(tiles, columns: 32, scale: drawn > 32 ? 14 : 18, gap: 1), drawn, shape[1], scale)
  }
  let (height, width) = (shape[2], shape[3])
  let drawn = min(shape[1], width > 64 ? 16 : 64)
  let area = height * width
  let tiles = (0..<drawn).map {
    scale.picture(all[$0 * area..<($0 + 1) * area], width: width, height: height)
  }
  let columns = width > 64 ? 4 : 8
  return (Canvas.grid(tiles, columns: columns, scale: enlargement(width, wanted: 64)), drawn, shape[1], scale)
}

/// Counts as shaded squares with their numbers: true classes down, predicted classes across.
func confusionPicture(_ counts: [[Int]]) -> Picture {
  let widest = counts.joined().reduce(1) { max($0, Canvas.width(of: "\($1)")) }
  let cell = max(28, widest + 10)
  let (size, side) = (counts.count, cell + 1)
  guard size <= 100 else {
    // Numbers would make it as large as a wall.
    let values = counts.flatMap { row in row.map { Double($0) / Double(max(1, row.reduce(0, +))) } }
    return ValueScale(magnitude: 1, isSigned: false).picture(values, width: size, height: size)
  }
  var canvas = Canvas(width: size * side + 1, height: size * side + 1, background: .gray)
  for (row, line) in counts.enumerated() {
    let total = line.reduce(0, +)
    for (column, count) in line.enumerated() {
      let share = total > 0 ? Double(count) / Double(total) : 0
      let (x, y) = (1 + column * side, 1 + row * side)
      canvas.fill(x: x, y: y, width: cell, height: cell, shade(share, right: row == column))
      let text = "\(count)"
      guard count > 0 else { continue }
      canvas.number(
        text, x: x + (cell - Canvas.width(of: text)) / 2, y: y + (cell - 10) / 2,
        share > 0.5 ? .white : .black)
    }
  }
  return canvas.picture
}

/// Blue for right answers, red for wrong ones, the deeper the more.
private func shade(_ share: Double, right: Bool) -> Canvas.Color {
  // Wrong answers are few: the root lets one see them.
  let part = right ? share : share.squareRoot()
  return ValueScale(magnitude: 1, isSigned: true).color(right ? -part : part)
}

/// Up to two lines over the epochs, with the numbers of the vertical axis: the first blue, the second orange.
package func curvePicture(_ lines: [[Double?]]) -> Picture {
  let (width, height, left, edge) = (480, 260, 70, 14)
  var canvas = Canvas(width: width, height: height)
  let known = lines.joined().compactMap { $0 }.filter { $0.magnitude < 1e30 }
  guard let least = known.min(), let most = known.max(), let count = lines.map(\.count).max() else {
    return canvas.picture
  }
  let low = min(0, least)
  let high = max(most * 1.05, low + max(1e-9, -low * 1e-6))
  let (inner, tall) = (Double(width - left - edge), Double(height - 2 * edge))
  func place(_ index: Int, _ value: Double) -> (x: Double, y: Double) {
    let x = Double(left) + inner * (count > 1 ? Double(index) / Double(count - 1) : 0.5)
    return (x, Double(edge) + tall * (high - value) / (high - low))
  }
  for mark in 0...4 {
    let value = low + (high - low) * Double(mark) / 4
    let y = place(0, value).y
    canvas.fill(
      x: left, y: Int(y), width: width - left - edge, height: 1, Canvas.Color(201, 206, 214))
    let text = shortNumber(value)
    canvas.number(text, x: left - 8 - Canvas.width(of: text), y: Int(y) - 5, .black)
  }
  for (line, color) in zip(lines, [Canvas.Color(23, 105, 210), Canvas.Color(217, 72, 15)]) {
    let points = line.enumerated().compactMap { index, value in
      value.flatMap { $0.magnitude < 1e30 ? place(index, $0) : nil }
    }
    for (from, to) in zip(points, points.dropFirst()) { canvas.line(from: from, to: to, color) }
    for point in points where points.count <= 40 {
      canvas.fill(x: Int(point.x) - 2, y: Int(point.y) - 2, width: 6, height: 6, color)
    }
  }
  return canvas.picture
}

/// About three digits.
func shortNumber(_ value: Double) -> String {
  guard value.isFinite else { return "\(value)" }
  let size = value.magnitude
  let factor = size >= 100 ? 1.0 : size >= 10 ? 10.0 : size >= 1 ? 100.0 : 1000.0
  let rounded = (value * factor).rounded() / factor
  return Int(exactly: rounded).map(String.init) ?? "\(Float(rounded))"
}
