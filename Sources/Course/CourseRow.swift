/// A row of the course: something to build, to compute and to look at.
public struct CourseRow: Sendable {
  /// `C1` to `C21`.
  public let name: String
  /// What it is about, for a list.
  public let title: String
  /// What to notice in what it shows, in a sentence.
  public let notice: String
  private let body: @Sendable (Lesson) throws -> Void

  init(
    _ name: String, _ title: String, notice: String, body: @escaping @Sendable (Lesson) throws -> Void
  ) {
    self.name = name
    self.title = title
    self.notice = notice
    self.body = body
  }

  /// All rows, in the course's order.
  public static let all: [CourseRow] = [
    definition, oneDimension, knownKernels, pattern, paddingKinds, outputSize, pooling, globalAverage,
    channels, flatten, counting, receptiveField, backwards, xOrO, digits, digitsCNN, denseOrConvolutional,
    heads, alexnet, whatItSees, uses,
  ]

  /// Computes, trains and draws what the row shows.
  /// - Parameter lesson: takes what there is to read, the numbers and the pictures.
  /// - Throws: `TorchError` and `FormatError` when data or disk fail, `CancellationError` when it was interrupted.
  public func teach(_ lesson: Lesson) throws { try body(lesson) }
}
