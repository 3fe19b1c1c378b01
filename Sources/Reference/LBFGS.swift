/// The direction of L-BFGS: `−H·g`, where H approximates the inverse Hessian from changes s of the parameters and y
/// of the gradient, by the recursion in two loops.
/// - Source: Nocedal & Wright 2006, Numerical Optimization, algorithm 7.4
public enum LBFGS {
  /// - Parameter pairs: the changes, oldest first, all with `y·s > 0`; without any the direction is `−g`.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  public static func direction<Scalar: Real>(
    _ gradient: [Scalar], pairs: [(s: [Scalar], y: [Scalar])]
  ) -> [Scalar] {
    guard let last = pairs.last, let like = gradient.first else { return gradient.map { -$0 } }
    var q = gradient.map { -$0 }
    var factors: [Scalar] = []
    for pair in pairs.reversed() {
      let factor = dot(pair.s, q) * (like.constant(1) / dot(pair.y, pair.s))
      q = zip(q, pair.y).map { $0 - $1 * factor }
      factors.append(factor)
    }
    let scale = dot(last.y, last.s) / dot(last.y, last.y)
    var r = q.map { $0 * scale }
    for (pair, factor) in zip(pairs, factors.reversed()) {
      let other = dot(pair.y, r) * (like.constant(1) / dot(pair.y, pair.s))
      r = zip(r, pair.s).map { $0 + $1 * (factor - other) }
    }
    return r
  }

  /// `Σ aᵢbᵢ`
  public static func dot<Scalar: Real>(_ a: [Scalar], _ b: [Scalar]) -> Scalar {
    var sum = Scalar.Sum()
    for (x, y) in zip(a, b) { sum.add(x, times: y) }
    return sum.total()
  }

  /// `lr·min(1, 1 / Σ|gᵢ|)`: how far the first step goes along its direction.
  public static func firstLength<Scalar: Real>(_ gradient: [Scalar], lr: Double) -> Scalar? {
    guard let like = gradient.first else { return nil }
    var sum = Scalar.Sum()
    for g in gradient { sum.add(g.magnitude()) }
    let one = like.constant(1)
    let inverse = one / sum.total()
    return (inverse.value < 1 ? inverse : one).scaled(by: lr)
  }
}
