// Which pixels decide: derivatives of a class's logit, with respect to the picture or to feature maps.

/// How strongly each pixel moves a class's logit: `max over channels of |∂logit / ∂pixel|`.
/// - Parameters:
///   - images: `[N, channels, height, width]`, normalised as in training.
///   - classes: the class for each image; nil takes the one that the model predicts.
/// - Returns: `[N, height, width]`, not scaled.
/// - Throws: `TorchError` when the model does not end in `[N, classes]`, or a class is not one of them.
/// - Source: Simonyan, Vedaldi & Zisserman 2013, https://arxiv.org/abs/1312.6034
public func saliency(_ model: Module, _ images: Tensor, classes: [Int]? = nil) throws -> Tensor {
  try enableGrad {
    try model.evaluating {
      let input = try images.detach().requiresGrad(true)
      // A copy, because a first layer that works in place must not overwrite what it is derived by.
      let logit = try chosenLogits(try model(try input.clone()), classes)
      let gradient = try grad(outputs: [logit], inputs: [input])[0]!
      return try gradient.abs().max(dim: 1).values
    }
  }
}

/// Where in the picture a class was seen: Grad-CAM.
///
/// `relu(Σₖ αₖ · Aₖ)` with the feature maps Aₖ of a layer and `αₖ = mean over the map of ∂logit / ∂Aₖ`,
/// brought to the picture's size bilinearly and divided by its greatest value.
/// - Parameters:
///   - images: `[N, channels, height, width]`, normalised as in training.
///   - classes: the class for each image; nil takes the one that the model predicts.
///   - layer: the key path of the layer whose maps are taken; nil takes what follows the last convolution and
///     has its shape, which is its activation (and, before it, normalisation).
/// - Returns: `[N, height, width]` from 0 to 1; 0 everywhere when nothing speaks for the class.
/// - Throws: `TorchError` when there is no such layer, or it has no feature maps.
/// - Source: Selvaraju et al. 2016, https://arxiv.org/abs/1610.02391
public func gradCAM(
  _ model: Module, _ images: Tensor, classes: [Int]? = nil, layer: String? = nil
) throws -> Tensor {
  try enableGrad {
    try model.evaluating {
      var calls: [(name: String, module: Module, output: Tensor)] = []
      // Without this a frozen model would record nothing.
      let input = try images.detach().requiresGrad(true)
      let logits = try model.observing {
        calls.append(($0, $1, $2))
      } during: {
        try model(try input.clone())
      }
      let maps = try chosenMaps(calls, layer)
      let gradient = try grad(
        outputs: [try chosenLogits(logits, classes)], inputs: [maps], allowUnused: true)[0]
      return try noGrad {
        let size = Array(images.shape.suffix(2))
        guard let gradient else { return try Tensor.zeros([images.shape[0]] + size, device: images.device) }
        let weights = try gradient.mean(dim: [2, 3], keepdim: true)
        let sums = try (weights * maps.detach()).sum(dim: 1, keepdim: true).relu()
        let large = try Aten.upsampleBilinear(sums, size, false, nil as Double?, nil as Double?).squeeze(1)
        let greatest = try large.flatten(startDim: 1).max(dim: 1).values.reshape([-1, 1, 1])
        return try large / greatest.clamp(min: Double(Float.leastNormalMagnitude))
      }
    }
  }
}

private func chosenMaps(
  _ calls: [(name: String, module: Module, output: Tensor)], _ layer: String?
) throws -> Tensor {
  let maps = calls.filter { $0.output.ndim == 4 }
  if let layer {
    guard let chosen = maps.last(where: { $0.name == layer }) else {
      let names = maps.map(\.name).joined(separator: ", ")
      throw TorchError(
        "the network has no layer \(layer) with feature maps; those with are \(names)", kind: .notFound)
    }
    return chosen.output
  }
  // A map of one pixel says nothing about a place.
  let wide = maps.lastIndex { $0.module is ConvNd && $0.output.shape.suffix(2).contains { $0 > 1 } }
  guard let last = wide ?? maps.lastIndex(where: { $0.module is ConvNd }) else {
    throw TorchError("Grad-CAM needs a convolution, and this network has none", kind: .notFound)
  }
  let shape = maps[last].output.shape
  return maps[last...].prefix { $0.output.shape == shape }.last!.output
}

/// The sum of one logit of each image: images do not touch each other, so that its derivative holds all
/// theirs.
private func chosenLogits(_ logits: Tensor, _ classes: [Int]?) throws -> Tensor {
  let shape = logits.shape
  guard shape.count == 2 else {
    throw TorchError("the model must give [N, classes], it gives \(logits.summary)")
  }
  guard let classes else { return try logits.max(dim: 1).values.sum() }
  guard classes.count == shape[0] else {
    throw TorchError("a class is needed for each of the \(shape[0]) images, \(classes.count) were given")
  }
  if let wrong = classes.first(where: { !(0..<shape[1]).contains($0) }) {
    throw TorchError("class \(wrong) is not one of the \(shape[1]) classes, numbered from 0")
  }
  let index = try Tensor(classes.map(Int64.init), shape: [shape[0], 1]).to(logits.device)
  return try logits.gather(dim: 1, index).sum()
}

extension Aten {
  static let upsampleBilinear = Operator("aten::upsample_bilinear2d")
}
