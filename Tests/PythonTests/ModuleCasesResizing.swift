import SwiftTorchLayers

/// The layers that change an image's size, here and in Python.
extension ModuleCase {
  static let resizing: [ModuleCase] = [
    ModuleCase("nn.ZeroPad1d(2)", [2, 3, 9]) { ZeroPad1d(padding: 2) },
    ModuleCase("nn.ZeroPad2d((1, 2, 0, -1))", [2, 3, 6, 7]) { ZeroPad2d(padding: [1, 2, 0, -1]) },
    ModuleCase("nn.ZeroPad3d(1)", [2, 2, 4, 5, 6]) { ZeroPad3d(padding: 1) },
    ModuleCase("nn.ConstantPad1d((1, 2), 3.5)", [2, 3, 9]) { ConstantPad1d(padding: [1, 2], value: 3.5) },
    ModuleCase("nn.ConstantPad2d(2, -0.1)", [2, 3, 6, 7]) { ConstantPad2d(padding: 2, value: -0.1) },
    ModuleCase("nn.ConstantPad3d((0, 1, 2, 0, 1, 1), 7)", [2, 2, 4, 5, 6]) {
      ConstantPad3d(padding: [0, 1, 2, 0, 1, 1], value: 7)
    },
    ModuleCase("nn.ReflectionPad1d((1, 3))", [2, 3, 9]) { ReflectionPad1d(padding: [1, 3]) },
    ModuleCase("nn.ReflectionPad2d((1, 2, 3, 0))", [2, 3, 6, 7]) { ReflectionPad2d(padding: [1, 2, 3, 0]) },
    ModuleCase("nn.ReflectionPad3d(1)", [2, 2, 4, 5, 6]) { ReflectionPad3d(padding: 1) },
    ModuleCase("nn.ReplicationPad1d((1, 3))", [2, 3, 9]) { ReplicationPad1d(padding: [1, 3]) },
    ModuleCase("nn.ReplicationPad2d((1, 2, 3, 0))", [2, 3, 6, 7]) {
      ReplicationPad2d(padding: [1, 2, 3, 0])
    },
    ModuleCase("nn.ReplicationPad3d(1)", [2, 2, 4, 5, 6]) { ReplicationPad3d(padding: 1) },
    ModuleCase("nn.CircularPad1d((1, 3))", [2, 3, 9]) { CircularPad1d(padding: [1, 3]) },
    ModuleCase("nn.CircularPad2d((1, 2, 3, 0))", [2, 3, 6, 7]) { CircularPad2d(padding: [1, 2, 3, 0]) },
    ModuleCase("nn.CircularPad3d(1)", [2, 2, 4, 5, 6]) { CircularPad3d(padding: 1) },
    ModuleCase("MeanPad1d((2, 1))", [2, 3, 9]) { MeanPad1d(padding: [2, 1]) },
    ModuleCase("MeanPad2d(1)", [2, 3, 6, 7]) { MeanPad2d(padding: 1) },
    ModuleCase("MeanPad3d(1)", [2, 2, 4, 5, 6]) { MeanPad3d(padding: 1) },
    ModuleCase("WeightedPad1d(3, [3, -3, 1])", [2, 3, 9]) { WeightedPad1d(padding: 3, weights: [3, -3, 1]) },
    ModuleCase("WeightedPad2d((2, 1, 0, -1), [2, -1])", [2, 3, 6, 7]) {
      WeightedPad2d(padding: [2, 1, 0, -1], weights: [2, -1])
    },
    ModuleCase("WeightedPad3d(1, [0.7, 0.3])", [2, 2, 4, 5, 6]) {
      WeightedPad3d(padding: 1, weights: [0.7, 0.3])
    },
    ModuleCase("nn.ConvTranspose1d(4, 6, 3)", [2, 4, 9]) {
      ConvTranspose1d(inChannels: 4, outChannels: 6, kernelSize: 3)
    },
    ModuleCase("nn.ConvTranspose1d(4, 6, 5, 3, 2, 1, 2, False, 2)", [2, 4, 9]) {
      ConvTranspose1d(
        inChannels: 4, outChannels: 6, kernelSize: 5, stride: 3, padding: 2, outputPadding: 1, groups: 2,
        bias: false, dilation: 2)
    },
    ModuleCase("nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1)", [2, 3, 5, 6]) {
      ConvTranspose2d(inChannels: 3, outChannels: 8, kernelSize: 4, stride: 2, padding: 1)
    },
    ModuleCase("nn.ConvTranspose2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 0), 2, True, (1, 2))", [2, 4, 5, 6]) {
      ConvTranspose2d(
        inChannels: 4, outChannels: 6, kernelSize: [3, 2], stride: [2, 1], padding: [1, 0],
        outputPadding: [1, 0], groups: 2, dilation: [1, 2])
    },
    ModuleCase("nn.ConvTranspose2d(3, 2, 3)", [3, 5, 6]) {
      ConvTranspose2d(inChannels: 3, outChannels: 2, kernelSize: 3)
    },
    ModuleCase("nn.ConvTranspose3d(2, 4, 2, stride=2, bias=False)", [2, 2, 3, 4, 5]) {
      ConvTranspose3d(inChannels: 2, outChannels: 4, kernelSize: 2, stride: 2, bias: false)
    },
    ModuleCase("NMaxPool2d(2, 2)", [2, 3, 6, 7]) { NMaxPool2d(kernelSize: 2, n: 2) },
    ModuleCase("NMaxPool2d(3, 4, 2, 1, 1, True)", [2, 3, 6, 7]) {
      NMaxPool2d(kernelSize: 3, n: 4, stride: 2, padding: 1, ceilMode: true)
    },
    ModuleCase("NMaxPool2d(2, 3, 1, 1, 2)", [3, 6, 7]) {
      NMaxPool2d(kernelSize: 2, n: 3, stride: 1, padding: 1, dilation: 2)
    },
    ModuleCase("nn.LPPool1d(2, 3, stride=2)", [2, 3, 9]) { LPPool1d(normType: 2, kernelSize: 3, stride: 2) },
    ModuleCase("nn.LPPool2d(2, 2)", [2, 3, 6, 7]) { LPPool2d(normType: 2, kernelSize: 2) },
    ModuleCase("nn.LPPool2d(1.2, (3, 2), ceil_mode=True)", [2, 3, 6, 7]) {
      LPPool2d(normType: 1.2, kernelSize: [3, 2], ceilMode: true)
    },
    ModuleCase("nn.LPPool2d(float('-inf'), 2)", [2, 3, 6, 7]) {
      LPPool2d(normType: -.infinity, kernelSize: 2)
    },
    ModuleCase("nn.LPPool3d(4, 2)", [2, 2, 4, 5, 6]) { LPPool3d(normType: 4, kernelSize: 2) },
    ModuleCase("nn.FractionalMaxPool2d(2, output_size=(3, 4))", [2, 3, 6, 7]) {
      FractionalMaxPool2d(kernelSize: 2, outputSize: [3, 4])
    },
    ModuleCase("nn.FractionalMaxPool2d((3, 2), output_ratio=(0.5, 0.6))", [3, 6, 7]) {
      FractionalMaxPool2d(kernelSize: [3, 2], outputRatio: [0.5, 0.6])
    },
    ModuleCase("nn.Unfold(3)", [2, 3, 6, 7]) { Unfold(kernelSize: 3) },
    ModuleCase("nn.Unfold((2, 3), (1, 2), (0, 1), 2)", [2, 3, 6, 7]) {
      Unfold(kernelSize: [2, 3], dilation: [1, 2], padding: [0, 1], stride: 2)
    },
    ModuleCase("nn.Fold((4, 5), 2)", [2, 8, 12]) { Fold(outputSize: [4, 5], kernelSize: 2) },
    ModuleCase("nn.Fold(6, (3, 2), padding=1, stride=(2, 1))", [12, 21]) {
      Fold(outputSize: 6, kernelSize: [3, 2], padding: 1, stride: [2, 1])
    },
    ModuleCase("nn.Upsample(scale_factor=2)", [2, 3, 6, 7]) { Upsample(scaleFactor: 2) },
    ModuleCase("nn.Upsample(size=(9, 4), mode='nearest')", [2, 3, 6, 7]) {
      Upsample(size: [9, 4], mode: .nearest)
    },
    ModuleCase("nn.Upsample(scale_factor=(1.5, 2.3), mode='nearest-exact')", [2, 3, 6, 7]) {
      Upsample(scaleFactor: [1.5, 2.3], mode: .nearestExact)
    },
    ModuleCase("nn.Upsample(size=7, mode='nearest')", [2, 2, 4, 5, 6]) { Upsample(size: 7, mode: .nearest) },
    ModuleCase("nn.Upsample(scale_factor=2.5, mode='linear')", [2, 3, 9]) {
      Upsample(scaleFactor: 2.5, mode: .linear)
    },
    ModuleCase("nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)", [2, 3, 6, 7]) {
      Upsample(scaleFactor: 2, mode: .bilinear, alignCorners: true)
    },
    ModuleCase("nn.Upsample(scale_factor=1.7, mode='bilinear', recompute_scale_factor=True)", [2, 3, 6, 7]) {
      Upsample(scaleFactor: 1.7, mode: .bilinear, recomputeScaleFactor: true)
    },
    ModuleCase("nn.Upsample(size=(11, 9), mode='bicubic')", [2, 3, 6, 7]) {
      Upsample(size: [11, 9], mode: .bicubic)
    },
    ModuleCase("nn.Upsample(scale_factor=2, mode='trilinear')", [2, 2, 4, 5, 6]) {
      Upsample(scaleFactor: 2, mode: .trilinear)
    },
  ]
}
