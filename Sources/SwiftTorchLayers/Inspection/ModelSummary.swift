/// What a layer does to the shape, and what it costs.
public struct LayerSummary: Codable, Sendable {
  /// The key path, for example `0`.
  public let name: String
  /// The layer as it prints itself.
  public let layer: String
  public let outputShape: [Int]
  public let parameters: Int
  /// Multiplications (each with an addition) for one image.
  public let multiplyAdds: Int
}

/// Runs a blank image through `model`, layer by layer, and counts.
/// - Parameter inputShape: `[channels, height, width]`.
/// - Throws: `TorchError` naming the first layer that the shape does not fit.
public func summarize(_ model: Module, inputShape: [Int]) throws -> [LayerSummary] {
  let wasTraining = model.training
  model.eval()
  defer { model.train(wasTraining) }
  var rows: [LayerSummary] = []
  var value = try Tensor.zeros([1] + inputShape)
  func visit(_ module: Module, _ name: String) throws {
    if let sequence = module as? Sequential {
      for (child, part) in sequence.childModules {
        try visit(part, name.isEmpty ? child : "\(name).\(child)")
      }
      return
    }
    do {
      value = try module(value)
    } catch var error as TorchError {
      error.path.insert(contentsOf: name.split(separator: ".").map(String.init), at: 0)
      throw error
    }
    let shape = value.shape
    rows.append(
      LayerSummary(
        name: name, layer: module.description, outputShape: Array(shape.dropFirst()),
        parameters: module.parameters().reduce(0) { $0 + $1.numel },
        multiplyAdds: multiplyAdds(module, outputShape: shape)))
  }
  try noGrad { try visit(model, "") }
  return rows
}

private func multiplyAdds(_ module: Module, outputShape: [Int]) -> Int {
  let outputs = outputShape.dropFirst().reduce(1, *)
  switch module {
  case let layer as ConvNd: return outputs * layer.inChannels / layer.groups * layer.kernelSize.reduce(1, *)
  case let layer as Linear: return outputs * layer.inFeatures
  default: return 0
  }
}
