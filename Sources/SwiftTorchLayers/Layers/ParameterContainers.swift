import OrderedCollections

// Several parameters in one property: modules without a forward, as in PyTorch.

/// Parameters in a list: `torch.nn.ParameterList`. Keys are `0`, `1`, …
///
///     let scales = ParameterList([try Tensor.ones([8]), try Tensor.ones([8])])   // scales.0, scales.1
public final class ParameterList: Module {
  private var tensors: [Tensor]

  /// Marks the tensors as requiring a gradient.
  public init(_ tensors: [Tensor] = []) {
    self.tensors = tensors
    for tensor in tensors { tensor.requiresGrad = true }
  }

  public var count: Int { tensors.count }

  /// - Precondition: there is a parameter at `index`.
  public subscript(index: Int) -> Tensor {
    get { tensors[index] }
    set {
      newValue.requiresGrad = true
      tensors[index] = newValue
    }
  }

  public func append(_ tensor: Tensor) {
    tensor.requiresGrad = true
    tensors.append(tensor)
  }

  override var ownState: [OwnTensor] {
    tensors.enumerated().map { OwnTensor(name: "\($0)", tensor: $1, isParameter: true, isPersistent: true) }
  }

  public override var extraDescription: String { lines(of: ownState) }
}

/// Parameters with names: `torch.nn.ParameterDict`. They are in the order in which they came.
public final class ParameterDict: Module {
  private var tensors: OrderedDictionary<String, Tensor>

  /// Marks the tensors as requiring a gradient. Of several with one name the last counts.
  public init(_ named: KeyValuePairs<String, Tensor> = [:]) {
    tensors = OrderedDictionary(named.map { ($0.key, $0.value) }) { $1 }
    for tensor in tensors.values { tensor.requiresGrad = true }
  }

  public var keys: [String] { Array(tensors.keys) }

  /// The parameter of this name; nil when there is none, and assigned it is removed.
  public subscript(name: String) -> Tensor? {
    get { tensors[name] }
    set {
      newValue?.requiresGrad = true
      tensors[name] = newValue
    }
  }

  override var ownState: [OwnTensor] {
    tensors.map { OwnTensor(name: $0.key, tensor: $0.value, isParameter: true, isPersistent: true) }
  }

  public override var extraDescription: String { lines(of: ownState) }
}

private func lines(of state: [OwnTensor]) -> String {
  state.map { own in
    let size = own.tensor.shape.map(String.init).joined(separator: "x")
    return "  (\(own.name)): Parameter containing: [torch.\(own.tensor.dtype) of size \(size)]"
  }.joined(separator: "\n")
}
