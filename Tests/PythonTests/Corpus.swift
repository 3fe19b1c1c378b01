import Foundation
import SwiftTorchLayers
import Testing

/// The inputs of PyTorch's own module tests, as Python ran them.
struct Corpus: Decodable, Sendable {
  struct Entry: Decodable, Sendable {
    let key: String
    let module: String
    let training: Bool
    /// PyTorch throws instead of giving an output.
    let refused: Bool
    let arguments: [String: CorpusArguments.Value]
    /// For each input whether it requires a gradient.
    let recorded: [Bool]
  }

  /// The names of all modules that PyTorch tests.
  let tested: [String]
  let entries: [Entry]
  /// What was not run, each with the reason.
  let skipped: [String]

  static let peer: Result<(corpus: Corpus, tensors: StateDict), any Error> = Result {
    let tensors = try Peer.run("corpus.py", [Peer.cases(names.map { [$0] })])
    let description = Data(try #require(tensors["description"]).bytes())
    return (try JSONDecoder().decode(Corpus.self, from: description), tensors)
  }

  /// Arguments that the layers here do not have, each with the reason why their entries count all the same.
  static let withoutCounterpart = [
    "MaxPool1d.return_indices": "the layer gives the values alone, and these are compared",
    "MaxPool2d.return_indices": "the layer gives the values alone, and these are compared",
    "MaxPool3d.return_indices": "the layer gives the values alone, and these are compared",
    "FractionalMaxPool2d.return_indices": "the layer gives the values alone, and these are compared",
  ]

  static let names = (Array(modules.keys) + Array(losses.keys)).sorted()

  /// Whether the library has a layer or loss of this name, whether or not it is in the tables below.
  static func isHere(_ name: String) -> Bool {
    let library = "SwiftTorchLayers"
    let mangled = "\(library.count)\(library)\(name.count)\(name)"
    return _typeByName(mangled + "C") is Module.Type || _typeByName(mangled + "V") is any Loss.Type
  }

  typealias Make<Result> = @Sendable (CorpusArguments) throws -> Result

  static let modules = layers.merging(activations) { $1 }.merging(normalizations) { $1 }
    .merging(resizing) { $1 }

  static let layers: [String: Make<Module>] = [
    "Conv1d": {
      Conv1d(
        inChannels: try $0.int("in_channels"), outChannels: try $0.int("out_channels"),
        kernelSize: try $0.sizes("kernel_size"), stride: try $0.sizes("stride", 1),
        padding: try $0.padding(), dilation: try $0.sizes("dilation", 1), groups: try $0.int("groups", 1),
        bias: try $0.bool("bias", true), paddingMode: try $0.paddingMode())
    },
    "Conv2d": {
      Conv2d(
        inChannels: try $0.int("in_channels"), outChannels: try $0.int("out_channels"),
        kernelSize: try $0.sizes("kernel_size"), stride: try $0.sizes("stride", 1),
        padding: try $0.padding(), dilation: try $0.sizes("dilation", 1), groups: try $0.int("groups", 1),
        bias: try $0.bool("bias", true), paddingMode: try $0.paddingMode())
    },
    "Conv3d": {
      Conv3d(
        inChannels: try $0.int("in_channels"), outChannels: try $0.int("out_channels"),
        kernelSize: try $0.sizes("kernel_size"), stride: try $0.sizes("stride", 1),
        padding: try $0.padding(), dilation: try $0.sizes("dilation", 1), groups: try $0.int("groups", 1),
        bias: try $0.bool("bias", true), paddingMode: try $0.paddingMode())
    },
    "Linear": {
      Linear(
        inFeatures: try $0.int("in_features"), outFeatures: try $0.int("out_features"),
        bias: try $0.bool("bias", true))
    },
    "BatchNorm1d": {
      BatchNorm1d(
        numFeatures: try $0.int("num_features"), eps: try $0.double("eps", 1e-5),
        momentum: try $0.optionalDouble("momentum", 0.1), affine: try $0.bool("affine", true),
        trackRunningStats: try $0.bool("track_running_stats", true), bias: try $0.bool("bias", true))
    },
    "BatchNorm2d": {
      BatchNorm2d(
        numFeatures: try $0.int("num_features"), eps: try $0.double("eps", 1e-5),
        momentum: try $0.optionalDouble("momentum", 0.1), affine: try $0.bool("affine", true),
        trackRunningStats: try $0.bool("track_running_stats", true), bias: try $0.bool("bias", true))
    },
    "MaxPool1d": {
      MaxPool1d(
        kernelSize: try $0.sizes("kernel_size"), stride: try $0.optionalSizes("stride"),
        padding: try $0.sizes("padding", 0), dilation: try $0.sizes("dilation", 1),
        ceilMode: try $0.bool("ceil_mode", false))
    },
    "MaxPool2d": {
      MaxPool2d(
        kernelSize: try $0.sizes("kernel_size"), stride: try $0.optionalSizes("stride"),
        padding: try $0.sizes("padding", 0), dilation: try $0.sizes("dilation", 1),
        ceilMode: try $0.bool("ceil_mode", false))
    },
    "MaxPool3d": {
      MaxPool3d(
        kernelSize: try $0.sizes("kernel_size"), stride: try $0.optionalSizes("stride"),
        padding: try $0.sizes("padding", 0), dilation: try $0.sizes("dilation", 1),
        ceilMode: try $0.bool("ceil_mode", false))
    },
    "AvgPool1d": {
      AvgPool1d(
        kernelSize: try $0.sizes("kernel_size"), stride: try $0.optionalSizes("stride"),
        padding: try $0.sizes("padding", 0), ceilMode: try $0.bool("ceil_mode", false),
        countIncludePad: try $0.bool("count_include_pad", true))
    },
    "AvgPool2d": {
      AvgPool2d(
        kernelSize: try $0.sizes("kernel_size"), stride: try $0.optionalSizes("stride"),
        padding: try $0.sizes("padding", 0), ceilMode: try $0.bool("ceil_mode", false),
        countIncludePad: try $0.bool("count_include_pad", true),
        divisorOverride: try $0.optionalInt("divisor_override"))
    },
    "AvgPool3d": {
      AvgPool3d(
        kernelSize: try $0.sizes("kernel_size"), stride: try $0.optionalSizes("stride"),
        padding: try $0.sizes("padding", 0), ceilMode: try $0.bool("ceil_mode", false),
        countIncludePad: try $0.bool("count_include_pad", true),
        divisorOverride: try $0.optionalInt("divisor_override"))
    },
    "AdaptiveAvgPool1d": { AdaptiveAvgPool1d(outputSize: try $0.int("output_size")) },
    "AdaptiveAvgPool2d": { AdaptiveAvgPool2d(outputSize: try $0.outputSize(2)) },
    "AdaptiveAvgPool3d": { AdaptiveAvgPool3d(outputSize: try $0.outputSize(3)) },
    "AdaptiveMaxPool1d": { AdaptiveMaxPool1d(outputSize: try $0.int("output_size")) },
    "AdaptiveMaxPool2d": { AdaptiveMaxPool2d(outputSize: try $0.outputSize(2)) },
    "AdaptiveMaxPool3d": { AdaptiveMaxPool3d(outputSize: try $0.outputSize(3)) },
    "ReLU": { ReLU(inplace: try $0.bool("inplace", false)) },
    "Sigmoid": { _ in Sigmoid() },
    "Tanh": { _ in Tanh() },
    "Softmax": { Softmax(dim: try $0.optionalInt("dim")) },
    "LogSoftmax": { LogSoftmax(dim: try $0.optionalInt("dim")) },
  ]

  static let losses: [String: Make<any Loss>] = [
    "CrossEntropyLoss": {
      CrossEntropyLoss(
        weight: try $0.tensor("weight"), ignoreIndex: try $0.int("ignore_index", -100),
        reduction: try $0.reduction(), labelSmoothing: try $0.double("label_smoothing", 0))
    },
    "NLLLoss": {
      NLLLoss(
        weight: try $0.tensor("weight"), ignoreIndex: try $0.int("ignore_index", -100),
        reduction: try $0.reduction())
    },
    "KLDivLoss": {
      KLDivLoss(reduction: try $0.reduction(), logTarget: try $0.bool("log_target", false))
    },
    "MSELoss": { MSELoss(reduction: try $0.reduction()) },
    "L1Loss": { L1Loss(reduction: try $0.reduction()) },
    "SmoothL1Loss": {
      SmoothL1Loss(reduction: try $0.reduction(), beta: try $0.double("beta", 1))
    },
    "HuberLoss": { HuberLoss(reduction: try $0.reduction(), delta: try $0.double("delta", 1)) },
    "PoissonNLLLoss": {
      PoissonNLLLoss(
        logInput: try $0.bool("log_input", true), full: try $0.bool("full", false),
        eps: try $0.double("eps", 1e-8), reduction: try $0.reduction())
    },
    "BCELoss": { BCELoss(weight: try $0.tensor("weight"), reduction: try $0.reduction()) },
    "BCEWithLogitsLoss": {
      BCEWithLogitsLoss(
        weight: try $0.tensor("weight"), reduction: try $0.reduction(), posWeight: try $0.tensor("pos_weight")
      )
    },
  ]
}
