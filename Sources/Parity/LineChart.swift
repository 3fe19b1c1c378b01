#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Lines over a common horizontal axis, as SVG for a page.
struct LineChart {
  struct Line {
    let name: String
    let values: [Double]
  }

  let title: String
  let horizontal: String
  let lines: [Line]
  /// Whether the vertical axis counts powers of ten.
  var logarithmic = false

  private static let colors = ["var(--first)", "var(--second)"]

  var svg: String {
    let (width, height, left, bottom, top) = (640.0, 260.0, 64.0, 36.0, 30.0)
    let scaled = lines.map { $0.values.map(position) }
    let known = scaled.flatMap { $0 }.filter(\.isFinite)
    guard let least = known.min(), let most = known.max(), let count = lines.map(\.values.count).max() else {
      return "<p>\(title): no values</p>"
    }
    let low = logarithmic ? least.rounded(.down) : min(0, least)
    let high = logarithmic ? max(most.rounded(.up), low + 1) : max(most * 1.05, low + 1e-9)
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
      let points = line.enumerated().filter { $0.element.isFinite }.map {
        "\(short(x($0.offset))),\(short(y($0.element)))"
      }
      body +=
        "<polyline points=\"\(points.joined(separator: " "))\" style=\"stroke:\(Self.colors[index % 2])\""
      // The second line is dashed, so that one can see where both lie on each other.
      body += index == 1 ? " stroke-dasharray=\"7 5\"/>" : "/>"
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

/// A page that opens from disk, on a phone and in the dark.
func page(title: String, _ body: String) -> String {
  """
  <!doctype html>
  <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
  <title>\(title)</title><style>
  :root { color-scheme: light dark; --ink: #1c1e21; --paper: #fff; --faint: #c9ced6; --first: #1769d2; --second: #d9480f;
    --good: #1a7f37; --bad: #c92a2a }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #16181c; --faint: #444b55; --first: #6ea8ff;
    --second: #ff922b; --good: #51cf66; --bad: #ff8787 } }
  body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2em auto;
    max-width: 68em; padding: 0 1em }
  .wide { overflow-x: auto } table { border-collapse: collapse; font-size: 14px }
  th, td { text-align: left; padding: .25em .75em; border-bottom: 1px solid var(--faint); vertical-align: top }
  td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
  .bar { display: inline-block; height: .6em; background: var(--first); border-radius: 2px }
  .good { color: var(--good) } .bad { color: var(--bad); font-weight: 600 }
  details { max-width: 34em } details p { margin: .3em 0 } summary { cursor: pointer }
  code { font-size: 12px; overflow-wrap: anywhere } svg { width: 100%; height: auto; max-width: 46em }
  svg polyline { fill: none; stroke-width: 2 } svg .key { stroke-width: 3 } svg .grid { stroke: var(--faint) }
  svg text { fill: var(--ink); font: 12px system-ui, sans-serif } svg .title { font-size: 14px; font-weight: 600 }
  </style></head><body>
  <h1>\(title)</h1>
  \(body)
  </body></html>

  """
}

/// Text within HTML.
func escaped(_ text: String) -> String {
  text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
}
