import SwiftTorchLayers

/// The layers of PyTorch's own tests beside those of `Corpus.layers`, by family.
extension Corpus {
  static let activations: [String: Make<Module>] = [
    "CELU": { CELU(alpha: try $0.double("alpha", 1), inplace: try $0.bool("inplace", false)) },
    "ELU": { ELU(alpha: try $0.double("alpha", 1), inplace: try $0.bool("inplace", false)) },
    "GELU": { GELU(approximate: try $0.approximation()) },
    "GLU": { GLU(dim: try $0.int("dim", -1)) },
    "Hardshrink": { Hardshrink(lambd: try $0.double("lambd", 0.5)) },
    "Hardswish": { Hardswish(inplace: try $0.bool("inplace", false)) },
    "Hardtanh": {
      Hardtanh(minVal: try $0.double("min_val", -1), maxVal: try $0.double("max_val", 1))
    },
    "LeakyReLU": { LeakyReLU(negativeSlope: try $0.double("negative_slope", 0.01)) },
    "LogSigmoid": { _ in LogSigmoid() },
    "Mish": { Mish(inplace: try $0.bool("inplace", false)) },
    "PReLU": {
      PReLU(numParameters: try $0.int("num_parameters", 1), init: try $0.double("init", 0.25))
    },
    "ReLU6": { ReLU6(inplace: try $0.bool("inplace", false)) },
    "SELU": { SELU(inplace: try $0.bool("inplace", false)) },
    "SiLU": { SiLU(inplace: try $0.bool("inplace", false)) },
    "Softmax2d": { _ in Softmax2d() },
    "Softmin": { Softmin(dim: try $0.optionalInt("dim")) },
    "Softplus": {
      Softplus(beta: try $0.double("beta", 1), threshold: try $0.double("threshold", 20))
    },
    "Softshrink": { Softshrink(lambd: try $0.double("lambd", 0.5)) },
    "Softsign": { _ in Softsign() },
    "Tanhshrink": { _ in Tanhshrink() },
    "Threshold": { Threshold(threshold: try $0.double("threshold", 0), value: try $0.double("value", 0)) },
  ]

  static let normalizations: [String: Make<Module>] = [
    "BatchNorm3d": {
      BatchNorm3d(
        numFeatures: try $0.int("num_features"), eps: try $0.double("eps", 1e-5),
        momentum: try $0.optionalDouble("momentum", 0.1), affine: try $0.bool("affine", true),
        trackRunningStats: try $0.bool("track_running_stats", true), bias: try $0.bool("bias", true))
    },
    "InstanceNorm1d": {
      InstanceNorm1d(
        numFeatures: try $0.int("num_features"), eps: try $0.double("eps", 1e-5),
        momentum: try $0.optionalDouble("momentum", 0.1), affine: try $0.bool("affine", false),
        trackRunningStats: try $0.bool("track_running_stats", false), bias: try $0.bool("bias", true))
    },
    "InstanceNorm2d": {
      InstanceNorm2d(
        numFeatures: try $0.int("num_features"), eps: try $0.double("eps", 1e-5),
        momentum: try $0.optionalDouble("momentum", 0.1), affine: try $0.bool("affine", false),
        trackRunningStats: try $0.bool("track_running_stats", false), bias: try $0.bool("bias", true))
    },
    "InstanceNorm3d": {
      InstanceNorm3d(
        numFeatures: try $0.int("num_features"), eps: try $0.double("eps", 1e-5),
        momentum: try $0.optionalDouble("momentum", 0.1), affine: try $0.bool("affine", false),
        trackRunningStats: try $0.bool("track_running_stats", false), bias: try $0.bool("bias", true))
    },
    "GroupNorm": {
      GroupNorm(
        numGroups: try $0.int("num_groups"), numChannels: try $0.int("num_channels"),
        eps: try $0.double("eps", 1e-5), affine: try $0.bool("affine", true), bias: try $0.bool("bias", true))
    },
    "LayerNorm": {
      LayerNorm(
        normalizedShape: try $0.sizes("normalized_shape"), eps: try $0.double("eps", 1e-5),
        elementwiseAffine: try $0.bool("elementwise_affine", true), bias: try $0.bool("bias", true))
    },
    "LocalResponseNorm": {
      LocalResponseNorm(
        size: try $0.int("size"), alpha: try $0.double("alpha", 1e-4), beta: try $0.double("beta", 0.75),
        k: try $0.double("k", 1))
    },
    "Embedding": {
      Embedding(numEmbeddings: try $0.int("num_embeddings"), embeddingDim: try $0.int("embedding_dim"))
    },
  ]
}
