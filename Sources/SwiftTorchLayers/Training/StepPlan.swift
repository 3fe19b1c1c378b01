import CTorchShim

/// Forward and backward pass of a stack of layers without autograd's tape: the structure is known, so the
/// backward pass is called operator by operator, in C++, without a graph.
///
/// The sums are those of the tape, and in float64 bit-identical to the tape's. In float32 on a CPU, large matrix
/// products are oneDNN's instead of MKL's, convolutions of batches keep the channels last in memory, and both
/// add in another order.
///
/// As on the tape, a parameter that requires no gradient gets none, a layer that is used twice gets the sum of
/// both, and each layer behaves as its `training` says at that step. A batch that a plan cannot do, such as
/// images that require a gradient themselves or labels for each pixel, is done on the tape.
public final class StepPlan {
  private var plan: OpaquePointer
  /// Keeps the parameters, whose gradients a step sets.
  private let model: Module
  /// The modules whose behaviour is part of the plan, with the one that they had when it was made.
  private var modes: [(module: Module, training: Bool)]
  /// The last batch's form, and whether the plan can do batches like it.
  private var known: (form: Form, fits: Bool)?

  /// What decides whether a batch fits, but for the number of images.
  private struct Form: Equatable {
    let shape: [Int]
    let type: DType
    let device: Device
    let labels: DType
    let labelShape: [Int]
  }

  /// - Returns: nil when `model` is not a stack of layers that a plan knows, or `loss` not the mean
  ///   cross-entropy.
  /// - Throws: `TorchError` for a module that cannot be used, and without a usable shim.
  public init?(_ model: Module, loss: any Loss = CrossEntropyLoss()) throws {
    try model.checkAll()
    guard let entropy = loss as? CrossEntropyLoss, entropy.isPlain, let layers = PlanLayer.layers(of: model)
    else { return nil }
    self.model = model
    plan = try PlanLayer.makePlan(layers, example: nil)
    modes = PlanLayer.modes(of: model)
  }

  deinit { (try? Shim.table)?.plan_release(plan) }

  /// Whether a model can do its steps by a plan.
  public static func supports(_ model: Module) -> Bool { PlanLayer.layers(of: model) != nil }

  /// Logits and mean cross-entropy of a batch. The gradient of every parameter that requires one is set, not added
  /// to; those of the others are nil afterwards.
  /// - Throws: `TorchError` naming the layer that the batch does not fit, or when no parameter requires a gradient.
  public func step(_ images: Tensor, _ labels: Tensor) throws -> (logits: Tensor, loss: Tensor) {
    guard try fits(images, labels), !images.requiresGrad else { return try stepOnTape(images, labels) }
    try followModes()
    var (logits, loss): (OpaquePointer?, OpaquePointer?)
    try Shim.check(try Shim.table.plan_step(plan, try images.pointer, try labels.pointer, &logits, &loss))
    return (Tensor(owning: logits!), Tensor(owning: loss!))
  }

  /// Whether the plan can do a batch. The first of its form is tried on the model itself, which names the layer that
  /// it does not fit.
  private func fits(_ images: Tensor, _ labels: Tensor) throws -> Bool {
    let form = Form(
      shape: Array(images.shape.dropFirst()), type: images.dtype, device: images.device, labels: labels.dtype,
      labelShape: Array(labels.shape.dropFirst()))
    if let known, known.form == form { return known.fits }
    let logits = try noGrad {
      try model.evaluating { try model(images.narrow(0, 0, min(1, images.shape.first ?? 0))) }
    }
    let fits = logits.ndim == 2 && labels.ndim == 1 && labels.dtype == .int64
    known = (form, fits)
    return fits
  }

  /// Makes the plan anew when a layer has been put into another mode.
  private func followModes() throws {
    guard modes.contains(where: { $0.module.training != $0.training }),
      let layers = PlanLayer.layers(of: model)
    else { return }
    let fresh = try PlanLayer.makePlan(layers, example: nil)
    try Shim.table.plan_release(plan)
    plan = fresh
    modes = PlanLayer.modes(of: model)
  }

  private func stepOnTape(_ images: Tensor, _ labels: Tensor) throws -> (logits: Tensor, loss: Tensor) {
    model.zeroGrad()
    let logits = try model(images)
    let loss = try crossEntropy(logits, labels)
    try loss.backward()
    return (try logits.detach(), try loss.detach())
  }
}

extension CrossEntropyLoss {
  /// The mean over all images, without weights and smoothing.
  fileprivate var isPlain: Bool {
    weight == nil && ignoreIndex == -100 && reduction == .mean && labelSmoothing == 0
  }
}
