import Reference
import SwiftTorchLayers
import Testing

/// Numbers with a shape, as the course gives them.
typealias Numbers = NDArray<Double>

/// Maps of one picture, each row by row: `[1, maps, height, width]`.
func maps(_ maps: [[Double]]...) -> Numbers {
  Numbers(maps.flatMap { $0.flatMap { $0 } }, shape: [1, maps.count, maps[0].count, maps[0][0].count])
}

/// Kernels over one channel: `[kernels, 1, height, width]`.
func kernels(_ kernels: [[Double]]...) -> Numbers {
  Numbers(
    kernels.flatMap { $0.flatMap { $0 } }, shape: [kernels.count, 1, kernels[0].count, kernels[0][0].count])
}

extension NDArray<Double> {
  /// The numbers as the library's tensor.
  func tensor() throws -> Tensor { try Tensor(values.map { Float($0) }, shape: shape) }

  /// The numbers of the library's float32 tensors, for the reference: exact.
  func running() -> NDArray<Running> {
    NDArray<Running>(values.map { Running(Double(Float($0)), format: .float32) }, shape: shape)
  }
}

/// A layer on both implementations: libtorch's and the one from scratch.
struct Both {
  let module: Module
  let layer: any Reference.Layer

  /// A convolution without a bias when none is given; in one dimension where the weight is `[O, I, F]`.
  static func convolution(
    _ weight: Numbers, bias: [Double]? = nil, stride: Int = 1, padding: SwiftTorchLayers.Padding = .none,
    mode: SwiftTorchLayers.PaddingMode = .zeros
  ) throws -> Both {
    let (outputs, inputs, kernel) = (weight.shape[0], weight.shape[1], Array(weight.shape[2...]))
    let module: ConvNd =
      kernel.count == 1
      ? Conv1d(
        inChannels: inputs, outChannels: outputs, kernelSize: kernel, stride: stride, padding: padding,
        bias: bias != nil, paddingMode: mode)
      : Conv2d(
        inChannels: inputs, outChannels: outputs, kernelSize: kernel, stride: stride, padding: padding,
        bias: bias != nil, paddingMode: mode)
    try noGrad {
      try module.weight.copy_(weight.tensor())
      if let bias { try module.bias?.copy_(Numbers(bias, shape: [outputs]).tensor()) }
    }
    let amounts = kernel.indices.map { d -> (before: Int, after: Int) in
      switch padding {
      case .none: (0, 0)
      case .sameSize: ((kernel[d] - 1) / 2, kernel[d] / 2)
      case .explicit(let sizes): (sizes[d], sizes[d])
      }
    }
    let referenceMode = Reference.PaddingMode(rawValue: mode.rawValue)
    let geometry = ConvolutionGeometry(
      stride: kernel.map { _ in stride }, padding: amounts, dilation: kernel.map { _ in 1 },
      paddingMode: try #require(referenceMode))
    return Both(module: module, layer: Conv(geometry))
  }

  /// A dense layer without a bias, of one row of weights for each output.
  static func linear(_ rows: [Double]...) throws -> Both {
    let module = SwiftTorchLayers.Linear(inFeatures: rows[0].count, outFeatures: rows.count, bias: false)
    try noGrad { _ = try module.weight.copy_(Tensor(rows.map { $0.map { Float($0) } })) }
    return Both(module: module, layer: Reference.Linear())
  }

  static var relu: Both { Both(module: ReLU(), layer: Activation.relu) }
  static var flatten: Both { Both(module: Flatten(), layer: Reshape.flatten()) }
  static var globalAveragePool: Both {
    Both(module: AdaptiveAvgPool2d(outputSize: 1), layer: AveragePool(.adaptive([1, 1])))
  }

  private static func windows(_ size: Int, ceilMode: Bool = false) -> PoolingWindows {
    .sliding(
      PoolingGeometry(
        kernel: [size, size], stride: [size, size], padding: [0, 0], dilation: [1, 1], ceilMode: ceilMode))
  }

  static func maxPool(_ size: Int, ceilMode: Bool = false) -> Both {
    Both(
      module: MaxPool2d(kernelSize: size, ceilMode: ceilMode),
      layer: MaxPool(windows(size, ceilMode: ceilMode)))
  }

  static func averagePool(_ size: Int) -> Both {
    Both(module: AvgPool2d(kernelSize: size), layer: AveragePool(windows(size)))
  }

  /// Layers one after the other, each a part once.
  static func sequence(_ parts: Both...) -> Both { sequence(parts) }
  static func sequence(_ parts: [Both]) -> Both {
    Both(
      module: SwiftTorchLayers.Sequential(parts.map(\.module)),
      layer: Reference.Sequential(parts.map { ($0.layer, $0.module.parameters().count) }))
  }

  /// Runs both.
  func callAsFunction(_ x: Numbers) throws -> Run {
    let parameters = try module.parameters().map {
      Numbers(try $0.detach().scalars(), shape: $0.shape).running()
    }
    let input = try x.tensor().requiresGrad(true)
    let output = try module(input)
    return Run(
      module: module, input: input, evaluated: layer.evaluate(x.running(), parameters), libraryOutput: output)
  }
}

/// What came of running a layer on both implementations.
struct Run {
  let module: Module
  let input: Tensor
  let evaluated: Evaluated<Running>
  let libraryOutput: Tensor

  var output: Answer { Answer(library: libraryOutput, reference: evaluated.output) }

  /// The gradients of `Σ gradient·output` with respect to the input and each parameter.
  func backward(_ gradient: [Double]) throws -> (input: Answer, parameters: [Answer]) {
    let gradient = Numbers(gradient, shape: libraryOutput.shape)
    module.zeroGrad()
    input.grad = nil
    try libraryOutput.backward(gradient: gradient.tensor(), retainGraph: true)
    let found = evaluated.backward(gradient.running())
    return (
      Answer(library: try #require(input.grad), reference: found.input),
      try zip(module.parameters(), found.parameters).map {
        Answer(library: try #require($0.grad), reference: $1)
      }
    )
  }
}

/// One tensor from both implementations, the reference's with the bound of each element.
struct Answer {
  let library: Tensor
  let reference: NDArray<Running>

  /// A bound above this part of the largest number would say little.
  private static let meaningful = 1e-3

  /// The largest of the bounds.
  var bound: Double { reference.values.reduce(0) { max($0, $1.error) } }

  /// Checks that the library is inside the reference's bounds, and both no further than `tolerance` from the
  /// given numbers.
  func expect(
    _ numbers: [Double]? = nil, shape: [Int]? = nil, within tolerance: Double = 0,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    #expect(library.shape == reference.shape, sourceLocation: location)
    if let shape { #expect(library.shape == shape, sourceLocation: location) }
    let own = try library.detach().scalars(as: Double.self)
    let exact = reference.values.map(\.value)
    for (place, (value, right)) in zip(own, reference.values).enumerated()
    where !((value - right.value).magnitude <= right.error) {
      Issue.record(
        "element \(place) of the library is \(value), of the reference \(right.value) ± \(right.error)",
        sourceLocation: location)
    }
    let largest = exact.reduce(1) { max($0, $1.magnitude) }
    #expect(bound < Self.meaningful * largest, "the bound says nothing", sourceLocation: location)
    guard let numbers else { return }
    for (who, values) in [("library", own), ("reference", exact)] {
      #expect(values.count == numbers.count, sourceLocation: location)
      for (place, (value, number)) in zip(values, numbers).enumerated()
      where !((value - number).magnitude <= tolerance) {
        Issue.record("element \(place) of the \(who) is \(value), not \(number)", sourceLocation: location)
      }
    }
  }
}
