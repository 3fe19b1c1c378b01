import CTorchShim

/// A source of random numbers of its own: `torch.Generator`.
///
/// Sendable: libtorch locks it for every draw.
public final class Generator: @unchecked Sendable, OperatorArgument {
  private let pointer: OpaquePointer

  /// A generator on `device` that starts at `seed`.
  public init(device: Device = .cpu, seed: UInt64) throws {
    var made: OpaquePointer?
    try Shim.check(try Shim.table.generator_new(device.raw, seed, &made))
    pointer = made!
  }

  private init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit {
    if case .success(let loaded) = Shim.loaded { loaded.table.pointee.generator_release(pointer) }
  }

  /// The generator that operators on `device` use when none is given.
  public static func `default`(for device: Device = .cpu) throws -> Generator {
    var found: OpaquePointer?
    try Shim.check(try Shim.table.generator_default(device.raw, &found))
    return Generator(owning: found!)
  }

  /// Starts again at `seed`.
  public func manualSeed(_ seed: UInt64) throws {
    try Shim.check(try Shim.table.generator_seed(pointer, seed))
  }

  /// Everything that determines the numbers to come, as bytes: save it to resume exactly.
  public func state() throws -> Tensor {
    var state: OpaquePointer?
    try Shim.check(try Shim.table.generator_get_state(pointer, &state))
    return Tensor(owning: state!)
  }

  /// Goes on from a saved `state()`.
  public func setState(_ state: Tensor) throws {
    try Shim.check(try Shim.table.generator_set_state(pointer, try state.pointer))
  }

  public func append(to arguments: inout OperatorArguments) throws {
    try arguments.append(tag: Int(SHIM_GENERATOR)) { $0.as.p = UnsafeRawPointer(pointer) }
  }
}
