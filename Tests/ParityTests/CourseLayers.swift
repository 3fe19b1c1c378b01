import Reference
import SwiftTorchLayers

/// The layers of the course that no framework has.

extension Both {
  /// A border of one pixel with the mean of the channel of that image.
  static var meanPadding: Both {
    Both(module: MeanPad2d(padding: 1), layer: MeanPad([(1, 1), (1, 1)]))
  }

  /// A border with `Σᵢ weights[i]·xᵢ` of the nearest pixels inside: first left and right of each row, then above
  /// and below each column.
  static func weightedPadding(_ weights: [Double], width: Int = 1) -> Both {
    Both(
      module: WeightedPad2d(padding: width, weights: weights),
      layer: WeightedPad([(width, width), (width, width)], weights: weights))
  }

  /// The mean of the `n` largest values of each field.
  static func nMaxPool(_ n: Int, size: Int) -> Both {
    let geometry = PoolingGeometry(
      kernel: [size, size], stride: [size, size], padding: [0, 0], dilation: [1, 1])
    return Both(module: NMaxPool2d(kernelSize: size, n: n), layer: NMaxPool(geometry, n: n))
  }

  /// A transposed convolution of one channel, without a bias.
  static func transposedConvolution(_ weight: Numbers, stride: Int, padding: Int = 0, outputPadding: Int = 0)
    throws
    -> Both
  {
    let kernel = Array(weight.shape[2...])
    let module = ConvTranspose2d(
      inChannels: 1, outChannels: 1, kernelSize: kernel, stride: stride, padding: padding,
      outputPadding: outputPadding, bias: false)
    try noGrad { _ = try module.weight.copy_(weight.tensor()) }
    let geometry = ConvolutionGeometry(
      stride: [stride, stride], padding: [(padding, padding), (padding, padding)], dilation: [1, 1])
    return Both(
      module: module, layer: ConvTranspose(geometry, outputPadding: [outputPadding, outputPadding]))
  }
}
