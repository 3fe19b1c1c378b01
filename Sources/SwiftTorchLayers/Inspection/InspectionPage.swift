import Formats

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension RunInspection {
  /// Writes the pictures as PNG files and `index.html`, which has them all within it and needs no network.
  /// - Parameter path: the folder, which is made when it is not there.
  /// - Returns: the names of the files in the folder, the page first.
  /// - Throws: when the folder cannot be made or written to.
  public func write(to path: String) throws -> [String] {
    let files = try pictures.map { (name: $0.name, bytes: try $0.picture.pngData()) }
    let page = try Array(HTMLPage(title: title, body: body()).html.utf8)
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw TorchError("the folder \(path) cannot be made; is a file in the way, or is it not yours?")
    }
    for file in files { try FileIO.writeAtomically(file.bytes, to: "\(path)/\(file.name)") }
    // The page last: where it is, all is.
    try FileIO.writeAtomically(page, to: "\(path)/index.html")
    return ["index.html"] + files.map(\.name)
  }

  private var title: String { "What \(configuration.model) sees" }

  /// All pictures with the names of their files.
  private var pictures: [(name: String, picture: Picture)] {
    let size = subject.picture.width
    let factor = enlargement(size, wanted: 224)
    var list = [("picture.png", subject.picture.enlarged(factor))]
    list.append(("saliency.png", subject.saliency.enlarged(factor)))
    if let picture = subject.gradCAM { list.append(("grad-cam.png", picture.enlarged(factor))) }
    let rows = classViews.flatMap(\.strip)
    if !rows.isEmpty {
      let columns = classViews[0].strip.count
      list.append(("classes.png", Canvas.grid(rows, columns: columns, scale: enlargement(size, wanted: 84))))
    }
    var used: [String: Int] = [:]
    for layer in layers {
      let safe = String(
        layer.name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "_" })
      used[safe, default: 0] += 1
      let key = used[safe]! > 1 ? "\(safe)-\(used[safe]!)" : safe
      for (kind, part) in [("kernels", layer.kernels), ("maps", layer.maps), ("patches", layer.patches)] {
        if let part { list.append(("\(kind)-\(key).png", part.picture)) }
      }
    }
    if !mistakes.isEmpty {
      let tiles = mistakes.map(\.picture)
      list.append(("misclassified.png", Canvas.grid(tiles, columns: 6, scale: enlargement(size, wanted: 84))))
    }
    list.append(("confusion.png", confusionPicture(confusion)))
    if !history.isEmpty {
      list.append(("loss.png", curvePicture([curve("train_loss"), curve("validation_loss")])))
      list.append(("accuracy.png", curvePicture([curve("train_accuracy"), curve("validation_accuracy")])))
    }
    return list
  }

  private func curve(_ column: String) -> [Double?] { history.map { $0[column] } }

  private func name(_ index: Int) -> String {
    HTMLPage.escaped(
      configuration.classes.indices.contains(index) ? configuration.classes[index] : "\(index)")
  }

  private func body() throws -> String {
    let model = HTMLPage.escaped(configuration.model)
    let data = HTMLPage.escaped(configuration.data)
    return """
      <p>\(model), trained on \(data): \(percent(accuracy)) of \(count) test images are right.</p>
      <h2>One picture</h2>
      \(try onePicture())
      <h2>One picture of each class</h2>
      <p>The first test image of each class, the pixels that move the answer most (saliency), and where the
      answer was seen (Grad-CAM).</p>
      <div class="tiles">\(try classViews.map(figure).joined(separator: "\n"))</div>
      <h2>Layer by layer</h2>
      \(try layers.map(section).joined(separator: "\n"))
      <h2>Mistakes</h2>
      \(try mistakeList())
      <h2>Confusion</h2>
      \(confusionTable)
      <h2>Training</h2>
      \(charts)
      """
  }

  private func onePicture() throws -> String {
    let factor = enlargement(subject.picture.width, wanted: 224)
    var figures = [(subject.picture, HTMLPage.escaped(subject.title) + labelText(subject))]
    figures.append((subject.saliency, "saliency: the brighter, the more the pixel moves the answer"))
    if let picture = subject.gradCAM {
      figures.append((picture, "Grad-CAM: the brighter, the more this part speaks for the answer"))
    }
    let tiles = try figures.map { picture, text in
      let width = max(160, picture.width * factor)
      return "<figure style=\"width:min(\(width)px, 46%)\">\(try image(picture.enlarged(factor), text))"
        + "<figcaption>\(text)</figcaption></figure>"
    }
    let ranked = subject.probabilities.indices.sorted {
      subject.probabilities[$0] > subject.probabilities[$1]
    }
    let rows = ranked.prefix(5).map { index in
      let share = subject.probabilities[index]
      return "<tr><td>\(name(index))</td><td class=\"number\">\(percent(share))</td>"
        + "<td><span class=\"bar\" style=\"width:\(byte(share * 120))px\"></span></td></tr>"
    }
    return """
      <div class="tiles">\(tiles.joined(separator: "\n"))</div>
      <table style="margin-top:1em">\(rows.joined())</table>
      """
  }

  private func labelText(_ view: View) -> String { view.label.map { ": \(name($0))" } ?? "" }

  private func figure(_ view: View) throws -> String {
    let strip = Canvas.grid(view.strip, columns: 3, scale: enlargement(view.picture.width, wanted: 84))
    let label = view.label ?? view.prediction
    let isRight = label == view.prediction
    let answer = "\(name(view.prediction)), \(percent(view.probabilities[view.prediction]))"
    let text =
      isRight
      ? "<span class=\"good\">\(answer)</span>"
      : "\(name(label)) (\(percent(view.probabilities[label]))), "
        + "<span class=\"bad\">taken for \(answer)</span>"
    return
      "<figure style=\"max-width:\(strip.width)px\">\(try image(strip, view.title))"
      + "<figcaption>\(text)</figcaption></figure>"
  }

  private func section(_ layer: Layer) throws -> String {
    let heading = HTMLPage.escaped("Layer \(layer.name): \(layer.description)")
    var parts = ["<h3>\(heading)</h3>"]
    for (title, part) in [
      ("Kernels", layer.kernels), ("Feature maps", layer.maps), ("What excites the units", layer.patches),
    ] {
      guard let part else { continue }
      let text = HTMLPage.escaped(part.text)
      parts.append("<h4>\(title)</h4><p>\(text)</p>\(try image(part.picture, title))")
    }
    return "<section>\(parts.joined(separator: "\n"))</section>"
  }

  private func mistakeList() throws -> String {
    guard !mistakes.isEmpty else { return "<p class=\"good\">None.</p>" }
    let figures = try mistakes.map { mistake in
      let picture = mistake.picture.enlarged(enlargement(mistake.picture.width, wanted: 84))
      let (right, wrong) = (mistake.probabilities[mistake.label], mistake.probabilities[mistake.prediction])
      let drawn = try image(picture, "test image \(mistake.image)")
      return "<figure style=\"width:\(max(132, picture.width))px\">\(drawn)"
        + "<figcaption>\(name(mistake.label)) \(percent(right)), "
        + "<span class=\"bad\">taken for \(name(mistake.prediction)) "
        + "\(percent(wrong))</span></figcaption></figure>"
    }
    let which =
      mistakes.count < mistakeCount
      ? "The \(mistakes.count) surest of \(mistakeCount)" : "All \(mistakeCount)"
    return """
      <p>\(which), each with the probability of the right class and of the one it was taken for.</p>
      <div class="tiles">\(figures.joined(separator: "\n"))</div>
      """
  }

  private var confusionTable: String {
    let heads = confusion.indices.map { "<th class=\"turned\"><span>\(name($0))</span></th>" }
    let rows = confusion.enumerated().map { row, counts in
      let total = max(1, counts.reduce(0, +))
      let cells = counts.enumerated().map { column, count in
        let share = Double(count) / Double(total)
        let strength = row == column ? share * 0.6 : share.squareRoot() * 0.9
        let color = row == column ? "--first" : "--bad"
        let style = "background:color-mix(in srgb, var(\(color)) \(byte(strength * 100))%, transparent)"
        return "<td class=\"number\" style=\"\(style)\">\(count)</td>"
      }
      return "<tr><th>\(name(row))</th>\(cells.joined())</tr>"
    }
    return """
      <p>A row for each true class, a column for each answer.</p>
      <div class="wide"><table class="counts"><tr><th></th>\(heads.joined())</tr>
      \(rows.joined(separator: "\n"))</table></div>
      """
  }

  private var charts: String {
    guard !history.isEmpty else { return "<p>The run's folder has no metrics.csv.</p>" }
    return [("loss", "Loss"), ("accuracy", "Accuracy")].map { column, title in
      let lines = ["train", "validation"].compactMap { part -> LineChart.Line? in
        let values = curve("\(part)_\(column)")
        guard values.contains(where: { $0 != nil }) else { return nil }
        return LineChart.Line(name: part == "train" ? "training" : part, values: values.map { $0 ?? .nan })
      }
      return LineChart(title: title, horizontal: "epoch", lines: lines).svg
    }.joined(separator: "\n")
  }

  /// A picture within the page. `text` is what is read aloud; it is escaped already.
  private func image(_ picture: Picture, _ text: String) throws -> String {
    let data = Data(try picture.pngData()).base64EncodedString()
    return
      "<img src=\"data:image/png;base64,\(data)\" width=\"\(picture.width)\" "
      + "height=\"\(picture.height)\" alt=\"\(text)\">"
  }

  private func percent(_ share: Double) -> String {
    guard share.isFinite else { return "\(share)" }
    let tenths = Int((min(1, max(0, share)) * 1000).rounded())
    // A line must not end before the sign.
    return "\(tenths / 10).\(tenths % 10)\u{A0}%"
  }
}

extension RunInspection.View {
  /// The picture, its saliency and, where there are maps, Grad-CAM.
  fileprivate var strip: [Picture] { [picture, saliency] + (gradCAM.map { [$0] } ?? []) }
}
