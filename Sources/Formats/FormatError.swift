/// What is wrong with a file: which one, where, and which rule was broken.
public struct FormatError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The file's path, or a name for bytes that came from elsewhere.
  public var source: String
  /// Where, in bytes from the start; nil when it concerns the whole.
  public var offset: Int?
  /// One sentence.
  public var message: String

  /// An error about `source`, at byte `offset` where one can be named.
  public init(source: String, offset: Int? = nil, message: String) {
    self.source = source
    self.offset = offset
    self.message = message
  }

  /// `source: at byte offset: message`, without the middle part when there is no offset.
  public var description: String {
    offset.map { "\(source): at byte \($0): \(message)" } ?? "\(source): \(message)"
  }
}

/// A text from a file as a sentence may show it: a file must not break the line, drive the terminal
/// or fill the screen.
package func shown(_ text: String) -> String {
  let longest = 80
  var result = ""
  for scalar in text.unicodeScalars.prefix(longest) {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return text.unicodeScalars.count > longest ? result + "…" : result
}
