import CTorchShim

extension ScriptModule {
  /// Translates `model` to TorchScript: the same tree of modules with the same keys, so that Python can load
  /// it, print its state dict, switch `train()` and `eval()`, and train it further. The weights are copies; a module or a
  /// tensor that is in two places stays one.
  ///
  /// A model made of this library's layers, `Sequential` and `Models` is written as source. As soon as one module has
  /// a `forward` of its own, the whole model is recorded from a run on `example` (as `torch.jit.trace`): it
  /// then keeps the behaviour of evaluation. What a `forward` reads as a Swift value is recorded as a constant: an `if`
  /// keeps its branch, and `shape` the example's sizes. The recording is therefore also run on twice the example's batch
  /// and on larger pictures, if the model itself takes them. The model's buffers and the random numbers are afterwards
  /// as they were.
  /// - Parameters:
  ///   - example: an input; needed only when there is a module with a `forward` of its own.
  ///   - fixedSize: the recording is for images of the example's size alone, and refuses others. It has no effect on what
  ///     is written as source.
  /// - Throws: `TorchError` naming the module that cannot be used; that needs the example; that behaves otherwise in
  ///   training and is not in evaluation; whose recording serves only the example's batch size or image size; or the two
  ///   tensors that share memory without being one.
  public convenience init(_ model: Module, example: Tensor? = nil, fixedSize: Bool = false) throws {
    try model.checkAll()
    try requireSeparateMemory(model)
    let unknown = model.namedModules().first { torchScriptSource(of: $0.module) == nil }
    guard let unknown else {
      let translator = Translator()
      let root = try translator.translate(model, define: true)
      try translator.separateWeights()
      self.init(owning: root.take())
      return
    }
    guard let example else {
      throw TorchError(
        "\(place(unknown.name)) is a \(unknown.module.typeName) with a forward of its own: to export it, give an example "
          + "input that is run through the model and recorded")
    }
    self.init(owning: try record(model, example, fixedSize: fixedSize).take())
  }
}

/// A module's name in a sentence.
func place(_ name: String) -> String { name.isEmpty ? "the model" : "layer \(name)" }

/// A script module under construction.
final class ScriptHandle {
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

/// Builds the tree of script modules of a model.
final class Translator {
  private var root: ScriptHandle?
  private var classes = 0
  /// Of modules that were met: one that is in two places is one here, too.
  private var handles: [ObjectIdentifier: ScriptHandle] = [:]
  private var registered: [(handle: ScriptHandle, name: String, tensor: Tensor, isParameter: Bool)] = []

  /// Builds the tree with the model's own tensors, so that a trace recognises them.
  func translate(_ module: Module, define: Bool) throws -> ScriptHandle {
    if let met = handles[ObjectIdentifier(module)] { return met }
    let handle = try makeHandle(module.typeName, training: module.training)
    handles[ObjectIdentifier(module)] = handle
    if root == nil { root = handle }
    for own in module.ownState {
      try register(own.tensor, as: own.name, in: handle, isParameter: own.isParameter)
      registered.append((handle, own.name, own.tensor, own.isParameter))
    }
    var lists: [String: ScriptHandle] = [:]
    for (name, child) in module.childModules {
      let built = try translate(child, define: define)
      let (list, last) = try place(name, in: handle, training: module.training, &lists)
      try addChild(built, as: last, to: list)
    }
    if define, let source = torchScriptSource(of: module) {
      try Shim.check(try Shim.table.module_define(handle.pointer, source))
    }
    return handle
  }

  /// Where `blocks.0.1` belongs: into a list `0` in a list `blocks`, which are modules of their own as PyTorch's
  /// ModuleList is. A list is registered where its first element comes, so that all have PyTorch's order.
  private func place(
    _ name: String, in handle: ScriptHandle, training: Bool, _ lists: inout [String: ScriptHandle]
  ) throws -> (handle: ScriptHandle, name: String) {
    guard let dot = name.lastIndex(of: ".") else { return (handle, name) }
    let (path, last) = (String(name[..<dot]), String(name[name.index(after: dot)...]))
    if let list = lists[path] { return (list, last) }
    let (parent, key) = try place(path, in: handle, training: training, &lists)
    let list = try makeHandle("ModuleList", training: training)
    try addChild(list, as: key, to: parent)
    lists[path] = list
    return (list, last)
  }

  private func makeHandle(_ typeName: String, training: Bool) throws -> ScriptHandle {
    classes += 1
    let handle = try ScriptHandle(className: "__torch__.\(typeName)_\(classes)", like: root)
    // Without children yet, so that it is this module's own flag.
    try Shim.check(try Shim.table.module_train(handle.pointer, training))
    return handle
  }

  private func addChild(_ child: ScriptHandle, as name: String, to parent: ScriptHandle) throws {
    try Shim.check(try Shim.table.module_register_module(parent.pointer, name, child.pointer))
  }

  /// Replaces the model's tensors by copies, so that training the one does not change the other. A tensor that is in two
  /// places has one copy.
  func separateWeights() throws {
    var copies: [ObjectIdentifier: Tensor] = [:]
    for (handle, name, tensor, isParameter) in registered {
      let copy = try copies[ObjectIdentifier(tensor.handle)] ?? noGrad { try tensor.detach().clone() }
      copies[ObjectIdentifier(tensor.handle)] = copy
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

/// - Throws: `TorchError` naming two tensors that share memory without being the same tensor: as copies they would be
///   strangers.
private func requireSeparateMemory(_ model: Module) throws {
  var met: [(name: String, first: Tensor, start: Int, end: Int)] = []
  var seen: Set<ObjectIdentifier> = []
  for (prefix, module) in model.namedModules() {
    for own in module.ownState {
      let (key, tensor) = (own.name, own.tensor)
      guard seen.insert(ObjectIdentifier(tensor.handle)).inserted, tensor.numel > 0 else { continue }
      let name = prefix.isEmpty ? key : "\(prefix).\(key)"
      // The first element of its memory stands for the memory.
      let first = try noGrad { try Aten.asStrided(tensor.detach(), [1], [1], 0) }
      guard case .int(let start)? = try Aten.storageOffset.results([tensor]).first else {
        throw TorchError("the place of \(name) in memory is not known")
      }
      let length = zip(tensor.shape, tensor.strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
      for other in met where start < other.end && other.start < start + length {
        guard case .bool(true)? = try Aten.isSetTo.results([first, other.first]).first else { continue }
        throw TorchError(
          "\(other.name) and \(name) share memory but are two tensors, which an export would separate: put the same "
            + "Tensor in both places, or a copy in one")
      }
      met.append((name, first, start, start + length))
    }
  }
}

extension Aten {
  fileprivate static let asStrided = Operator("aten::as_strided")
  fileprivate static let storageOffset = Operator("aten::sym_storage_offset")
  fileprivate static let isSetTo = Operator("aten::is_set_to")
}
