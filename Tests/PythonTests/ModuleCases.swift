import SwiftTorchLayers

/// The layers beside those of `ModuleCase.layers`, by family.
extension ModuleCase {
  static let printedAlike = activations + normalizations + draws

  static let activations: [ModuleCase] = [
    ModuleCase("nn.LeakyReLU()", [3, 40]) { LeakyReLU() },
    ModuleCase("nn.LeakyReLU(0.3)", [3, 41]) { LeakyReLU(negativeSlope: 0.3) },
    ModuleCase("nn.PReLU()", [3, 5, 7]) { PReLU() },
    ModuleCase("nn.PReLU(5, init=0.1)", [3, 5, 7]) { PReLU(numParameters: 5, init: 0.1) },
    ModuleCase("nn.RReLU()", [3, 41]) { RReLU() },
    ModuleCase("nn.RReLU(0.2, 0.9)", [3, 5, 4]) { RReLU(lower: 0.2, upper: 0.9) },
    ModuleCase("nn.ELU()", [3, 41]) { ELU() },
    ModuleCase("nn.ELU(0.7)", [3, 41]) { ELU(alpha: 0.7) },
    ModuleCase("nn.SELU()", [3, 41]) { SELU() },
    ModuleCase("nn.CELU()", [3, 41]) { CELU() },
    ModuleCase("nn.CELU(0.7)", [3, 41]) { CELU(alpha: 0.7) },
    ModuleCase("nn.GELU()", [3, 41]) { GELU() },
    ModuleCase("nn.GELU(approximate='tanh')", [3, 41]) { GELU(approximate: .tanh) },
    ModuleCase("nn.SiLU()", [3, 41]) { SiLU() },
    ModuleCase("nn.Mish()", [3, 41]) { Mish() },
    ModuleCase("nn.Softplus()", [3, 41]) { Softplus() },
    ModuleCase("nn.Softplus(beta=3.5, threshold=2.0)", [3, 41]) { Softplus(beta: 3.5, threshold: 2) },
    ModuleCase("nn.Softsign()", [3, 41]) { Softsign() },
    ModuleCase("nn.Tanhshrink()", [3, 41]) { Tanhshrink() },
    ModuleCase("nn.LogSigmoid()", [3, 41]) { LogSigmoid() },
    ModuleCase("nn.GLU()", [3, 40]) { GLU() },
    ModuleCase("nn.GLU(1)", [3, 4, 7]) { GLU(dim: 1) },
    ModuleCase("nn.Hardtanh()", [3, 41]) { Hardtanh() },
    ModuleCase("nn.Hardtanh(-0.5, 0.2)", [3, 41]) { Hardtanh(minVal: -0.5, maxVal: 0.2) },
    ModuleCase("nn.ReLU6()", [3, 41]) { ReLU6() },
    ModuleCase("nn.Hardsigmoid()", [3, 41]) { Hardsigmoid() },
    ModuleCase("nn.Hardswish()", [3, 41]) { Hardswish() },
    ModuleCase("nn.Softshrink(0.3)", [3, 41]) { Softshrink(lambd: 0.3) },
    ModuleCase("nn.Hardshrink()", [3, 41]) { Hardshrink() },
    ModuleCase("nn.Threshold(0.1, -0.7)", [3, 41]) { Threshold(threshold: 0.1, value: -0.7) },
    ModuleCase("nn.Softmin(dim=1)", [3, 7]) { Softmin(dim: 1) },
    ModuleCase("nn.Softmax2d()", [2, 3, 4, 5]) { Softmax2d() },
  ]

  static let normalizations: [ModuleCase] = [
    ModuleCase("nn.BatchNorm3d(3, momentum=None)", [4, 3, 2, 5, 6]) {
      BatchNorm3d(numFeatures: 3, momentum: nil)
    },
    ModuleCase("nn.InstanceNorm1d(5)", [4, 5, 6]) { InstanceNorm1d(numFeatures: 5) },
    ModuleCase("nn.InstanceNorm1d(5, affine=True)", [5, 6]) { InstanceNorm1d(numFeatures: 5, affine: true) },
    ModuleCase("nn.InstanceNorm2d(3, affine=True, track_running_stats=True)", [4, 3, 5, 6]) {
      InstanceNorm2d(numFeatures: 3, affine: true, trackRunningStats: true)
    },
    ModuleCase("nn.InstanceNorm2d(3, eps=1e-3, momentum=0.3, track_running_stats=True)", [3, 5, 6]) {
      InstanceNorm2d(numFeatures: 3, eps: 1e-3, momentum: 0.3, trackRunningStats: true)
    },
    ModuleCase("nn.InstanceNorm3d(3, affine=True, bias=False)", [4, 3, 2, 5, 6]) {
      InstanceNorm3d(numFeatures: 3, affine: true, bias: false)
    },
    ModuleCase("nn.LayerNorm(6)", [4, 5, 6]) { LayerNorm(normalizedShape: 6) },
    ModuleCase("nn.LayerNorm([5, 6], eps=1e-3, bias=False)", [4, 5, 6]) {
      LayerNorm(normalizedShape: [5, 6], eps: 1e-3, bias: false)
    },
    ModuleCase("nn.LayerNorm(6, elementwise_affine=False)", [4, 6]) {
      LayerNorm(normalizedShape: 6, elementwiseAffine: false)
    },
    ModuleCase("nn.GroupNorm(2, 6)", [4, 6, 5, 3]) { GroupNorm(numGroups: 2, numChannels: 6) },
    ModuleCase("nn.GroupNorm(3, 6, eps=1e-3, affine=False)", [4, 6, 5]) {
      GroupNorm(numGroups: 3, numChannels: 6, eps: 1e-3, affine: false)
    },
    ModuleCase("nn.LocalResponseNorm(5)", [2, 8, 5, 6]) { LocalResponseNorm(size: 5) },
    ModuleCase("nn.LocalResponseNorm(4, alpha=0.3, beta=0.6, k=2.0)", [2, 8, 5]) {
      LocalResponseNorm(size: 4, alpha: 0.3, beta: 0.6, k: 2)
    },
    ModuleCase("nn.LocalResponseNorm(3, alpha=0.3)", [2, 8, 5, 3, 2]) {
      LocalResponseNorm(size: 3, alpha: 0.3)
    },
  ]

  static let draws: [ModuleCase] = [
    ModuleCase("nn.Dropout1d(0.3)", [3, 20, 4]) { Dropout1d(p: 0.3) },
    ModuleCase("nn.Dropout1d(0.3)", [20, 4]) { Dropout1d(p: 0.3) },
    ModuleCase("nn.Dropout3d(0.3)", [3, 20, 4, 2, 2]) { Dropout3d(p: 0.3) },
    ModuleCase("nn.Dropout3d()", [20, 4, 2, 2]) { Dropout3d() },
    ModuleCase("nn.AlphaDropout(0.3)", [3, 70]) { AlphaDropout(p: 0.3) },
    ModuleCase("nn.FeatureAlphaDropout(0.3)", [3, 20, 4, 4]) { FeatureAlphaDropout(p: 0.3) },
    ModuleCase("nn.Embedding(11, 4)", [5, 3], indicesBelow: 11) {
      Embedding(numEmbeddings: 11, embeddingDim: 4)
    },
    ModuleCase(
      "nn.Embedding(11, 4, padding_idx=-2, max_norm=1.5, scale_grad_by_freq=True)", [20], indicesBelow: 11
    ) {
      Embedding(numEmbeddings: 11, embeddingDim: 4, paddingIdx: -2, maxNorm: 1.5, scaleGradByFreq: true)
    },
    ModuleCase("nn.Embedding(11, 4, max_norm=2.0, norm_type=1.0)", [20], indicesBelow: 11) {
      Embedding(numEmbeddings: 11, embeddingDim: 4, maxNorm: 2, normType: 1)
    },
  ]

  static let containers: [ModuleCase] = [
    ModuleCase("Residual(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU())", [3, 2, 5, 6]) {
      Residual {
        Conv2d(inChannels: 2, outChannels: 2, kernelSize: 3, padding: 1)
        ReLU()
      }
    },
    ModuleCase(
      "(lambda shortcut: Residual(nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.BatchNorm2d(4), nn.Dropout(), "
        + "shortcut=shortcut))(nn.Conv2d(2, 4, 1, stride=2))", [3, 2, 6, 6]
    ) {
      Residual(shortcut: Conv2d(inChannels: 2, outChannels: 4, kernelSize: 1, stride: 2)) {
        Conv2d(inChannels: 2, outChannels: 4, kernelSize: 3, stride: 2, padding: 1)
        BatchNorm2d(numFeatures: 4)
        Dropout()
      }
    },
    ModuleCase(
      "Parallel(nn.Conv2d(2, 3, 1), nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU()), nn.Identity())",
      [3, 2, 5, 6]
    ) {
      Parallel {
        Conv2d(inChannels: 2, outChannels: 3, kernelSize: 1)
        Sequential {
          Conv2d(inChannels: 2, outChannels: 4, kernelSize: 3, padding: 1)
          ReLU()
        }
        Identity()
      }
    },
    ModuleCase(
      "Parallel(nn.Linear(5, 4), nn.Sequential(nn.Linear(5, 4), nn.Tanh()), nn.Linear(5, 4), "
        + "combination='sum')", [3, 5]
    ) {
      Parallel(combination: .sum) {
        Linear(inFeatures: 5, outFeatures: 4)
        Sequential {
          Linear(inFeatures: 5, outFeatures: 4)
          Tanh()
        }
        Linear(inFeatures: 5, outFeatures: 4)
      }
    },
  ]
}
