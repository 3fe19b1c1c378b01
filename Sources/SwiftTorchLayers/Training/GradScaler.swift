/// Keeps float16 gradients from vanishing: the loss is multiplied by a scale, the gradients are divided by
/// it before the step, and a step with infinite gradients is left out: `torch.amp.GradScaler`.
///
///     try scaler.scale(loss).backward()
///     try scaler.step(optimizer, model.parameters())
///     try scaler.update()
///
/// The scale doubles after 2000 good steps and halves after a bad one.
/// - Source: Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740
public final class GradScaler {
  let scaleFactor: Tensor
  let growthTracker: Tensor
  private let growthFactor: Double
  private let backoffFactor: Double
  private let growthInterval: Int
  /// Of each optimizer that made a step since the last update, whether its gradients were infinite (not 0).
  private var foundInfinite: [ObjectIdentifier: Tensor] = [:]

  public init(
    device: Device, initScale: Double = 65536, growthFactor: Double = 2, backoffFactor: Double = 0.5,
    growthInterval: Int = 2000
  ) throws {
    scaleFactor = try Tensor(Float(initScale)).to(device)
    growthTracker = try Tensor(0 as Int32).to(device)
    self.growthFactor = growthFactor
    self.backoffFactor = backoffFactor
    self.growthInterval = growthInterval
  }

  /// The loss times the scale.
  public func scale(_ loss: Tensor) throws -> Tensor { try Aten.mul(loss, scaleFactor) }

  /// Divides the gradients of `parameters` by the scale and makes the step unless one is infinite or NaN.
  /// - Throws: `TorchError` at a second step of an optimizer without an `update()` between.
  public func step(_ optimizer: any AnyOptimizer, _ parameters: [Tensor]) throws {
    guard foundInfinite[ObjectIdentifier(optimizer)] == nil else {
      throw TorchError("the scaler has made this optimizer's step already: call update() between two steps")
    }
    try noGrad {
      let gradients = parameters.compactMap(\.grad)
      let found = try Aten.zerosLike(scaleFactor)
      _ = try Aten.unscale.tensors(gradients, found, try Aten.reciprocal(scaleFactor))
      if let optimizer = optimizer as? any CapturableOptimizer, optimizer.isCapturable {
        // Without waiting for the answer.
        try optimizer.step(unless: found)
      } else if try found.item(as: Float.self) == 0 {
        try optimizer.step()
      }
      foundInfinite[ObjectIdentifier(optimizer)] = found
    }
  }

  /// Adapts the scale to the steps made since the last call: once for all optimizers of a batch.
  /// - Throws: `TorchError` when there was no step.
  public func update() throws {
    guard !foundInfinite.isEmpty else { throw TorchError("the scaler's update() needs a step before it") }
    try noGrad {
      let found = try Aten.sumAll(try stack(Array(foundInfinite.values)), nil as DType?)
      try Aten.updateScale(scaleFactor, growthTracker, found, growthFactor, backoffFactor, growthInterval)
    }
    foundInfinite = [:]
  }

  /// Forgets steps without an `update()`: of a batch that failed.
  func discard() { foundInfinite = [:] }

  /// The scale and the count of good steps, `[2]`.
  var state: Tensor {
    (try? Tensor([scaleFactor.item(as: Double.self), growthTracker.item(as: Double.self)]))
      ?? Tensor(failed: TorchError("the scaler's state cannot be read"))
  }

  func restore(_ state: Tensor) throws {
    let values = try state.scalars(as: Double.self)
    guard values.count == 2, values[0] >= 0, values[0].isFinite, let tracker = Int32(exactly: values[1])
    else {
      throw TorchError("the scaler's state is \(values), not a scale and a count")
    }
    try scaleFactor.copy_(try Tensor(Float(values[0])))
    try growthTracker.copy_(try Tensor(tracker))
  }
}

extension Aten {
  static let unscale = Operator("aten::_amp_foreach_non_finite_check_and_unscale_")
  static let updateScale = Operator("aten::_amp_update_scale_")
}
