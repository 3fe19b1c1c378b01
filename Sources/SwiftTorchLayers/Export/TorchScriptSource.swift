/// A module that knows its `forward` as TorchScript, so that it is exported as source and not recorded.
protocol ScriptedModule: Module {
  /// The statements of `forward(self, input: Tensor) -> Tensor`.
  var torchScript: String { get }
}

/// The TorchScript source of a module's `forward`; nil for a module that is not one of this library's.
///
/// Constants (stride, eps, …) are written into the source; tensors and `training` are attributes.
func torchScriptSource(of module: Module) -> String? {
  let body: String? =
    switch module {
    case let module as any ScriptedModule: module.torchScript
    case let layer as Sequential:
      layer.names.map { "input = getattr(self, \"\($0)\").forward(input)\n" }.joined()
        + "return input"
    case let layer as ConvNd: convolution(layer)
    case let layer as MaxPoolNd:
      "return torch.max_pool\(layer.kernelSize.count)d(input, \(layer.kernelSize), \(layer.stride), "
        + "\(layer.padding), \(layer.dilation), \(pythonDescription(layer.ceilMode)))"
    case let layer as AvgPoolNd: averagePool(layer)
    case let layer as AdaptivePoolNd: adaptivePool(layer)
    case let layer as Linear: "return torch.linear(input, self.weight, \(attribute("bias", layer.bias)))"
    case let layer as BatchNorm: batchNorm(layer)
    case let layer as Flatten: "return torch.flatten(input, \(layer.startDim), \(layer.endDim))"
    case let layer as Dropout:
      "return torch.dropout\(layer.inplace ? "_" : "")(input, \(layer.p), self.training)"
    case let layer as Dropout2d:
      "return torch.feature_dropout\(layer.inplace ? "_" : "")(input, \(layer.p), self.training)"
    case let layer as ReLU: "return torch.relu\(layer.inplace ? "_" : "")(input)"
    case is Sigmoid: "return torch.sigmoid(input)"
    case is Tanh: "return torch.tanh(input)"
    case is Identity: "return input"
    case let layer as Softmax: normalized("softmax", layer.dim)
    case let layer as LogSoftmax: normalized("log_softmax", layer.dim)
    default: nil
    }
  guard let body else { return nil }
  let lines = body.split(separator: "\n").map { "  \($0)\n" }.joined()
  return "def forward(self, input: Tensor) -> Tensor:\n\(lines)"
}

func attribute(_ name: String, _ tensor: Tensor?) -> String {
  tensor == nil ? "None" : "self.\(name)"
}

private func convolution(_ layer: ConvNd) -> String {
  let dimensions = layer.kernelSize.count
  var source = ""
  var padding =
    switch layer.padding {
    case .sameSize: "\"same\""
    case .none: "\"valid\""
    case .explicit(let sizes): "\(sizes)"
    }
  if layer.paddingMode != .zeros {
    source = "input = torch.pad(input, \(layer.paddingForPad), \"\(layer.paddingMode.rawValue)\", None)\n"
    padding = "\([Int](repeating: 0, count: dimensions))"
  }
  return source + "return torch.conv\(dimensions)d(input, self.weight, \(attribute("bias", layer.bias)), "
    + "\(layer.stride), \(padding), \(layer.dilation), \(layer.groups))"
}

private func averagePool(_ layer: AvgPoolNd) -> String {
  let dimensions = layer.kernelSize.count
  let common =
    "return torch.avg_pool\(dimensions)d(input, \(layer.kernelSize), \(layer.stride), \(layer.padding), "
    + "\(pythonDescription(layer.ceilMode)), \(pythonDescription(layer.countIncludePad))"
  if dimensions == 1 { return common + ")" }
  return common + ", \(layer.divisorOverride.map(String.init) ?? "None"))"
}

private func adaptivePool(_ layer: AdaptivePoolNd) -> String {
  let dimensions = layer.outputSize.count
  let sizes = layer.outputSize.enumerated().map { index, size in
    size.map(String.init) ?? "input.size(\(index - dimensions))"
  }
  let isMax = layer is AdaptiveMaxPool1d || layer is AdaptiveMaxPool2d || layer is AdaptiveMaxPool3d
  let call = "adaptive_\(isMax ? "max" : "avg")_pool\(dimensions)d"
  return "return torch.\(call)(input, [\(sizes.joined(separator: ", "))])\(isMax ? "[0]" : "")"
}

private func batchNorm(_ layer: BatchNorm) -> String {
  var source = ""
  var momentum = "\(layer.momentum ?? 0)"
  if layer.trackRunningStats {
    source += "if self.training:\n  self.num_batches_tracked.add_(1)\n"
    if layer.momentum == nil {
      source =
        "factor = 0.0\nif self.training:\n  self.num_batches_tracked.add_(1)\n"
        + "  factor = 1.0 / float(self.num_batches_tracked.item())\n"
      momentum = "factor"
    }
  }
  let mean = attribute("running_mean", layer.runningMean)
  let variance = attribute("running_var", layer.runningVar)
  let useBatch = layer.trackRunningStats ? "self.training" : "True"
  let check = """
    if \(useBatch):
      assert input.numel() != input.size(1), "Expected more than 1 value per channel when training"

    """
  return check + source + "return torch.batch_norm(input, \(attribute("weight", layer.weight)), "
    + "\(attribute("bias", layer.bias)), \(mean), \(variance), \(useBatch), \(momentum), \(layer.eps), True)"
}

private func normalized(_ function: String, _ dim: Int?) -> String {
  if let dim { return "return torch.\(function)(input, \(dim), None)" }
  return "dim = 1\nif input.dim() == 0 or input.dim() == 1 or input.dim() == 3:\n  dim = 0\n"
    + "return torch.\(function)(input, dim, None)"
}
