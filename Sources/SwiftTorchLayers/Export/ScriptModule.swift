import CTorchShim
import Formats

/// A TorchScript module: what `torch.jit.load` opens in Python, C++ and here.
///
/// Made from a model with `ScriptModule(_:)`, which copies the weights, or from a file. Sendable: `forward`
/// only reads, so any number of threads may call one module at the same time; `train()` and `eval()` are for
/// one thread before the others start.
public final class ScriptModule: @unchecked Sendable {
  let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit {
    if case .success(let loaded) = Shim.loaded { loaded.table.pointee.module_release(pointer) }
  }

  /// Opens a TorchScript file.
  /// - Throws: `TorchError` when it is missing, damaged or no TorchScript.
  public convenience init(path: String, device: Device = .cpu) throws {
    var loaded: OpaquePointer?
    do {
      try Shim.check(try Shim.table.module_load(path, device.raw, &loaded))
    } catch let error as TorchError {
      let reason = error.message.split(separator: "\n").first.map(String.init) ?? error.message
      throw TorchError("\(path) cannot be opened as TorchScript: \(reason)", kind: error.kind)
    }
    self.init(owning: loaded!)
  }

  /// Runs the module.
  public func callAsFunction(_ inputs: Tensor...) throws -> Tensor {
    try withExtendedLifetime(self) { try runScript(pointer, inputs) }
  }

  /// Sets training or evaluation behaviour.
  @discardableResult
  public func train(_ mode: Bool = true) throws -> ScriptModule {
    try Shim.check(try Shim.table.module_train(pointer, mode))
    return self
  }

  /// Sets evaluation behaviour.
  @discardableResult
  public func eval() throws -> ScriptModule { try train(false) }

  /// Parameters and buffers by PyTorch's keys.
  public func stateDict() throws -> StateDict {
    var dict = StateDict()
    let names = String(cString: try Shim.table.module_state_names(pointer)).split(separator: "\n")
    for name in names.map(String.init) {
      var tensor: OpaquePointer?
      try Shim.check(try Shim.table.module_state(pointer, name, &tensor))
      dict[name] = Tensor(owning: tensor!)
    }
    return dict
  }

  /// Writes the module beside `path` and renames it, so that no half-written file is ever there.
  /// - Parameter extraFiles: one more file inside the archive, as `torch.jit.save(_extra_files=…)`.
  public func save(to path: String, extraFile: (name: String, text: String)? = nil) throws {
    try FileIO.replace(path) { temporary in
      let status = try Shim.table.module_save(pointer, temporary, extraFile?.name, extraFile?.text)
      guard status == SHIM_OK else {
        var error = Shim.error(status)
        error.message = "\(path) cannot be written: \(error.message)"
        throw error
      }
    }
  }
}

/// Runs the script module behind a pointer.
func runScript(_ script: OpaquePointer, _ inputs: [Tensor]) throws -> Tensor {
  let pointers = try inputs.map { try $0.pointer as OpaquePointer? }
  var output: OpaquePointer?
  try withExtendedLifetime(inputs) {
    try Shim.check(try Shim.table.module_forward(script, pointers, Int64(pointers.count), &output))
  }
  return Tensor(owning: output!)
}
