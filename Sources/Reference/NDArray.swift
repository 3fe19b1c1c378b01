/// A dense array in row-major order: the reference's only data structure.
public struct NDArray<Scalar: BinaryFloatingPoint & Sendable>: Sendable, Equatable {
  public let shape: [Int]
  public var values: [Scalar]

  /// - Precondition: there are as many values as the shape has places.
  public init(_ values: [Scalar], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill the shape \(shape)")
    self.shape = shape
    self.values = values
  }

  public init(repeating value: Scalar = 0, shape: [Int]) {
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

  public func map(_ body: (Scalar) -> Scalar) -> NDArray { NDArray(values.map(body), shape: shape) }

  /// Element by element with another array of the same shape.
  public func zip(_ other: NDArray, _ body: (Scalar, Scalar) -> Scalar) -> NDArray {
    precondition(shape == other.shape, "\(shape) and \(other.shape) differ")
    return NDArray(Swift.zip(values, other.values).map(body), shape: shape)
  }

  public func reshaped(_ shape: [Int]) -> NDArray { NDArray(values, shape: shape) }
}

/// Calls `body` with every index of an array of this shape, the last dimension fastest.
func forEachIndex(_ shape: [Int], _ body: ([Int]) -> Void) {
  guard !shape.contains(0) else { return }
  var index = [Int](repeating: 0, count: shape.count)
  while true {
    body(index)
    var dimension = shape.count - 1
    while dimension >= 0 {
      index[dimension] += 1
      if index[dimension] < shape[dimension] { break }
      index[dimension] = 0
      dimension -= 1
    }
    if dimension < 0 { return }
  }
}

/// The place of an index in row-major order.
func flat(_ index: [Int], _ shape: [Int]) -> Int {
  var offset = 0
  for dimension in shape.indices { offset = offset * shape[dimension] + index[dimension] }
  return offset
}
