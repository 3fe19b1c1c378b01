import Course
import Formats
import Foundation
import SwiftTorchLayers
import Testing

@Suite("The course's pages show what the rows print now", .serialized)
struct PageTests {
  /// Rows whose output is the same every time: without times and without training.
  static let deterministic = (1...13).map { "C\($0)" } + ["C19"]

  private static let pages = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs/course").path

  /// What stands in a page between the line of the command and the end of its block.
  private func block(_ name: String) throws -> String {
    let page = try String(contentsOfFile: "\(Self.pages)/\(name).md", encoding: .utf8)
    let lines = page.components(separatedBy: "\n")
    let begin = try #require(
      lines.firstIndex(of: "$ torchlayers course \(name)"), "\(name).md has no line with the command")
    #expect(lines[begin - 1].hasPrefix("```"), "the command begins a block")
    let end = try #require(lines[begin...].firstIndex(of: "```"), "the block of \(name).md has no end")
    return lines[(begin + 1)..<end].joined(separator: "\n")
  }

  @Test("the block of output on a page is what the command prints", arguments: deterministic)
  func output(_ name: String) throws {
    let row = try #require(CourseRow.all.first { $0.name == name })
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var settings = Lesson.Settings()
    settings.folder = folder
    var printed = "\(row.name)  \(row.title)\n\n"
    let lesson = Lesson(row, settings, Lesson.Listener(say: { printed += $0 + "\n" }))
    try row.teach(lesson)
    printed += "Notice: \(row.notice)"
    let now = printed.replacingOccurrences(of: folder, with: Lesson.Settings().folder)
    let shown = try block(name)
    if now != shown {
      let (a, b) = (now.components(separatedBy: "\n"), shown.components(separatedBy: "\n"))
      let first = zip(a, b).prefix { $0 == $1 }.count
      let (new, old) = (first < a.count ? a[first] : "(end)", first < b.count ? b[first] : "(end)")
      Issue.record(
        """
        \(name).md, line \(first + 1) of the output says '\(old)', now it is '\(new)'; \
        paste what torchlayers course \(name) prints
        """)
    }
    for line in now.components(separatedBy: "\n") {
      #expect(line.count <= 110, "a line does not fit a terminal: \(line)")
    }
    for path in lesson.pictures {
      let file = (path as NSString).lastPathComponent
      let copy = try Picture.read(path: "\(Self.pages)/pictures/\(name)-\(file)")
      #expect(try Picture.read(path: path) == copy, "docs/course/pictures/\(name)-\(file) is another one")
    }
  }
}
