import Reference
import SwiftTorchLayers

/// The layers: convolution, dense, pooling, activations, dropout, normalisation.

private func pick(_ name: String, _ dimensions: Int) -> String { "\(name)\(dimensions)d" }

func convolution(_ dimensions: Int) -> Operation {
  Operation(name: pick("conv", dimensions), covers: [pick("Conv", dimensions)]) { draws, comparison in
    let groups = draws.one(of: [1, 1, 2, 3])
    let kernel = (0..<dimensions).map { _ in draws.int(1...(dimensions == 3 ? 3 : 5)) }
    let mode = draws.one(of: SwiftTorchLayers.PaddingMode.allCases + [.zeros, .zeros, .zeros])
    let same = draws.oneIn(5)
    let dilation = kernel.map { _ in draws.int(1...2) }
    let stride = kernel.map { _ in same ? 1 : draws.int(1...3) }
    let amounts = kernel.map { _ in draws.int(0...2) }
    let totals = kernel.indices.map { dilation[$0] * (kernel[$0] - 1) }
    let before = kernel.indices.map { same ? totals[$0] / 2 : amounts[$0] }
    let after = kernel.indices.map { same ? totals[$0] - totals[$0] / 2 : amounts[$0] }
    let sizes = kernel.indices.map { d in
      // Reflection and circular padding take at most what there is.
      let fit = max(1, totals[d] + 1 - before[d] - after[d])
      let least = mode == .zeros ? fit : max(fit, max(before[d], after[d]) + 1)
      return least + draws.int(0...(dimensions == 3 ? 3 : 6))
    }
    let batch = draws.oneIn(30) ? 0 : draws.int(1...4)
    let (inputs, outputs) = (groups * draws.int(1...6), groups * draws.int(1...6))
    let bias = draws.int(0...1) == 1
    // 16-bit kernels fill channels up with their neighbours' values times zero, which NaN and infinity show.
    let kind = draws.one(of: Values.finite + (comparison.format.isSixteenBits ? [] : [.special]))
    let description =
      "kernel \(kernel), stride \(stride), padding \(same ? "same" : "\(amounts)") \(mode.rawValue), "
      + "dilation \(dilation), groups \(groups), \(inputs) → \(outputs) channels, bias \(bias), batch \(batch)"
    let padding: SwiftTorchLayers.Padding = same ? .same : .explicit(amounts)
    let module: Module =
      switch dimensions {
      case 1:
        Conv1d(
          inChannels: inputs, outChannels: outputs, kernelSize: kernel, stride: stride, padding: padding,
          dilation: dilation, groups: groups, bias: bias, paddingMode: mode)
      case 2:
        Conv2d(
          inChannels: inputs, outChannels: outputs, kernelSize: kernel, stride: stride, padding: padding,
          dilation: dilation, groups: groups, bias: bias, paddingMode: mode)
      default:
        Conv3d(
          inChannels: inputs, outChannels: outputs, kernelSize: kernel, stride: stride, padding: padding,
          dilation: dilation, groups: groups, bias: bias, paddingMode: mode)
      }
    let geometry = ConvolutionGeometry(
      stride: stride, padding: zip(before, after).map { ($0, $1) }, dilation: dilation, groups: groups,
      paddingMode: Reference.PaddingMode(rawValue: mode.rawValue)!)
    try comparison.compare(
      Conv(geometry), "\(description)", module: module, input: [batch, inputs] + sizes, kind, draws: &draws,
      defects: {
        .init(
          operation: pick("conv", dimensions), format: comparison.format, layout: $0, values: kind,
          kernel: kernel, stride: stride, dilation: dilation, channels: inputs, batch: batch,
          output: geometry.outputSize(input: sizes, kernel: kernel),
          onlyPadding: geometry.meetsOnlyPadding(input: sizes, kernel: kernel))
      }
    ) { try module($0) }
  }
}

let linear = Operation(name: "linear", covers: ["Linear"]) { draws, comparison in
  let (inputs, outputs) = (draws.int(1...40), draws.int(1...20))
  let leading = draws.one(of: [[draws.int(1...20)], [draws.int(1...4), draws.int(1...4)], [0]])
  let bias = draws.int(0...1) == 1
  let module = SwiftTorchLayers.Linear(inFeatures: inputs, outFeatures: outputs, bias: bias)
  try comparison.compare(
    Reference.Linear(), "\(inputs) → \(outputs), bias \(bias)", module: module, input: leading + [inputs],
    draws.one(of: Values.finite + [.special]), draws: &draws
  ) { try module($0) }
}

func field(_ dimensions: Int, _ draws: inout Draws, dilated: Bool) -> (PoolingGeometry, [Int]) {
  let kernel = (0..<dimensions).map { _ in draws.int(1...(dimensions == 3 ? 3 : 4)) }
  let geometry = PoolingGeometry(
    kernel: kernel, stride: kernel.map { _ in draws.int(1...4) },
    padding: kernel.map { draws.int(0...$0 / 2) },
    dilation: kernel.map { _ in dilated ? draws.int(1...2) : 1 }, ceilMode: draws.int(0...1) == 1)
  let sizes = kernel.indices.map {
    geometry.dilation[$0] * (kernel[$0] - 1) + 1 + draws.int(0...(dimensions == 3 ? 3 : 6))
  }
  let channels = [draws.oneIn(30) ? 0 : draws.int(1...3), draws.int(1...3)]
  return (geometry, channels + sizes)
}

func maxPooling(_ dimensions: Int) -> Operation {
  Operation(name: pick("max_pool", dimensions), covers: [pick("MaxPool", dimensions)]) { draws, comparison in
    let (geometry, shape) = field(dimensions, &draws, dilated: true)
    let (k, s, p, d) = (geometry.kernel, geometry.stride, geometry.padding, geometry.dilation)
    let module: Module =
      switch dimensions {
      case 1: MaxPool1d(kernelSize: k, stride: s, padding: p, dilation: d, ceilMode: geometry.ceilMode)
      case 2: MaxPool2d(kernelSize: k, stride: s, padding: p, dilation: d, ceilMode: geometry.ceilMode)
      default: MaxPool3d(kernelSize: k, stride: s, padding: p, dilation: d, ceilMode: geometry.ceilMode)
      }
    let kind = draws.one(of: Values.all)
    try comparison.compare(
      MaxPool(.sliding(geometry)), "\(module)", module: module, input: shape, kind, draws: &draws,
      defects: {
        .init(
          operation: pick("max_pool", dimensions), format: comparison.format, layout: $0, values: kind,
          kernel: k, stride: s, channels: shape[1], batch: shape[0],
          output: geometry.outputSize(input: Array(shape.dropFirst(2))))
      }
    ) { try module($0) }
  }
}

func averagePooling(_ dimensions: Int) -> Operation {
  Operation(name: pick("avg_pool", dimensions), covers: [pick("AvgPool", dimensions)]) { draws, comparison in
    let (geometry, shape) = field(dimensions, &draws, dilated: false)
    let (k, s, p, ceil) = (geometry.kernel, geometry.stride, geometry.padding, geometry.ceilMode)
    let include = draws.int(0...1) == 0
    let divisor = dimensions > 1 && draws.oneIn(3) ? draws.int(1...5) : nil
    let module: Module =
      switch dimensions {
      case 1: AvgPool1d(kernelSize: k, stride: s, padding: p, ceilMode: ceil, countIncludePad: include)
      case 2:
        AvgPool2d(
          kernelSize: k, stride: s, padding: p, ceilMode: ceil, countIncludePad: include,
          divisorOverride: divisor)
      default:
        AvgPool3d(
          kernelSize: k, stride: s, padding: p, ceilMode: ceil, countIncludePad: include,
          divisorOverride: divisor)
      }
    let layer = AveragePool(.sliding(geometry), countIncludePad: include, divisorOverride: divisor)
    try comparison.compare(
      layer, "\(module), ceil_mode \(ceil), count_include_pad \(include), divisor \(divisor ?? 0)",
      module: module, input: shape, draws.one(of: Values.finite + [.special]), draws: &draws
    ) { try module($0) }
  }
}

private func adaptiveCase(_ dimensions: Int, _ draws: inout Draws) -> (sizes: [Int?], shape: [Int]) {
  let spatial = (0..<dimensions).map { _ in draws.int(1...(dimensions == 3 ? 5 : 9)) }
  let sizes: [Int?] = spatial.map { _ in
    dimensions > 1 && draws.oneIn(5) ? nil : draws.int(1...(dimensions == 3 ? 3 : 5))
  }
  return (sizes, [draws.int(1...3), draws.int(1...3)] + spatial)
}

func adaptiveAveragePooling(_ dimensions: Int) -> Operation {
  Operation(
    name: pick("adaptive_avg_pool", dimensions), covers: [pick("AdaptiveAvgPool", dimensions)]
  ) { draws, comparison in
    let (sizes, shape) = adaptiveCase(dimensions, &draws)
    let module: Module =
      switch dimensions {
      case 1: AdaptiveAvgPool1d(outputSize: sizes[0]!)
      case 2: AdaptiveAvgPool2d(outputSize: sizes)
      default: AdaptiveAvgPool3d(outputSize: sizes)
      }
    try comparison.compare(
      AveragePool(.adaptive(sizes)), "\(module)", module: module, input: shape, draws.one(of: Values.finite),
      draws: &draws
    ) { try module($0) }
  }
}

func adaptiveMaxPooling(_ dimensions: Int) -> Operation {
  Operation(
    name: pick("adaptive_max_pool", dimensions), covers: [pick("AdaptiveMaxPool", dimensions)]
  ) { draws, comparison in
    let (sizes, shape) = adaptiveCase(dimensions, &draws)
    let module: Module =
      switch dimensions {
      case 1: AdaptiveMaxPool1d(outputSize: sizes[0]!)
      case 2: AdaptiveMaxPool2d(outputSize: sizes)
      default: AdaptiveMaxPool3d(outputSize: sizes)
      }
    try comparison.compare(
      MaxPool(.adaptive(sizes)), "\(module)", module: module, input: shape, draws.one(of: Values.all),
      draws: &draws
    ) { try module($0) }
  }
}

private func anyShape(_ draws: inout Draws, dimensions: ClosedRange<Int> = 1...4) -> [Int] {
  let count = draws.int(dimensions)
  return (0..<count).map { _ in draws.oneIn(40) ? 0 : draws.int(1...[60, 20, 9, 6][count - 1]) }
}

func activation(_ function: Activation, _ type: String, _ make: @escaping @Sendable () -> Module) -> Operation
{
  Operation(name: function.rawValue, covers: [type]) { draws, comparison in
    let shape = anyShape(&draws)
    let module = make()
    try comparison.compare(
      function, module: module, input: shape, draws.one(of: Values.all), draws: &draws
    ) { try module($0) }
  }
}

func softmax(logarithm: Bool) -> Operation {
  Operation(
    name: logarithm ? "log_softmax" : "softmax", covers: [logarithm ? "LogSoftmax" : "Softmax"]
  ) { draws, comparison in
    let shape = anyShape(&draws).map { max(1, $0) }
    let dim = draws.int(0...shape.count - 1)
    let module: Module = logarithm ? LogSoftmax(dim: dim) : SwiftTorchLayers.Softmax(dim: dim)
    let kind = draws.one(of: [Values.normal, .small, .tiny, .ties])
    try comparison.compare(
      Reference.Softmax(dim: dim, logarithm: logarithm), "dim \(dim)", module: module, input: shape, kind,
      draws: &draws
    ) { try module($0) }
  }
}

let flatten = Operation(name: "flatten", covers: ["Flatten"]) { draws, comparison in
  let shape = anyShape(&draws, dimensions: 2...4)
  let start = draws.int(0...shape.count - 1)
  let end = start + draws.int(0...shape.count - 1 - start)
  let module = Flatten(startDim: start, endDim: end)
  try comparison.compare(
    Reshape.flatten(startDim: start, endDim: end), "dimensions \(start) to \(end)", module: module,
    input: shape, .special, draws: &draws
  ) { try module($0) }
}

let identity = Operation(name: "identity", covers: ["Identity"]) { draws, comparison in
  let module = Identity()
  try comparison.compare(
    Reshape { $0 }, module: module, input: anyShape(&draws), .special, draws: &draws
  ) { try module($0) * Tensor(1 as Float).to(comparison.format.dtype).to(comparison.device) }
}

/// The mask is read from what libtorch does with ones from the same seed; how many it keeps is judged, too.
func dropout(channels: Bool) -> Operation {
  Operation(
    name: channels ? "dropout2d" : "dropout", covers: [channels ? "Dropout2d" : "Dropout"]
  ) { draws, comparison in
    let shape = channels ? (0..<4).map { _ in draws.int(1...7) } : anyShape(&draws)
    let p = draws.one(of: [0.5, 0.1, 0.4, 0.9])
    let training = !draws.oneIn(4)
    let module: Module = channels ? Dropout2d(p: p) : SwiftTorchLayers.Dropout(p: p)
    module.train(training)
    let seed = draws.seed()
    var kept: [Bool] = []
    try comparison.compare(
      Reference.Dropout(p: p, kept: training ? kept : nil), "p \(p), \(training ? "training" : "evaluation")",
      module: module, input: shape,
      draws.one(of: Values.finite), draws: &draws
    ) { x in
      try Torch.manualSeed(seed)
      let ones = try noGrad { try module(Tensor.onesLike(x)) }
      kept = try ones.to(.float64).scalars(as: Double.self).map { $0 != 0 }
      try Torch.manualSeed(seed)
      return try module(x)
    }
    if training, !kept.isEmpty {
      // Six standard deviations of a binomial distribution.
      let count = channels ? Double(shape[0] * shape[1]) : Double(kept.count)
      let share = Double(kept.lazy.filter { $0 }.count) / Double(kept.count)
      comparison.judge([share], [1 - p], [6 * (p * (1 - p) / count).squareRoot()], "share of kept elements")
    }
  }
}

func batchNorm(_ dimensions: Int) -> Operation {
  Operation(name: pick("batch_norm", dimensions), covers: [pick("BatchNorm", dimensions)]) {
    draws, comparison in
    let channels = draws.int(1...5)
    let spatial =
      dimensions == 1
      ? [[], [draws.int(1...6)]][draws.int(0...1)]
      : (0..<dimensions).map { _ in draws.int(1...(dimensions == 3 ? 3 : 6)) }
    let batch = draws.int(2...8)
    let (affine, training) = (!draws.oneIn(4), !draws.oneIn(3))
    let momentum = draws.one(of: [0.1, 0.3, nil])
    let eps = draws.one(of: [1e-5, 1e-3])
    let module: SwiftTorchLayers.BatchNorm =
      switch dimensions {
      case 1: BatchNorm1d(numFeatures: channels, eps: eps, momentum: momentum, affine: affine)
      case 2: BatchNorm2d(numFeatures: channels, eps: eps, momentum: momentum, affine: affine)
      default: BatchNorm3d(numFeatures: channels, eps: eps, momentum: momentum, affine: affine)
      }
    module.train(training)
    try module.to(comparison.device).to(comparison.format.dtype)
    let format = comparison.format
    let mean = draws.numbers([channels], .plain, format)
    let variance = draws.numbers([channels], .plain, format).map { format.rounded($0.magnitude + 0.1) }
    try module.runningMean?.copy_(comparison.tensor(mean, [channels]))
    try module.runningVar?.copy_(comparison.tensor(variance, [channels]))
    let layer = Reference.BatchNorm(eps: eps, statistics: training ? nil : (mean, variance))
    var input: Tensor?
    try comparison.compare(
      layer, "\(module), \(training ? "training" : "evaluation")", module: module,
      input: [batch, channels] + spatial, draws.one(of: [.plain, .normal, .ties]),
      draws: &draws
    ) {
      input = $0
      return try module($0)
    }
    if training, let input {
      let updated = Reference.BatchNorm.updated(
        mean: mean.map { Running($0, format: format) },
        variance: variance.map { Running($0, format: format) },
        with: try comparison.array(input), momentum: momentum ?? 1)
      try comparison.expect(module.runningMean, NDArray(updated.mean, shape: [channels]), "running mean")
      try comparison.expect(
        module.runningVar, NDArray(updated.variance, shape: [channels]), "running variance")
    }
  }
}
