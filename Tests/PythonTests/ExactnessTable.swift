import Foundation
import SwiftTorchLayers
import Synchronization
import TestSupport

/// What the tests compared with Python, type by type: `make exactness` prints it.
///
/// When the variable `TORCHLAYERS_EXACTNESS` names a file, the table is written there as the tests end.
enum ExactnessTable {
  enum Kind: String, CaseIterable {
    case layer
    case loss
    case optimizer
    case schedule
    case initializer
    case network
    case loader
    case curve = "training curve"
    case export
  }

  struct Key: Hashable {
    let kind: Kind
    let name: String
  }

  private struct Row {
    var cases = 0
    var tensors = 0
    var values = 0
    /// Tensors that are not Python's, and the largest difference in them.
    var differing = 0
    var largest = 0.0
    /// Cases that ended before everything was compared.
    var failed = 0
    var remark = ""

    var result: String {
      var parts: [String] = []
      if failed > 0 { parts.append("\(failed) cases failed") }
      if differing > 0 { parts.append("\(differing) tensors differ by up to \(scientific(largest))") }
      if parts.isEmpty { parts.append(tensors > 0 ? "equal" : "not compared") }
      return parts.joined(separator: ", ") + remark
    }
  }

  @TaskLocal private static var current: Key?
  private static let rows = Mutex<[Key: Row]>([:])

  /// Runs a case whose comparisons belong to the row of that name.
  static func row(_ kind: Kind, _ name: String, _ body: () throws -> Void) throws {
    let key = Key(kind: kind, name: name)
    _ = writesAtEnd
    rows.withLock { $0[key, default: Row()].cases += 1 }
    do {
      try $current.withValue(key, operation: body)
    } catch {
      rows.withLock { $0[key, default: Row()].failed += 1 }
      throw error
    }
  }

  /// Adds a tensor to the row of the running case.
  /// - Parameter difference: the largest from Python's, nil when all bytes are the same.
  static func add(_ tensor: Tensor, difference: Double?) {
    guard let current else { return }
    rows.withLock { rows in
      var row = rows[current, default: Row()]
      row.tensors += 1
      row.values += tensor.shape.reduce(1, *)
      if let difference {
        row.differing += 1
        if !(difference <= row.largest) { row.largest = difference }
      }
      rows[current] = row
    }
  }

  /// Puts words behind the result of a row.
  static func remark(_ kind: Kind, _ name: String, _ text: String) {
    rows.withLock { $0[Key(kind: kind, name: name), default: Row()].remark = text }
  }

  static func scientific(_ value: Double) -> String { String(format: "%.1e", value) }

  private static let writesAtEnd: Void = {
    guard ProcessInfo.processInfo.environment["TORCHLAYERS_EXACTNESS"] != nil else { return }
    atexit { ExactnessTable.write() }
  }()

  private static func write() {
    guard let path = ProcessInfo.processInfo.environment["TORCHLAYERS_EXACTNESS"] else { return }
    do {
      try markdown().write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      FileHandle.standardError.write(Data("the table of exactness was not written: \(error)\n".utf8))
    }
  }

  /// The table, with a row for each public type even when nothing was compared.
  private static func markdown() throws -> String {
    var rows = rows.withLock { $0 }
    for type in try PublicType.all() {
      guard let kind = Kind(rawValue: type.kind.rawValue) else { continue }
      let key = Key(kind: kind, name: type.name)
      rows[key] = rows[key] ?? Row()
    }
    var lines = ["| | | cases | tensors | values | against Python |", "|---|---|--:|--:|--:|---|"]
    for kind in Kind.allCases {
      let ofKind = rows.filter { $0.key.kind == kind }.sorted {
        $0.key.name.compare($1.key.name, options: .numeric) == .orderedAscending
      }
      for (key, row) in ofKind {
        lines.append(
          "| \(kind.rawValue) | \(key.name) | \(row.cases) | \(row.tensors) | \(row.values) | \(row.result) |"
        )
      }
    }
    let tensors = rows.values.map(\.tensors).reduce(0, +)
    let cases = rows.values.map(\.cases).reduce(0, +)
    let differing = rows.values.map(\.differing).reduce(0, +)
    lines += [
      "",
      "\(cases) cases, \(tensors) tensors, \(differing == 0 ? "none" : "\(differing)") of them different; "
        + "libtorch \(try Shim.runningVersion) \(try Shim.builtVariant), \(try Shim.cpuCapability), float32, "
        + "one thread.",
      "Not compared: other formats, CUDA, and several threads, with which results depend on their number.",
    ]
    return lines.joined(separator: "\n") + "\n"
  }
}
