/// The order in which a tensor's elements lie in memory, with libtorch's numbers.
public enum MemoryFormat: Int, Sendable, OperatorArgument {
  /// Row-major.
  case contiguous = 0
  case preserve = 1
  /// Channels vary fastest: NHWC in memory for a shape written NCHW.
  case channelsLast = 2
  case channelsLast3d = 3

  public func append(to arguments: inout OperatorArguments) throws { try rawValue.append(to: &arguments) }
}

extension Tensor {
  /// The same values as another element type; the tensor itself when it has that type already.
  public func to(_ dtype: DType) throws -> Tensor { try to(dtype: dtype, device: nil) }

  /// The same values on another device; the tensor itself when it is there already.
  /// - Throws: `TorchError` when there is no such device.
  public func to(_ device: Device) throws -> Tensor { try to(dtype: nil, device: device) }

  /// The same values with another type and on another device in one step.
  public func to(dtype: DType?, device: Device?, nonBlocking: Bool = false) throws -> Tensor {
    try Aten.to(self, dtype, nil as Int?, device, nil as Bool?, nonBlocking, false, nil as MemoryFormat?)
  }

  /// The same values in memory order `format`; the tensor itself when they lie like that already.
  public func contiguous(_ format: MemoryFormat = .contiguous) throws -> Tensor {
    try Aten.contiguous(self, format)
  }

  /// A copy with elements of its own. Gradients flow through it.
  public func clone(_ format: MemoryFormat = .preserve) throws -> Tensor { try Aten.clone(self, format) }
}
