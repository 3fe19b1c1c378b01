import SwiftTorchLayers

// Layers and tensors of given numbers.

extension Tensor {
  /// One image of one channel, or one kernel on one channel: `[1, 1, height, width]`.
  init(rows: [[Double]]) throws {
    try self.init(rows.flatMap { $0.map { Float($0) } }, shape: [1, 1, rows.count, rows[0].count])
  }
}

/// A convolution with the given kernels, `[kernels, channels, height, width]`.
func convolution(
  _ kernels: Tensor, bias: [Float]? = nil, stride: Int = 1, padding: some PaddingConvertible = 0,
  paddingMode: PaddingMode = .zeros
) throws -> Conv2d {
  let shape = kernels.shape
  let layer = Conv2d(
    inChannels: shape[1], outChannels: shape[0], kernelSize: [shape[2], shape[3]], stride: stride,
    padding: padding, bias: bias != nil, paddingMode: paddingMode)
  try noGrad {
    _ = try layer.weight.copy_(kernels)
    if let bias { _ = try layer.bias!.copy_(try Tensor(bias, shape: [bias.count])) }
  }
  return layer
}

/// Gives layers normal weights of deviation √(2 / inputs) and zero biases, so that what goes through many layers with
/// ReLU does not fade; with PyTorch's smaller ones, and no batch normalisation, learning begins slowly.
/// - Source: He et al. 2015, https://arxiv.org/abs/1502.01852
func heInitialize(_ model: Module) throws {
  for (_, tensor) in model.namedParameters() {
    _ = try tensor.ndim > 1 ? kaimingNormal(tensor, nonlinearity: .relu) : zeros(tensor)
  }
}
