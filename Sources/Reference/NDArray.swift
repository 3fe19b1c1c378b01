/// A dense array in row-major order: the reference's only data structure.
public struct NDArray<Scalar: Real>: Sendable {
  public let shape: [Int]
  public var values: [Scalar]

  /// - Precondition: there are as many values as the shape has places.
  public init(_ values: [Scalar], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill the shape \(shape)")
    self.shape = shape
    self.values = values
  }

  public init(repeating value: Scalar = Scalar(0), shape: [Int]) {
    self.init([Scalar](repeating: value, count: shape.reduce(1, *)), shape: shape)
  }

  public var count: Int { values.count }

  /// The element at an index for each dimension.
  public subscript(index: Int...) -> Scalar {
    get { values[offset(index)] }
    set { values[offset(index)] = newValue }
  }

  private func offset(_ index: [Int]) -> Int {
    precondition(index.count == shape.count && Swift.zip(index, shape).allSatisfy { $0 >= 0 && $0 < $1 })
    return Swift.zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public func map(_ body: (Scalar) -> Scalar) -> NDArray { NDArray(values.map(body), shape: shape) }

  /// Element by element with another array of the same shape.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public func zip(_ other: NDArray, _ body: (Scalar, Scalar) -> Scalar) -> NDArray {
    precondition(shape == other.shape, "\(shape) and \(other.shape) differ")
    return NDArray(Swift.zip(values, other.values).map(body), shape: shape)
  }

  public func reshaped(_ shape: [Int]) -> NDArray { NDArray(values, shape: shape) }

  /// The sizes before a dimension, of it, and after it: element `(o·size + i)·inner + j` is number i along it.
  func split(at dimension: Int) -> (outer: Int, size: Int, inner: Int) {
    let place = dimension < 0 ? dimension + shape.count : dimension
    guard shape.indices ~= place else { return (1, count, 1) }
    return (
      shape[..<place].reduce(1, *), shape[place], shape[(place + 1)...].reduce(1, *)
    )
  }
}

extension NDArray: Equatable where Scalar: Equatable {}

/// Every index of an array of this shape, the last dimension fastest.
func indices(_ shape: [Int]) -> [[Int]] {
  shape.reduce([[]]) { partial, size in partial.flatMap { index in (0..<size).map { index + [$0] } } }
}
