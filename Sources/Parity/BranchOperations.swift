import Reference
import SwiftTorchLayers

/// The containers: residual blocks and parallel branches of convolutions and activations.

private func convolution(_ inputs: Int, _ outputs: Int, _ draws: inout Draws, stride: Int = 1) -> Conv2d {
  let kernel = draws.one(of: [1, 3])
  return Conv2d(
    inChannels: inputs, outChannels: outputs, kernelSize: kernel, stride: stride, padding: kernel / 2,
    bias: draws.oneIn(2))
}

let residual = Operation(name: "residual", covers: ["Residual"]) { draws, comparison in
  let (inputs, stride) = (draws.int(1...3), draws.int(1...2))
  let outputs = stride == 1 && draws.oneIn(2) ? inputs : draws.int(1...3)
  let projection =
    inputs == outputs && stride == 1 ? nil : convolution(inputs, outputs, &draws, stride: stride)
  let (first, second) = (
    convolution(inputs, 2, &draws, stride: stride), convolution(2, outputs, &draws)
  )
  let module = SwiftTorchLayers.Residual(shortcut: projection) {
    first
    ReLU()
    second
  }
  let shape = [draws.int(1...2), inputs, draws.int(3...6), draws.int(3...6)]
  try comparison.compare(
    referenceLayer(module)!, "\(inputs) → 2 → \(outputs) channels, stride \(stride)", module: module,
    input: shape, draws.one(of: [.normal, .plain, .ties]), layouts: [.contiguous], draws: &draws
  ) { try module($0) }
}

let parallel = Operation(name: "parallel", covers: ["Parallel"]) { draws, comparison in
  let inputs = draws.int(1...3)
  let combination = draws.one(of: SwiftTorchLayers.Parallel.Combination.allCases)
  let outputs = (0..<draws.int(1...3)).map { _ in combination == .sum ? 2 : draws.int(1...3) }
  let branches = outputs.map { convolution(inputs, $0, &draws) }
  let module = SwiftTorchLayers.Parallel(combination: combination) {
    for branch in branches {
      SwiftTorchLayers.Sequential {
        branch
        Tanh()
      }
    }
  }
  let shape = [draws.int(1...2), inputs, draws.int(2...6), draws.int(2...6)]
  try comparison.compare(
    referenceLayer(module)!, "\(combination.rawValue), \(inputs) → \(outputs) channels", module: module,
    input: shape, draws.one(of: [.normal, .plain, .ties]), layouts: [.contiguous], draws: &draws
  ) { try module($0) }
}
