import Formats
import SwiftTorchLayers

/// The result of a parity run as a page: a row for each operation, and how free runs drift apart.
public struct ParityPage {
  private let suite: ParitySuite
  private let libtorch: String
  private let reports: [OperationReport]
  private let seconds: Double
  private let runs: [FreeRun]

  /// Trains the networks of the free runs.
  public init(suite: ParitySuite, libtorch: String, reports: [OperationReport], seconds: Double) throws {
    self.suite = suite
    self.libtorch = libtorch
    self.reports = reports
    self.seconds = seconds
    let device = Device(suite.device) ?? .cpu
    // Small networks: more threads would only wait for each other.
    try Torch.setNumThreads(1)
    runs = try ParitySuite.networks.map {
      try FreeRun($0, seed: suite.seed, device: device, steps: suite.steps)
    }
  }

  public func write(to path: String) throws {
    try FileIO.writeAtomically(Array(html.utf8), to: path)
  }

  private var html: String {
    let failed = reports.filter(\.failed)
    let cases = reports.reduce(0) { $0 + $1.cases }
    let elements = reports.reduce(0) { $0 + $1.elements }
    let verdict =
      failed.isEmpty
      ? "<p class=\"good\">All within their computed bounds.</p>"
      : "<p class=\"bad\">Outside: \(failed.map(\.name).joined(separator: ", "))</p>"
    let charts = runs.map { run in
      LineChart(
        title: "\(run.name): loss", horizontal: "step",
        lines: [
          .init(name: "libtorch", values: run.libtorch), .init(name: "reference", values: run.reference),
        ]
      ).svg
        + LineChart(
          title: "\(run.name): distance of the weights, ‖w − w'‖ / ‖w‖", horizontal: "step",
          lines: [.init(name: "relative distance", values: run.distance)], logarithmic: true
        ).svg
    }
    let body = """
      <p>libtorch \(libtorch) on \(suite.device) against an implementation from scratch, seed \(suite.seed): \
      \(reports.count) operations, \(cases) cases, \(elements) numbers, \(Int(seconds.rounded())) s. Every number of \
      output and gradients has a bound of its own, computed from the operands; the fraction is the largest error \
      divided by its bound. An ulp is a unit in the last place; where numbers cancel, many are allowed.</p>
      \(verdict)
      <div class="wide"><table>
      <tr><th>operation</th><th class="number">cases</th><th class="number">ulps</th>
      <th class="number" colspan="2">fraction</th>
      \(formats.map { "<th class=\"number\">\($0)</th>" }.joined())<th></th></tr>
      \(reports.map(row).joined(separator: "\n"))
      </table></div>
      <h2>Running free</h2>
      <p>From the same weights, on the same batches, each on its own: how far float32 runs drift apart. This is drawn, \
      not judged: the rows above compare each step from the same state.</p>
      \(charts.joined(separator: "\n"))
      """
    return HTMLPage(title: "Parity", body: body).html
  }

  private var formats: [String] {
    ParitySuite.dtypes.filter { name in reports.contains { $0.formats[name] != nil } }
  }

  private func row(_ report: OperationReport) -> String {
    let width = Int((min(1, max(0, report.worst.isNaN ? 1 : report.worst)) * 80).rounded())
    let cells = formats.map {
      "<td class=\"number\">\(report.formats[$0].map { short($0.worst) } ?? "")</td>"
    }
    let known = report.known.sorted { $0.key < $1.key }.map {
      "<p>Known defect of libtorch, \($0.value) cases not run: \(HTMLPage.escaped($0.key))</p>"
    }
    let crashes = (report.crashes + report.shortfalls).map { "<p class=\"bad\">\(HTMLPage.escaped($0))</p>" }
    return """
      <tr><td class="\(report.failed ? "bad" : "")">\(report.name)</td><td class="number">\(report.cases)</td>
      <td class="number">\(short(report.ulps))</td><td class="number">\(short(report.worst))</td>
      <td><span class="bar" style="width:\(width)px"></span></td>\(cells.joined())
      <td><details\(report.failed ? " open" : "")><summary>worst case\(known.isEmpty ? "" : ", known defects")</summary>
      <p>\(HTMLPage.escaped(report.worstCase))</p><p><code>\(HTMLPage.escaped(report.repeat))</code></p>
      \(crashes.joined())\(known.joined())</details></td></tr>
      """
  }

  private func short(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    guard value < 1e5 else { return "\(Float(value))" }
    let factor = value < 10 ? 1000.0 : 1.0
    let rounded = (value * factor).rounded() / factor
    return Int(exactly: rounded).map(String.init) ?? "\(rounded)"
  }
}
