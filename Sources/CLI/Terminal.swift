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
