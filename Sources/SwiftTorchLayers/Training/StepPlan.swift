import CTorchShim

/// Forward and backward pass of a stack of layers without autograd's tape: the structure is known, so the
/// backward pass is called operator by operator, in C++, without a graph.
///
/// The sums are those of the tape, and in float64 equal to its to the bit. In float32 on a CPU, large matrix
/// products are oneDNN's instead of MKL's, convolutions of batches keep the channels last in memory, and both
/// add in another order.
public final class StepPlan {
  private let plan: OpaquePointer
  /// Keeps the parameters, whose gradients a step sets.
  private let model: Module

  /// - Returns: nil when `model` is not a stack of layers that a plan knows, or `loss` not the mean
  ///   cross-entropy.
  /// - Throws: `TorchError` without a usable shim.
  public init?(_ model: Module, loss: any Loss = CrossEntropyLoss()) throws {
    guard let entropy = loss as? CrossEntropyLoss, entropy.isPlain, let layers = PlanLayer.layers(of: model)
    else { return nil }
    self.model = model
    plan = try PlanLayer.makePlan(layers, example: nil)
  }

  deinit { (try? Shim.table)?.plan_release(plan) }

  /// Whether a model can do its steps by a plan.
  public static func supports(_ model: Module) -> Bool { PlanLayer.layers(of: model) != nil }

  /// Logits and mean cross-entropy of a batch; every parameter's gradient is set.
  /// - Throws: `TorchError` naming the layer that the batch does not fit.
  public func step(_ images: Tensor, _ labels: Tensor) throws -> (logits: Tensor, loss: Tensor) {
    var (logits, loss): (OpaquePointer?, OpaquePointer?)
    let status = try Shim.table.plan_step(plan, try images.pointer, try labels.pointer, &logits, &loss)
    guard status == SHIM_OK else {
      let error = Shim.error(status)
      // On the tape the error gains the layer's name.
      if error.kind == .invalid { _ = try noGrad { try crossEntropy(model(images), labels) } }
      throw error
    }
    return (Tensor(owning: logits!), Tensor(owning: loss!))
  }
}

extension CrossEntropyLoss {
  /// The mean over all images, without weights and smoothing.
  fileprivate var isPlain: Bool {
    weight == nil && ignoreIndex == -100 && reduction == .mean && labelSmoothing == 0
  }
}
