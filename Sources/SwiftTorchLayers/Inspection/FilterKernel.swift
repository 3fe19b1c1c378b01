/// The kernels of image processing that have a name.
public enum NamedKernel: String, CaseIterable, Sendable {
  case identity
  /// Sobel: vertical edges, right minus left.
  case sobelX = "sobel-x"
  /// Sobel: horizontal edges, below minus above.
  case sobelY = "sobel-y"
  case gaussianBlur = "gaussian-blur"
  case boxBlur = "box-blur"
  case sharpen
  case emboss
  case outline

  /// One line for a list.
  public var summary: String {
    switch self {
    case .identity: "the picture as it is"
    case .sobelX: "vertical edges: right minus left"
    case .sobelY: "horizontal edges: below minus above"
    case .gaussianBlur: "a soft blur, the middle counts most"
    case .boxBlur: "the mean of each 3x3 neighbourhood"
    case .sharpen: "the picture plus its differences from the neighbours"
    case .emboss: "light from the upper left onto a relief"
    case .outline: "how a pixel differs from all its neighbours"
    }
  }

  /// Other words for the same kernel.
  public static let aliases: [String: NamedKernel] = [
    "vertical-edges": .sobelX, "horizontal-edges": .sobelY, "gaussian": .gaussianBlur, "box": .boxBlur,
  ]

  /// Whole numbers; the kernel is these divided by `divisor`.
  public var rows: [[Double]] {
    switch self {
    case .identity: [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    case .sobelX: [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    case .sobelY: [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
    case .gaussianBlur: Self.binomial.map { row in Self.binomial.map { row * $0 } }
    case .boxBlur: [[1, 1, 1], [1, 1, 1], [1, 1, 1]]
    case .sharpen: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    case .emboss: [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
    case .outline: [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
    }
  }

  /// By what the whole numbers are divided, so that a blur keeps the brightness.
  public var divisor: Double {
    switch self {
    case .gaussianBlur: 256
    case .boxBlur: 9
    default: 1
    }
  }

  /// The numbers that a picture is multiplied by.
  public var grid: NumberGrid { NumberGrid(rows: rows.map { $0.map { $0 / divisor } }) }

  /// (1 + 1)⁴: close to a bell curve.
  private static let binomial: [Double] = [1, 4, 6, 4, 1]
}
