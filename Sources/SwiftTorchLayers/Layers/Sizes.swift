/// A size for each spatial dimension: an `Int` for all alike, or a list of one for each.
public protocol SizeConvertible {
  /// The sizes of `count` dimensions; a list is given as it is.
  func sizes(_ count: Int) -> [Int]
}

extension Int: SizeConvertible {
  public func sizes(_ count: Int) -> [Int] { [Int](repeating: self, count: count) }
}

extension Array: SizeConvertible where Element == Int {
  public func sizes(_ count: Int) -> [Int] { self }
}

/// The padding of a convolution: a `SizeConvertible`, `.same` or `.valid`.
public protocol PaddingConvertible {
  func padding(_ count: Int) -> Padding
}

/// Padding of a convolution.
public enum Padding: PaddingConvertible, Equatable, Sendable {
  /// The output has the input's size; needs stride 1. Where the total is odd, the end gets one more.
  case sameSize
  /// None.
  case none
  /// So many on both sides of each dimension.
  case explicit([Int])

  public func padding(_ count: Int) -> Padding { self }
}

extension PaddingConvertible where Self == Padding {
  /// The output has the input's size; needs stride 1. Where the total is odd, the end gets one more.
  public static var same: Padding { .sameSize }
  /// No padding.
  public static var valid: Padding { .none }
}

extension Int: PaddingConvertible {
  public func padding(_ count: Int) -> Padding { .explicit(sizes(count)) }
}
extension Array: PaddingConvertible where Element == Int {
  public func padding(_ count: Int) -> Padding { .explicit(sizes(count)) }
}

/// What a convolution's border is filled with: PyTorch's `padding_mode`.
public enum PaddingMode: String, Sendable, CaseIterable {
  case zeros
  /// Mirrored without repeating the edge.
  case reflect
  /// The edge repeated.
  case replicate
  /// The other side's values.
  case circular
}
