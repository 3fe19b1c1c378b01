import Formats
import OrderedCollections
import SwiftTorchLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A row of the course while it runs: what it says, its numbers and its pictures.
public final class Lesson {
  /// What a person chooses.
  public struct Settings: Sendable {
    /// Less data and fewer epochs, for a first look.
    public var quick = false
    /// Each row has a folder below this one, for its pictures and runs.
    public var folder = "runs/course"
    /// The folder of the full MNIST files; nil looks in the usual places.
    public var dataDir: String?
    public var seed: UInt64 = 0
    public var threads = 1
    /// `cpu`, `cuda` or `cuda:N`; rows that train use it.
    public var device = "cpu"

    public init() {}
  }

  /// Who hears what happens.
  public struct Listener {
    /// Text for a person to read: the result.
    public var say: (String) -> Void
    /// What goes on meanwhile.
    public var note: (String) -> Void
    /// Where a training run is.
    public var observe: (TrainingProgress) throws -> Void
    public var epochEnded: (EpochMetrics, _ epochs: Int) throws -> Void
    public var shouldStop: () -> Bool

    public init(
      say: @escaping (String) -> Void = { _ in }, note: @escaping (String) -> Void = { _ in },
      observe: @escaping (TrainingProgress) throws -> Void = { _ in },
      epochEnded: @escaping (EpochMetrics, _ epochs: Int) throws -> Void = { _, _ in },
      shouldStop: @escaping () -> Bool = { false }
    ) {
      self.say = say
      self.note = note
      self.observe = observe
      self.epochEnded = epochEnded
      self.shouldStop = shouldStop
    }
  }

  public let settings: Settings
  /// Of this row.
  public let folder: String
  /// What was computed, by name, row by row.
  public private(set) var numbers: OrderedDictionary<String, [Double]> = [:]
  /// The PNG files that were written.
  public private(set) var pictures: [String] = []
  let listener: Listener

  public init(_ row: CourseRow, _ settings: Settings, _ listener: Listener) {
    self.settings = settings
    folder = "\(settings.folder)/\(row.name)"
    self.listener = listener
  }

  var quick: Bool { settings.quick }

  /// A paragraph.
  func say(_ text: String) { listener.say(text + "\n") }

  /// Keeps numbers under a name, for tests and for `--json`.
  func keep(_ name: String, _ values: [Double]) { numbers[name] = values }

  /// Prints a tensor's numbers under their name, the maps of one image below each other, and keeps them.
  ///
  /// `[…, height, width]` becomes a table for each map, fewer dimensions one row.
  func show(_ name: String, _ tensor: Tensor) throws {
    let values = try tensor.detach().to(.float64).scalars(as: Double.self)
    keep(name, values)
    let shape = Array(tensor.shape.suffix(2))
    let (height, width) = shape.count == 2 ? (shape[0], shape[1]) : (1, values.count)
    let rows = stride(from: 0, to: values.count, by: max(1, width)).map {
      Array(values[$0..<$0 + width])
    }
    let planes = stride(from: 0, to: rows.count, by: max(1, height)).map { Array(rows[$0..<$0 + height]) }
    listener.say("\(name)\n\(table(planes, indent: 4))\n")
  }

  /// Prints a number in its own line, and keeps it.
  /// - Parameter text: how to write it, when not plainly.
  func show(_ name: String, _ value: Double, as text: String? = nil) {
    keep(name, [value])
    listener.say("\(name): \(text ?? plain(value))")
  }

  /// Prints columns: text to the left, numbers to the right.
  func show(columns: [String], rows: [[String]]) {
    let lines = [columns] + rows
    let widths = columns.indices.map { column in lines.map { $0[column].count }.max()! }
    func isNumber(_ column: Int) -> Bool {
      rows.allSatisfy { $0[column].first.map { $0.isNumber || $0 == "-" } ?? true }
    }
    let numeric = columns.indices.map(isNumber)
    for line in lines {
      let cells = line.indices.map { column in
        let gap = String(repeating: " ", count: widths[column] - line[column].count)
        return numeric[column] ? gap + line[column] : line[column] + gap
      }
      var text = "    " + cells.joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      listener.say(text)
    }
    listener.say("")
  }

  /// Writes a picture into the row's folder and says what it shows.
  /// - Parameter name: of the file, without ending.
  func picture(_ picture: Picture, _ name: String, _ caption: String) throws {
    let path = "\(folder)/\(name).png"
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw TorchError("the folder \(folder) cannot be made: \(error)")
    }
    try picture.writePNG(to: path)
    pictures.append(path)
    listener.say("picture \(path): \(caption)\n")
  }

  /// To be called in long loops.
  /// - Throws: `CancellationError` when the person wants it to end.
  func checkInterruption() throws {
    if listener.shouldStop() { throw CancellationError() }
  }
}
