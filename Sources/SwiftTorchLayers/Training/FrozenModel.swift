import CTorchShim

/// A model for inference only, as it was when it was frozen: a copy of its weights, rearranged once for the
/// processor, batch normalisation folded into the convolution before it, ReLU joined to the layer before it.
///
/// Dropout keeps everything. The numbers differ from the model's in evaluation mode by rounding. Results are
/// inference tensors, as under `torch.inference_mode()`.
///
/// Sendable: nothing changes after the initialiser, so that several threads may call it at the same time.
public final class FrozenModel: @unchecked Sendable {
  private let plan: OpaquePointer
  /// Of one image, its type and its device.
  private let shape: [Int]
  private let type: DType
  private let device: Device

  /// - Parameter example: a batch like those to come; one of another size gives the same results, slower.
  /// - Returns: nil when `model` is not a stack of layers that a plan knows.
  /// - Throws: `TorchError` when the example does not fit the model, for a module that cannot be used, and without a
  ///   usable shim.
  public init?(_ model: Module, example: Tensor) throws {
    try model.checkAll()
    let made = try model.evaluating { () -> OpaquePointer? in
      guard let layers = PlanLayer.layers(of: model) else { return nil }
      // The model itself names the layer that an example does not fit.
      _ = try noGrad { try model(example.narrow(0, 0, min(1, example.shape.first ?? 0))) }
      return try PlanLayer.makePlan(layers, example: example)
    }
    guard let made else { return nil }
    plan = made
    shape = Array(example.shape.dropFirst())
    type = example.dtype
    device = example.device
  }

  deinit { (try? Shim.table)?.plan_release(plan) }

  /// The logits of a batch.
  /// - Throws: `TorchError` when the images differ from the example's in size, type or device.
  public func callAsFunction(_ images: Tensor) throws -> Tensor {
    guard Array(images.shape.dropFirst()) == shape, images.dtype == type, images.device == device else {
      throw TorchError(
        "the model was frozen for images of \(shape) in \(type) on \(device), got \(images.summary)")
    }
    var result: OpaquePointer?
    try Shim.check(try Shim.table.plan_infer(plan, try images.pointer, &result))
    return Tensor(owning: result!)
  }
}
