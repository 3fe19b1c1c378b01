import CTorchShim

extension Tensor {
  /// Whether operators on this tensor are recorded for `backward()`. Setting it on a tensor that is not a
  /// leaf, or has integer elements, has no effect; `requiresGrad(_:)` throws instead.
  public var requiresGrad: Bool {
    get { (try? info())?.requires_grad ?? false }
    nonmutating set { _ = try? requiresGrad(newValue) }
  }

  /// Turns recording on or off and returns the tensor: `requires_grad_`.
  /// - Throws: `TorchError` for integer elements, and for switching it off on a tensor that is no leaf.
  @discardableResult
  public func requiresGrad(_ on: Bool) throws -> Tensor {
    try Shim.check(try Shim.table.set_requires_grad(try pointer, on))
    return self
  }

  /// The gradient that `backward()` has added up here; nil before the first.
  public var grad: Tensor? {
    get {
      guard let pointer = handle.pointer, let table = try? Shim.table else { return nil }
      var gradient: OpaquePointer?
      guard table.grad_get(pointer, &gradient) == SHIM_OK, let gradient else { return nil }
      return Tensor(owning: gradient)
    }
    nonmutating set {
      guard let pointer = handle.pointer, let table = try? Shim.table else { return }
      withExtendedLifetime(newValue) { _ = table.grad_set(pointer, newValue?.handle.pointer) }
    }
  }

  /// Adds to the `grad` of every leaf the derivative of this tensor with respect to it.
  /// - Parameters:
  ///   - gradient: the derivative of the final value with respect to this tensor; needed when this tensor
  ///     has more than one element.
  ///   - retainGraph: keep what was recorded, for another call. Default: the value of `createGraph`.
  ///   - createGraph: record the backward pass as well, for derivatives of derivatives.
  ///   - inputs: only these leaves receive gradients.
  /// - Throws: `TorchError` when nothing was recorded or it was freed by an earlier call.
  public func backward(
    gradient: Tensor? = nil, retainGraph: Bool? = nil, createGraph: Bool = false, inputs: [Tensor]? = nil
  ) throws {
    let seeds = try [gradient?.pointer]
    let leaves = try inputs?.map { try $0.pointer as OpaquePointer? }
    try withExtendedLifetime((gradient, inputs)) {
      try Shim.check(
        try Shim.table.backward(
          [try pointer], 1, gradient == nil ? nil : seeds, retainGraph ?? createGraph, createGraph, leaves,
          Int64(leaves?.count ?? 0)))
    }
  }

  /// The same elements without their history: `detach`.
  public func detach() throws -> Tensor { try Aten.detach(self) }

  /// Makes this tensor share `source`'s elements, dtype and device, as `tensor.data = source` in PyTorch.
  func setData(_ source: Tensor) throws {
    try Shim.check(try Shim.table.tensor_set_data(try pointer, try source.pointer))
  }
}

/// The gradients of `outputs` with respect to `inputs`, without touching any `grad`: `torch.autograd.grad`.
/// - Returns: a gradient for each input; nil where `allowUnused` is on and the input was not used.
public func grad(
  outputs: [Tensor], inputs: [Tensor], gradOutputs: [Tensor?]? = nil, retainGraph: Bool? = nil,
  createGraph: Bool = false, allowUnused: Bool = false
) throws -> [Tensor?] {
  let from = try outputs.map { try $0.pointer as OpaquePointer? }
  let to = try inputs.map { try $0.pointer as OpaquePointer? }
  let seeds = try gradOutputs?.map { try $0?.pointer }
  var gradients = [OpaquePointer?](repeating: nil, count: to.count)
  try withExtendedLifetime((outputs, inputs, gradOutputs)) {
    try Shim.check(
      try Shim.table.grad(
        from, Int64(from.count), to, Int64(to.count), seeds, retainGraph ?? createGraph, createGraph,
        allowUnused, &gradients))
  }
  return gradients.map { $0.map(Tensor.init(owning:)) }
}

/// Runs `body` without recording for autograd: `torch.no_grad`.
@discardableResult
public func noGrad<Result>(_ body: () throws -> Result) throws -> Result {
  try withGradMode(false, body)
}

/// Runs `body` with recording on, inside a `noGrad`: `torch.enable_grad`.
@discardableResult
public func enableGrad<Result>(_ body: () throws -> Result) throws -> Result {
  try withGradMode(true, body)
}

private func withGradMode<Result>(_ on: Bool, _ body: () throws -> Result) throws -> Result {
  let table = try Shim.table
  let before = table.grad_enabled()
  table.set_grad_enabled(on)
  defer { table.set_grad_enabled(before) }
  return try body()
}

/// Runs `body` without recording and without version counts: `torch.inference_mode`. Tensors made inside
/// cannot take part in a recorded computation later.
@discardableResult
public func inferenceMode<Result>(_ body: () throws -> Result) throws -> Result {
  let table = try Shim.table
  let guardian = table.inference_mode_enter()
  defer { table.inference_mode_leave(guardian) }
  return try body()
}

/// Runs `body` with matrix products and convolutions of a device in a 16-bit type: `torch.autocast`.
/// - Parameter dtype: `float16` or `bfloat16`.
@discardableResult
public func autocast<Result>(
  _ device: Device, dtype: DType, enabled: Bool = true, _ body: () throws -> Result
) throws -> Result {
  let table = try Shim.table
  var (wasOn, oldType) = (false, Int32(0))
  try Shim.check(table.set_autocast(device.type, enabled, dtype.rawValue, &wasOn, &oldType))
  defer {
    var (ignored, ignoredType) = (false, Int32(0))
    _ = table.set_autocast(device.type, wasOn, oldType, &ignored, &ignoredType)
    if !wasOn { table.clear_autocast_cache() }
  }
  return try body()
}
