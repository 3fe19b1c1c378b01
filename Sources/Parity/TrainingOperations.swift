import Reference
import SwiftTorchLayers

/// Optimizers by themselves, first weights, and whole networks in training.

/// An optimizer of libtorch's and its formula.
struct OptimizerPair {
  let text: String
  let formula: any OptimizerFormula
  let make: ([Tensor]) -> any AnyOptimizer
}

/// The optimizers by name, with settings from the draws.
enum OptimizerKind: String, CaseIterable {
  case sgd
  case adam
  case adamw

  var type: String { ["sgd": "SGD", "adam": "Adam", "adamw": "AdamW"][rawValue]! }

  func pair(_ draws: inout Draws) -> OptimizerPair {
    let lr = draws.one(of: [0.01, 0.1, 0.003])
    let decay = draws.one(of: [0, 0.01])
    let fused = draws.oneIn(2)
    switch self {
    case .sgd:
      let momentum = draws.one(of: [0, 0.9])
      let nesterov = momentum > 0 && draws.oneIn(3)
      let dampening = momentum > 0 && !nesterov && draws.oneIn(3) ? 0.2 : 0
      return OptimizerPair(
        text: "lr \(lr), momentum \(momentum), dampening \(dampening), weight_decay \(decay), "
          + "nesterov \(nesterov), fused \(fused)",
        formula: Reference.SGD(
          lr: lr, momentum: momentum, dampening: dampening, weightDecay: decay, nesterov: nesterov)
      ) {
        SwiftTorchLayers.SGD(
          $0, lr: lr, momentum: momentum, dampening: dampening, weightDecay: decay, nesterov: nesterov,
          fused: fused)
      }
    case .adam, .adamw:
      let amsgrad = draws.oneIn(3)
      let decoupled = self == .adamw
      return OptimizerPair(
        text: "lr \(lr), weight_decay \(decay), amsgrad \(amsgrad), fused \(fused)",
        formula: Reference.Adam(lr: lr, weightDecay: decay, decoupled: decoupled, amsgrad: amsgrad)
      ) {
        decoupled
          ? AdamW($0, lr: lr, weightDecay: decay, amsgrad: amsgrad, fused: fused)
          : SwiftTorchLayers.Adam($0, lr: lr, weightDecay: decay, amsgrad: amsgrad, fused: fused)
      }
    }
  }
}

/// What is remembered of each parameter, without the step count.
private func memories(_ optimizer: any AnyOptimizer, _ count: Int, _ comparison: Comparison) throws
  -> [[String: [Running]]]
{
  var result = [[String: [Running]]](repeating: [:], count: count)
  for (key, tensor) in optimizer.stateDict() {
    let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts[2] != "step" else { continue }
    result[Int(parts[1])!][parts[2]] = try comparison.array(tensor).values
  }
  return result
}

/// One step of the optimizer beside its formula, both from the same weights, memory and gradients.
private func compareStep(
  _ pair: OptimizerPair, _ optimizer: any AnyOptimizer, _ parameters: [Tensor], step: Int,
  _ comparison: Comparison
) throws {
  let before = try memories(optimizer, parameters.count, comparison)
  let expected = try parameters.enumerated().map { index, parameter in
    pair.formula.update(
      try comparison.array(parameter).values, gradient: try comparison.array(parameter.grad!).values,
      memory: before[index], step: step)
  }
  try optimizer.step()
  let after = optimizer.stateDict()
  for (index, parameter) in parameters.enumerated() {
    let shape = parameter.shape
    try comparison.expect(
      parameter, NDArray(expected[index].parameter, shape: shape), "parameter \(index) after step \(step)")
    for (name, values) in expected[index].memory.sorted(by: { $0.key < $1.key }) {
      try comparison.expect(
        after["state.\(index).\(name)"], NDArray(values, shape: shape), "\(name) \(index) after step \(step)")
    }
  }
}

func optimizer(_ kind: OptimizerKind) -> Operation {
  Operation(name: kind.rawValue, covers: [kind.type], formats: [.float32, .float64]) { draws, comparison in
    let pair = kind.pair(&draws)
    let shapes = [[draws.int(1...40)], [draws.int(1...6), draws.int(1...9)]]
    let scale = draws.one(of: [Values.normal, .plain, .small])
    comparison.describe("parameters \(shapes), \(scale.rawValue) gradients, 4 steps, \(pair.text)")
    let parameters = try shapes.map {
      try comparison.tensor(draws.numbers($0, .plain, comparison.format), $0, requiresGrad: true)
    }
    let optimizer = pair.make(parameters)
    for step in 1...4 {
      for (parameter, shape) in zip(parameters, shapes) {
        parameter.grad = try comparison.tensor(draws.numbers(shape, scale, comparison.format), shape)
      }
      try compareStep(pair, optimizer, parameters, step: step, comparison)
    }
  }
}

/// First weights: the reference's own generator gives the same numbers from the same seed, and their moments
/// are those of the uniform distribution.
let firstWeights = Operation(name: "kaiming_uniform", covers: [], formats: [.float32]) { draws, comparison in
  let (inputs, outputs, kernel) = (draws.int(1...20), draws.int(1...30), draws.int(1...5))
  let dense = draws.oneIn(2)
  let seed = draws.seed()
  try Torch.manualSeed(seed)
  let module: Module =
    dense
    ? SwiftTorchLayers.Linear(inFeatures: inputs, outFeatures: outputs)
    : Conv2d(inChannels: inputs, outChannels: outputs, kernelSize: kernel)
  comparison.describe("\(module)")
  let fanIn = dense ? inputs : inputs * kernel * kernel
  var generator = MersenneTwister(seed: seed)
  for (name, parameter) in module.namedParameters() {
    // Without a fused multiply-add the product, up to 2/√fanIn, is rounded, too.
    let product = 2 / Double(fanIn).squareRoot()
    let expected = Initialization.uniform(count: parameter.numel, fanIn: fanIn, &generator)
    try comparison.expect(
      parameter,
      NDArray(
        expected.map {
          Running(Double($0), error: 0x1p-24 * (product + Double($0.magnitude)), format: .float32)
        }, shape: parameter.shape), name)
    let values = try parameter.detach().to(.float64).scalars(as: Double.self)
    let moments = Initialization.Moments(uniform: 1 / Double(fanIn).squareRoot(), count: values.count)
    let mean = values.reduce(0, +) / Double(values.count)
    let square = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
    comparison.judge(
      [mean, square], [0, moments.square], [6 * moments.meanDeviation, 6 * moments.squareDeviation],
      "\(name): mean, mean square")
  }
}

/// 50 steps of a course network: at each the reference starts from libtorch's weights and memory, and loss,
/// gradients and update are compared.
func training(_ model: Models, _ kind: OptimizerKind) -> Operation {
  Operation(
    name: "\(model.rawValue)+\(kind.rawValue)", covers: ["Sequential"], formats: [.float32], mostCases: 1
  ) { draws, comparison in
    // Small pictures: the same layers with fewer weights.
    let size = model == .lenet ? 12 : 8
    // Large enough for the plan's own memory layout.
    let (batch, steps) = (8, comparison.steps)
    try Torch.manualSeed(draws.seed())
    let module = try model.make(inputShape: [1, size, size], classes: 10).to(comparison.device)
    let pair = kind.pair(&draws)
    comparison.describe(
      "\(model.rawValue) on \(size)×\(size) pictures, batch \(batch), \(steps) steps, \(pair.text)")
    let parameters = module.parameters()
    let optimizer = pair.make(parameters)
    let plan = try StepPlan(module)
    for step in 1...steps {
      let shape = [batch, 1, size, size]
      let pixels = draws.numbers(shape, .plain, comparison.format)
      let targets = draws.integers(batch, 0..<10)
      // Dropout's mask is part of the input: both sides see the same.
      let seed = draws.seed()
      let network = try ReferenceNetwork.make(module, input: shape, seed: seed, device: comparison.device)
      let reference = network.evaluate(
        comparison.array(pixels, shape), try parameters.map { try comparison.array($0) })
      let loss = CrossEntropy(.classes(targets)).evaluate(reference.output)
      let one = NDArray([Running(1, format: comparison.format)], shape: [])
      let gradients = reference.backward(loss.backward(one).input)
      func expect(_ own: Tensor, _ way: String) throws {
        try comparison.expect(own, loss.output, "loss of step \(step) \(way)")
        for (index, gradient) in gradients.parameters.enumerated() {
          try comparison.expect(parameters[index].grad, gradient, "gradient \(index) of step \(step) \(way)")
        }
        try optimizer.zeroGrad(setToNone: true)
      }
      let (images, labels) = (
        try comparison.tensor(pixels, shape), try Tensor(targets).to(comparison.device)
      )
      if let plan {
        try Torch.manualSeed(seed)
        try expect(plan.step(images, labels).loss, "without the tape")
      }
      try Torch.manualSeed(seed)
      let own = try crossEntropy(module(images), labels)
      try own.backward()
      let taped = parameters.map(\.grad)
      try expect(own, "on the tape")
      for (parameter, gradient) in zip(parameters, taped) { parameter.grad = gradient }
      try compareStep(pair, optimizer, parameters, step: step, comparison)
    }
  }
}
