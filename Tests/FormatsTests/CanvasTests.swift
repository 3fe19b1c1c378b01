import Formats
import Foundation
import Testing

@Suite("Drawing and pages")
struct CanvasTests {
  private func gray(_ values: [UInt8], width: Int) -> Picture {
    Picture(width: width, height: values.count / width, channels: 1, pixels: values)
  }

  @Test("a grid lays pictures in rows with gaps, enlarged")
  func grid() {
    let grid = Canvas.grid(
      [gray([1], width: 1), gray([2], width: 1), gray([3], width: 1)], columns: 2, scale: 2, gap: 1,
      background: .white)
    #expect(grid.width == 7 && grid.height == 7)
    let reds = (0..<49).map { grid.pixels[3 * $0] }
    let row: [UInt8] = [255, 1, 1, 255, 2, 2, 255]
    #expect(Array(reds[7..<14]) == row && Array(reds[14..<21]) == row)
    #expect(Array(reds[28..<35]) == [255, 3, 3, 255, 255, 255, 255])
  }

  @Test("what lies outside is cut off and does not trap")
  func outside() {
    var canvas = Canvas(width: 3, height: 2, background: .black)
    canvas.fill(x: -5, y: -5, width: 6, height: 6, .white)
    canvas.fill(x: 2, y: 1, width: 100, height: 100, .gray)
    canvas.fill(x: 50, y: 50, width: 2, height: 2, .white)
    canvas.draw(gray([9, 9, 9, 9], width: 2), x: -9, y: 1)
    canvas.line(from: (.nan, 0), to: (1e300, 5), .white)
    canvas.number("1x", x: 40, y: -3, .white)
    let reds = (0..<6).map { canvas.picture.pixels[3 * $0] }
    #expect(reds == [255, 0, 0, 0, 0, 128])
  }

  @Test("digits are drawn as dots")
  func digits() {
    var canvas = Canvas(width: 7, height: 5, background: .black)
    canvas.number("17", x: 0, y: 0, scale: 1, .white)
    let dots = (0..<5).map { row in
      String((0..<7).map { canvas.picture.pixels[3 * (7 * row + $0)] > 0 ? "#" : "." })
    }
    #expect(dots == [".#..###", "##....#", ".#....#", ".#....#", "###...#"])
    #expect(Canvas.width(of: "17", scale: 1) == 7)
  }

  @Test("a chart shows few values as dots, leaves out what is not finite, and escapes its words")
  func chart() {
    let chart = LineChart(
      title: "<b>", horizontal: "epoch",
      lines: [.init(name: "a\"b", values: [1, .nan, .infinity, -1e308, 2])]
    ).svg
    #expect(chart.components(separatedBy: "<circle").count == 3)
    #expect(
      !chart.contains("<b>") && !chart.contains("a\"b") && !chart.contains("nan") && !chart.contains("inf"))
    #expect(
      LineChart(title: "x", horizontal: "epoch", lines: [.init(name: "a", values: [.nan])]).svg.contains(
        "no values"))
    _ = LineChart(title: "x", horizontal: "epoch", lines: [.init(name: "a", values: [-9e29])]).svg
  }

  @Test("a page's title is escaped")
  func page() {
    let html = HTMLPage(title: "<script>\"&", body: "<p>x</p>").html
    #expect(html.contains("<title>&lt;script&gt;&quot;&amp;</title>") && html.contains("<p>x</p>"))
    #expect(!html.contains("<script>"))
  }
}
