import Reference
import SwiftTorchLayers

/// What has to have been judged of an operation in one format, when the suite is run as it is by default.
///
/// A comparison of nothing finds no difference: cases that were left out, tensors that nobody looked at, bounds that
/// are infinite or so wide that no error comes near them. Each line of `expectationTable` holds what one run counted;
/// at least three quarters of the cases, tensors and numbers, and half of the worst fraction, must come again, and
/// not more that is left out or without a bound.
struct Expectation: Equatable {
  let cases: Int
  let tensors: Int
  let numbers: Int
  let unbounded: Int
  let unsupported: Int
  let known: Int
  let worst: Double

  init(
    cases: Int, tensors: Int, numbers: Int, unbounded: Int, unsupported: Int, known: Int, worst: Double
  ) {
    self.cases = cases
    self.tensors = tensors
    self.numbers = numbers
    self.unbounded = unbounded
    self.unsupported = unsupported
    self.known = known
    self.worst = worst
  }

  init(_ report: FormatReport) {
    self.init(
      cases: report.cases, tensors: report.tensors, numbers: report.numbers, unbounded: report.unbounded,
      unsupported: report.unsupported, known: report.known, worst: report.worst)
  }

  /// What a run of the default suite left undone, each in a sentence.
  func shortfalls(_ found: FormatReport) -> [String] {
    func least(_ count: Int, _ expected: Int, _ what: String) -> String? {
      let least = (3 * expected + 3) / 4
      return count >= least ? nil : "\(count) \(what) where at least \(least) are expected"
    }
    func most(_ count: Int, _ expected: Int, _ what: String) -> String? {
      count <= expected ? nil : "\(count) \(what) where at most \(expected) are expected"
    }
    return [
      least(found.cases, cases, "cases compared"), least(found.tensors, tensors, "tensors with a bound"),
      least(found.numbers, numbers, "numbers with a bound"),
      most(found.unbounded, unbounded, "numbers without a bound"),
      most(found.unsupported, unsupported, "cases without a kernel in libtorch"),
      most(found.known, known, "cases left out as known defects"),
      found.worst >= worst / 2
        ? nil : "no error above \(found.worst) of its bound where one above \(worst / 2) is expected",
    ].compactMap(\.self)
  }
}

extension Expectation {
  /// The table's lines by operation and format.
  static let all = parse(expectationTable)

  static func parse(_ table: String) -> [String: [String: Expectation]] {
    var result: [String: [String: Expectation]] = [:]
    for line in table.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ").map(String.init)
      let counts = words.dropFirst(2).prefix(6).compactMap(Int.init)
      guard words.count == 9, counts.count == 6, let worst = Double(words[8]) else {
        preconditionFailure("not a line of the table of expectations: \(line)")
      }
      result[words[0], default: [:]][words[1]] = Expectation(
        cases: counts[0], tensors: counts[1], numbers: counts[2], unbounded: counts[3],
        unsupported: counts[4],
        known: counts[5], worst: worst)
    }
    return result
  }

  /// The source file of the table, from what a run of the default suite counted.
  static func source(_ reports: [OperationReport]) -> String {
    let lines = reports.flatMap { report in
      report.formats.sorted { $0.key < $1.key }.map { format, found in
        // Two digits; rounded down, so that it is never more than was found.
        let worst = (Swift.min(found.worst, 1) * 100).rounded(.down) / 100
        return [report.name, format].joined(separator: " ") + " "
          + [
            found.cases, found.tensors, found.numbers, found.unbounded, found.unsupported, found.known,
          ].map(String.init).joined(separator: " ") + " \(worst)"
      }
    }
    return """
      /// What `torchlayers parity` counted, made by `torchlayers parity --expectations`; see `Expectation`.
      let expectationTable = \"""
        # operation format cases tensors numbers unbounded unsupported known worst
      \(lines.map { "  \($0)" }.joined(separator: "\n"))
        \"""

      """
  }
}

extension ParitySuite {
  /// Whether the suite is the one that the table of expectations was made with; its operations may be chosen.
  var isDefault: Bool {
    let standard = ParitySuite()
    return cases == standard.cases && seed == standard.seed && device == standard.device && dtype == nil
      && steps == standard.steps
  }

  /// What was not judged of an operation, though it should have been, each in a sentence.
  func shortfalls(
    of report: OperationReport, table: [String: [String: Expectation]] = Expectation.all
  ) -> [String] {
    let expected = table[report.name] ?? [:]
    // libtorch may lack a kernel on another device only. While a table is being made, there is none.
    let isTheTables = device == "cpu" && !table.isEmpty
    var texts: [String] = []
    for (format, found) in report.formats.sorted(by: { $0.key < $1.key }) where isTheTables {
      guard let expectation = expected[format] else {
        texts.append("\(format): the table of expectations does not know it")
        continue
      }
      if isDefault {
        texts += expectation.shortfalls(found).map { "\(format): \($0)" }
      } else if found.unsupported > 0, expectation.unsupported == 0 {
        texts.append(
          "\(format): \(found.unsupported) cases without a kernel in libtorch, which should have one")
      }
    }
    if isDefault, isTheTables {
      texts += expected.keys.sorted().filter { report.formats[$0] == nil }.map { "\($0): no case was made" }
    }
    let mayBeEmpty =
      !report.formats.isEmpty
      && report.formats.keys.allSatisfy { expected[$0]?.cases == 0 || report.formats[$0]!.known > 0 }
    if report.cases == 0, report.crashes.isEmpty, !mayBeEmpty { texts.append("no case was compared") }
    return texts
  }

  /// The source of the table of expectations, from what a run of this suite counted.
  /// - Throws: `TorchError` when the suite is not the default one.
  public func expectations(from reports: [OperationReport]) throws -> String {
    guard isDefault, reports.count == Self.operations.count else {
      throw TorchError(
        "expectations are those of all operations with default cases, seed, device and formats")
    }
    return Expectation.source(reports)
  }
}
