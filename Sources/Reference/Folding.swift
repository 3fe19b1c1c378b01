/// Cuts pictures into patches: x `[N, C, H, W]` (or without N) to `[N, C·K, L]`, with kernel position k of patch l
/// in row `c·K + k`, column l; zeros outside.
public struct Unfold: Layer {
  public let geometry: ConvolutionGeometry
  public let kernel: [Int]

  public init(_ geometry: ConvolutionGeometry, kernel: [Int]) {
    self.geometry = geometry
    self.kernel = kernel
  }

  /// For each kernel position and patch the place in the picture; −1 for a zero of the padding.
  func places(_ size: [Int]) -> [Int] {
    let taps = geometry.taps(input: size, kernel: kernel)
    let area = kernel.reduce(1, *)
    let patches = taps.count / area
    return (0..<area).flatMap { k in (0..<patches).map { taps[$0 * area + k] } }
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let size = Array(x.shape.suffix(2))
    let places = places(size)
    let area = kernel.reduce(1, *)
    let map = Resampling<Scalar>(
      terms: places.map { $0 < 0 ? [] : [($0, nil)] }, inputs: size.reduce(1, *))
    let leading = x.shape.dropLast(2)
    return map.evaluate(
      x, shape: leading.dropLast() + [leading[leading.count - 1] * area, places.count / area])
  }
}

/// Adds patches up to pictures: the transpose of `Unfold`, `[N, C·K, L]` (or without N) to `[N, C, H, W]`.
public struct Fold: Layer {
  public let unfold: Unfold
  public let outputSize: [Int]

  public init(_ unfold: Unfold, outputSize: [Int]) {
    self.unfold = unfold
    self.outputSize = outputSize
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let places = unfold.places(outputSize)
    let map = Resampling<Scalar>(
      terms: places.map { $0 < 0 ? [] : [($0, nil)] }, inputs: outputSize.reduce(1, *)
    ).transposed
    let channels = x.shape[x.shape.count - 2] / unfold.kernel.reduce(1, *)
    return map.evaluate(x, shape: x.shape.dropLast(2) + [channels] + outputSize)
  }
}
