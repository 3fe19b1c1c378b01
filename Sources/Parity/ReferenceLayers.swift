import Reference
import SwiftTorchLayers

/// The reference's counterpart of a layer; nil when there is none that needs no more than the layer's settings.
/// - Throws: `TorchError` naming a layer inside that has no counterpart.
func referenceLayer(_ module: Module) throws -> (any Reference.Layer)? {
  switch module {
  case is SwiftTorchLayers.PReLU: return ParametricReLU()
  case let layer as GLU: return GatedLinearUnit(dim: layer.dim)
  case let layer as SwiftTorchLayers.Softmin: return layer.dim.map { Reference.Softmin(dim: $0) }
  case let layer as SwiftTorchLayers.Softmax: return layer.dim.map { Reference.Softmax(dim: $0) }
  case is Softmax2d: return Reference.Softmax(dim: -3)
  case let layer as LayerNorm:
    return GroupNormalization(.lastDimensions(layer.normalizedShape.count), eps: layer.eps)
  case let layer as GroupNorm: return GroupNormalization(.channels(layer.numGroups), eps: layer.eps)
  case let layer as InstanceNorm:
    return layer.trackRunningStats ? nil : InstanceNormalization(eps: layer.eps)
  case let layer as LocalResponseNorm:
    return LocalResponseNormalization(size: layer.size, alpha: layer.alpha, beta: layer.beta, k: layer.k)
  case let sequence as SwiftTorchLayers.Sequential: return try ReferenceNetwork.sequence(sequence.modules)
  case let block as SwiftTorchLayers.Residual:
    return Reference.Residual(
      body: try ReferenceNetwork.sequence(block.body.modules),
      shortcut: try ReferenceNetwork.sequence(block.shortcut.map { [$0] } ?? []))
  case let block as SwiftTorchLayers.Parallel:
    return Reference.Parallel(
      try block.branches.map { try ReferenceNetwork.sequence([$0]) },
      combination: block.combination == .sum ? .sum : .concatenate)
  default: return elementwise(module)
  }
}

private func elementwise(_ module: Module) -> Elementwise? {
  switch module {
  case let layer as LeakyReLU: .leakyReLU(slope: layer.negativeSlope)
  case let layer as ELU: .elu(alpha: layer.alpha, scale: 1, inputScale: 1)
  case is SELU: .elu(alpha: 1.6732632423543772, scale: 1.0507009873554805, inputScale: 1)
  case let layer as CELU: .elu(alpha: layer.alpha, scale: 1, inputScale: 1 / layer.alpha)
  case let layer as GELU: layer.approximate == .tanh ? .geluByTanh : .gelu
  case is SiLU: .silu
  case is Mish: .mish
  case let layer as Softplus: .softplus(beta: layer.beta, threshold: layer.threshold)
  case is LogSigmoid: .logSigmoid
  case let layer as Hardtanh: .clamp(low: layer.minVal, high: layer.maxVal)
  case is ReLU6: .clamp(low: 0, high: 6)
  case is Hardsigmoid: .hardsigmoid
  case is Hardswish: .hardswish
  case let layer as Softshrink: .softshrink(limit: layer.lambd)
  case let layer as Hardshrink: .hardshrink(limit: layer.lambd)
  case let layer as Threshold: .threshold(limit: layer.threshold, value: layer.value)
  case is Softsign: .softsign
  case is Tanhshrink: .tanhshrink
  default: nil
  }
}
