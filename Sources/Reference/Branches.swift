/// `body(x) + shortcut(x)`; parameters: the body's, then the shortcut's.
public struct Residual: Layer {
  public let body: Sequential
  public let shortcut: Sequential

  /// - Parameter shortcut: without layers the input itself is added.
  public init(body: Sequential, shortcut: Sequential = Sequential([])) {
    self.body = body
    self.shortcut = shortcut
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    Parallel([body, shortcut], combination: .sum).evaluate(x, parameters)
  }
}

/// Every branch's output for the same input, one after the other along dimension 1, or added up; parameters:
/// those of each branch in turn.
public struct Parallel: Layer {
  public enum Combination: Sendable {
    case concatenate
    case sum
  }

  public let branches: [Sequential]
  public let combination: Combination

  public init(_ branches: [Sequential], combination: Combination) {
    self.branches = branches
    self.combination = combination
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    var rest = parameters[...]
    let runs = branches.map { branch in
      let count = branch.parameterCounts.reduce(0, +)
      defer { rest = rest.dropFirst(count) }
      return branch.evaluate(x, Array(rest.prefix(count)))
    }
    let outputs = runs.map(\.output)
    let joined = combination == .sum ? Self.sum(outputs) : Self.concatenated(outputs)
    return Evaluated(joined) { gradient in
      let parts =
        combination == .sum
        ? outputs.map { _ in gradient } : Self.split(gradient, sizes: outputs.map { $0.shape[1] })
      let gradients = zip(runs, parts).map { $0.backward($1) }
      return Gradients(Self.sum(gradients.map(\.input)), gradients.flatMap(\.parameters))
    }
  }

  private static func sum<Scalar: Real>(_ arrays: [NDArray<Scalar>]) -> NDArray<Scalar> {
    var result = arrays[0]
    for place in result.values.indices where arrays.count > 1 {
      var sum = Scalar.Sum()
      for array in arrays { sum.add(array.values[place]) }
      result.values[place] = sum.total(roundings: arrays.count - 1)
    }
    return result
  }

  private static func concatenated<Scalar: Real>(_ arrays: [NDArray<Scalar>]) -> NDArray<Scalar> {
    var values: [Scalar] = []
    let inner = arrays[0].shape.dropFirst(2).reduce(1, *)
    for image in 0..<arrays[0].shape[0] {
      for array in arrays {
        let size = array.shape[1] * inner
        values += array.values[image * size..<(image + 1) * size]
      }
    }
    let channels = arrays.reduce(0) { $0 + $1.shape[1] }
    return NDArray(values, shape: [arrays[0].shape[0], channels] + arrays[0].shape.dropFirst(2))
  }

  private static func split<Scalar: Real>(_ array: NDArray<Scalar>, sizes: [Int]) -> [NDArray<Scalar>] {
    let inner = array.shape.dropFirst(2).reduce(1, *)
    var start = 0
    return sizes.map { size in
      let values = (0..<array.shape[0]).flatMap { image in
        let first = (image * array.shape[1] + start) * inner
        return array.values[first..<first + size * inner]
      }
      start += size
      return NDArray(values, shape: [array.shape[0], size] + array.shape.dropFirst(2))
    }
  }
}
