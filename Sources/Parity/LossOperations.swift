import Reference
import SwiftTorchLayers

/// The losses, with every reduction, weights, ignored targets and smoothing.

private func reductions(_ draws: inout Draws) -> (SwiftTorchLayers.Reduction, Reference.Reduction) {
  draws.one(of: [(.mean, .mean), (.sum, .sum), (.none, .none)])
}

/// Weights of classes or elements, and the tensor of them.
private func weights(_ count: Int, _ draws: inout Draws, _ comparison: Comparison) throws -> (
  [Double], Tensor
) {
  let numbers = draws.numbers([count], .plain, comparison.format).map {
    comparison.format.rounded($0.magnitude + 0.25)
  }
  return (numbers, try comparison.tensor(numbers, [count]))
}

/// A batch of class numbers, one in five ignored when `ignoring`, never all.
private func targets(_ count: Int, _ classes: Int, ignoring index: Int?, _ draws: inout Draws) -> [Int] {
  var numbers = draws.integers(count, 0..<classes)
  if let index {
    for (place, dice) in draws.integers(count, 0..<5).enumerated() where dice == 0 && place > 0 {
      numbers[place] = index
    }
  }
  return numbers
}

private let logits: [Values] = [.normal, .plain, .small, .ties]

let nllLoss = Operation(name: "nll_loss", covers: ["NLLLoss"]) { draws, comparison in
  let classes = draws.int(1...20)
  let trailing = draws.one(of: [[], [draws.int(1...3)], [draws.int(1...3), draws.int(1...4)]])
  let batch = draws.int(1...12)
  let shape = [batch, classes] + trailing
  let (reduction, other) = reductions(&draws)
  let weight = draws.oneIn(2) ? try weights(classes, &draws, comparison) : nil
  let ignored = draws.oneIn(3) ? -100 : nil
  let target = targets(batch * trailing.reduce(1, *), classes, ignoring: ignored, &draws)
  let tensor = try Tensor(target, shape: [batch] + trailing).to(comparison.device)
  let layer = NegativeLogLikelihood(targets: target, weight: weight?.0, reduction: other)
  // libtorch's backward pass refuses other layouts of more than two dimensions.
  let layouts: [Layout]? = trailing.isEmpty ? nil : [.contiguous]
  try comparison.compare(
    layer, "\(reduction), weight \(weight != nil), ignored targets \(ignored != nil)", input: shape,
    draws.one(of: logits), layouts: layouts, draws: &draws
  ) {
    try NLLLoss(weight: weight?.1, reduction: reduction)($0, tensor)
  }
}

let crossEntropyLoss = Operation(name: "cross_entropy", covers: ["CrossEntropyLoss"]) { draws, comparison in
  let classes = draws.int(1...20)
  let trailing = draws.one(of: [[], [draws.int(1...3), draws.int(1...4)]])
  let batch = draws.int(1...12)
  let shape = [batch, classes] + trailing
  let (reduction, other) = reductions(&draws)
  let weight = draws.oneIn(3) ? try weights(classes, &draws, comparison) : nil
  let smoothing = draws.one(of: [0, 0, 0.1])
  let probabilities = draws.oneIn(4)
  let ignored = !probabilities && draws.oneIn(3) ? -100 : nil
  let layer: CrossEntropy
  let target: Tensor
  if probabilities {
    let numbers = draws.numbers(shape, .plain, comparison.format).map(\.magnitude)
    target = try comparison.tensor(numbers, shape)
    layer = CrossEntropy(
      .probabilities(numbers), weight: weight?.0, reduction: other, labelSmoothing: smoothing)
  } else {
    let numbers = targets(batch * trailing.reduce(1, *), classes, ignoring: ignored, &draws)
    target = try Tensor(numbers, shape: [batch] + trailing).to(comparison.device)
    layer = CrossEntropy(.classes(numbers), weight: weight?.0, reduction: other, labelSmoothing: smoothing)
  }
  try comparison.compare(
    layer,
    "\(reduction), weight \(weight != nil), smoothing \(smoothing), "
      + (probabilities ? "probabilities" : "classes, ignored targets \(ignored != nil)"), input: shape,
    draws.one(of: logits), draws: &draws
  ) {
    try CrossEntropyLoss(weight: weight?.1, reduction: reduction, labelSmoothing: smoothing)($0, target)
  }
}

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
