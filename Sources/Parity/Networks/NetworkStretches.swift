import Reference
import SwiftTorchLayers

// Stretches of a random network in float32, on the tape's own numbers, against the reference.
extension NetworkTrial {
  /// A layer that ran, with what went in.
  private struct Visit {
    let module: Module
    let input: Tensor
    let output: Tensor
  }

  /// Up to three layers that follow each other, from each layer on: by a frozen model and by a plan's step.
  func stretches() throws {
    for training in [false, true] {
      let model = try makeModel()
      model.train(training)
      var visits: [Visit] = []
      for module in leaves(model) {
        module.observer = { [unowned module] input, output in
          visits.append(Visit(module: module, input: input, output: output))
        }
      }
      try Torch.manualSeed(1)
      guard (try? noGrad { try model(images()) }) != nil else { continue }
      for module in leaves(model) { module.observer = nil }
      for start in visits.indices {
        var end = start + 1
        while end < visits.count, end - start < 3,
          visits[end - 1].output.identity == visits[end].input.identity
        { end += 1 }
        let modules = visits[start..<end].map(\.module)
        let input = try visits[start].input.detach().contiguous()
        // More than the reference does in the time that a network may take.
        guard work(visits[start..<end]) < 2_000_000, visits[start..<end].allSatisfy(isBatched) else {
          continue
        }
        if training { try step(modules, input) } else { try infer(modules, input) }
      }
    }
  }

  /// Whether a layer took its input as a batch: the reference knows no single images.
  private func isBatched(_ visit: Visit) -> Bool {
    let dimensions =
      switch visit.module {
      case let conv as ConvNd: conv.kernelSize.count
      case let pool as MaxPoolNd: pool.kernelSize.count
      case let pool as AvgPoolNd: pool.kernelSize.count
      default: visit.input.ndim - 2
      }
    return visit.input.ndim == dimensions + 2
  }

  /// Products of a stretch's forward pass.
  private func work(_ visits: ArraySlice<Visit>) -> Int {
    visits.reduce(0) { sum, visit in
      switch visit.module {
      case let conv as ConvNd: sum + visit.output.numel * conv.weight.numel / conv.outChannels
      case let linear as SwiftTorchLayers.Linear: sum + visit.output.numel * linear.inFeatures
      default: sum + visit.output.numel * 4
      }
    }
  }

  private func infer(_ modules: [Module], _ input: Tensor) throws {
    let stretch = Sequential(modules)
    guard let frozen = try FrozenModel(stretch, example: input) else { return }
    guard let (reference, parameters) = try reference(modules, folded: true) else { return }
    count("frozen, float32, against the reference")
    let expected = reference.evaluate(try comparison.array(input), parameters)
    try comparison.expect(frozen(input), expected.output, "frozen \(names(modules))")
  }

  private func names(_ modules: [Module]) -> String { modules.map(\.typeName).joined(separator: ", ") }

  private func step(_ modules: [Module], _ input: Tensor) throws {
    // The masks of dropout are compared in float64.
    guard input.shape[0] == network.batch,
      !modules.contains(where: { ($0 as? SwiftTorchLayers.Dropout).map { $0.p > 0 } ?? false })
    else { return }
    // Whatever comes out goes through a head, as the plan's loss needs it.
    var output = input
    for module in modules { output = try noGrad { try module(output) } }
    let features = output.shape.dropFirst().reduce(1, *)
    guard features > 0, features <= 4096 else { return }
    let head = Linear(inFeatures: features, outFeatures: RandomNetwork.classes)
    let all = modules + [Flatten(), head]
    guard let (reference, parameters) = try reference(all, folded: false) else { return }
    let stretch = Sequential(all)
    let expected = reference.evaluate(try comparison.array(input), parameters)
    let targets = try targets
    let loss = CrossEntropy(.classes(try targets.scalars(as: Int.self))).evaluate(expected.output)
    let one = NDArray([Running(1, format: comparison.format)], shape: [])
    let gradients = expected.backward(loss.backward(one).input).parameters
    guard let plan = try StepPlan(stretch) else { return }
    count("plan, float32, against the reference")
    try comparison.expect(plan.step(input, targets).loss, loss.output, "loss of \(names(modules)) by a plan")
    // A layer that is used twice has the sum of both gradients.
    var sums: [ObjectIdentifier: NDArray<Running>] = [:]
    let tensors = all.flatMap { $0.namedParameters().map(\.tensor) }
    for (tensor, gradient) in zip(tensors, gradients).reversed() {
      let identity = tensor.identity
      sums[identity] = sums[identity].map { $0.zip(gradient, +) } ?? gradient
    }
    for (name, parameter) in stretch.namedParameters() where parameter.requiresGrad {
      try comparison.expect(
        parameter.grad, sums[parameter.identity]!, "gradient \(name) of \(names(modules)) by a plan")
    }
  }

  /// The reference's stretch with its parameters; nil where a layer has no counterpart.
  /// - Parameter folded: batch normalisation belongs to the weights of the convolution before it, rounded with them.
  private func reference(_ modules: [Module], folded: Bool) throws -> (
    Reference.Sequential, [NDArray<Running>]
  )? {
    var layers: [(layer: any Reference.Layer, parameters: Int)] = []
    var parameters: [NDArray<Running>] = []
    var last: Module?
    for module in modules where !(module is Identity) {
      defer { last = module }
      if module is SwiftTorchLayers.Dropout { continue }
      if folded, let norm = module as? SwiftTorchLayers.BatchNorm, let conv = last as? ConvNd,
        norm.trackRunningStats
      {
        parameters.removeLast(layers[layers.count - 1].parameters)
        let (weight, bias) = try fold(conv, norm)
        parameters += [weight, bias]
        // The convolution alone, which takes a bias where it is given one.
        guard let product = (layers[layers.count - 1].layer as? Reference.Sequential)?.layers.first else {
          return nil
        }
        layers[layers.count - 1] = (product, 2)
        continue
      }
      guard let layer = try? ReferenceNetwork.sequence([module]) else { return nil }
      let own = try module.namedParameters().map { try comparison.array($0.tensor) }
      layers.append((layer, own.count))
      parameters += own
    }
    return layers.isEmpty ? nil : (Reference.Sequential(layers), parameters)
  }

  private func fold(_ conv: ConvNd, _ norm: SwiftTorchLayers.BatchNorm) throws -> (
    weight: NDArray<Running>, bias: NDArray<Running>
  ) {
    func numbers(_ tensor: Tensor?, _ standard: Double) throws -> [Double] {
      try tensor?.detach().to(.float64).scalars(as: Double.self)
        ?? [Double](repeating: standard, count: norm.numFeatures)
    }
    let (mean, variance) = (try numbers(norm.runningMean, 0), try numbers(norm.runningVar, 1))
    let scale = zip(try numbers(norm.weight, 1), variance).map { $0 / ($1 + norm.eps).squareRoot() }
    let (shift, bias) = (try numbers(norm.bias, 0), try numbers(conv.bias, 0))
    func rounded(_ value: Double) -> Running {
      Running(value, error: value.magnitude * 0x1p-24 * (1 + 0x1p-20) + 0x1p-149, format: .float32)
    }
    let weights = try numbers(conv.weight, 0)
    let each = weights.count / norm.numFeatures
    return (
      NDArray(weights.enumerated().map { rounded($1 * scale[$0 / each]) }, shape: conv.weight.shape),
      NDArray(
        scale.indices.map { rounded((bias[$0] - mean[$0]) * scale[$0] + shift[$0]) }, shape: [scale.count])
    )
  }
}
