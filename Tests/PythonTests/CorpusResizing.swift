import SwiftTorchLayers
import Testing

/// The layers that change an image's size, as PyTorch's own tests make them.
extension Corpus {
  static let resizing: [String: Make<Module>] = [
    "ZeroPad1d": { ZeroPad1d(padding: try $0.amounts(2)) },
    "ZeroPad2d": { ZeroPad2d(padding: try $0.amounts(4)) },
    "ZeroPad3d": { ZeroPad3d(padding: try $0.amounts(6)) },
    "ReflectionPad1d": { ReflectionPad1d(padding: try $0.amounts(2)) },
    "ReflectionPad2d": { ReflectionPad2d(padding: try $0.amounts(4)) },
    "ReflectionPad3d": { ReflectionPad3d(padding: try $0.amounts(6)) },
    "ReplicationPad1d": { ReplicationPad1d(padding: try $0.amounts(2)) },
    "ReplicationPad2d": { ReplicationPad2d(padding: try $0.amounts(4)) },
    "ReplicationPad3d": { ReplicationPad3d(padding: try $0.amounts(6)) },
    "CircularPad1d": { CircularPad1d(padding: try $0.amounts(2)) },
    "CircularPad2d": { CircularPad2d(padding: try $0.amounts(4)) },
    "CircularPad3d": { CircularPad3d(padding: try $0.amounts(6)) },
    "ConstantPad1d": { ConstantPad1d(padding: try $0.amounts(2), value: try $0.double("value", 0)) },
    "ConstantPad2d": { ConstantPad2d(padding: try $0.amounts(4), value: try $0.double("value", 0)) },
    "ConstantPad3d": { ConstantPad3d(padding: try $0.amounts(6), value: try $0.double("value", 0)) },
    "ConvTranspose1d": {
      ConvTranspose1d(
        inChannels: try $0.int("in_channels"), outChannels: try $0.int("out_channels"),
        kernelSize: try $0.sizes("kernel_size").sizes(1), stride: try $0.sizes("stride", 1).sizes(1),
        padding: try $0.sizes("padding", 0).sizes(1),
        outputPadding: try $0.sizes("output_padding", 0).sizes(1),
        groups: try $0.int("groups", 1), bias: try $0.bool("bias", true),
        dilation: try $0.sizes("dilation", 1).sizes(1))
    },
    "ConvTranspose2d": {
      ConvTranspose2d(
        inChannels: try $0.int("in_channels"), outChannels: try $0.int("out_channels"),
        kernelSize: try $0.sizes("kernel_size").sizes(2), stride: try $0.sizes("stride", 1).sizes(2),
        padding: try $0.sizes("padding", 0).sizes(2),
        outputPadding: try $0.sizes("output_padding", 0).sizes(2),
        groups: try $0.int("groups", 1), bias: try $0.bool("bias", true),
        dilation: try $0.sizes("dilation", 1).sizes(2))
    },
    "ConvTranspose3d": {
      ConvTranspose3d(
        inChannels: try $0.int("in_channels"), outChannels: try $0.int("out_channels"),
        kernelSize: try $0.sizes("kernel_size").sizes(3), stride: try $0.sizes("stride", 1).sizes(3),
        padding: try $0.sizes("padding", 0).sizes(3),
        outputPadding: try $0.sizes("output_padding", 0).sizes(3),
        groups: try $0.int("groups", 1), bias: try $0.bool("bias", true),
        dilation: try $0.sizes("dilation", 1).sizes(3))
    },
    "LPPool1d": {
      LPPool1d(
        normType: try $0.double("norm_type", 0), kernelSize: try $0.sizes("kernel_size").sizes(1),
        stride: try $0.optionalSizes("stride"), ceilMode: try $0.bool("ceil_mode", false))
    },
    "LPPool2d": {
      LPPool2d(
        normType: try $0.double("norm_type", 0), kernelSize: try $0.sizes("kernel_size").sizes(2),
        stride: try $0.optionalSizes("stride"), ceilMode: try $0.bool("ceil_mode", false))
    },
    "LPPool3d": {
      LPPool3d(
        normType: try $0.double("norm_type", 0), kernelSize: try $0.sizes("kernel_size").sizes(3),
        stride: try $0.optionalSizes("stride"), ceilMode: try $0.bool("ceil_mode", false))
    },
    "FractionalMaxPool2d": {
      let kernel = try $0.sizes("kernel_size").sizes(2)
      let samples = try $0.tensor("_random_samples")?.to(.float32)
      if let size = try $0.optionalSizes("output_size") {
        return FractionalMaxPool2d(kernelSize: kernel, outputSize: size.sizes(2), _randomSamples: samples)
      }
      let ratio = try #require(try $0.optionalRatios("output_ratio"))
      return FractionalMaxPool2d(kernelSize: kernel, outputRatio: ratio.scales(2), _randomSamples: samples)
    },
  ]
}

extension CorpusArguments {
  /// The amounts of a padding layer.
  fileprivate func amounts(_ count: Int) throws -> [Int] { try sizes("padding").sizes(count) }
}
