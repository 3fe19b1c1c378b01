/// A linear map from one picture to another, alike for every channel: each output is a weighted sum of inputs.
/// Padding, unfolding, folding and upsampling are such maps; the way back is the transposed one.
struct Resampling<Scalar: Real> {
  /// An input's place, and its weight; without one the input itself counts.
  typealias Term = (place: Int, weight: Scalar?)

  /// The terms of each output.
  let terms: [[Term]]
  /// How many places the input has.
  let inputs: Int
  /// What an output without terms is.
  var fill = 0.0

  /// - Parameter roundings: how often a 16-bit format rounds an output, by the number of its terms.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  func apply(_ x: [Scalar], channels: Int, roundings: (Int) -> Int) -> [Scalar] {
    var result: [Scalar] = []
    result.reserveCapacity(channels * terms.count)
    for channel in 0..<channels {
      for terms in terms {
        guard !terms.isEmpty else {
          result.append(Scalar(fill))
          continue
        }
        var sum = Scalar.Sum()
        for (place, weight) in terms {
          let value = x[channel * inputs + place]
          if let weight { sum.add(value, times: weight) } else { sum.add(value) }
        }
        result.append(sum.total(roundings: roundings(terms.count)))
      }
    }
    return result
  }

  /// The map from the output's gradient to the input's.
  var transposed: Resampling {
    var back = [[Term]](repeating: [], count: inputs)
    for (output, terms) in terms.enumerated() {
      for (place, weight) in terms { back[place].append((output, weight)) }
    }
    return Resampling(terms: back, inputs: terms.count)
  }

  /// The layer's output of a shape, and its way back. A 16-bit format rounds at every addition; with weights
  /// once, on the way back at every one.
  func evaluate(_ x: NDArray<Scalar>, shape: [Int]) -> Evaluated<Scalar> {
    let channels = shape.reduce(1, *) / Swift.max(terms.count, 1)
    let hasWeights = terms.contains { $0.contains { $0.weight != nil } }
    let y = apply(x.values, channels: channels) { hasWeights ? 1 : $0 - 1 }
    return Evaluated(NDArray(y, shape: shape)) {
      Gradients(
        NDArray(
          transposed.apply($0.values, channels: channels) { hasWeights ? 2 * $0 : $0 - 1 }, shape: x.shape))
    }
  }
}
