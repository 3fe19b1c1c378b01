/// How far a result computed in float32 may be from the exact one. Derived, not tuned.
/// - Source: Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapters 2 and 3.
public enum ErrorBounds {
  /// Unit roundoff of float32.
  public static let unit = 0x1p-24
  /// The smallest subnormal of float32: what a product may lose to underflow.
  public static let smallest = 0x1p-149

  /// `γₙ = n·u / (1 − n·u)`: n roundings one after the other.
  public static func gamma(_ n: Int) -> Double {
    let product = Double(n) * unit
    return product / (1 - product)
  }

  /// A sum of `n` products in any order: `γₙ·Σ|xᵢwᵢ| + n·η`. A bias counts as one.
  public static func sumOfProducts(_ n: Int, magnitude: Double) -> Double {
    gamma(n) * magnitude + Double(n) * smallest
  }

  /// An element of log-softmax over n classes: `u·(|y| + 3|x − max| + 2|log Σ| + n + 4)`.
  public static func logSoftmax(y: Double, distance: Double, logSum: Double, classes: Int) -> Double {
    unit * (abs(y) + 3 * abs(distance) + 2 * abs(logSum) + Double(classes) + 4)
  }

  /// An element of softmax over n classes: `u·(|x − max| + n + 6)·y + 2⁻¹²⁵`.
  public static func softmax(y: Double, distance: Double, classes: Int) -> Double {
    unit * (abs(distance) + Double(classes) + 6) * y + 0x1p-125
  }
}
