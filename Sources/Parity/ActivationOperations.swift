import Reference
import SwiftTorchLayers

/// The activations beside ReLU, sigmoid, tanh and softmax.

private func someShape(_ draws: inout Draws) -> [Int] {
  let count = draws.int(1...4)
  return (0..<count).map { _ in draws.oneIn(40) ? 0 : draws.int(1...[60, 20, 9, 6][count - 1]) }
}

/// - Parameter special: whether NaN and infinity are among the inputs. Left out where libtorch's own kernels
///   for vectors, for 16-bit numbers and oneDNN's give them different results.
private func elementwise(
  _ name: String, _ type: String, special: Bool = true,
  _ make: @escaping @Sendable (inout Draws) -> Module
) -> Operation {
  Operation(name: name, covers: [type]) { draws, comparison in
    let shape = someShape(&draws)
    let module = make(&draws)
    let kinds = [.wide, .wide, .ties] + Values.finite + (special ? [.special] : [])
    let kind = draws.one(of: kinds)
    try comparison.compare(
      referenceLayer(module)!, "\(module)", module: module, input: shape, kind, draws: &draws,
      defects: { .init(operation: name, format: comparison.format, layout: $0, values: kind) }
    ) { try module($0) }
  }
}

let activationOperations: [Operation] =
  rectifiers + smoothActivations + hardActivations + [prelu, rrelu, glu, softmin, softmax2d]

private let rectifiers: [Operation] = [
  elementwise("leaky_relu", "LeakyReLU") { LeakyReLU(negativeSlope: $0.one(of: [0.01, 0.2, 0])) },
  elementwise("elu", "ELU", special: false) { ELU(alpha: $0.one(of: [1, 0.7, 2])) },
  elementwise("selu", "SELU", special: false) { _ in SELU() },
  elementwise("celu", "CELU", special: false) { CELU(alpha: $0.one(of: [1, 0.7, 2])) },
]

private let smoothActivations: [Operation] = [
  elementwise("gelu", "GELU", special: false) { GELU(approximate: $0.one(of: [.none, .tanh])) },
  elementwise("silu", "SiLU") { _ in SiLU() },
  elementwise("mish", "Mish") { _ in Mish() },
  elementwise("softplus", "Softplus") {
    Softplus(beta: $0.one(of: [1, 0.7, 3]), threshold: $0.one(of: [20, 2.5]))
  },
  elementwise("softsign", "Softsign") { _ in Softsign() },
  elementwise("tanhshrink", "Tanhshrink") { _ in Tanhshrink() },
  elementwise("log_sigmoid", "LogSigmoid") { _ in LogSigmoid() },
]

private let hardActivations: [Operation] = [
  elementwise("hardtanh", "Hardtanh", special: false) {
    $0.oneIn(2) ? Hardtanh(minVal: -2.5, maxVal: 0.25) : Hardtanh()
  },
  elementwise("relu6", "ReLU6", special: false) { _ in ReLU6() },
  elementwise("hardsigmoid", "Hardsigmoid") { _ in Hardsigmoid() },
  elementwise("hardswish", "Hardswish", special: false) { _ in Hardswish() },
  elementwise("softshrink", "Softshrink", special: false) { Softshrink(lambd: $0.one(of: [0.5, 0, 1.75])) },
  elementwise("hardshrink", "Hardshrink", special: false) { Hardshrink(lambd: $0.one(of: [0.5, 0, 1.75])) },
  elementwise("threshold", "Threshold") {
    Threshold(threshold: $0.one(of: [0.5, -1]), value: $0.one(of: [0, 0.3]))
  },
]

private let prelu = Operation(name: "prelu", covers: ["PReLU"]) { draws, comparison in
  let shape = someShape(&draws)
  let several = shape.count > 1 && shape[1] > 0 && draws.oneIn(2)
  let module = PReLU(numParameters: several ? shape[1] : 1)
  let kind = draws.one(of: [.wide] + Values.finite + [.special])
  try comparison.compare(
    ParametricReLU(), "\(module)", module: module, input: shape, kind, draws: &draws
  ) { try module($0) }
}

/// The slopes are read from what libtorch makes of −1 from the same seed: it draws one wherever an element is not
/// above zero.
private let rrelu = Operation(name: "rrelu", covers: ["RReLU"]) { draws, comparison in
  let shape = someShape(&draws)
  let module = RReLU(lower: draws.one(of: [0.125, 0]), upper: draws.one(of: [1.0 / 3, 0.5]))
  let training = !draws.oneIn(4)
  module.train(training)
  let seed = draws.seed()
  var slopes = [(module.lower + module.upper) / 2]
  try comparison.compare(
    RandomReLU(slopes: slopes), "\(module), \(training ? "training" : "evaluation")", module: module,
    input: shape, draws.one(of: [.wide] + Values.finite), draws: &draws
  ) { x in
    if training, x.numel > 0 {
      let sign = try (x.detach() .> 0).to(comparison.format.dtype) * 2 - 1
      try Torch.manualSeed(seed)
      slopes = try noGrad { try module(sign) }.abs().to(.float64).scalars(as: Double.self)
      let unit = comparison.format.unit
      let range = module.lower * (1 - unit)...module.upper * (1 + unit)
      if let stray = slopes.first(where: { $0 != 1 && !range.contains($0) }) {
        comparison.fail("the slope \(stray) is not in \(range)")
      }
    }
    try Torch.manualSeed(seed)
    return try module(x)
  }
}

private let glu = Operation(name: "glu", covers: ["GLU"]) { draws, comparison in
  var shape = someShape(&draws)
  let dim = draws.int(0...shape.count - 1)
  shape[dim] = 2 * max(1, shape[dim])
  let module = GLU(dim: draws.oneIn(2) ? dim - shape.count : dim)
  try comparison.compare(
    GatedLinearUnit(dim: dim), "\(module)", module: module, input: shape,
    draws.one(of: [.wide] + Values.finite), draws: &draws
  ) { try module($0) }
}

private let softmin = Operation(name: "softmin", covers: ["Softmin"]) { draws, comparison in
  let shape = someShape(&draws).map { max(1, $0) }
  let module = SwiftTorchLayers.Softmin(dim: draws.int(0...shape.count - 1))
  try comparison.compare(
    referenceLayer(module)!, "\(module)", module: module, input: shape,
    draws.one(of: [.wide, .normal, .small, .tiny, .ties]), draws: &draws
  ) { try module($0) }
}

private let softmax2d = Operation(name: "softmax2d", covers: ["Softmax2d"]) { draws, comparison in
  let shape = (0..<draws.int(3...4)).map { _ in draws.int(1...7) }
  let module = Softmax2d()
  try comparison.compare(
    referenceLayer(module)!, "", module: module, input: shape,
    draws.one(of: [.wide, .normal, .small, .tiny, .ties]), draws: &draws
  ) { try module($0) }
}
