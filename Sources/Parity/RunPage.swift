import Formats
import SwiftTorchLayers

extension ReferenceRun {
  /// Writes `report.html` with both loss curves, and `losses.csv`, into the run's folder.
  /// - Parameter rows: what the table shows: a name, and the value of each side.
  /// - Returns: the page's path.
  public func writeReport(_ libtorch: LibtorchRun, rows: [(String, String, String)]) throws -> String {
    var csv = "step,reference,libtorch\n"
    for (step, pair) in zip(losses, libtorch.losses).enumerated() {
      csv += "\(step + 1),\(pair.0),\(pair.1)\n"
    }
    try FileIO.writeAtomically(Array(csv.utf8), to: folder.path + "/losses.csv")

    let curves = LineChart(
      title: "loss of each step", horizontal: "step",
      lines: [.init(name: "reference", values: losses), .init(name: "libtorch", values: libtorch.losses)])
    let gap = LineChart(
      title: "difference of the two losses", horizontal: "step",
      lines: [
        .init(name: "|reference − libtorch|", values: zip(losses, libtorch.losses).map { abs($0 - $1) })
      ], logarithmic: true)
    let table = rows.map {
      "<tr><td>\(HTMLPage.escaped($0.0))</td><td class=\"number\">\(HTMLPage.escaped($0.1))</td>"
        + "<td class=\"number\">\(HTMLPage.escaped($0.2))</td></tr>"
    }
    let c = configuration
    let body = """
      <p>\(c.model) on \(c.limit.map { "\($0) images of " } ?? "")\(c.data), \(c.epochs) epochs, batch \(c.batchSize),
      \(c.optimizer.rawValue) \(c.lr), seed \(c.seed), float32. Both start from the same weights, take the images in
      the same order and drop the same activations. The reference computes with code of its own and OpenBLAS.</p>
      <div class="wide"><table><tr><th></th><th class="number">reference</th><th class="number">libtorch</th></tr>
      \(table.joined())</table></div>
      \(curves.svg)
      \(gap.svg)
      """
    let path = folder.path + "/report.html"
    try FileIO.writeAtomically(
      Array(HTMLPage(title: "Training without libtorch", body: body).html.utf8), to: path)
    return path
  }
}
