#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// First values whose size depends on the number of inputs and outputs: the rest of `torch.nn.init`.

/// What a weight's first values are scaled by: the number of inputs of an output, or of outputs of an input.
public enum FanMode: Sendable {
  /// Keeps the size of the values on the way forward: the product of all sizes but the first.
  case fanIn
  /// Keeps the size of the gradients on the way back: the product of all sizes but the second.
  case fanOut
}

/// What follows a layer, for `calculateGain`.
public enum Nonlinearity: String, Sendable {
  case linear, sigmoid, tanh, relu, selu
  case conv1d, conv2d, conv3d
  case convTranspose1d = "conv_transpose1d"
  case convTranspose2d = "conv_transpose2d"
  case convTranspose3d = "conv_transpose3d"
  case leakyRelu = "leaky_relu"
}

/// The factor that keeps the size of values through a function: 5/3 for `tanh`, √2 for `relu`, √(2 / (1 + param²)) for
/// `leakyRelu`, 3/4 for `selu`, else 1: `torch.nn.init.calculate_gain`.
/// - Parameter param: the slope below zero of `leakyRelu`; nil means 0.01.
public func calculateGain(_ nonlinearity: Nonlinearity, _ param: Double? = nil) -> Double {
  switch nonlinearity {
  case .tanh: 5.0 / 3
  case .relu: 2.0.squareRoot()
  case .leakyRelu: (2.0 / (1 + pow(param ?? 0.01, 2))).squareRoot()
  case .selu: 0.75
  default: 1
  }
}

/// Fills with uniform values in ±gain·√(6 / (fanIn + fanOut)): `xavier_uniform_`.
/// - Throws: `TorchError` when the tensor has fewer than two dimensions.
/// - Source: Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
@discardableResult
public func xavierUniform(_ tensor: Tensor, gain: Double = 1, generator: Generator? = nil) throws -> Tensor {
  let (fanIn, fanOut) = try fans(tensor, "xavierUniform")
  let bound = 3.0.squareRoot() * (gain * (2 / Double(fanIn + fanOut)).squareRoot())
  return try uniform(tensor, a: -bound, b: bound, generator: generator)
}

/// Fills with normal values of standard deviation gain·√(2 / (fanIn + fanOut)): `xavier_normal_`.
/// - Throws: `TorchError` when the tensor has fewer than two dimensions.
/// - Source: Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
@discardableResult
public func xavierNormal(_ tensor: Tensor, gain: Double = 1, generator: Generator? = nil) throws -> Tensor {
  let (fanIn, fanOut) = try fans(tensor, "xavierNormal")
  let deviation = gain * (2 / Double(fanIn + fanOut)).squareRoot()
  return try normal(tensor, std: deviation, generator: generator)
}

/// Fills with uniform values in ±√3·gain/√fan: `kaiming_uniform_`.
/// - Parameter a: the slope below zero of `leakyRelu`.
/// - Throws: `TorchError` when the tensor has fewer than two dimensions.
/// - Source: He et al. 2015, https://arxiv.org/abs/1502.01852
@discardableResult
public func kaimingUniform(
  _ tensor: Tensor, a: Double = 0, mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyRelu,
  generator: Generator? = nil
) throws -> Tensor {
  guard let deviation = try kaimingDeviation(tensor, a, mode, nonlinearity, "kaimingUniform") else {
    return tensor
  }
  let bound = 3.0.squareRoot() * deviation
  return try uniform(tensor, a: -bound, b: bound, generator: generator)
}

/// Fills with normal values of standard deviation gain/√fan: `kaiming_normal_`.
/// - Parameter a: the slope below zero of `leakyRelu`.
/// - Throws: `TorchError` when the tensor has fewer than two dimensions.
/// - Source: He et al. 2015, https://arxiv.org/abs/1502.01852
@discardableResult
public func kaimingNormal(
  _ tensor: Tensor, a: Double = 0, mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyRelu,
  generator: Generator? = nil
) throws -> Tensor {
  guard let deviation = try kaimingDeviation(tensor, a, mode, nonlinearity, "kaimingNormal") else {
    return tensor
  }
  return try normal(tensor, std: deviation, generator: generator)
}

/// gain/√fan; nil for a tensor without elements.
private func kaimingDeviation(
  _ tensor: Tensor, _ a: Double, _ mode: FanMode, _ nonlinearity: Nonlinearity, _ name: String
) throws -> Double? {
  let (fanIn, fanOut) = try fans(tensor, name)
  guard !tensor.shape.contains(0) else { return nil }
  let fan = mode == .fanIn ? fanIn : fanOut
  return calculateGain(nonlinearity, a) / Double(fan).squareRoot()
}

/// The number of inputs of an output, and of outputs of an input.
private func fans(_ tensor: Tensor, _ name: String) throws -> (Int, Int) {
  let shape = tensor.shape
  guard shape.count >= 2 else {
    throw TorchError("\(name) needs at least two dimensions, got \(tensor.summary)")
  }
  let kernel = shape.dropFirst(2).reduce(1, *)
  return (shape[1] * kernel, shape[0] * kernel)
}
