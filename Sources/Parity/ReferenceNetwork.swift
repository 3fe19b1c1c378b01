import Reference
import SwiftTorchLayers

/// The reference's counterpart of a network of the library.
enum ReferenceNetwork {
  /// - Parameters:
  ///   - input: the input's shape, with the batch.
  ///   - seed: the seed that libtorch draws dropout's masks from when the network runs in training.
  /// - Throws: `TorchError` naming a layer that has no counterpart.
  static func make(_ network: SwiftTorchLayers.Sequential, input: [Int], seed: UInt64, device: Device) throws
    -> Reference.Sequential
  {
    var layers: [(layer: any Reference.Layer, parameters: Int)] = []
    // Masks are drawn in the order of the layers, so the library's are run with ones in the same order.
    try Torch.manualSeed(seed)
    var shape = input
    for module in network.modules {
      let made = try layer(module, shape, device)
      layers.append((made, module.parameters().count))
      shape = try noGrad { try outputShape(module, shape, device) }
    }
    return Reference.Sequential(layers)
  }

  /// The shape behind a layer; nothing random is drawn.
  private static func outputShape(_ module: Module, _ shape: [Int], _ device: Device) throws -> [Int] {
    module is SwiftTorchLayers.Dropout ? shape : try module(Tensor.zeros(shape).to(device)).shape
  }

  private static func layer(_ module: Module, _ shape: [Int], _ device: Device) throws
    -> any Reference.Layer
  {
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
    case is ReLU: return Activation.relu
    case is Sigmoid: return Activation.sigmoid
    case is Tanh: return Activation.tanh
    case let flatten as Flatten:
      return Reshape.flatten(startDim: flatten.startDim, endDim: flatten.endDim)
    case let dropout as SwiftTorchLayers.Dropout:
      guard dropout.training else { return Reference.Dropout(p: dropout.p, kept: nil) }
      let ones = try noGrad { try dropout(Tensor.ones(shape).to(device)) }
      return Reference.Dropout(p: dropout.p, kept: try ones.scalars(as: Float.self).map { $0 != 0 })
    default: throw TorchError("the reference has no counterpart of \(module)")
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
