import Reference
import SwiftTorchLayers

/// The losses of classes, with every reduction, weights, ignored targets and smoothing.

func reductions(_ draws: inout Draws) -> (SwiftTorchLayers.Reduction, Reference.Reduction) {
  draws.one(of: [(.mean, .mean), (.sum, .sum), (.none, .none)])
}

/// Weights of classes or elements, and the tensor of them.
func weights(_ count: Int, _ draws: inout Draws, _ comparison: Comparison) throws -> (
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

let logits: [Values] = [.normal, .plain, .small, .ties]

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
