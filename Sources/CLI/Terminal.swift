import ArgumentParser
import SwiftTorchLayers
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Standard error: progress, remarks. Results go to standard output with `print`.
enum Terminal {
  static let errorIsTerminal = isatty(2) == 1

  static func note(_ text: String) { write(text + "\n") }

  static func write(_ text: String) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let wrote = bytes[done...].withUnsafeBytes {
        #if canImport(Glibc)
          Glibc.write(2, $0.baseAddress, $0.count)
        #elseif canImport(Musl)
          Musl.write(2, $0.baseAddress, $0.count)
        #else
          Darwin.write(2, $0.baseAddress, $0.count)
        #endif
      }
      guard wrote > 0 else { return }
      done += wrote
    }
  }

  /// Prints a result as one JSON object.
  static func printJSON(_ value: some Encodable) throws {
    print(String(decoding: try JSONEncoder.stable.encode(value), as: UTF8.self))
    fflush(nil)  // now, not after libtorch has taken itself down
  }
}

/// Ctrl-C and `kill`: the first asks for an orderly end, the second ends at once.
enum Interruption {
  private static let asked = Atomic<Bool>(false)

  static var isAsked: Bool { asked.load(ordering: .relaxed) }

  static func install() {
    // A parent may have started us with these signals blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        if Interruption.asked.exchange(true, ordering: .relaxed) { _exit(130) }
      }
    }
  }
}

/// Checks that `word` is one of `words`.
/// - Throws: `ValidationError` with the nearest word and all of them.
func require(_ word: String, oneOf words: [String], _ what: String) throws -> String {
  if words.contains(word) { return word }
  let hint = nearest(word, in: words).map { "; did you mean \($0)?" } ?? "."
  let choices =
    words.count == 1 ? "The only choice is \(words[0])" : "The choices are \(words.joined(separator: ", "))"
  throw ValidationError("there is no \(what) '\(word)'\(hint) \(choices).")
}

/// `12345` as `12 345`.
func grouped(_ number: Double) -> String {
  guard let whole = Int(exactly: number.rounded()) else { return "\(number)" }
  let digits = String(whole)
  var result = ""
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index).isMultiple(of: 3) { result += " " }
    result.append(digit)
  }
  return result
}

/// A number with a fixed count of digits after the point.
func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  let factor = (0..<digits).reduce(1.0) { product, _ in product * 10 }
  let scaled = (abs(value) * factor).rounded()
  guard scaled < 1e15 else { return "\(value)" }
  let text = String(Int(scaled))
  let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
  let sign = value < 0 && scaled > 0 ? "-" : ""
  return digits == 0 ? sign + padded : "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
}

/// 92.3 %
func percent(_ share: Double) -> String { "\(fixed(share * 100, 2)) %" }

/// 75 seconds as `1:15`, or `42.1 s` below a minute.
func duration(_ seconds: Double) -> String {
  guard seconds >= 60, let whole = Int(exactly: seconds.rounded()) else { return "\(fixed(seconds, 1)) s" }
  let rest = whole % 60
  return "\(whole / 60):\(rest < 10 ? "0" : "")\(rest)"
}
