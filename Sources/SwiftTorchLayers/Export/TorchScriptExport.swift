import CTorchShim

extension ScriptModule {
  /// Translates `model` to TorchScript: the same tree of modules with the same keys, so that Python can load
  /// it, print its state dict, switch `train()` and `eval()`, and train it further. The weights are copies.
  ///
  /// A model made of this library's layers and `Sequential` is written as source. As soon as one module has
  /// a `forward` of its own, the whole model is recorded from a run on `example` (as `torch.jit.trace`): it
  /// then keeps the behaviour, training or evaluation, that it had during that run.
  /// - Parameter example: an input; needed only when there is a module with a `forward` of its own.
  /// - Throws: `TorchError` naming the module that needs the example.
  public convenience init(_ model: Module, example: Tensor? = nil) throws {
    let translator = Translator()
    let unknown = model.namedModules().first { torchScriptSource(of: $0.module) == nil }
    let root = try translator.translate(model, define: unknown == nil)
    if let unknown {
      let name = unknown.name.isEmpty ? "the model" : "layer \(unknown.name)"
      guard let example else {
        throw TorchError(
          "\(name) is a \(unknown.module.typeName) with a forward of its own: to export it, give an example "
            + "input that is run through the model and recorded")
      }
      try trace(model, on: example, into: root.pointer)
    }
    try translator.separateWeights()
    self.init(owning: root.take())
    try train(model.training)
  }
}

/// A script module under construction.
private final class ScriptHandle {
  private var owned: OpaquePointer?

  init(className: String, like: ScriptHandle?) throws {
    var made: OpaquePointer?
    try Shim.check(try Shim.table.module_new(className, like?.pointer, &made))
    owned = made
  }

  var pointer: OpaquePointer { owned! }

  /// Hands the module over; this object no longer frees it.
  func take() -> OpaquePointer {
    defer { owned = nil }
    return owned!
  }

  deinit {
    if let owned, case .success(let loaded) = Shim.loaded { loaded.table.pointee.module_release(owned) }
  }
}

private final class Translator {
  private var root: ScriptHandle?
  private var classes = 0
  private var registered: [(handle: ScriptHandle, name: String, tensor: Tensor, isParameter: Bool)] = []

  /// Builds the tree with the model's own tensors, so that a trace recognises them.
  func translate(_ module: Module, define: Bool) throws -> ScriptHandle {
    classes += 1
    let handle = try ScriptHandle(className: "__torch__.\(module.typeName)_\(classes)", like: root)
    if root == nil { root = handle }
    for (name, slot) in module.ownState {
      guard let tensor = slot.tensor else { continue }
      try register(tensor, as: name, in: handle, isParameter: slot.isParameter)
      registered.append((handle, name, tensor, slot.isParameter))
    }
    var lists: [(name: String, handle: ScriptHandle)] = []
    for (name, child) in module.childModules {
      let built = try translate(child, define: define)
      // `blocks.0`: an element of a list, which is a module of its own, as PyTorch's ModuleList.
      guard let dot = name.firstIndex(of: ".") else {
        try addChild(built, as: name, to: handle)
        continue
      }
      let list = String(name[..<dot])
      if lists.last?.name != list {
        classes += 1
        lists.append((list, try ScriptHandle(className: "__torch__.ModuleList_\(classes)", like: root)))
      }
      try addChild(built, as: String(name[name.index(after: dot)...]), to: lists.last!.handle)
    }
    for (name, list) in lists { try addChild(list, as: name, to: handle) }
    if define, let source = torchScriptSource(of: module) {
      try Shim.check(try Shim.table.module_define(handle.pointer, source))
    }
    return handle
  }

  private func addChild(_ child: ScriptHandle, as name: String, to parent: ScriptHandle) throws {
    try Shim.check(try Shim.table.module_register_module(parent.pointer, name, child.pointer))
  }

  /// Replaces the model's tensors by copies, so that training the one does not change the other.
  func separateWeights() throws {
    for (handle, name, tensor, isParameter) in registered {
      let copy = try noGrad { try tensor.detach().clone() }
      if tensor.requiresGrad { try copy.requiresGrad(true) }
      try register(copy, as: name, in: handle, isParameter: isParameter)
    }
  }

  private func register(_ tensor: Tensor, as name: String, in handle: ScriptHandle, isParameter: Bool) throws
  {
    let table = try Shim.table
    let register = isParameter ? table.module_register_parameter : table.module_register_buffer
    try Shim.check(register(handle.pointer, name, try tensor.pointer))
  }
}

/// Records `model`'s run on `example` as the forward of `script`.
private func trace(_ model: Module, on example: Tensor, into script: OpaquePointer) throws {
  final class Recording {
    let model: Module
    var failure: (any Error)?
    init(_ model: Module) { self.model = model }
  }
  let recording = Recording(model)
  let inputs = [try example.pointer as OpaquePointer?]
  let status = try withExtendedLifetime((example, recording)) {
    try Shim.table.module_trace(
      script, inputs, 1,
      { context, inputs, _, output in
        let recording = Unmanaged<Recording>.fromOpaque(context!).takeUnretainedValue()
        do {
          let table = try Shim.table
          let result = try recording.model(Tensor(owning: table.tensor_retain(inputs[0]!)))
          output.pointee = table.tensor_retain(try result.pointer)
          return 0
        } catch {
          recording.failure = error
          return 1
        }
      }, Unmanaged.passUnretained(recording).toOpaque())
  }
  if let failure = recording.failure { throw failure }
  try Shim.check(status)
}
