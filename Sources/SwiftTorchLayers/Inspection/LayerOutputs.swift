/// What one layer computed for some images.
public struct LayerOutput {
  /// The layer's key path, for example `features.3`; a layer that is used twice comes twice.
  public let name: String
  public let module: Module
  /// The output as it was before a later layer could overwrite it: `[N, maps, height, width]` after a
  /// convolution, `[N, features]` after a dense layer.
  public let output: Tensor
}

/// Runs images through a model and keeps the output of every layer on the way, in the order of computation:
/// the feature maps. Modules that only hold others have none of their own.
///
/// The model runs in evaluation mode and without recording, and is as before afterwards.
/// - Parameter images: `[N, channels, height, width]`, normalised as in training.
/// - Throws: `TorchError` naming the layer that the images do not fit.
public func layerOutputs(_ model: Module, _ images: Tensor) throws -> [LayerOutput] {
  var outputs: [LayerOutput] = []
  var failure: (any Error)?
  try model.observing { name, module, output in
    do {
      outputs.append(LayerOutput(name: name, module: module, output: try output.clone()))
    } catch { failure = error }
  } during: {
    try noGrad { try model.evaluating { _ = try model(try images.clone()) } }
  }
  if let failure { throw failure }
  return outputs
}

extension Module {
  /// Whether the module computes something itself instead of only calling others.
  var isLayer: Bool { childModules.isEmpty || !ownState.isEmpty }

  /// Runs `body`, and tells `observe` each output of every layer in this module, as it is computed.
  func observing<Result>(
    _ observe: @escaping (_ name: String, _ module: Module, _ output: Tensor) -> Void,
    during body: () throws -> Result
  ) rethrows -> Result {
    let layers = namedModules().filter(\.module.isLayer)
    for (name, module) in layers {
      module.observer = { [unowned module] _, output in observe(name, module, output) }
    }
    defer { for (_, module) in layers { module.observer = nil } }
    return try body()
  }
}
