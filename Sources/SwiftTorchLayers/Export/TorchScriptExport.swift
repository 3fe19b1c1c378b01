import CTorchShim

extension ScriptModule {
  /// Translates `model` to TorchScript: the same tree of modules with the same keys, so that Python can load
  /// it, print its state dict, switch `train()` and `eval()`, and train it further. The weights are copies.
  ///
  /// A model made of this library's layers, `Sequential` and `Models` is written as source. As soon as one module has
  /// a `forward` of its own, the whole model is recorded from a run on `example` (as `torch.jit.trace`): it
  /// then keeps the behaviour, training or evaluation, that it had during that run. What a `forward` reads
  /// as a Swift value is recorded as a constant: an `if` keeps its branch, and `shape` the example's sizes.
  /// The recording is therefore also run on twice the example's batch, if the model itself takes that.
  /// - Parameter example: an input; needed only when there is a module with a `forward` of its own.
  /// - Throws: `TorchError` naming the module that needs the example, or saying that the recording serves
  ///   only the example's batch size.
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
      try verify(root.pointer, against: model, example)
    }
    try translator.separateWeights()
    self.init(owning: root.take())
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
    let handle = try makeHandle(module.typeName, training: module.training)
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
        lists.append((list, try makeHandle("ModuleList", training: module.training)))
      }
      try addChild(built, as: String(name[name.index(after: dot)...]), to: lists.last!.handle)
    }
    for (name, list) in lists { try addChild(list, as: name, to: handle) }
    if define, let source = torchScriptSource(of: module) {
      try Shim.check(try Shim.table.module_define(handle.pointer, source))
    }
    return handle
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

/// Compares the recording `script` with `model` on another batch size than that of `example`. Both work on
/// the same tensors, which are afterwards as they were.
/// - Throws: `TorchError` when they differ. A model that refuses the batch itself is not compared.
private func verify(_ script: OpaquePointer, against model: Module, _ example: Tensor) throws {
  guard example.ndim > 0 else { return }
  let device = example.device
  let random = try ([.cpu] + (device.isCUDA ? [device] : [])).map { try Generator.default(for: $0) }
  let states = try random.map { try $0.state() }
  let buffers = model.namedBuffers().map(\.tensor)
  try noGrad {
    let saved = try buffers.map { try $0.clone() }
    func run(_ forward: (Tensor) throws -> Tensor) throws -> Tensor? {
      let input = try cat([example, example])
      defer {
        for (tensor, value) in zip(buffers, saved) { _ = try? tensor.copy_(value) }
        for (generator, state) in zip(random, states) { try? generator.setState(state) }
      }
      return try? forward(input)
    }
    guard let expected = try run({ try model($0) }) else { return }
    let recorded = try run { try runScript(script, [$0]) }
    if let recorded, recorded.shape == expected.shape,
      (try? recorded.allclose(expected, rtol: 1e-3, atol: 1e-5, equalNaN: true)) == true
    {
      return
    }
    throw TorchError(
      """
      the recording of \(model.typeName) serves only the batch size of the example, \(example.shape[0]): its \
      forward computes with sizes that it reads from a tensor's shape, and these are recorded as numbers; \
      write -1 for the batch in reshape and view, or use flatten(startDim: 1)
      """)
  }
}
