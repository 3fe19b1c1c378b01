/// A formula with its derivative: a layer, an activation or a loss.
public protocol Layer: Sendable {
  /// The output for an input and the layer's parameters.
  func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>]) -> Evaluated<Scalar>
}

extension Layer {
  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>) -> Evaluated<Scalar> { evaluate(x, []) }
}

/// A layer's output, and the way back: from the loss's derivative with respect to the output to those with
/// respect to the input and each parameter.
public struct Evaluated<Scalar: Real> {
  public let output: NDArray<Scalar>
  public let backward: (NDArray<Scalar>) -> Gradients<Scalar>

  public init(_ output: NDArray<Scalar>, backward: @escaping (NDArray<Scalar>) -> Gradients<Scalar>) {
    self.output = output
    self.backward = backward
  }
}

public struct Gradients<Scalar: Real>: Sendable {
  public var input: NDArray<Scalar>
  public var parameters: [NDArray<Scalar>]

  public init(_ input: NDArray<Scalar>, _ parameters: [NDArray<Scalar>] = []) {
    self.input = input
    self.parameters = parameters
  }
}

/// Layers one after the other; parameters are those of each layer in turn.
public struct Sequential: Layer {
  public var layers: [any Layer]
  /// How many parameters each layer has.
  public var parameterCounts: [Int]

  public init(_ layers: [(layer: any Layer, parameters: Int)]) {
    self.layers = layers.map(\.layer)
    parameterCounts = layers.map(\.parameters)
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    var steps: [Evaluated<Scalar>] = []
    var rest = parameters[...]
    for (layer, count) in zip(layers, parameterCounts) {
      steps.append(layer.evaluate(steps.last?.output ?? x, Array(rest.prefix(count))))
      rest = rest.dropFirst(count)
    }
    return Evaluated(steps.last?.output ?? x) { gradient in
      var (gradient, found) = (gradient, [[NDArray<Scalar>]]())
      for step in steps.reversed() {
        let gradients = step.backward(gradient)
        found.append(gradients.parameters)
        gradient = gradients.input
      }
      return Gradients(gradient, found.reversed().flatMap { $0 })
    }
  }
}

/// The input itself, or itself in another shape: nothing is computed.
public struct Reshape: Layer {
  private let shape: @Sendable ([Int]) -> [Int]
  public init(_ shape: @escaping @Sendable ([Int]) -> [Int]) { self.shape = shape }

  /// Joins the dimensions `startDim` to `endDim`.
  public static func flatten(startDim: Int = 1, endDim: Int = -1) -> Reshape {
    Reshape { shape in
      let (start, end) = (
        startDim < 0 ? startDim + shape.count : startDim, endDim < 0 ? endDim + shape.count : endDim
      )
      return Array(shape[..<start]) + [shape[start...end].reduce(1, *)] + Array(shape[(end + 1)...])
    }
  }

  public func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>])
    -> Evaluated<Scalar>
  {
    Evaluated(x.reshaped(shape(x.shape))) { Gradients($0.reshaped(x.shape)) }
  }
}
