/// `max(x, 0)`: `torch.nn.ReLU`. Any shape.
public final class ReLU: Module {
  public let inplace: Bool
  /// - Parameter inplace: overwrite the input.
  public init(inplace: Bool = false) { self.inplace = inplace }
  public override func forward(_ input: Tensor) throws -> Tensor {
    inplace ? try Aten.reluInPlace(input) : try Aten.relu(input)
  }
  public override var extraDescription: String { inplace ? "inplace=True" : "" }
}

/// `1 / (1 + e⁻ˣ)`: `torch.nn.Sigmoid`. Any shape.
public final class Sigmoid: Module {
  public override init() {}
  public override func forward(_ input: Tensor) throws -> Tensor { try Aten.sigmoid(input) }
}

/// `(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)`: `torch.nn.Tanh`. Any shape.
public final class Tanh: Module {
  public override init() {}
  public override func forward(_ input: Tensor) throws -> Tensor { try Aten.tanh(input) }
}

/// `eˣⁱ / Σⱼ eˣʲ` along `dim`: `torch.nn.Softmax`. The shape stays.
public final class Softmax: Module {
  /// The dimension whose values sum to one; nil takes 0 for inputs of 0, 1 or 3 dimensions and 1 for others.
  public let dim: Int?
  public init(dim: Int? = nil) { self.dim = dim }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.softmaxInt(input, dim ?? implicitSoftmaxDim(input), nil as DType?)
  }
  public override var extraDescription: String { "dim=\(dim.map(String.init) ?? "None")" }
}

/// `x − log Σⱼ eˣʲ` along `dim`: `torch.nn.LogSoftmax`. The shape stays.
public final class LogSoftmax: Module {
  /// The dimension that is normalised; nil takes 0 for inputs of 0, 1 or 3 dimensions and 1 for others.
  public let dim: Int?
  public init(dim: Int? = nil) { self.dim = dim }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.logSoftmaxInt(input, dim ?? implicitSoftmaxDim(input), nil as DType?)
  }
  public override var extraDescription: String { "dim=\(dim.map(String.init) ?? "None")" }
}

/// `e⁻ˣⁱ / Σⱼ e⁻ˣʲ` along `dim`: `torch.nn.Softmin`. The shape stays.
public final class Softmin: Module {
  /// The dimension whose values sum to one; nil takes 0 for inputs of 0, 1 or 3 dimensions and 1 for others.
  public let dim: Int?
  public init(dim: Int? = nil) { self.dim = dim }
  public override func forward(_ input: Tensor) throws -> Tensor {
    try Aten.softmaxInt(Aten.neg(input), dim ?? implicitSoftmaxDim(input), nil as DType?)
  }
  public override var extraDescription: String { "dim=\(dim.map(String.init) ?? "None")" }
}

/// Softmax over the channels at each place of `[N, C, H, W]` or `[C, H, W]`: `torch.nn.Softmax2d`.
public final class Softmax2d: Module {
  public override init() {}
  public override func forward(_ input: Tensor) throws -> Tensor {
    guard [3, 4].contains(input.ndim) else {
      throw TorchError("expected an input of 3 or 4 dimensions, got \(input.summary)")
    }
    return try Aten.softmaxInt(input, -3, nil as DType?)
  }
}

private func implicitSoftmaxDim(_ input: Tensor) -> Int { [0, 1, 3].contains(input.ndim) ? 0 : 1 }

extension Aten {
  static let reluInPlace = Operator("aten::relu_")
}
