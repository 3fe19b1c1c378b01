/// What a layer does to the shape, what it costs, and how far it sees.
public struct LayerSummary: Codable, Sendable {
  /// The key path, for example `0`.
  public let name: String
  /// The layer as it prints itself.
  public let layer: String
  public let outputShape: [Int]
  public let parameters: Int
  /// Multiplications (each with an addition) for one image.
  public let multiplyAdds: Int
  /// How many pixels of the input a value of the output depends on, for each dimension: after a dense layer all;
  /// nil when the windows are not all alike, as after a transposed convolution.
  public let receptiveField: [Int]?
  /// How many pixels apart two neighbouring values look; nil when they do not look through windows.
  public let jump: [Int]?
  /// The memory of the output for one image.
  public let activationBytes: Int
  /// Set when the stride does not fit the size of the input, so that a rest is dropped silently.
  public let warning: String?
}

/// Runs a blank image through `model` and counts at every layer that it comes through. Modules that only hold
/// others have no row; a layer that is used twice has two, the second without parameters.
/// - Parameter inputShape: `[channels, height, width]`.
/// - Throws: `TorchError` naming the first layer that the shape does not fit.
public func summarize(_ model: Module, inputShape: [Int]) throws -> [LayerSummary] {
  var rows: [LayerSummary] = []
  var seen: Set<ObjectIdentifier> = []
  var sights = Sights()
  let image = try Tensor.zeros([1] + inputShape)
  sights.set(image, .grid(ReceptiveField(dimensions: inputShape.count - 1)))
  let modules = model.namedModules()
  defer { for (_, module) in modules { module.observer = nil } }
  for (name, module) in modules where module.childModules.isEmpty || !module.ownState.isEmpty {
    module.observer = { [unowned module] input, output in
      let isFirst = seen.insert(ObjectIdentifier(module)).inserted
      let own = module.ownState.filter(\.isParameter).map(\.tensor)
      let (before, shape) = (input.shape, output.shape)
      let sight = sights[input].after(module, inputShape: before, outputShape: shape)
      sights.set(output, sight)
      let (field, jump): ([Int]?, [Int]?) =
        switch sight {
        case .grid(let field): (field.size, field.jump)
        case .everything: (Array(inputShape.dropFirst()), nil)
        case .unknown: (nil, nil)
        }
      rows.append(
        LayerSummary(
          name: name, layer: module.description, outputShape: Array(shape.dropFirst()),
          parameters: isFirst ? own.reduce(0) { $0 + $1.numel } : 0,
          multiplyAdds: multiplyAdds(module, inputShape: before, outputShape: shape),
          receptiveField: field, jump: jump,
          activationBytes: output.numel * output.dtype.size,
          warning: Window(of: module, inputShape: before)?.misfit(before)))
    }
  }
  try noGrad { try model.evaluating { _ = try model(image) } }
  return rows
}

/// What a tensor's values see of the image.
private enum Sight {
  case grid(ReceptiveField)
  /// Each value depends on the whole image.
  case everything
  case unknown

  func after(_ module: Module, inputShape: [Int], outputShape: [Int]) -> Sight {
    guard case .grid(let field) = self else { return self }
    if module is Linear { return .everything }
    let next = field.after(module, inputShape: inputShape, outputShape: outputShape)
    return next.map { .grid($0) } ?? .unknown
  }

  /// For comparison: how many pixels.
  var size: Int {
    switch self {
    case .grid(let field): field.size.reduce(0, +)
    case .everything: .max
    case .unknown: 0
    }
  }
}

/// What the tensors see on their way through a network.
private struct Sights {
  private var sights: [ObjectIdentifier: Sight] = [:]
  /// So that no two tensors have the same identity.
  private var kept: [Tensor] = []
  /// What joins several paths, a sum or a concatenation in a `forward`, sees as far as the path that sees most.
  private var widest = Sight.unknown

  mutating func set(_ tensor: Tensor, _ sight: Sight) {
    kept.append(tensor)
    sights[ObjectIdentifier(tensor.handle)] = sight
    if sight.size >= widest.size { widest = sight }
  }

  /// That of a tensor; one that no layer gave was made of those that they gave.
  subscript(tensor: Tensor) -> Sight { sights[ObjectIdentifier(tensor.handle)] ?? widest }
}

private func multiplyAdds(_ module: Module, inputShape: [Int], outputShape: [Int]) -> Int {
  let outputs = outputShape.dropFirst().reduce(1, *)
  switch module {
  case let layer as ConvNd: return outputs * layer.inChannels / layer.groups * layer.kernelSize.reduce(1, *)
  case let layer as Linear: return outputs * layer.inFeatures
  case let layer as ConvTransposeNd:
    // Each input meets every weight of its group.
    return inputShape.dropFirst().reduce(1, *) * layer.outChannels / layer.groups
      * layer.kernelSize.reduce(1, *)
  default: return 0
  }
}
