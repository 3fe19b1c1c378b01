/// Pictures `[N, C, …]` with other spatial sizes: each output is taken from a position of the input.
///
/// Output i lies at `(i + ½)·scale − ½`, with `alignCorners` at `i·scale`. Positions and weights have running error
/// bounds of their own: `positions` is the format that they are computed in, `weights` the one they are kept in.
public struct Upsampling: Layer {
  public enum Kind: Sendable {
    /// The pixel at `⌊i·scale⌋`.
    case nearest
    /// The pixel at `⌊(i + ½)·scale⌋`.
    case nearestExact
    /// Of the pixels less than 1 away, by `1 − distance`, in every dimension.
    case linear
    /// Of the pixels less than 2 away, by a cubic function of the distance (A = −¾), in every dimension.
    case cubic
  }

  public let kind: Kind
  public let outputSize: [Int]
  /// The output's size by the input's where it is given, else nil: then it is the ratio of the sizes.
  public let factors: [Double]?
  public let alignCorners: Bool
  public let positions: Format
  public let weights: Format

  public init(
    _ kind: Kind, outputSize: [Int], factors: [Double]? = nil, alignCorners: Bool = false,
    positions: Format = .exact, weights: Format = .exact
  ) {
    self.kind = kind
    self.outputSize = outputSize
    self.factors = factors
    self.alignCorners = alignCorners
    self.positions = positions
    self.weights = weights
  }

  /// Whether libtorch's kernels disagree among themselves: an output of the nearest modes lies on the edge between
  /// two pixels, where a rounding decides (none does where the scale is a multiple of 1/1024); or a factor changes
  /// no size, and some of them copy.
  public func isAmbiguous(input: [Int]) -> Bool {
    input.indices.contains { d in
      if let factors, factors[d] != 1, input[d] == outputSize[d] { return true }
      guard kind == .nearest || kind == .nearestExact else { return false }
      let scale = factors.map { 1 / $0[d] } ?? Double(input[d]) / Double(outputSize[d])
      guard (scale * 1024).rounded() != scale * 1024 else { return false }
      return (0..<outputSize[d]).contains { i in
        let position = (Double(i) + (kind == .nearest ? 0 : 0.5)) * scale
        return position > 0 && (position - position.rounded()).magnitude < 1e-4 * max(1, position)
      }
    }
  }

  /// The weights of the pixels along dimension `d` of an output.
  private func terms(_ i: Int, size: Int, _ d: Int) -> [(place: Int, weight: Running)] {
    let exact = factors.map { 1 / $0[d] } ?? Double(size) / Double(outputSize[d])
    if kind == .nearest || kind == .nearestExact {
      let position = (Double(i) + (kind == .nearest ? 0 : 0.5)) * exact
      return [(min(Int(position), size - 1), Running(1))]
    }
    func number(_ value: Double) -> Running { Running(value, format: positions) }
    let (scale, half) = (number(1) * scale(size, d), number(0.5))
    var position = alignCorners ? number(Double(i)) * scale : (number(Double(i)) + half) * scale - half
    if kind == .linear {
      position = position.rectified()
      position = Running(min(position.value, Double(size - 1)), error: position.error, format: positions)
    }
    let reach = kind == .linear ? 1 : 2
    let (low, high) = (position.value - position.error, position.value + position.error)
    var found: [Int: Running] = [:]
    for pixel in Int(low.rounded(.down)) - reach + 1...Int(high.rounded(.down)) + reach {
      let weight = weight((position - number(Double(pixel))).magnitude())
      let place = max(0, min(pixel, size - 1))
      found[place] = found[place].map { $0 + weight } ?? weight
    }
    return found.sorted { $0.key < $1.key }.map { place, weight in
      // Kept in a coarser format, a weight is rounded once more; of two, one is 1 minus the other.
      let size = kind == .linear ? 1 : weight.value.magnitude
      let kept = weights == positions ? 0 : weights.unit * size + weights.smallest
      return (place, Running(weight.value, error: weight.error + kept, format: .exact))
    }
  }

  private func scale(_ size: Int, _ d: Int) -> Running {
    func number(_ value: Int) -> Running { Running(Double(value), format: positions) }
    if alignCorners { return outputSize[d] > 1 ? number(size - 1) / number(outputSize[d] - 1) : number(0) }
    if let factors { return number(1) / Running(factors[d], format: positions) }
    return number(size) / number(outputSize[d])
  }

  private func weight(_ distance: Running) -> Running {
    let t = distance
    func number(_ value: Double) -> Running { Running(value, format: positions) }
    if kind == .linear { return (number(1) - t).rectified() }
    let a = -0.75
    if t.value <= 1 { return (number(a + 2) * t - number(a + 3)) * t * t + number(1) }
    // At a distance of 2 value and slope are zero.
    guard t.value < 2 else { return Running(0, error: t.error, format: positions) }
    return ((number(a) * t - number(5 * a)) * t + number(8 * a)) * t - number(4 * a)
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    let size = Array(x.shape.dropFirst(2))
    let copies = kind == .nearest || kind == .nearestExact
    let along = size.indices.map { d in (0..<outputSize[d]).map { terms($0, size: size[d], d) } }
    let all = indices(outputSize).map { p -> [Resampling<Scalar>.Term] in
      var terms = [(place: 0, weight: Running(1))]
      for d in size.indices {
        terms = terms.flatMap { term in
          along[d][p[d]].map { (term.place * size[d] + $0.place, term.weight * $0.weight) }
        }
      }
      return terms.map { place, w in
        (place, copies ? nil : Scalar(w.value).upTo(Scalar(w.value + w.error)))
      }
    }
    return Resampling(terms: all, inputs: size.reduce(1, *)).evaluate(
      x, shape: Array(x.shape.prefix(2)) + outputSize)
  }
}
