import Reference
import SwiftTorchLayers

/// First weights, and whole networks in training.

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
    try comparison.passes(parameter)
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

/// The batches of the networks' cases: a plan has a layout of its own from 8 images on, and a vector takes 8 or 16
/// numbers at a time.
private let batches = [1, 2, 7, 8, 33]

/// 50 steps of a course network with a batch of 8, fewer with the others: at each the reference starts from libtorch's
/// weights and memory, and loss, gradients and update are compared.
func training(_ model: Models, _ kind: OptimizerKind) -> Operation {
  Operation(
    name: "\(model.rawValue)+\(kind.rawValue)", covers: ["Sequential"], formats: [.float32],
    mostCases: batches.count
  ) { draws, comparison in
    // Small pictures: the same layers with fewer weights.
    let size = model == .lenet ? 12 : 8
    let batch = draws.turn(of: batches)
    let steps = batch == 8 ? comparison.steps : (comparison.steps + 4) / 5
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
