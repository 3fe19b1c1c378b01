// Containers whose modules do not simply follow each other. PyTorch has none: there one writes a `forward`.

/// Adds what the modules make of the input to the input itself, `y = f(x) + x`: a residual block. Ours; PyTorch
/// has no such container.
///
///     Residual {
///       Conv2d(inChannels: 64, outChannels: 64, kernelSize: 3, padding: 1)
///       ReLU()
///     }
///
/// Where f changes the shape, `shortcut` brings x to it, `y = f(x) + shortcut(x)`; as in
/// `Residual(shortcut: Conv2d(inChannels: 64, outChannels: 128, kernelSize: 1, stride: 2)) { … }`.
/// Keys are `body.0.…`, `body.1.…` and `shortcut.…`: those of a Python module with `body = nn.Sequential(…)`
/// and `shortcut`. First weights are drawn for the shortcut, then for the body.
///
/// No module may overwrite x: the first of the body must not be `inplace`.
/// - Throws: `TorchError` when the two results differ in shape.
/// - Source: He et al. 2015, https://arxiv.org/abs/1512.03385
public final class Residual: Module {
  public let body: Sequential
  public let shortcut: Module?

  /// - Parameter shortcut: what x goes through; nil adds x as it is.
  public init(shortcut: Module? = nil, @ModuleBuilder _ modules: () -> [Module]) {
    self.shortcut = shortcut
    body = Sequential(modules())
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let (output, other) = (try body(input), try shortcut?(input) ?? input)
    guard output.shape == other.shape else {
      let hint = shortcut == nil ? "; give a shortcut that brings the input to the output's shape" : ""
      throw TorchError(
        "the body gives \(output.summary) and the \(shortcut == nil ? "input is" : "shortcut gives") "
          + "\(other.summary), which cannot be added\(hint)")
    }
    return try output + other
  }
}

/// Runs every branch on the same input and joins what they give: ours; PyTorch has no such container.
///
///     Parallel {
///       Conv2d(inChannels: 16, outChannels: 8, kernelSize: 1)
///       Sequential {
///         Conv2d(inChannels: 16, outChannels: 8, kernelSize: 3, padding: 1)
///         ReLU()
///       }
///     }                             // [N, 16, H, W] → [N, 16, H, W]
///
/// Each module in the braces is a branch. Keys are `0.…`, `1.…`, as in `Sequential` and Python's `nn.ModuleList`.
/// No branch may overwrite the input: its first module must not be `inplace`.
/// - Throws: `TorchError` when there is no branch, or the branches' results do not fit each other.
/// - Source: Szegedy et al. 2014, https://arxiv.org/abs/1409.4842
public final class Parallel: Module {
  public enum Combination: String, Sendable, CaseIterable {
    /// One after the other along the channels, dimension 1: the other sizes must be the same.
    case concatenate
    /// Added up: all sizes must be the same.
    case sum
  }

  public let combination: Combination
  public let branches: [Module]

  public init(combination: Combination = .concatenate, @ModuleBuilder _ branches: () -> [Module]) {
    self.combination = combination
    self.branches = branches()
    super.init()
    require(!self.branches.isEmpty, "Parallel needs a branch")
  }

  public override var childModules: [(name: String, module: Module)] {
    branches.enumerated().map { ("\($0)", $1) }
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let outputs = try branches.map { try $0(input) }
    let shapes = outputs.map { output in
      let shape = output.shape
      return combination == .concatenate && shape.count > 1 ? [shape[0]] + shape[2...] : shape
    }
    guard shapes.allSatisfy({ $0 == shapes[0] }), combination == .sum || outputs[0].ndim > 1 else {
      let found = outputs.map(\.summary).joined(separator: ", ")
      throw TorchError(
        "the branches give \(found), which cannot be "
          + (combination == .sum ? "added" : "joined along dimension 1"))
    }
    if combination == .concatenate { return try cat(outputs, dim: 1) }
    return try outputs.dropFirst().reduce(outputs[0]) { try $0 + $1 }
  }

  public override var extraDescription: String { "combination=\(combination.rawValue)" }
}
