import Reference
import SwiftTorchLayers

/// Layer, group, instance and local response normalisation.

let normalizationOperations: [Operation] =
  [layerNorm, groupNorm] + [1, 2, 3].map(instanceNorm) + [localResponseNorm]

private let layerNorm = Operation(name: "layer_norm", covers: ["LayerNorm"]) { draws, comparison in
  let last = (0..<draws.int(1...2)).map { _ in draws.int(1...9) }
  let leading = (0..<draws.int(1...2)).map { _ in draws.oneIn(30) ? 0 : draws.int(1...6) }
  let module = LayerNorm(
    normalizedShape: last, eps: draws.one(of: [1e-5, 1e-3]), elementwiseAffine: !draws.oneIn(4),
    bias: !draws.oneIn(4))
  try comparison.compare(
    referenceLayer(module)!, "\(module)", module: module, input: leading + last,
    draws.one(of: [.plain, .normal, .ties, .wide]), draws: &draws
  ) { try module($0) }
}

private let groupNorm = Operation(name: "group_norm", covers: ["GroupNorm"]) { draws, comparison in
  let (groups, each) = (draws.int(1...4), draws.int(1...4))
  let spatial = (0..<draws.int(0...3)).map { _ in draws.int(1...5) }
  let batch = draws.int(2...5)
  let module = GroupNorm(
    numGroups: groups, numChannels: groups * each, eps: draws.one(of: [1e-5, 1e-3]), affine: !draws.oneIn(4),
    bias: !draws.oneIn(4))
  try comparison.compare(
    referenceLayer(module)!, "\(module)", module: module, input: [batch, groups * each] + spatial,
    draws.one(of: [.plain, .normal, .ties, .wide]), draws: &draws
  ) { try module($0) }
}

private func instanceNorm(_ dimensions: Int) -> Operation {
  Operation(name: "instance_norm\(dimensions)d", covers: ["InstanceNorm\(dimensions)d"]) {
    draws, comparison in
    let channels = draws.int(1...5)
    let spatial = (0..<dimensions).map { _ in draws.int(2...[12, 6, 4][dimensions - 1]) }
    let batch = draws.int(1...4)
    let (affine, tracking, training) = (!draws.oneIn(3), draws.oneIn(2), !draws.oneIn(3))
    let momentum = draws.one(of: [0.1, 0.3])
    let eps = draws.one(of: [1e-5, 1e-3])
    let module: InstanceNorm =
      switch dimensions {
      case 1:
        InstanceNorm1d(
          numFeatures: channels, eps: eps, momentum: momentum, affine: affine, trackRunningStats: tracking)
      case 2:
        InstanceNorm2d(
          numFeatures: channels, eps: eps, momentum: momentum, affine: affine, trackRunningStats: tracking)
      default:
        InstanceNorm3d(
          numFeatures: channels, eps: eps, momentum: momentum, affine: affine, trackRunningStats: tracking)
      }
    module.train(training)
    try module.to(comparison.device).to(comparison.format.dtype)
    let format = comparison.format
    let mean = draws.numbers([channels], .plain, format)
    let variance = draws.numbers([channels], .plain, format).map { format.rounded($0.magnitude + 0.1) }
    try module.runningMean?.copy_(comparison.tensor(mean, [channels]))
    try module.runningVar?.copy_(comparison.tensor(variance, [channels]))
    var input: Tensor?
    try comparison.compare(
      InstanceNormalization(eps: eps, statistics: tracking && !training ? (mean, variance) : nil),
      "\(module), \(training ? "training" : "evaluation")", module: module,
      input: [batch, channels] + spatial, draws.one(of: [.plain, .normal, .ties]), draws: &draws
    ) {
      input = $0
      return try module($0)
    }
    guard tracking, training, let input else { return }
    let updated = InstanceNormalization.updated(
      mean: mean.map { Running($0, format: format) },
      variance: variance.map { Running($0, format: format) },
      with: try comparison.array(input), momentum: momentum)
    try comparison.expect(module.runningMean, NDArray(updated.mean, shape: [channels]), "running mean")
    try comparison.expect(
      module.runningVar, NDArray(updated.variance, shape: [channels]), "running variance")
  }
}

private let localResponseNorm = Operation(
  name: "local_response_norm", covers: ["LocalResponseNorm"]
) { draws, comparison in
  let shape = [draws.int(1...3), draws.int(1...8)] + (0..<draws.int(1...3)).map { _ in draws.int(1...4) }
  let module = LocalResponseNorm(
    size: draws.int(1...6), alpha: draws.one(of: [1e-4, 0.5]), beta: draws.one(of: [0.75, 0.5, 1.3]),
    k: draws.one(of: [1, 2]))
  try comparison.compare(
    referenceLayer(module)!, "\(module)", module: module, input: shape,
    draws.one(of: [.normal, .plain, .small, .tiny, .ties, .wide]), draws: &draws
  ) { try module($0) }
}
