import OrderedCollections

/// A state dict: PyTorch's keys (`0.weight`, `features.3.running_mean`) in PyTorch's order.
public typealias StateDict = OrderedDictionary<String, Tensor>

/// The base of all layers and models: `torch.nn.Module`.
///
/// A module's parameters, buffers and child modules are its stored properties: those marked `@Parameter` and
/// `@Buffer`, those of a `Module` type, optional or not, and arrays and dictionaries of modules, nested as you like.
/// Names in Swift's case become PyTorch's: a child `layerNorm` has the key `layer_norm`, the first of `blocks` has
/// `blocks.0`, and `heads["left"]` has `heads.left`; a dictionary's modules are in the order of their keys. Several
/// parameters are a `ParameterList` or a `ParameterDict`. A `weak` or `unowned` property, such as one for a parent, is
/// nobody's child.
///
/// The first use throws an error that names the property of a module that would not be found (in a lazy property, a
/// tuple, a struct of yours), or the arguments that a layer was wrongly made with.
///
///     final class Net: Module {
///       let conv1 = Conv2d(inChannels: 1, outChannels: 8, kernelSize: 3)
///       let fc = Linear(inFeatures: 8 * 26 * 26, outFeatures: 10)
///       override func forward(_ input: Tensor) throws -> Tensor {
///         try fc(conv1(input).relu().flatten(startDim: 1))
///       }
///     }
///
/// Not Sendable: a module being trained belongs to one thread. `ScriptModule(_:)` makes a frozen copy that
/// any number of threads may run.
open class Module: CustomStringConvertible {
  /// Whether layers like dropout and batch normalisation behave as in training. Set by `train(_:)`.
  public private(set) var training = true
  /// Told each input and output of this module, after its children were told theirs.
  package var observer: ((_ input: Tensor, _ output: Tensor) -> Void)?
  private let layout: ModuleLayout
  /// What is wrong with the initialiser's arguments.
  private var misuse: String?
  /// Whether the first use has looked for modules that would not be found.
  private var isChecked = false
  private var isSwitching = false

  public init() { layout = .of(type(of: self)) }

  /// Computes the output. Call the module itself, `try model(x)`: errors then say which layer they are from.
  open func forward(_ input: Tensor) throws -> Tensor {
    throw TorchError("\(type(of: self)) has no forward(_:)")
  }

  /// Runs `forward(_:)`; an error gains the key path of the layer that failed.
  public final func callAsFunction(_ input: Tensor) throws -> Tensor {
    try observed(input) { try forward(input) }
  }

  /// Runs `body` as this module's forward on `input`: both are told to the observer, an error gains the key path.
  final func observed(_ input: Tensor, _ body: () throws -> Tensor) throws -> Tensor {
    do {
      if !isChecked { try check() }
      let output = try body()
      observer?(input, output)
      return output
    } catch var error as TorchError {
      if let failed = error.module {
        let name = namedModules().first { ObjectIdentifier($0.module) == failed }?.name
        if let name { error.path.insert(name, at: 0) }
      } else {
        error.layer = line
      }
      error.module = ObjectIdentifier(self)
      throw error
    }
  }

  /// What `description` shows between the parentheses: PyTorch's `extra_repr`.
  open var extraDescription: String { "" }

  /// The name that `description` shows: the type's name.
  open var typeName: String { "\(type(of: self))".prefix { $0 != "<" }.description }

  // MARK: Structure

  /// The children with their names, in the order of declaration. Containers override it.
  open var childModules: [(name: String, module: Module)] {
    var children: [(name: String, module: Module)] = []
    for child in layout.children { child.appendModules(of: self, to: &children) }
    return children
  }

  /// - Throws: `TorchError` naming a property whose modules or tensors would not be found, or that holds this module
  ///   itself.
  private func check() throws {
    if let problem = misuse ?? layout.problem ?? layout.problem(of: self) { throw TorchError(problem) }
    var isOwnChild = false
    visit { _, module in isOwnChild = isOwnChild || module.childModules.contains { $0.module === self } }
    if isOwnChild {
      throw TorchError("\(typeName) is among its own children: a property for the parent must be weak")
    }
    isChecked = true
  }

  /// - Throws: `TorchError` for the first module, this one or below, that cannot be used.
  final func checkAll() throws {
    for (path, module) in namedModules() {
      do {
        try module.check()
      } catch var error as TorchError {
        (error.path, error.layer) = (path.isEmpty ? [] : [path], module.line)
        throw error
      }
    }
  }

  /// Keeps what is wrong with an initialiser's arguments until the first use, which throws it: initialisers do not throw,
  /// so that a network reads as it does in Python.
  final func require(_ isRight: Bool, _ message: @autoclosure () -> String) {
    if !isRight, misuse == nil { misuse = message() }
  }

  /// Requires lists that have a number for each dimension.
  final func requireSizes(_ dimensions: Int, _ lists: KeyValuePairs<String, [Int]>) {
    for (name, list) in lists {
      require(list.count == dimensions, "\(name) must be one number or \(dimensions), not \(list)")
    }
  }

  /// This module's own tensors, without its children's.
  var ownState: [OwnTensor] {
    layout.slots.compactMap { slot in
      let value = slot.value(in: self)
      return value.tensor.map {
        OwnTensor(
          name: slot.key, tensor: $0, isParameter: type(of: value).isParameter,
          isPersistent: value.isPersistent)
      }
    }
  }

  /// Calls `body` with this module and all below it, each with its key path, parents first. One that is in two places
  /// comes twice; below itself it does not come.
  private func visit(
    _ prefix: String = "", below parents: UnsafePointer<Line>? = nil,
    _ body: (_ prefix: String, _ module: Module) -> Void
  ) {
    var parent = parents?.pointee
    while let above = parent {
      if above.module === self { return }
      parent = above.parents?.pointee
    }
    body(prefix, self)
    withUnsafePointer(to: Line(module: self, parents: parents)) { line in
      for (name, child) in childModules {
        child.visit(prefix.isEmpty ? name : "\(prefix).\(name)", below: line, body)
      }
    }
  }

  /// A module that is being visited, and those above it.
  private struct Line {
    let module: Module
    let parents: UnsafePointer<Line>?
  }

  /// This module and all below it, each with its key path, parents first: `named_modules`.
  public func namedModules(prefix: String = "") -> [(name: String, module: Module)] {
    var modules: [(name: String, module: Module)] = []
    visit(prefix) { modules.append(($0, $1)) }
    return modules
  }

  private func state(_ chosen: (_ isParameter: Bool) -> Bool) -> [(name: String, tensor: Tensor)] {
    var seen: Set<ObjectIdentifier> = []
    var state: [(name: String, tensor: Tensor)] = []
    visit { prefix, module in
      for own in module.ownState
      where chosen(own.isParameter) && seen.insert(ObjectIdentifier(own.tensor.handle)).inserted {
        state.append((prefix.isEmpty ? own.name : "\(prefix).\(own.name)", own.tensor))
      }
    }
    return state
  }

  /// The trained tensors with their keys, each once.
  public func namedParameters() -> [(name: String, tensor: Tensor)] { state { $0 } }

  /// The trained tensors, each once.
  public func parameters() -> [Tensor] { namedParameters().map(\.tensor) }

  /// The tensors that are state but not trained.
  public func namedBuffers() -> [(name: String, tensor: Tensor)] { state { !$0 } }

  // MARK: State

  /// Every parameter and persistent buffer by its key. The tensors share memory with the module's.
  public func stateDict() -> StateDict {
    var dict = StateDict()
    visit { prefix, module in
      // Parameters come before buffers in each module, as in PyTorch.
      let state = module.ownState
      for wanted in [true, false] {
        for own in state where own.isParameter == wanted && own.isPersistent {
          dict[prefix.isEmpty ? own.name : "\(prefix).\(own.name)"] = own.tensor
        }
      }
    }
    return dict
  }

  /// Copies the values of `dict` into this module's tensors.
  /// - Parameter strict: whether a key that is missing or left over is an error.
  /// - Throws: `TorchError` naming all missing and unexpected keys and all shapes that differ; then nothing
  ///   has been changed.
  public func loadStateDict(_ dict: StateDict, strict: Bool = true) throws {
    try checkAll()
    let own = stateDict()
    var problems: [String] = []
    if strict {
      let missing = own.keys.filter { dict[$0] == nil }
      let unexpected = dict.keys.filter { own[$0] == nil }
      if !missing.isEmpty { problems.append("missing keys: \(missing.joined(separator: ", "))") }
      if !unexpected.isEmpty { problems.append("unexpected keys: \(unexpected.joined(separator: ", "))") }
    }
    for (key, tensor) in own {
      if let given = dict[key], given.shape != tensor.shape {
        problems.append("\(key) is \(given.shape) in the state dict and \(tensor.shape) in the model")
      }
    }
    guard problems.isEmpty else {
      throw TorchError("the state dict does not fit \(typeName): \(problems.joined(separator: "; "))")
    }
    try noGrad {
      for (key, tensor) in own {
        if let given = dict[key] { try tensor.copy_(given) }
      }
    }
  }

  /// Sets training or evaluation behaviour here and below, each module by its own `train(_:)`. Override it to keep
  /// a part in one mode, such as the batch normalisation of a network whose statistics are to stay:
  ///
  ///     override func train(_ mode: Bool = true) -> Self {
  ///       super.train(mode)
  ///       backbone.eval()
  ///       return self
  ///     }
  @discardableResult
  open func train(_ mode: Bool = true) -> Self {
    guard !isSwitching else { return self }  // below itself: the first use will say so
    isSwitching = true
    defer { isSwitching = false }
    training = mode
    for (_, child) in childModules { child.train(mode) }
    return self
  }

  /// Sets evaluation behaviour here and below: the same as `train(false)`.
  @discardableResult
  public func eval() -> Self { train(false) }

  /// Runs `body` in evaluation mode; then every module behaves again as it did before.
  package func evaluating<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = namedModules().map { (module: $0.module, training: $0.module.training) }
    defer { for (module, training) in before { module.training = training } }
    eval()
    return try body()
  }

  /// Runs `body` while this module, but not those below it, is in evaluation mode.
  func evaluatingAlone<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = training
    defer { training = before }
    training = false
    return try body()
  }

  /// Moves all tensors to `device`, and their gradients. The tensors stay the same objects: an optimizer
  /// made before goes on working.
  /// - Throws: `TorchError` when there is no such device or not enough memory on it.
  @discardableResult
  public func to(_ device: Device) throws -> Self { try convert { try $0.to(device) } }

  /// Converts floating-point tensors to another element type, in place.
  @discardableResult
  public func to(_ dtype: DType) throws -> Self {
    try convert { $0.dtype.isFloatingPoint ? try $0.to(dtype) : $0 }
  }

  /// Puts the elements of four-dimensional tensors into another order in memory, in place. `.channelsLast` is what
  /// NVIDIA's fastest convolutions want; their outputs follow the weights.
  @discardableResult
  public func to(_ format: MemoryFormat) throws -> Self {
    try convert { $0.ndim == 4 ? try $0.contiguous(format) : $0 }
  }

  private func convert(_ change: (Tensor) throws -> Tensor) throws -> Self {
    let tensors = state { _ in true }.map(\.tensor)
    // All conversions first: when one fails, the module is as it was.
    let changed = try noGrad { try tensors.map { ($0, try change($0.detach()), try $0.grad.map(change)) } }
    for (tensor, data, gradient) in changed {
      try tensor.setData(data)
      if let gradient { tensor.grad = gradient }
    }
    return self
  }

  /// Switches recording for autograd on or off for all parameters: `requires_grad_`.
  @discardableResult
  public func requiresGrad(_ on: Bool) throws -> Self {
    for parameter in parameters() { try parameter.requiresGrad(on) }
    return self
  }

  /// Forgets the gradients of all parameters.
  public func zeroGrad() {
    for parameter in parameters() { parameter.grad = nil }
  }

  // MARK: Printing

  private var line: String { "\(typeName)(\(extraDescription))" }

  /// The module as Python prints it.
  public var description: String {
    let children = childModules
    guard !children.isEmpty else {
      let lines = extraDescription.split(separator: "\n")
      return lines.count < 2 ? line : "\(typeName)(\n  \(lines.joined(separator: "\n  "))\n)"
    }
    let lines = children.map { name, child in
      "  (\(name)): "
        + child.description.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n  ")
    }
    return "\(typeName)(\n\(lines.joined(separator: "\n"))\n)"
  }
}

/// A tensor of a module's own state.
struct OwnTensor {
  let name: String
  let tensor: Tensor
  let isParameter: Bool
  /// Whether `stateDict()` contains it.
  let isPersistent: Bool
}

/// `runningMean` becomes `running_mean`, `convBN` `conv_bn` and `bnConv2` `bn_conv2`; a name without capitals stays as it is.
func snakeCase(_ name: String) -> String {
  let characters = Array(name)
  var result = ""
  for (index, character) in characters.enumerated() {
    // A word begins at a capital after a small letter or digit, and at the last of several before a small letter.
    if character.isUppercase, index > 0, characters[index - 1] != "_" {
      let isWithin = characters[index - 1].isUppercase
      let endsCapitals = index + 1 < characters.count && characters[index + 1].isLowercase
      if !isWithin || endsCapitals { result += "_" }
    }
    result += character.lowercased()
  }
  return result
}

/// A value as Python prints it.
func pythonDescription(_ value: Bool) -> String { value ? "True" : "False" }
func pythonDescription(_ values: [Int]) -> String {
  values.count == 1 ? "(\(values[0]),)" : "(\(values.map(String.init).joined(separator: ", ")))"
}
func pythonDescription(_ value: Double) -> String {
  let text = "\(value)"
  guard let mark = text.firstIndex(of: "e") else { return text }
  // Python writes 1e-05 for Swift's 1e-05 and pads one-digit exponents; Swift already does.
  let mantissa = text[..<mark].hasSuffix(".0") ? text[..<mark].dropLast(2) : text[..<mark]
  let exponent = text[text.index(after: mark)...]
  let sign = exponent.hasPrefix("-") ? "-" : "+"
  let digits = exponent.drop { $0 == "-" || $0 == "+" }
  return "\(mantissa)e\(sign)\(digits.count < 2 ? "0" : "")\(digits)"
}
