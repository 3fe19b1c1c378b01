#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Softmax and what is built on it, over the last dimension of `[N, C]`.
public enum Softmax {
  /// The parts of a row that formulas and error bounds need: the maximum and `log Σ exp(x − max)`.
  public static func parts(_ row: ArraySlice<Double>) -> (maximum: Double, logSum: Double) {
    let maximum = row.max() ?? -.infinity
    return (maximum, log(row.reduce(0) { $0 + exp($1 - maximum) }))
  }

  private static func eachRow(_ x: NDArray<Double>, _ body: (ArraySlice<Double>) -> [Double]) -> NDArray<
    Double
  > {
    let width = x.shape[1]
    return NDArray(
      (0..<x.shape[0]).flatMap { body(x.values[$0 * width..<($0 + 1) * width]) }, shape: x.shape)
  }

  /// `eˣⁱ / Σⱼ eˣʲ`
  public static func forward(_ x: NDArray<Double>) -> NDArray<Double> {
    eachRow(x) { row in
      let (maximum, logSum) = parts(row)
      return row.map { exp($0 - maximum - logSum) }
    }
  }

  /// `x − log Σⱼ eˣʲ`
  public static func logarithm(_ x: NDArray<Double>) -> NDArray<Double> {
    eachRow(x) { row in
      let (maximum, logSum) = parts(row)
      return row.map { $0 - maximum - logSum }
    }
  }

  /// Cross-entropy of logits with class numbers, the mean over the rows.
  public static func crossEntropy(_ x: NDArray<Double>, _ targets: [Int]) -> Double {
    let logarithms = logarithm(x)
    return targets.enumerated().reduce(0) { $0 - logarithms[$1.offset, $1.element] } / Double(targets.count)
  }

  /// `(softmax(x) − oneHot(t)) / N`
  public static func crossEntropyBackward(_ x: NDArray<Double>, _ targets: [Int]) -> NDArray<Double> {
    var gradient = forward(x)
    for (row, target) in targets.enumerated() { gradient[row, target] -= 1 }
    return gradient.map { $0 / Double(targets.count) }
  }
}
