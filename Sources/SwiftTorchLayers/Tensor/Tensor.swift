import CTorchShim

/// Owns one handle of the shim and gives it back when nobody needs it any more.
final class TensorHandle {
  /// Null in a tensor that could not be made; using it throws `failure`.
  let pointer: OpaquePointer?
  let failure: (any Error)?

  init(owning pointer: OpaquePointer) {
    self.pointer = pointer
    failure = nil
  }

  init(failure: any Error) {
    pointer = nil
    self.failure = failure
  }

  deinit {
    if let pointer, let table = torch_shim_current() { table.pointee.tensor_release(pointer) }
  }
}

/// A multi-dimensional array of one element type on one device, with its gradient: `torch.Tensor`.
///
/// A `Tensor` is a reference, as in PyTorch: copies of the struct share elements, and an operator whose name
/// ends in an underscore there (`add_`) changes them for all. Memory is freed when the last reference goes.
///
/// Sendable: the reference count is atomic and operators that only read may run on several threads at once.
/// Changing a tensor in place while another thread uses it is a race, here as in PyTorch.
public struct Tensor: @unchecked Sendable {
  let handle: TensorHandle

  init(handle: TensorHandle) { self.handle = handle }

  /// The same for two values that are one tensor.
  package var identity: ObjectIdentifier { ObjectIdentifier(handle) }

  /// Takes over a new handle from the shim.
  init(owning pointer: OpaquePointer) { handle = TensorHandle(owning: pointer) }

  /// A tensor that could not be made: every use throws `error`. It lets initialisers of layers be
  /// non-throwing when libtorch is missing.
  init(failed error: any Error) {
    handle = TensorHandle(failure: error as? TorchError ?? TorchError("\(error)"))
  }

  /// The handle, or the reason why there is none.
  var pointer: OpaquePointer {
    @inline(__always) get throws {
      if let pointer = handle.pointer { return pointer }
      throw handle.failure!
    }
  }

  func info() throws -> shim_tensor_info {
    var info = shim_tensor_info()
    try Shim.check(try Shim.table.tensor_info(try pointer, &info))
    return info
  }

  /// A copy of `scalars` in row-major order.
  /// - Throws: `TorchError` when the number of scalars is not the product of `shape`.
  public init<Scalar: TensorScalar>(_ scalars: [Scalar], shape: [Int]) throws {
    self = try scalars.withUnsafeBytes { try Tensor(bytes: $0, shape: shape, dtype: Scalar.dtype) }
  }

  /// A one-dimensional copy of `scalars`.
  public init<Scalar: TensorScalar>(_ scalars: [Scalar]) throws {
    try self.init(scalars, shape: [scalars.count])
  }

  /// A tensor of no dimensions that holds `scalar`.
  public init<Scalar: TensorScalar>(_ scalar: Scalar) throws {
    try self.init([scalar], shape: [])
  }

  /// A copy of raw elements in row-major order and this machine's byte order.
  public init(bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) throws {
    let count = try Tensor.elementCount(of: shape)
    guard count * dtype.size == bytes.count else {
      throw TorchError(
        "shape \(shape) needs \(count) elements of \(dtype), \(bytes.count / dtype.size) were given")
    }
    let sizes = shape.map(Int64.init)
    var made: OpaquePointer?
    try Shim.check(
      try Shim.table.tensor_new(
        bytes.baseAddress, Int64(bytes.count), dtype.rawValue, sizes, Int64(sizes.count), &made))
    self.init(owning: made!)
  }

  static func elementCount(of shape: [Int]) throws -> Int {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow, product < 1 << 48 else {
        throw TorchError("shape \(shape) has a negative size or too many elements")
      }
      count = product
    }
    return count
  }

  /// The size of each dimension. Empty for a tensor of no dimensions, and for one that could not be made.
  public var shape: [Int] {
    guard let info = try? info(), let sizes = info.sizes else { return [] }
    return withExtendedLifetime(handle) { (0..<Int(info.ndim)).map { Int(sizes[$0]) } }
  }

  /// How far apart neighbours along each dimension are in memory, in elements.
  public var strides: [Int] {
    guard let info = try? info(), let strides = info.strides else { return [] }
    return withExtendedLifetime(handle) { (0..<Int(info.ndim)).map { Int(strides[$0]) } }
  }

  /// The number of dimensions.
  public var ndim: Int { Int((try? info())?.ndim ?? 0) }
  /// The number of elements.
  public var numel: Int { Int((try? info())?.numel ?? 0) }
  public var dtype: DType { (try? info()).flatMap { DType(rawValue: $0.dtype) } ?? .float32 }
  public var device: Device { (try? info()).map { Device($0.device) } ?? .cpu }
  /// Whether the elements lie in row-major order without gaps.
  public var isContiguous: Bool { (try? info())?.is_contiguous ?? true }
  /// Whether the tensor was made by the user, not by an operator that autograd records.
  public var isLeaf: Bool { (try? info())?.is_leaf ?? true }

  /// The elements in row-major order, converted to `Scalar` as `to(_:)` converts.
  /// - Throws: `TorchError` of the device (a failed kernel is reported here).
  public func scalars<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) throws -> [Scalar] {
    let source = dtype == Scalar.dtype ? self : try noGrad { try to(Scalar.dtype) }
    let info = try source.info()
    let count = Int(info.numel)
    return try [Scalar](unsafeUninitializedCapacity: count) { buffer, initialized in
      try Shim.check(
        try Shim.table.tensor_read(
          try source.pointer, buffer.baseAddress, Int64(count * MemoryLayout<Scalar>.stride)))
      initialized = count
    }
  }

  /// The elements' bytes in row-major order.
  public func bytes() throws -> [UInt8] {
    let info = try info()
    guard let dtype = DType(rawValue: info.dtype) else {
      throw TorchError("elements of this type have no counterpart here")
    }
    let count = Int(info.numel) * dtype.size
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      try Shim.check(try Shim.table.tensor_read(try pointer, buffer.baseAddress, Int64(count)))
      initialized = count
    }
  }

  /// The only element.
  /// - Throws: `TorchError` when there is not exactly one.
  public func item<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) throws -> Scalar {
    let values = try scalars(as: type)
    guard values.count == 1 else {
      throw TorchError("item(as:) needs a tensor of one element, this one is \(summary)")
    }
    return values[0]
  }

  /// Type and shape in a few characters, `float32[2, 3]`, as errors show them.
  public var summary: String {
    handle.pointer == nil ? "no tensor" : "\(dtype)\(shape)\(device == .cpu ? "" : " on \(device)")"
  }
}
