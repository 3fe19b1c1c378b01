/// What a module's tensors have in common; found by reflection.
protocol StateSlot {
  var tensor: Tensor? { get }
  var isParameter: Bool { get }
  /// Whether `stateDict()` contains it.
  var isPersistent: Bool { get }
}

/// A tensor that an optimizer changes: `torch.nn.Parameter`.
///
///     final class Scale: Module {
///       @Parameter var weight: Tensor
///       init(features: Int) { _weight = Parameter(wrappedValue: try! Tensor.ones([features])) }
///
/// The property's name in snake case is its key in the state dict. `Value` is `Tensor` or `Tensor?`.
@propertyWrapper
public struct Parameter<Value>: StateSlot {
  public let wrappedValue: Value

  /// Marks the tensor as requiring a gradient.
  public init(wrappedValue: Value) {
    self.wrappedValue = wrappedValue
    tensor?.requiresGrad = true
  }

  var tensor: Tensor? { wrappedValue as? Tensor }
  var isParameter: Bool { true }
  var isPersistent: Bool { true }
}

/// A tensor that belongs to a module's state but is not trained, such as a running mean:
/// `Module.register_buffer`.
@propertyWrapper
public struct Buffer<Value>: StateSlot {
  public let wrappedValue: Value
  let isPersistent: Bool

  /// - Parameter persistent: whether the state dict contains it.
  public init(wrappedValue: Value, persistent: Bool = true) {
    self.wrappedValue = wrappedValue
    isPersistent = persistent
  }

  var tensor: Tensor? { wrappedValue as? Tensor }
  var isParameter: Bool { false }
}
