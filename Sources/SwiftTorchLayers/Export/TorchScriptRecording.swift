import CTorchShim

// A model with a `forward` of its own as TorchScript: recorded from a run, and refused where the recording would not be
// the model.

/// Records `model`'s run on `example`.
/// - Throws: what `ScriptModule(_:example:fixedSize:)` says.
func record(_ model: Module, _ example: Tensor, fixedSize: Bool) throws -> ScriptHandle {
  let state = (model.namedParameters() + model.namedBuffers()).map(\.tensor)
  try requireEvaluation(model, example, state)
  let translator = Translator()
  let root = try translator.translate(model, define: false)
  try restoring(state, on: example.device) {
    try trace(model, on: example, into: root.pointer, fixedSize: fixedSize)
  }
  try verify(root.pointer, against: model, example, state, fixedSize: fixedSize)
  try translator.separateWeights()
  return root
}

/// Records `model`'s run on `example` as the forward of `script`.
private func trace(
  _ model: Module, on example: Tensor, into script: OpaquePointer, fixedSize: Bool = false
) throws {
  final class Recording {
    let body: (Tensor) throws -> Tensor
    var failure: (any Error)?
    init(_ body: @escaping (Tensor) throws -> Tensor) { self.body = body }
  }
  let sizes = example.shape
  let recording = Recording { input in
    var input = input
    // The only operator that asks for a size: it cuts into parts of these sizes, here one, and refuses another sum.
    if fixedSize {
      for dim in sizes.indices.dropFirst() { input = try input.split([sizes[dim]], dim: dim)[0] }
    }
    return try model(input)
  }
  let inputs = [try example.pointer as OpaquePointer?]
  let status = try withExtendedLifetime((example, recording)) {
    try Shim.table.module_trace(
      script, inputs, 1,
      { context, inputs, _, output in
        let recording = Unmanaged<Recording>.fromOpaque(context!).takeUnretainedValue()
        do {
          let table = try Shim.table
          let result = try recording.body(Tensor(owning: table.tensor_retain(inputs[0]!)))
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

/// - Throws: `TorchError` naming the module that is in training mode and behaves otherwise than in evaluation: in its
///   output, in what it changes, or in the random numbers that it draws.
private func requireEvaluation(_ model: Module, _ example: Tensor, _ state: [Tensor]) throws {
  let inTraining = model.namedModules().filter(\.module.training)
  guard !inTraining.isEmpty else { return }
  func effect() throws -> [[UInt8]] {
    try restoring(state, on: example.device) {
      let output = try noGrad { try model(example.clone()) }
      return try ([output] + state + [Generator.default(for: example.device).state()]).map { try $0.bytes() }
    }
  }
  let trained = try effect()
  guard try model.evaluating(effect) != trained else { return }
  let alone = try inTraining.first { try $0.module.evaluatingAlone(effect) != trained }
  let module = alone ?? (name: "", module: model)
  throw TorchError(
    "\(place(module.name)), a \(module.module.typeName), behaves as in training, and a recording would keep that for "
      + "good: call eval() on the model before exporting it")
}

/// Compares the recording `script` with `model` on inputs of other sizes than the example's, in the batch and, unless the
/// size is fixed, in the picture: larger by one and by two, so that both parities occur, and twice as large.
/// - Throws: `TorchError` when they differ. An input that the model itself refuses is not compared.
private func verify(
  _ script: OpaquePointer, against model: Module, _ example: Tensor, _ state: [Tensor], fixedSize: Bool
) throws {
  let sizes = example.shape
  guard !sizes.isEmpty else { return }
  let run = { (input: Tensor, forward: (Tensor) throws -> Tensor) throws -> Tensor? in
    try restoring(state, on: example.device) { try noGrad { try? forward(input) } }
  }
  func differ(_ input: Tensor) throws -> Bool {
    guard let expected = try run(input.clone(), { try model($0) }) else { return false }
    return try !isSame(try run(input.clone(), { try runScript(script, [$0]) }), expected)
  }
  if try differ(cat([example, example])) {
    throw TorchError(
      """
      the recording of \(model.typeName) serves only the batch size of the example, \(sizes[0]): its \
      forward computes with sizes that it reads from a tensor's shape, and these are recorded as numbers; \
      write -1 for the batch in reshape and view, or use flatten(startDim: 1)
      """)
  }
  guard !fixedSize, sizes.count > 2 else { return }
  let picture = Array(sizes.dropFirst(2))
  let others =
    [picture.map { $0 + 1 }, picture.map { $0 + 2 }, picture.map { $0 * 2 }]
    + picture.indices.map { index in
      picture.enumerated().map { $0.offset == index ? $0.element + 1 : $0.element }
    }
  for other in others {
    let input = try example.continued(to: other)
    guard try differ(input) else { continue }
    let culprit = try innermost(of: model, example, input, state)
    throw TorchError(
      """
      the recording of \(place(culprit.name)), a \(culprit.module.typeName), serves only pictures of the example's \
      size, \(words(picture)), and would compute something else than the model for \(words(other)): its forward computes \
      with sizes that it reads from a tensor's shape, and these are recorded as numbers; use flatten, -1 in reshape, or \
      adaptive pooling, or give fixedSize: true for an export that takes \(words(picture)) alone
      """)
  }
}

private func words(_ sizes: [Int]) -> String { sizes.map(String.init).joined(separator: "×") }

private func isSame(_ recorded: Tensor?, _ expected: Tensor) throws -> Bool {
  guard let recorded, recorded.shape == expected.shape, recorded.dtype == expected.dtype else { return false }
  // Not the bytes: a NaN has many, and zero two signs.
  let differ = try (recorded .!= expected) & ~(recorded.isnan() & expected.isnan())
  return try !differ.any().item(as: Bool.self)
}

/// The innermost module with a forward of its own whose recording on what it gets for `example` differs from it on what
/// it gets for `other`; the model itself where none can be told.
private func innermost(
  of model: Module, _ example: Tensor, _ other: Tensor, _ state: [Tensor]
) throws -> (name: String, module: Module) {
  let modules = model.namedModules().filter { torchScriptSource(of: $0.module) == nil }
  func calls(_ input: Tensor) throws -> [ObjectIdentifier: (input: Tensor, output: Tensor)] {
    var calls: [ObjectIdentifier: (input: Tensor, output: Tensor)] = [:]
    let observers = modules.map(\.module.observer)
    defer { for (module, observer) in zip(modules, observers) { module.module.observer = observer } }
    for (_, module) in modules {
      module.observer = { calls[ObjectIdentifier(module)] = (input: $0, output: $1) }
    }
    _ = try restoring(state, on: example.device) { try noGrad { try model(input) } }
    return calls
  }
  let (small, large) = (try calls(example), try calls(other))
  return try modules.last { _, module in
    let key = ObjectIdentifier(module)
    guard let given = small[key]?.input, let (input, output) = large[key] else { return false }
    return try restoring(state, on: example.device) {
      let handle = try Translator().translate(module, define: false)
      try trace(module, on: given, into: handle.pointer)
      return try !isSame(noGrad { try? runScript(handle.pointer, [input]) }, output)
    }
  } ?? (name: "", module: model)
}

extension Tensor {
  /// The same picture in another, at most twice as large size: where it ends it begins again.
  fileprivate func continued(to sizes: [Int]) throws -> Tensor {
    var result = self
    for (index, size) in sizes.enumerated() {
      let dim = index + 2
      result = try cat([result, result], dim: dim).narrow(dim, 0, size)
    }
    return try result.contiguous()
  }
}
