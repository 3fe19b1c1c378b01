// Numbers as a person reads them.

/// `12345` as `12 345`.
package func grouped(_ number: Double) -> String {
  guard let whole = Int(exactly: number.rounded()) else { return "\(number)" }
  let digits = String(whole)
  var result = ""
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index).isMultiple(of: 3), digits[digits.startIndex] != "-" || index > 1 {
      result += " "
    }
    result.append(digit)
  }
  return result
}

/// A number with a fixed count of digits after the point.
package func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  let factor = (0..<digits).reduce(1.0) { product, _ in product * 10 }
  let scaled = (abs(value) * factor).rounded()
  guard scaled < 1e15 else { return "\(value)" }
  let text = String(Int(scaled))
  let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
  let sign = value < 0 && scaled > 0 ? "-" : ""
  return digits == 0 ? sign + padded : "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
}

/// A number with at most four digits after the point, without needless zeros.
package func plain(_ value: Double) -> String {
  let text = fixed(value, 4)
  guard text.contains("."), !text.contains("e") else { return text }
  let short = text.reversed().drop { $0 == "0" }.drop { $0 == "." }
  return String(short.reversed())
}

/// 92.3 %
package func percent(_ share: Double) -> String { "\(fixed(share * 100, 2)) %" }

/// 75 seconds as `1:15`, or `42.1 s` below a minute.
package func duration(_ seconds: Double) -> String {
  guard seconds >= 60, let whole = Int(exactly: seconds.rounded()) else { return "\(fixed(seconds, 1)) s" }
  let rest = whole % 60
  return "\(whole / 60):\(rest < 10 ? "0" : "")\(rest)"
}

/// Numbers in columns, at most four digits after the point; planes are separated by an empty line.
package func table(_ planes: [[[Double]]], indent: Int = 0) -> String {
  let texts = planes.map { $0.map { $0.map(plain) } }
  let width = texts.joined().joined().reduce(1) { max($0, $1.count) }
  return texts.map { rows in
    rows.map { row in
      String(repeating: " ", count: indent)
        + row.map { String(repeating: " ", count: width - $0.count) + $0 }.joined(separator: "  ")
    }.joined(separator: "\n")
  }.joined(separator: "\n\n")
}

extension String {
  /// The text with spaces after it, at least one.
  package func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(1, width - count))
  }
  /// The text with spaces before it, at least one.
  package func leftPadded(to width: Int) -> String {
    String(repeating: " ", count: max(1, width - count)) + self
  }
}
