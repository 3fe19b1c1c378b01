#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Lines over a common horizontal axis, as SVG for an `HTMLPage`.
public struct LineChart: Sendable {
  /// One line: its name and a value for each step. What is not finite is left out.
  public struct Line: Sendable {
    let name: String
    let values: [Double]

    public init(name: String, values: [Double]) {
      self.name = name
      self.values = values
    }
  }

  private let title: String
  private let horizontal: String
  private let lines: [Line]
  private let logarithmic: Bool

  /// A chart of at most two lines.
  /// - Parameters:
  ///   - horizontal: what the steps are, for example `epoch`.
  ///   - logarithmic: whether the vertical axis counts powers of ten.
  public init(title: String, horizontal: String, lines: [Line], logarithmic: Bool = false) {
    self.title = HTMLPage.escaped(title)
    self.horizontal = HTMLPage.escaped(horizontal)
    self.lines = lines.map { Line(name: HTMLPage.escaped($0.name), values: $0.values) }
    self.logarithmic = logarithmic
  }

  private static let colors = ["var(--first)", "var(--second)"]

  /// The chart as an `svg` element.
  public var svg: String {
    let (width, height, left, bottom, top) = (640.0, 260.0, 64.0, 36.0, 30.0)
    let scaled = lines.map { $0.values.map(position) }
    let known = scaled.flatMap { $0 }.filter(\.isFinite)
    guard let least = known.min(), let most = known.max(), let count = lines.map(\.values.count).max() else {
      return "<p>\(title): no values</p>"
    }
    let low = logarithmic ? least.rounded(.down) : min(0, least)
    let high = logarithmic ? max(most.rounded(.up), low + 1) : max(most * 1.05, low + max(1e-9, -low * 1e-6))
    func x(_ index: Int) -> Double {
      left + (width - left - 12) * Double(index) / Double(max(1, count - 1))
    }
    func y(_ value: Double) -> Double { top + (height - top - bottom) * (high - value) / (high - low) }
    var body = "<text x=\"\(left)\" y=\"18\" class=\"title\">\(title)</text>"
    // A logarithmic axis has its marks at whole powers, at most eight of them.
    let spacing = logarithmic ? max(1, ((high - low) / 8).rounded(.up)) : (high - low) / 4
    for value in stride(from: low, through: high + spacing / 100, by: spacing) {
      let label = logarithmic ? "1e\(short(value))" : short(value)
      body +=
        "<line x1=\"\(left)\" x2=\"\(width - 12)\" y1=\"\(short(y(value)))\" y2=\"\(short(y(value)))\" class=\"grid\"/>"
      body +=
        "<text x=\"\(left - 6)\" y=\"\(short(y(value) + 4))\" class=\"tick\" text-anchor=\"end\">\(label)</text>"
    }
    for (index, line) in scaled.enumerated() {
      let places = line.enumerated().filter { $0.element.isFinite }.map {
        (x: short(x($0.offset)), y: short(y($0.element)))
      }
      let points = places.map { "\($0.x),\($0.y)" }
      body +=
        "<polyline points=\"\(points.joined(separator: " "))\" style=\"stroke:\(Self.colors[index % 2])\""
      // The second line is dashed, so that one can see where both lie on each other.
      body += index == 1 ? " stroke-dasharray=\"7 5\"/>" : "/>"
      // One value alone has no line, and of few one wants to see each.
      if places.count <= 12 {
        for place in places {
          body += "<circle cx=\"\(place.x)\" cy=\"\(place.y)\" r=\"3\" "
          body += "style=\"fill:\(Self.colors[index % 2])\"/>"
        }
      }
      let place = left + 160 * Double(index)
      body +=
        "<line x1=\"\(place)\" x2=\"\(place + 26)\" y1=\"\(height - 8)\" y2=\"\(height - 8)\" class=\"key\" "
      body += "style=\"stroke:\(Self.colors[index % 2])\"\(index == 1 ? " stroke-dasharray=\"7 5\"" : "")/>"
      body += "<text x=\"\(place + 32)\" y=\"\(height - 4)\" class=\"tick\">\(lines[index].name)</text>"
    }
    body += "<text x=\"\(width - 12)\" y=\"\(height - 4)\" class=\"tick\" text-anchor=\"end\">"
    body += "\(horizontal) 1 to \(count)</text>"
    return
      "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" role=\"img\" aria-label=\"\(title)\">\(body)</svg>"
  }

  private func position(_ value: Double) -> Double {
    // Numbers beyond these come from broken runs, and the axis must stay finite.
    guard value.magnitude < 1e30 else { return .nan }
    guard logarithmic else { return value }
    return value > 0 ? log10(value) : .nan
  }

  private func short(_ value: Double) -> String {
    let size = value.magnitude
    let factor = size >= 100 ? 1.0 : size >= 10 ? 10.0 : size >= 1 ? 100.0 : 1000.0
    let rounded = (value * factor).rounded() / factor
    return Int(exactly: rounded).map(String.init) ?? "\(Float(rounded))"
  }
}
