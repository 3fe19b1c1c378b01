/// `eˣⁱ / Σⱼ eˣʲ` along a dimension, or its logarithm.
public struct Softmax: Layer {
  public let dim: Int
  public let logarithm: Bool

  public init(dim: Int, logarithm: Bool = false) {
    self.dim = dim
    self.logarithm = logarithm
  }

  /// The places of each row along the dimension.
  static func rows(_ shape: [Int], dim: Int) -> [[Int]] {
    let (outer, size, inner) = NDArray<Double>(shape: shape).split(at: dim)
    return (0..<outer).flatMap { o in
      (0..<inner).map { i in (0..<size).map { (o * size + $0) * inner + i } }
    }
  }

  /// One row. Subtracting the largest keeps the exponentials in range and changes nothing else.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  static func row<Scalar: Real>(_ x: [Scalar], logarithm: Bool) -> [Scalar] {
    let largest = Scalar(x.map(\.value).max() ?? 0)
    let shifted = x.map { $0 - largest }
    var sum = Scalar.Sum()
    for value in shifted { sum.add(value.exp()) }
    let total = sum.total()
    return logarithm
      ? shifted.map { ($0 - total.log()) } : shifted.map { ($0.exp() / total) }
  }

  /// `y·(g − Σ g·y)`, or `g − eʸ·Σ g` for the logarithm.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  static func rowBackward<Scalar: Real>(_ y: [Scalar], _ g: [Scalar], logarithm: Bool) -> [Scalar] {
    var sum = Scalar.Sum()
    for (y, g) in zip(y, g) {
      if logarithm { sum.add(g) } else { sum.add(g, times: y) }
    }
    let total = sum.total()
    return zip(y, g).map { y, g in
      (logarithm ? g - y.exp() * total : y * g - y * total)
    }
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let rows = Self.rows(x.shape, dim: dim)
    var y = x
    for row in rows {
      for (place, value) in zip(row, Self.row(row.map { x.values[$0] }, logarithm: logarithm)) {
        y.values[place] = value
      }
    }
    return Evaluated(y) { [y] gradient in
      var dx = x
      for row in rows {
        let result = Self.rowBackward(
          row.map { y.values[$0] }, row.map { gradient.values[$0] }, logarithm: logarithm)
        for (place, value) in zip(row, result) { dx.values[place] = value }
      }
      return Gradients(dx)
    }
  }
}
