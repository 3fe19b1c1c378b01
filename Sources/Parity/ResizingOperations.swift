import Reference
import SwiftTorchLayers

/// The layers that change an image's size: padding, transposed convolution, further pooling, folding, upsampling.
let resizing: [Operation] =
  PaddingKind.allCases.map(padding) + [1, 2, 3].map(transposedConvolution)
  + [nMaxPooling, lpPooling, fractionalMaxPooling, unfold, fold]
  + [InterpolationMode.nearest, .nearestExact, .linear, .bicubic].map(upsampling)

/// The borders by name; each in one to three dimensions.
enum PaddingKind: String, CaseIterable {
  case zero
  case constant
  case reflection
  case replication
  case circular
  case mean
  case weighted

  var mode: Reference.PaddingMode {
    switch self {
    case .reflection: .reflect
    case .replication: .replicate
    case .circular: .circular
    default: .zeros
    }
  }

  /// The layer with the amounts as PyTorch lists them.
  func module(_ dimensions: Int, _ p: [Int], value: Double, weights: [Double]) -> Module {
    switch (self, dimensions) {
    case (.zero, 1): ZeroPad1d(padding: p)
    case (.zero, 2): ZeroPad2d(padding: p)
    case (.zero, _): ZeroPad3d(padding: p)
    case (.constant, 1): ConstantPad1d(padding: p, value: value)
    case (.constant, 2): ConstantPad2d(padding: p, value: value)
    case (.constant, _): ConstantPad3d(padding: p, value: value)
    case (.reflection, 1): ReflectionPad1d(padding: p)
    case (.reflection, 2): ReflectionPad2d(padding: p)
    case (.reflection, _): ReflectionPad3d(padding: p)
    case (.replication, 1): ReplicationPad1d(padding: p)
    case (.replication, 2): ReplicationPad2d(padding: p)
    case (.replication, _): ReplicationPad3d(padding: p)
    case (.circular, 1): CircularPad1d(padding: p)
    case (.circular, 2): CircularPad2d(padding: p)
    case (.circular, _): CircularPad3d(padding: p)
    case (.mean, 1): MeanPad1d(padding: p)
    case (.mean, 2): MeanPad2d(padding: p)
    case (.mean, _): MeanPad3d(padding: p)
    case (.weighted, 1): WeightedPad1d(padding: p, weights: weights)
    case (.weighted, 2): WeightedPad2d(padding: p, weights: weights)
    case (.weighted, _): WeightedPad3d(padding: p, weights: weights)
    }
  }
}

func padding(_ kind: PaddingKind) -> Operation {
  let layer = kind.rawValue.prefix(1).uppercased() + kind.rawValue.dropFirst() + "Pad"
  return Operation(name: "\(kind.rawValue)_pad", covers: (1...3).map { "\(layer)\($0)d" }) {
    draws, comparison in
    let dimensions = draws.int(1...3)
    let weights = draws.one(of: [[2.0, -1], [1], [3, -3, 1], [0.5, 0.25]])
    let value = draws.one(of: [0.5, -2, 3])
    // Enough for the weights, also after cutting one off at both ends.
    let least = kind == .weighted ? weights.count + 2 : 1
    let sizes = (0..<dimensions).map { _ in least + draws.int(0...(dimensions == 3 ? 3 : 6)) }
    // Reflection takes less than there is, circular padding at most that; libtorch's takes no cut there.
    let borders = sizes.map { size in
      let most = kind == .reflection ? size - 1 : kind == .circular ? size : 3
      let limit = min(most, dimensions == 3 ? 2 : 3)
      func amount() -> Int { kind != .circular && size > 2 && draws.oneIn(8) ? -1 : draws.int(0...limit) }
      return Border(before: amount(), after: amount())
    }
    let amounts = borders.reversed().flatMap { [$0.before, $0.after] }
    let module = kind.module(dimensions, amounts, value: value, weights: weights)
    let layer: any Reference.Layer =
      switch kind {
      case .mean: MeanPad(borders)
      case .weighted: WeightedPad(borders, weights: weights)
      case .constant: Pad(borders, kind.mode, value: value)
      default: Pad(borders, kind.mode)
      }
    let channels = [draws.oneIn(30) ? 0 : draws.int(1...3), draws.int(1...3)]
    try comparison.compare(
      layer, "\(module)", module: module, input: channels + sizes,
      draws.one(of: kind == .weighted ? [.normal, .plain, .small] : Values.finite + [.special]), draws: &draws
    ) { try module($0) }
  }
}

func transposedConvolution(_ dimensions: Int) -> Operation {
  Operation(
    name: "conv_transpose\(dimensions)d", covers: ["ConvTranspose\(dimensions)d"]
  ) { draws, comparison in
    let groups = draws.one(of: [1, 1, 2, 3])
    let kernel = (0..<dimensions).map { _ in draws.int(1...(dimensions == 3 ? 3 : 5)) }
    let dilation = kernel.map { _ in draws.int(1...2) }
    let stride = kernel.map { _ in draws.int(1...3) }
    let extra = kernel.indices.map { draws.int(0...max(stride[$0], dilation[$0]) - 1) }
    let sizes = kernel.map { _ in draws.int(1...(dimensions == 3 ? 3 : 6)) }
    let padding = kernel.indices.map { d in
      // Something must be left.
      min(draws.int(0...2), ((sizes[d] - 1) * stride[d] + dilation[d] * (kernel[d] - 1) + extra[d]) / 2)
    }
    let batch = draws.oneIn(30) ? 0 : draws.int(1...4)
    let (inputs, outputs) = (groups * draws.int(1...6), groups * draws.int(1...6))
    let bias = draws.int(0...1) == 1
    let kind = draws.one(of: Values.finite)
    let module: Module =
      switch dimensions {
      case 1:
        ConvTranspose1d(
          inChannels: inputs, outChannels: outputs, kernelSize: kernel, stride: stride, padding: padding,
          outputPadding: extra, groups: groups, bias: bias, dilation: dilation)
      case 2:
        ConvTranspose2d(
          inChannels: inputs, outChannels: outputs, kernelSize: kernel, stride: stride, padding: padding,
          outputPadding: extra, groups: groups, bias: bias, dilation: dilation)
      default:
        ConvTranspose3d(
          inChannels: inputs, outChannels: outputs, kernelSize: kernel, stride: stride, padding: padding,
          outputPadding: extra, groups: groups, bias: bias, dilation: dilation)
      }
    let layer = ConvTranspose(
      ConvolutionGeometry(
        stride: stride, padding: padding.map { ($0, $0) }, dilation: dilation, groups: groups),
      outputPadding: extra)
    try comparison.compare(
      layer, "\(module)", module: module, input: [batch, inputs] + sizes, kind, draws: &draws,
      defects: {
        .init(
          operation: "conv_transpose\(dimensions)d", format: comparison.format, layout: $0, values: kind,
          kernel: kernel, stride: stride, dilation: dilation, channels: inputs, batch: batch,
          output: layer.outputSize(input: sizes, kernel: kernel))
      }
    ) { try module($0) }
  }
}

let nMaxPooling = Operation(name: "n_max_pool2d", covers: ["NMaxPool2d"]) { draws, comparison in
  let (geometry, shape) = field(2, &draws, dilated: true)
  let n = draws.int(1...geometry.kernel.reduce(1, *))
  let module = NMaxPool2d(
    kernelSize: geometry.kernel, n: n, stride: geometry.stride, padding: geometry.padding,
    dilation: geometry.dilation, ceilMode: geometry.ceilMode)
  // Where there is a border, −∞ would lose its share of the gradient to it.
  let isInside = geometry.padding == [0, 0] && !geometry.ceilMode
  try comparison.compare(
    NMaxPool(geometry, n: n), "\(module)", module: module, input: shape,
    draws.one(of: Values.finite + [.ties] + (isInside ? [.special] : [])), draws: &draws
  ) { try module($0) }
}

let lpPooling = Operation(name: "lp_pool", covers: ["LPPool1d", "LPPool2d", "LPPool3d"]) {
  draws, comparison in
  let dimensions = draws.int(1...3)
  var (geometry, shape) = field(dimensions, &draws, dilated: false)
  geometry.padding = geometry.padding.map { _ in 0 }
  let p: Double = draws.one(of: [2, 1, 4, 1.5, 3])
  let (k, s, ceil) = (geometry.kernel, geometry.stride, geometry.ceilMode)
  let pool: Module =
    switch dimensions {
    case 1: LPPool1d(normType: p, kernelSize: k, stride: s, ceilMode: ceil)
    case 2: LPPool2d(normType: p, kernelSize: k, stride: s, ceilMode: ceil)
    default: LPPool3d(normType: p, kernelSize: k, stride: s, ceilMode: ceil)
    }
  let layer = LPPool(geometry, p: p)
  // Broken powers are for positive numbers, and odd ones may add up to a negative sum.
  let isEven = p != 1.5 && p != 3
  let module = isEven ? pool : SwiftTorchLayers.Sequential([Sigmoid(), pool])
  try comparison.compare(
    isEven ? layer : Reference.Sequential([(Activation.sigmoid, 0), (layer, 0)]), "\(pool)", module: module,
    input: shape, draws.one(of: [.plain, .normal]), draws: &draws
  ) { try module($0) }
}

/// The random places are read from libtorch's generator, from the same seed.
let fractionalMaxPooling = Operation(
  name: "fractional_max_pool2d", covers: ["FractionalMaxPool2d"]
) { draws, comparison in
  let kernel = [draws.int(1...4), draws.int(1...4)]
  let output = [draws.int(1...5), draws.int(1...5)]
  let sizes = zip(kernel, output).map { $0 + $1 - 1 + draws.int(0...6) }
  let shape = [draws.int(1...3), draws.int(1...3)] + sizes
  let module = FractionalMaxPool2d(kernelSize: kernel, outputSize: output)
  let (seed, format) = (draws.seed(), comparison.format)
  var samples: [Double] = []
  try comparison.compare(
    FractionalMaxPool(kernel: kernel, outputSize: output, samples: samples) { format.rounded($0) },
    "kernel \(kernel), output \(output), seed \(seed)", module: module, input: shape,
    draws.one(of: Values.all), draws: &draws
  ) { x in
    try Torch.manualSeed(seed)
    let numbers = try Tensor.rand(
      Array(shape.prefix(2)) + [2], dtype: format.dtype, device: comparison.device)
    samples = try numbers.to(.float64).scalars(as: Double.self)
    try Torch.manualSeed(seed)
    return try module(x)
  }
}

/// Patches of a picture: how they lie, and the picture's size.
private func patches(_ draws: inout Draws) -> (kernel: [Int], geometry: ConvolutionGeometry, sizes: [Int]) {
  let kernel = [draws.int(1...4), draws.int(1...4)]
  let geometry = ConvolutionGeometry(
    stride: [draws.int(1...3), draws.int(1...3)],
    padding: [0, 1].map { _ in draws.int(0...2) }.map { ($0, $0) },
    dilation: [draws.int(1...2), draws.int(1...2)])
  let sizes = kernel.indices.map { d in
    max(1, geometry.dilation[d] * (kernel[d] - 1) + 1 - 2 * geometry.padding[d].before) + draws.int(0...5)
  }
  return (kernel, geometry, sizes)
}

let unfold = Operation(name: "unfold", covers: ["Unfold"]) { draws, comparison in
  let (kernel, geometry, sizes) = patches(&draws)
  let module = SwiftTorchLayers.Unfold(
    kernelSize: kernel, dilation: geometry.dilation, padding: geometry.padding.map(\.before),
    stride: geometry.stride)
  try comparison.compare(
    Reference.Unfold(geometry, kernel: kernel), "\(module)", module: module,
    input: [draws.oneIn(30) ? 0 : draws.int(1...3), draws.int(1...3)] + sizes,
    draws.one(of: Values.finite + [.special]), draws: &draws
  ) { try module($0) }
}

let fold = Operation(name: "fold", covers: ["Fold"]) { draws, comparison in
  let (kernel, geometry, sizes) = patches(&draws)
  let module = SwiftTorchLayers.Fold(
    outputSize: sizes, kernelSize: kernel, dilation: geometry.dilation,
    padding: geometry.padding.map(\.before), stride: geometry.stride)
  let columns = geometry.outputSize(input: sizes, kernel: kernel).reduce(1, *)
  let rows = kernel.reduce(draws.int(1...3), *)
  try comparison.compare(
    Reference.Fold(Reference.Unfold(geometry, kernel: kernel), outputSize: sizes), "\(module)",
    module: module,
    input: [draws.int(1...3), rows, columns], draws.one(of: Values.finite + [.special]), draws: &draws
  ) { try module($0) }
}

/// - Parameter mode: `linear` stands for `bilinear` and `trilinear`, too.
func upsampling(_ mode: InterpolationMode) -> Operation {
  let name = "upsample_\(mode.rawValue.replacing("-", with: "_"))"
  return Operation(name: name, covers: ["Upsample"]) { draws, comparison in
    let dimensions = mode == .bicubic ? 2 : draws.int(1...3)
    let sizes = (0..<dimensions).map { _ in draws.int(1...(dimensions == 3 ? 4 : 8)) }
    let most = dimensions == 3 ? 6 : 12
    var output = sizes.map { _ in draws.int(1...most) }
    var factors: [Double]?
    if draws.oneIn(2) {
      let drawn: [Double] = sizes.map { _ in draws.one(of: [2.0, 1.5, 3, 0.5, 1, 1.25]) }
      let enlarged = zip(sizes, drawn).map { Int(Double($0) * $1) }
      if !enlarged.contains(0) { (factors, output) = (drawn, enlarged) }
    }
    let copies = mode == .nearest || mode == .nearestExact
    let corners = copies ? nil : draws.one(of: [nil, false, true])
    let format = comparison.format
    func layer() -> Upsampling {
      let kind: Upsampling.Kind =
        switch mode {
        case .nearest: .nearest
        case .nearestExact: .nearestExact
        case .bicubic: .cubic
        case .linear, .bilinear, .trilinear: .linear
        }
      let positions: Format = format == .float64 ? .float64 : .float32
      return Upsampling(
        kind, outputSize: output, factors: factors, alignCorners: corners ?? false,
        positions: positions, weights: format.isSixteenBits ? format : positions)
    }
    // On the edge between two pixels a rounding decides, and not in every layout alike.
    if layer().isAmbiguous(input: sizes) { (factors, output) = (nil, sizes.map { 2 * $0 }) }
    let linear = [InterpolationMode.linear, .bilinear, .trilinear][dimensions - 1]
    let module = Upsample(
      size: factors == nil ? output : nil, scaleFactor: factors, mode: mode == .linear ? linear : mode,
      alignCorners: corners)
    let kinds = copies ? Values.finite + [.special] : [.normal, .plain, .small, .large]
    try comparison.compare(
      layer(), "\(module), align_corners \(corners ?? false)", module: module,
      input: [draws.int(1...3), draws.int(1...3)] + sizes, draws.one(of: kinds), draws: &draws
    ) { try module($0) }
  }
}
