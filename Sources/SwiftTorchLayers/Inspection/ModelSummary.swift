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

/// Runs a blank image through `model` and counts at every layer that it comes through. Modules that only hold
/// others have no row; a layer that is used twice has two, the second without parameters.
/// - Parameter inputShape: `[channels, height, width]`.
/// - Throws: `TorchError` naming the first layer that the shape does not fit.
public func summarize(_ model: Module, inputShape: [Int]) throws -> [LayerSummary] {
  var rows: [LayerSummary] = []
  var seen: Set<ObjectIdentifier> = []
  let modules = model.namedModules()
  defer { for (_, module) in modules { module.observer = nil } }
  for (name, module) in modules where module.childModules.isEmpty || !module.ownState.isEmpty {
    module.observer = { [unowned module] output in
      let isFirst = seen.insert(ObjectIdentifier(module)).inserted
      let own = module.ownState.filter(\.slot.isParameter).compactMap(\.slot.tensor)
      let shape = output.shape
      rows.append(
        LayerSummary(
          name: name, layer: module.description, outputShape: Array(shape.dropFirst()),
          parameters: isFirst ? own.reduce(0) { $0 + $1.numel } : 0,
          multiplyAdds: multiplyAdds(module, outputShape: shape)))
    }
  }
  try noGrad { try model.evaluating { _ = try model(Tensor.zeros([1] + inputShape)) } }
  return rows
}

private func multiplyAdds(_ module: Module, outputShape: [Int]) -> Int {
  let outputs = outputShape.dropFirst().reduce(1, *)
  switch module {
  case let layer as ConvNd: return outputs * layer.inChannels / layer.groups * layer.kernelSize.reduce(1, *)
  case let layer as Linear: return outputs * layer.inFeatures
  case let layer as ConvTransposeNd:
    // Each input meets every weight of its group; as many inputs as the formula of the output size says.
    let sizes = zip(outputShape.suffix(layer.kernelSize.count), layer.kernelSize.indices).map { size, d in
      let reach = layer.dilation[d] * (layer.kernelSize[d] - 1) + 1
      return (size + 2 * layer.padding[d] - layer.outputPadding[d] - reach) / layer.stride[d] + 1
    }
    return sizes.reduce(layer.inChannels, *) * layer.outChannels / layer.groups
      * layer.kernelSize.reduce(1, *)
  default: return 0
  }
}
