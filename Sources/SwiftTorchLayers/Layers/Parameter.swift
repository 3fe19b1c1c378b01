/// What `@Parameter` and `@Buffer` take: a `Tensor`, or an optional one. `ParameterList` and `ParameterDict` hold several.
public protocol StateValue {
  var _tensor: Tensor? { get }
}

extension Tensor: StateValue {
  public var _tensor: Tensor? { self }
}

extension Optional: StateValue where Wrapped == Tensor {
  public var _tensor: Tensor? { self }
}

/// What a module's tensors have in common.
protocol StateSlot {
  static var isParameter: Bool { get }
  var tensor: Tensor? { get }
  /// Whether `stateDict()` contains it.
  var isPersistent: Bool { get }
}

/// A tensor that an optimizer changes: `torch.nn.Parameter`.
///
///     final class Scale: Module {
///       @Parameter var weight: Tensor
///       init(features: Int) throws { weight = try Tensor.ones([features]) }
///
/// The property's name in snake case is its key in the state dict; an optional tensor that is nil has none.
///
/// A tensor that is assigned later is another parameter: an optimizer made before goes on with the old one, as in Python.
@propertyWrapper
public struct Parameter<Value: StateValue>: StateSlot {
  public var wrappedValue: Value {
    didSet { tensor?.requiresGrad = true }
  }

  /// Marks the tensor as requiring a gradient.
  public init(wrappedValue: Value) {
    self.wrappedValue = wrappedValue
    tensor?.requiresGrad = true
  }

  var tensor: Tensor? { wrappedValue._tensor }
  static var isParameter: Bool { true }
  var isPersistent: Bool { true }
}

/// A tensor that belongs to a module's state but is not trained, such as a running mean:
/// `Module.register_buffer`.
@propertyWrapper
public struct Buffer<Value: StateValue>: StateSlot {
  public var wrappedValue: Value
  let isPersistent: Bool

  /// - Parameter persistent: whether the state dict contains it.
  public init(wrappedValue: Value, persistent: Bool = true) {
    self.wrappedValue = wrappedValue
    isPersistent = persistent
  }

  var tensor: Tensor? { wrappedValue._tensor }
  static var isParameter: Bool { false }
}
