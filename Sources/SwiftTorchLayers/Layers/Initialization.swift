/// How PyTorch's layers start: the same distributions, drawn in the same order, computed in the same
/// precision, so that the same seed gives the same weights.
enum Initialization {
  /// A tensor of its own, filled by `fill` without recording. When libtorch is missing, a tensor whose use
  /// throws, so that layers have initialisers that do not.
  static func make(_ shape: [Int], _ dtype: DType, _ device: Device, _ fill: (Tensor) throws -> Void)
    -> Tensor
  {
    do {
      let tensor = try Aten.emptyWithFormat(shape, dtype, nil as Int?, device, nil as Bool?, nil as Int?)
      try noGrad { try fill(tensor) }
      return tensor
    } catch {
      return Tensor(failed: error)
    }
  }

  /// Uniform in ±1/√fanIn: how PyTorch starts the bias of convolution and linear layers.
  static func uniformByFan(_ tensor: Tensor, fanIn: Int) throws {
    let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
    try Aten.uniformInPlace(tensor, -bound, bound, nil as Generator?)
  }
}

/// Fills `tensor` with uniform values in ±√3·gain/√fan, gain = √(2 / (1 + a²)): `kaiming_uniform_`
/// with `fan_in` and `leaky_relu`.
/// - Source: He et al. 2015, https://arxiv.org/abs/1502.01852
@discardableResult
public func kaimingUniform(_ tensor: Tensor, a: Double = 0, generator: Generator? = nil) throws -> Tensor {
  guard let deviation = try kaimingDeviation(tensor, a, .fanIn, "kaimingUniform") else { return tensor }
  let bound = 3.0.squareRoot() * deviation
  return try noGrad { try Aten.uniformInPlace(tensor, -bound, bound, generator) }
}

/// What a weight's first values are scaled by: the number of inputs of an output, or of outputs of an input.
public enum FanMode: Sendable {
  /// Keeps the size of the values on the way forward: the product of all sizes but the first.
  case fanIn
  /// Keeps the size of the gradients on the way back: the product of all sizes but the second.
  case fanOut
}

/// Fills `tensor` with normal values of standard deviation gain/√fan, gain = √(2 / (1 + a²)):
/// `kaiming_normal_` with `leaky_relu`, which with a = 0 is `relu`.
/// - Source: He et al. 2015, https://arxiv.org/abs/1502.01852
@discardableResult
public func kaimingNormal(
  _ tensor: Tensor, a: Double = 0, mode: FanMode = .fanIn, generator: Generator? = nil
) throws -> Tensor {
  guard let deviation = try kaimingDeviation(tensor, a, mode, "kaimingNormal") else { return tensor }
  return try noGrad { try Aten.normalInPlace(tensor, 0.0, deviation, generator) }
}

/// gain/√fan; nil for a tensor without elements.
private func kaimingDeviation(_ tensor: Tensor, _ a: Double, _ mode: FanMode, _ name: String) throws
  -> Double?
{
  let shape = tensor.shape
  guard shape.count >= 2 else {
    throw TorchError("\(name) needs at least two dimensions, got \(tensor.summary)")
  }
  guard !shape.contains(0) else { return nil }
  let channels = mode == .fanIn ? shape[1] : shape[0]
  let fan = channels * shape.dropFirst(2).reduce(1, *)
  let gain = (2.0 / (1 + a * a)).squareRoot()
  return gain / Double(fan).squareRoot()
}
