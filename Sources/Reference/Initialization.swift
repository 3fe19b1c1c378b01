/// How PyTorch's layers start.
public enum Initialization {
  /// Numbers uniform in ±1/√fanIn, the first weights and biases of dense and convolution layers.
  public static func uniform(count: Int, fanIn: Int, _ generator: inout MersenneTwister) -> [Float] {
    // He's bound √3·gain/√fanIn with gain √(2 / (1 + 5)), which is 1/√fanIn, in PyTorch's order.
    let gain = (2.0 / (1 + 5)).squareRoot()
    let bound = 3.0.squareRoot() * (gain / Double(fanIn).squareRoot())
    return (0..<count).map { _ in generator.uniform(Float(-bound), Float(bound)) }
  }

  /// What the mean and the mean square of independent numbers uniform in ±a should be, and how far off
  /// they are on average: `E x² = a²/3`, `Var x = a²/3`, `Var x² = 4a⁴/45`.
  public struct Moments: Sendable {
    public let square: Double
    public let meanDeviation: Double
    public let squareDeviation: Double

    public init(uniform a: Double, count: Int) {
      square = a * a / 3
      meanDeviation = (a * a / 3 / Double(count)).squareRoot()
      squareDeviation = (4 * a * a * a * a / 45 / Double(count)).squareRoot()
    }
  }
}
