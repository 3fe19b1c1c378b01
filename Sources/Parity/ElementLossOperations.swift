import Reference
import SwiftTorchLayers

/// The losses that compare each element with a target of its own.

let mseLoss = Operation(name: "mse_loss", covers: ["MSELoss"]) { draws, comparison in
  let shape = [draws.int(1...12), draws.int(1...20)]
  let (reduction, other) = reductions(&draws)
  let numbers = draws.numbers(shape, .plain, comparison.format)
  let target = try comparison.tensor(numbers, shape)
  let layer = MeanSquaredError(target: numbers, reduction: other)
  try comparison.compare(layer, "\(reduction)", input: shape, draws.one(of: logits), draws: &draws) {
    try MSELoss(reduction: reduction)($0, target)
  }
}

let bceWithLogitsLoss = Operation(
  name: "binary_cross_entropy_with_logits", covers: ["BCEWithLogitsLoss"]
) { draws, comparison in
  let shape = [draws.int(1...12), draws.int(1...20)]
  let (reduction, other) = reductions(&draws)
  let numbers = draws.numbers(shape, .plain, comparison.format).map(\.magnitude)
  let target = try comparison.tensor(numbers, shape)
  let count = shape[0] * shape[1]
  let weight = draws.oneIn(3) ? try weights(count, &draws, comparison) : nil
  let positive = draws.oneIn(3) ? try weights(shape[1], &draws, comparison) : nil
  let layer = BinaryCrossEntropyWithLogits(
    target: numbers, weight: weight?.0,
    posWeight: positive.map { p in (0..<count).map { p.0[$0 % shape[1]] } },
    reduction: other)
  try comparison.compare(
    layer, "\(reduction), weight \(weight != nil), pos_weight \(positive != nil)", input: shape,
    draws.one(of: logits), draws: &draws
  ) {
    try BCEWithLogitsLoss(
      weight: weight?.1.reshape(shape), reduction: reduction, posWeight: positive?.1)($0, target)
  }
}

/// Targets of which an input can be equal: −1.5, −1, … 1.5.
private func coarse(_ shape: [Int], _ draws: inout Draws, _ comparison: Comparison) throws -> (
  [Double], Tensor
) {
  let numbers = draws.numbers(shape, .ties, comparison.format)
  return (numbers, try comparison.tensor(numbers, shape))
}

let l1Loss = Operation(name: "l1_loss", covers: ["L1Loss"]) { draws, comparison in
  let shape = [draws.int(1...12), draws.int(1...20)]
  let (reduction, other) = reductions(&draws)
  let (numbers, target) = try coarse(shape, &draws, comparison)
  let layer = AbsoluteError(target: numbers, reduction: other)
  try comparison.compare(layer, "\(reduction)", input: shape, draws.one(of: logits), draws: &draws) {
    try L1Loss(reduction: reduction)($0, target)
  }
}

let smoothL1Loss = Operation(name: "smooth_l1_loss", covers: ["SmoothL1Loss"]) { draws, comparison in
  let shape = [draws.int(1...12), draws.int(1...20)]
  let (reduction, other) = reductions(&draws)
  let (numbers, target) = try coarse(shape, &draws, comparison)
  let beta = draws.one(of: [1, 0.5, 0.3])
  let layer = RoundedError.smoothL1(target: numbers, beta: beta, reduction: other)
  try comparison.compare(
    layer, "\(reduction), beta \(beta)", input: shape, draws.one(of: logits), draws: &draws
  ) {
    try SmoothL1Loss(reduction: reduction, beta: beta)($0, target)
  }
}

let huberLoss = Operation(name: "huber_loss", covers: ["HuberLoss"]) { draws, comparison in
  let shape = [draws.int(1...12), draws.int(1...20)]
  let (reduction, other) = reductions(&draws)
  let (numbers, target) = try coarse(shape, &draws, comparison)
  let delta = draws.one(of: [1, 0.5, 0.3])
  let layer = RoundedError.huber(target: numbers, delta: delta, reduction: other)
  try comparison.compare(
    layer, "\(reduction), delta \(delta)", input: shape, draws.one(of: logits), draws: &draws
  ) {
    try HuberLoss(reduction: reduction, delta: delta)($0, target)
  }
}

let poissonNLLLoss = Operation(name: "poisson_nll_loss", covers: ["PoissonNLLLoss"]) { draws, comparison in
  let shape = [draws.int(1...12), draws.int(1...20)]
  let (reduction, other) = reductions(&draws)
  let (logInput, full) = (!draws.oneIn(3), draws.oneIn(2))
  let numbers = draws.integers(shape[0] * shape[1], 0..<6).map(Double.init)
  let target = try comparison.tensor(numbers, shape)
  // What keeps log 0 away must not be 0 in float16.
  let eps = comparison.format.isSixteenBits ? 0x1p-8 : 1e-8
  let layer = PoissonNegativeLogLikelihood(
    target: numbers, logInput: logInput, full: full, eps: eps, reduction: other)
  try comparison.compare(
    layer, "\(reduction), log_input \(logInput), full \(full)", input: shape,
    logInput ? draws.one(of: logits) : .unit, draws: &draws
  ) {
    try PoissonNLLLoss(logInput: logInput, full: full, eps: eps, reduction: reduction)($0, target)
  }
}

let klDivLoss = Operation(name: "kl_div", covers: ["KLDivLoss"]) { draws, comparison in
  let shape = [draws.int(1...12), draws.int(1...20)]
  let perRow = draws.oneIn(4)
  let (reduction, other) = perRow ? (.batchmean, .mean) : reductions(&draws)
  let logTarget = draws.oneIn(3)
  let numbers = draws.numbers(shape, logTarget ? .normal : .unit, comparison.format)
  let target = try comparison.tensor(numbers, shape)
  let layer = KullbackLeibler(target: numbers, logTarget: logTarget, perRow: perRow, reduction: other)
  try comparison.compare(
    layer, "\(reduction), log_target \(logTarget)", input: shape, draws.one(of: logits), draws: &draws
  ) {
    try KLDivLoss(reduction: reduction, logTarget: logTarget)($0, target)
  }
}

let bceLoss = Operation(name: "binary_cross_entropy", covers: ["BCELoss"]) { draws, comparison in
  let shape = [draws.int(1...12), draws.int(1...20)]
  let (reduction, other) = reductions(&draws)
  let numbers = draws.numbers(shape, .unit, comparison.format)
  let target = try comparison.tensor(numbers, shape)
  let weight = draws.oneIn(3) ? try weights(shape[0] * shape[1], &draws, comparison) : nil
  let layer = BinaryCrossEntropy(target: numbers, weight: weight?.0, reduction: other)
  try comparison.compare(
    layer, "\(reduction), weight \(weight != nil)", input: shape, .unit, draws: &draws,
    defects: {
      .init(operation: "binary_cross_entropy", format: comparison.format, layout: $0, values: .unit)
    }
  ) {
    try BCELoss(weight: weight?.1.reshape(shape), reduction: reduction)($0, target)
  }
}

let focalLoss = Operation(name: "sigmoid_focal_loss", covers: ["SigmoidFocalLoss"]) { draws, comparison in
  let shape = [draws.int(1...12), draws.int(1...20)]
  let (reduction, other) = reductions(&draws)
  let numbers = draws.numbers(shape, .unit, comparison.format)
  let target = try comparison.tensor(numbers, shape)
  let alpha: Double? = draws.one(of: [0.25, 0.5, nil])
  let gamma = draws.one(of: [2, 0, 1, 3])
  let layer = SigmoidFocal(target: numbers, alpha: alpha, gamma: gamma, reduction: other)
  try comparison.compare(
    layer, "\(reduction), alpha \(alpha ?? -1), gamma \(gamma)", input: shape, draws.one(of: logits),
    draws: &draws
  ) {
    try SigmoidFocalLoss(alpha: alpha ?? -1, gamma: Double(gamma), reduction: reduction)($0, target)
  }
}
