/// Keeps float16 gradients from vanishing: the loss is multiplied by a scale, the gradients are divided by
/// it before the step, and a step with infinite gradients is left out: `torch.amp.GradScaler`.
///
/// The scale doubles after 2000 good steps and halves after a bad one.
/// - Source: Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740
public final class GradScaler {
  private let scaleFactor: Tensor
  private let growthTracker: Tensor
  private let growthFactor: Double
  private let backoffFactor: Double
  private let growthInterval: Int

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

  /// Divides the gradients of `parameters` by the scale, makes the step unless one is infinite or NaN, and
  /// adapts the scale.
  public func step(_ optimizer: any AnyOptimizer, _ parameters: [Tensor]) throws {
    try noGrad {
      let gradients = parameters.compactMap(\.grad)
      let foundInfinite = try Tensor(0 as Float).to(scaleFactor.device)
      let inverse = try Aten.reciprocal(scaleFactor)
      _ = try Aten.unscale.tensors(gradients, foundInfinite, inverse)
      if try foundInfinite.item(as: Float.self) == 0 { try optimizer.step() }
      try Aten.updateScale(
        scaleFactor, growthTracker, foundInfinite, growthFactor, backoffFactor, growthInterval)
    }
  }

  /// The scale and the count of good steps, `[2]`.
  var state: Tensor {
    (try? Tensor([scaleFactor.item(as: Double.self), growthTracker.item(as: Double.self)]))
      ?? Tensor(failed: TorchError("the scaler's state cannot be read"))
  }

  func restore(_ state: Tensor) throws {
    let values = try state.scalars(as: Double.self)
    guard values.count == 2 else { throw TorchError("the scaler's state has \(values.count) values, not 2") }
    try scaleFactor.copy_(try Tensor(Float(values[0])))
    try growthTracker.copy_(try Tensor(Int32(values[1])))
  }
}

extension Aten {
  static let unscale = Operator("aten::_amp_foreach_non_finite_check_and_unscale_")
  static let updateScale = Operator("aten::_amp_update_scale_")
}
