/// What is wrong with a file: which one, where, and which rule was broken.
public struct FormatError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The file's path, or a name for bytes that came from elsewhere.
  public var source: String
  /// Where, in bytes from the start; nil when it concerns the whole.
  public var offset: Int?
  /// One sentence.
  public var message: String

  public init(source: String, offset: Int? = nil, message: String) {
    self.source = source
    self.offset = offset
    self.message = message
  }

  public var description: String {
    offset.map { "\(source): at byte \($0): \(message)" } ?? "\(source): \(message)"
  }
}
