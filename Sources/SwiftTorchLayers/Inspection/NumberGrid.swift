/// A table of numbers as people write it: `0 1 0; 1 -4 1; 0 1 0`.
///
/// Rows end with a semicolon or a line, numbers are separated by blanks or commas. A number may be a
/// fraction, `1/9`, and have a typographic minus.
public struct NumberGrid: Equatable, Sendable {
  /// At least one row, all of the same length, which is at least one.
  public let rows: [[Double]]

  public var height: Int { rows.count }
  public var width: Int { rows[0].count }

  /// More numbers than this are no table that somebody wrote.
  static let maximumCount = 1 << 16

  /// - Precondition: there is a row, and all have the same length, at least one.
  public init(rows: [[Double]]) {
    precondition(rows.first.map { !$0.isEmpty } ?? false, "a grid has at least one number")
    precondition(rows.allSatisfy { $0.count == rows[0].count }, "the rows of a grid are of one length")
    self.rows = rows
  }

  /// - Parameters:
  ///   - text: the numbers.
  ///   - what: what they are, for the error, for example `the kernel`.
  /// - Throws: `TorchError` naming the row that is longer or shorter than the first, or the word that is no
  ///   number.
  public init(parsing text: String, _ what: String) throws {
    var rows: [[Double]] = []
    var count = 0
    for line in text.split(whereSeparator: { $0 == ";" || $0.isNewline }) {
      let words = line.split { $0.isWhitespace || $0 == "," }
      guard !words.isEmpty else { continue }
      let row = try words.enumerated().map { column, word in
        guard let number = Self.number(word) else {
          let shown = Self.printable(word.count > 20 ? "\(word.prefix(20))…" : "\(word)")
          throw TorchError(
            "'\(shown)' in row \(rows.count + 1), column \(column + 1) of \(what) is no number; "
              + "write rows like \"0 1 0; 1 -4 1; 0 1 0\"")
        }
        return number
      }
      if let first = rows.first, first.count != row.count {
        let numbers = row.count == 1 ? "1 number" : "\(row.count) numbers"
        throw TorchError(
          "row \(rows.count + 1) of \(what) has \(numbers), row 1 has \(first.count); "
            + "all rows must be of one length"
        )
      }
      count += row.count
      guard count <= Self.maximumCount else {
        throw TorchError("\(what) has more than \(Self.maximumCount) numbers; use a picture instead")
      }
      rows.append(row)
    }
    guard !rows.isEmpty else {
      throw TorchError("\(what) has no numbers; write rows like \"0 1 0; 1 -4 1; 0 1 0\"")
    }
    self.rows = rows
  }

  /// A number or a fraction; nil for what is neither, or not finite.
  private static func number(_ word: Substring) -> Double? {
    let plain = word.replacing("−", with: "-")
    let parts = plain.split(separator: "/", omittingEmptySubsequences: false)
    let allowed: (Character) -> Bool = { $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }
    guard parts.count <= 2, parts.allSatisfy({ $0.allSatisfy(allowed) }), let upper = Double(parts[0]) else {
      return nil
    }
    guard parts.count == 2 else { return upper.isFinite ? upper : nil }
    guard let lower = Double(parts[1]), (upper / lower).isFinite else { return nil }
    return upper / lower
  }

  /// Control characters of a file must not reach the terminal.
  private static func printable(_ text: String) -> String {
    String(text.map { $0.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control } ? $0 : "?" })
  }
}
