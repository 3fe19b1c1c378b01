import Reference
import SwiftTorchLayers

/// The reference's counterpart of a network of the library.
enum ReferenceNetwork {
  /// The layers with how many parameters each has. What dropout keeps is asked for each time.
  /// - Parameter kept: called with a dropout layer and its place in the network; nil keeps all.
  /// - Throws: `TorchError` naming a layer that has no counterpart.
  static func make(
    _ network: Module, kept: (SwiftTorchLayers.Dropout, Int) throws -> [Bool]?
  ) throws -> Reference.Sequential {
    try Reference.Sequential(
      layers(network).enumerated().map { place, module in
        guard let dropout = module as? SwiftTorchLayers.Dropout else {
          return (try layer(module), module.ownParameterCount)
        }
        return (Reference.Dropout(p: dropout.p, kept: try kept(dropout, place)), 0)
      })
  }

  /// The same with the masks that libtorch draws from a seed in training.
  /// - Parameter shape: the input's shape, with the batch.
  static func make(
    _ network: Module, input shape: [Int], seed: UInt64, device: Device
  ) throws -> Reference.Sequential {
    try Torch.manualSeed(seed)
    return try noGrad {
      // Masks are drawn in the order of the layers, each from ones of the shape it gets.
      var (value, masks) = (try Tensor.zeros(shape).to(device), [Int: [Bool]]())
      for (place, module) in try layers(network).enumerated() {
        if module is SwiftTorchLayers.Dropout, module.training {
          masks[place] = try module(Tensor.onesLike(value)).scalars(as: Float.self).map { $0 != 0 }
        } else {
          value = try module(value)
        }
      }
      return try make(network) { masks[$1] }
    }
  }

  /// The layers of a network in their order.
  static func layers(_ network: Module) throws -> [Module] {
    guard let sequence = network as? SwiftTorchLayers.Sequential else {
      throw TorchError("the reference has no counterpart of \(network.typeName), which is not a Sequential")
    }
    return sequence.modules
  }

  /// The counterparts of modules that run one after the other, none of them with dropout.
  static func sequence(_ modules: [Module]) throws -> Reference.Sequential {
    Reference.Sequential(try modules.map { (try layer($0), $0.ownParameterCount) })
  }

  private static func layer(_ module: Module) throws -> any Reference.Layer {
    switch module {
    case let conv as ConvNd:
      return Conv(geometry(conv), fast: true)
    case is SwiftTorchLayers.Linear: return Reference.Linear(fast: true)
    case let pool as MaxPoolNd:
      return MaxPool(
        .sliding(
          PoolingGeometry(
            kernel: pool.kernelSize, stride: pool.stride, padding: pool.padding, dilation: pool.dilation,
            ceilMode: pool.ceilMode)))
    case let pool as AvgPoolNd:
      return AveragePool(
        .sliding(
          PoolingGeometry(
            kernel: pool.kernelSize, stride: pool.stride, padding: pool.padding,
            dilation: pool.kernelSize.map { _ in 1 }, ceilMode: pool.ceilMode)),
        countIncludePad: pool.countIncludePad, divisorOverride: pool.divisorOverride)
    case let norm as SwiftTorchLayers.BatchNorm:
      guard let mean = norm.runningMean, let variance = norm.runningVar, !norm.training else {
        return Reference.BatchNorm(eps: norm.eps)
      }
      func numbers(_ tensor: Tensor) throws -> [Double] { try tensor.to(.float64).scalars(as: Double.self) }
      return Reference.BatchNorm(eps: norm.eps, statistics: (try numbers(mean), try numbers(variance)))
    case is ReLU: return Activation.relu
    case is Sigmoid: return Activation.sigmoid
    case is Tanh: return Activation.tanh
    case let flatten as Flatten:
      return Reshape.flatten(startDim: flatten.startDim, endDim: flatten.endDim)
    default:
      if let layer = try referenceLayer(module) { return layer }
      throw TorchError("the reference has no counterpart of \(module)")
    }
  }

  private static func geometry(_ conv: ConvNd) -> ConvolutionGeometry {
    let padding = conv.kernelSize.indices.map { d -> (before: Int, after: Int) in
      switch conv.padding {
      case .explicit(let sizes): return (sizes[d], sizes[d])
      case .none: return (0, 0)
      case .sameSize:
        let total = conv.dilation[d] * (conv.kernelSize[d] - 1)
        return (total / 2, total - total / 2)
      }
    }
    return ConvolutionGeometry(
      stride: conv.stride, padding: padding, dilation: conv.dilation, groups: conv.groups,
      paddingMode: Reference.PaddingMode(rawValue: conv.paddingMode.rawValue)!)
  }
}

extension Module {
  /// The parameters of a layer itself; known without libtorch.
  fileprivate var ownParameterCount: Int { namedParameters().count }
}
