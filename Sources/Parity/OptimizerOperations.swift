import Reference
import SwiftTorchLayers

/// Optimizers by themselves.

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
  case rmsprop
  case adagrad
  case adadelta
  case adamax
  case nadam
  case radam

  /// Those that networks are trained with.
  static let ofNetworks: [OptimizerKind] = [.sgd, .adam, .adamw]

  /// The library's type.
  var type: String {
    switch self {
    case .sgd: "SGD"
    case .adam: "Adam"
    case .adamw: "AdamW"
    case .rmsprop: "RMSprop"
    case .adagrad: "Adagrad"
    case .adadelta: "Adadelta"
    case .adamax: "Adamax"
    case .nadam: "NAdam"
    case .radam: "RAdam"
    }
  }

  func pair(_ draws: inout Draws) -> OptimizerPair {
    let lr = draws.one(of: [0.01, 0.1, 0.003])
    let decay = draws.one(of: [0, 0.01])
    switch self {
    case .sgd, .adam, .adamw: return fusable(&draws, lr, decay)
    default: return other(&draws, lr, decay)
    }
  }

  private func fusable(_ draws: inout Draws, _ lr: Double, _ decay: Double) -> OptimizerPair {
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
    default:
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

  private func other(_ draws: inout Draws, _ lr: Double, _ decay: Double) -> OptimizerPair {
    let betas = draws.one(of: [(0.9, 0.999), (0.8, 0.9)])
    let flag = draws.oneIn(2)
    let text = "lr \(lr), weight_decay \(decay), "
    switch self {
    case .rmsprop:
      let momentum = draws.one(of: [0, 0.9])
      return OptimizerPair(
        text: text + "momentum \(momentum), centered \(flag)",
        formula: Reference.RMSprop(lr: lr, weightDecay: decay, momentum: momentum, centered: flag)
      ) {
        SwiftTorchLayers.RMSprop($0, lr: lr, weightDecay: decay, momentum: momentum, centered: flag)
      }
    case .adagrad:
      let (start, fall) = flag ? (0.1, 0.01) : (0, 0)
      return OptimizerPair(
        text: text + "lr_decay \(fall), initial_accumulator_value \(start)",
        formula: Reference.Adagrad(
          lr: lr, lrDecay: fall, weightDecay: decay, initialAccumulatorValue: start)
      ) {
        SwiftTorchLayers.Adagrad(
          $0, lr: lr, lrDecay: fall, weightDecay: decay, initialAccumulatorValue: start)
      }
    case .adadelta:
      let rho = flag ? 0.95 : 0.9
      return OptimizerPair(
        text: text + "rho \(rho)", formula: Reference.Adadelta(lr: lr, rho: rho, weightDecay: decay)
      ) {
        SwiftTorchLayers.Adadelta($0, lr: lr, rho: rho, weightDecay: decay)
      }
    case .adamax:
      return OptimizerPair(
        text: text + "betas \(betas)", formula: Reference.Adamax(lr: lr, betas: betas, weightDecay: decay)
      ) {
        SwiftTorchLayers.Adamax($0, lr: lr, betas: betas, weightDecay: decay)
      }
    case .nadam:
      return OptimizerPair(
        text: text + "betas \(betas), decoupled \(flag)",
        formula: Reference.NAdam(lr: lr, betas: betas, weightDecay: decay, decoupled: flag)
      ) {
        SwiftTorchLayers.NAdam($0, lr: lr, betas: betas, weightDecay: decay, decoupledWeightDecay: flag)
      }
    default:
      return OptimizerPair(
        text: text + "betas \(betas), decoupled \(flag)",
        formula: Reference.RAdam(lr: lr, betas: betas, weightDecay: decay, decoupled: flag)
      ) {
        SwiftTorchLayers.RAdam($0, lr: lr, betas: betas, weightDecay: decay, decoupledWeightDecay: flag)
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
func compareStep(
  _ pair: OptimizerPair, _ optimizer: any AnyOptimizer, _ parameters: [Tensor], step: Int,
  _ comparison: Comparison
) throws {
  let before = try memories(optimizer, parameters.count, comparison)
  let expected = try parameters.enumerated().map { index, parameter in
    pair.formula.update(
      try comparison.array(parameter).values, gradient: try comparison.array(parameter.grad!).values,
      memory: before[index], step: step)
  }
  for parameter in parameters { try comparison.passes(parameter.grad!) }
  try optimizer.step()
  let after = optimizer.stateDict()
  for (index, parameter) in parameters.enumerated() {
    let shape = parameter.shape
    try comparison.expect(
      parameter, NDArray(expected[index].parameter, shape: shape), "parameter \(index) after step \(step)")
    // NAdam's product is a number of its own, in float32.
    let moments = expected[index].memory.filter { $0.key != "mu_product" }
    for (name, values) in moments.sorted(by: { $0.key < $1.key }) {
      try comparison.expect(
        after["state.\(index).\(name)"], NDArray(values, shape: shape), "\(name) \(index) after step \(step)")
    }
  }
}

func optimizer(_ kind: OptimizerKind) -> Operation {
  // RAdam's rectification is a small difference of large numbers, computed in float64 whatever the format: it has
  // no error to speak of in float32, and none that is known in float64. It begins at the sixth step.
  let steps = kind == .radam ? 8 : 4
  let formats: [Format] = kind == .radam ? [.float32] : [.float32, .float64]
  return Operation(name: kind.rawValue, covers: [kind.type], formats: formats) { draws, comparison in
    let pair = kind.pair(&draws)
    let shapes = [[draws.int(1...40)], [draws.int(1...6), draws.int(1...9)]]
    let scale = draws.one(of: [Values.normal, .plain, .small])
    comparison.describe("parameters \(shapes), \(scale.rawValue) gradients, \(steps) steps, \(pair.text)")
    let parameters = try shapes.map {
      try comparison.tensor(
        draws.numbers($0, .plain, comparison.format), $0, requiresGrad: true, isReadBack: true)
    }
    let optimizer = pair.make(parameters)
    for step in 1...steps {
      for (parameter, shape) in zip(parameters, shapes) {
        parameter.grad = try comparison.tensor(
          draws.numbers(shape, scale, comparison.format), shape, isReadBack: true)
      }
      try compareStep(pair, optimizer, parameters, step: step, comparison)
    }
  }
}

/// LBFGS by iterations of one step each, on a bowl `Σ cᵢ(pᵢ − zᵢ)²/2` with c > 0: the gradient of each is given to
/// both sides, with what libtorch remembers of the step before.
let lbfgs = Operation(
  name: "lbfgs", covers: ["LBFGS"], formats: [.float32, .float64], dependsOnValues: true
) { draws, comparison in
  let (size, history) = (draws.int(1...12), draws.int(1...4))
  let lr = draws.one(of: [1, 0.5])
  comparison.describe("\(size) parameters, history \(history), lr \(lr), 5 steps of one iteration")
  let format = comparison.format
  let curvature = draws.numbers([size], .plain, format).map { $0.magnitude + 0.5 }
  let centre = draws.numbers([size], .plain, format)
  let start = draws.numbers([size], .plain, format)
  let parameter = try comparison.tensor(start, [size], requiresGrad: true, isReadBack: true)
  let optimizer = SwiftTorchLayers.LBFGS([parameter], lr: lr, maxIter: 1, historySize: history)
  func values(_ tensor: Tensor?) throws -> [Running]? { try tensor.map { try comparison.array($0).values } }
  for step in 1...5 {
    let before = try comparison.array(parameter)
    let gradient = before.values.indices.map {
      format.rounded(curvature[$0] * (before.values[$0].value - centre[$0]))
    }
    // Near the bottom LBFGS stops: the slope along the direction is below its tolerance.
    guard gradient.contains(where: { $0.magnitude > 1e-3 }) else { return }
    let g = comparison.array(gradient, [size]).values
    let state = optimizer.stateDict()
    func remembered(_ name: String) throws -> [Running]? { try values(state["state.0.\(name)"]) }
    var pairs: [(s: [Running], y: [Running])] = []
    while let s = try remembered("old_stps.\(pairs.count)"), let y = try remembered("old_dirs.\(pairs.count)")
    {
      pairs.append((s, y))
    }
    if let d = try remembered("d"), let t = try state["state.0.t"]?.item(as: Double.self),
      let previous = try remembered("prev_flat_grad")
    {
      let (s, y) = (d.map { $0.scaled(by: t) }, zip(g, previous).map { $0 - $1 })
      // Where rounding decides whether the pair counts, nothing can be said.
      let product = Reference.LBFGS.dot(y, s)
      guard (product.value - 1e-10).magnitude > 2 * product.error else { return }
      if product.value > 1e-10 {
        if pairs.count == history { pairs.removeFirst() }
        pairs.append((s, y))
      }
    }
    let direction = Reference.LBFGS.direction(g, pairs: pairs)
    let first = Reference.LBFGS.firstLength(g, lr: lr)
    let moved = zip(before.values, direction).map { p, d in
      if step == 1, let first { return p + d * first }
      return p + d.scaled(by: lr)
    }
    try optimizer.step {
      parameter.grad = try comparison.tensor(gradient, [size])
      return try comparison.tensor([1], [], isReadBack: true)
    }
    let after = optimizer.stateDict()
    try comparison.expect(after["state.0.d"], NDArray(direction, shape: [size]), "direction of step \(step)")
    try comparison.expect(parameter, NDArray(moved, shape: [size]), "parameter after step \(step)")
  }
}
