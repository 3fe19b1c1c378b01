/// A network that learns to tell classes apart, from scratch in one number format: weights, what the optimizer
/// remembers, and a step.
public struct Classifier<Scalar: Real & BinaryFloatingPoint>: Sendable {
  public private(set) var parameters: [NDArray<Scalar>]
  public private(set) var memories: [[String: [Scalar]]]
  public private(set) var steps = 0
  /// May change from step to step: what is remembered stays.
  public var optimizer: any OptimizerFormula

  public init(parameters: [NDArray<Scalar>], optimizer: any OptimizerFormula) {
    self.parameters = parameters
    self.optimizer = optimizer
    memories = parameters.map { _ in [:] }
  }

  /// One step on a batch: cross-entropy, its gradient, the optimizer's update.
  /// - Returns: the mean loss, and the class that the network gave to each image before the update.
  public mutating func step(_ network: Sequential, _ images: NDArray<Scalar>, _ targets: [Int]) -> (
    loss: Double, classes: [Int]
  ) {
    let forward = network.evaluate(images, parameters)
    let loss = CrossEntropy(.classes(targets)).evaluate(forward.output)
    let gradients = forward.backward(loss.backward(NDArray([1], shape: [])).input)
    steps += 1
    for index in parameters.indices {
      let memory = memories[index]
      memories[index] = [:]
      let updated = optimizer.update(
        parameters[index].values, gradient: gradients.parameters[index].values, memory: memory, step: steps)
      parameters[index].values = updated.parameter
      memories[index] = updated.memory
    }
    return (loss.output.values[0].value, Self.classes(forward.output))
  }

  /// The mean loss of a batch and the class that the network gives to each image.
  public func evaluate(_ network: Sequential, _ images: NDArray<Scalar>, _ targets: [Int]) -> (
    loss: Double, classes: [Int]
  ) {
    let output = network.evaluate(images, parameters).output
    return (
      CrossEntropy(.classes(targets)).evaluate(output).output.values[0].value, Self.classes(output)
    )
  }

  /// The place of each row's largest logit, the first of equals.
  private static func classes(_ logits: NDArray<Scalar>) -> [Int] {
    let width = logits.shape[1]
    return (0..<logits.shape[0]).map { row in
      (0..<width).reduce(0) { best, c in
        logits.values[row * width + c] > logits.values[row * width + best] ? c : best
      }
    }
  }
}
