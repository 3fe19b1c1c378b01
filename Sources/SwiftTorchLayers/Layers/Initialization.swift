#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How PyTorch's layers start: the same distributions, drawn in the same order, computed in the same
/// precision, so that the same seed gives the same weights.
enum Initialization {
  /// Whether layers get tensors that are one zero, shown over and over: their shapes are right and nothing is
  /// drawn, so that the largest network costs nothing.
  @TaskLocal static var isTrial = false

  /// A tensor of its own, filled by `fill` without recording. When libtorch is missing, a tensor whose use
  /// throws, so that layers have initialisers that do not.
  static func make(_ shape: [Int], _ dtype: DType, _ device: Device, _ fill: (Tensor) throws -> Void)
    -> Tensor
  {
    do {
      if isTrial { return try Tensor.zeros([], dtype: dtype).expand(shape) }
      let tensor = try Aten.emptyWithFormat(shape, dtype, nil as Int?, device, nil as Bool?, nil as Int?)
      try noGrad { try fill(tensor) }
      return tensor
    } catch {
      return Tensor(failed: error)
    }
  }

  /// A tensor whose elements are all `value`.
  static func filled(_ shape: [Int], _ value: Double, _ dtype: DType, _ device: Device) -> Tensor {
    make(shape, dtype, device) { try Aten.fillInPlace($0, value) }
  }

  /// Uniform in ±1/√fanIn: how PyTorch starts the bias of convolution and linear layers.
  static func uniformByFan(_ tensor: Tensor, fanIn: Int) throws {
    let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
    try Aten.uniformInPlace(tensor, -bound, bound, nil as Generator?)
  }
}

// The functions of `torch.nn.init`: each overwrites a tensor without recording, and returns it. The same seed gives
// the same numbers as in Python. `generator` nil draws from the device's default one, which `Torch.manualSeed` seeds.

// MARK: By distribution

/// Fills with uniform values from `a` to `b`: `uniform_`.
@discardableResult
public func uniform(_ tensor: Tensor, a: Double = 0, b: Double = 1, generator: Generator? = nil) throws
  -> Tensor
{
  try noGrad { try Aten.uniformInPlace(tensor, a, b, generator) }
}

/// Fills with normal values: `normal_`.
@discardableResult
public func normal(_ tensor: Tensor, mean: Double = 0, std: Double = 1, generator: Generator? = nil) throws
  -> Tensor
{
  try noGrad { try Aten.normalInPlace(tensor, mean, std, generator) }
}

/// Fills with normal values between `a` and `b`; the others are drawn anew: `trunc_normal_`. The numbers are those
/// of PyTorch 2.13; earlier versions drew them in another manner.
/// - Throws: `TorchError` when `std` is not positive or `a` is not below `b`.
@discardableResult
public func truncNormal(
  _ tensor: Tensor, mean: Double = 0, std: Double = 1, a: Double = -2, b: Double = 2,
  generator: Generator? = nil
) throws -> Tensor {
  guard std > 0, a < b, [mean, std, a, b].allSatisfy(\.isFinite) else {
    throw TorchError(
      "truncNormal needs std above 0 and a below b, got std \(std), a \(a), b \(b), mean \(mean)")
  }
  func cumulative(_ x: Double) -> Double { (1 + erf(x / 2.0.squareRoot())) / 2 }
  let share = cumulative((b - mean) / std) - cumulative((a - mean) / std)
  return try noGrad {
    share > 0.3
      ? try drawNormal(tensor, mean, std, a, b, generator) : try drawTail(tensor, mean, std, a, b, generator)
  }
}

/// Draws normal values until all are between `a` and `b`.
private func drawNormal(
  _ tensor: Tensor, _ mean: Double, _ std: Double, _ a: Double, _ b: Double, _ generator: Generator?
) throws -> Tensor {
  var result = try Aten.normalInPlace(tensor, mean, std, generator)
  while true {
    // Comparison rounds the bounds to the tensor's type.
    let outside = try (result .< a) | (result .> b)
    guard try outside.any().item(as: Bool.self) else { break }
    let again = try Aten.normalInPlace(Aten.emptyLike(result), mean, std, generator)
    result = try again.where(outside, result)
  }
  return try tensor.copy_(result)
}

/// Where few normal values would be between `a` and `b`: draws uniform values, and keeps each with a probability in
/// proportion to its density.
private func drawTail(
  _ tensor: Tensor, _ mean: Double, _ std: Double, _ a: Double, _ b: Double, _ generator: Generator?
) throws -> Tensor {
  let peak = -0.5 * pow((max(a, min(mean, b)) - mean) / std, 2)
  var result = try Aten.uniformInPlace(tensor, a, b, generator)
  /// Where candidates are not kept; they become the logarithms of their densities.
  func refused(_ candidates: Tensor) throws -> Tensor {
    try candidates.sub_(mean).div_(std)
    try candidates.copy_(candidates.pow(2)).mul_(-0.5).sub_(peak)
    return try Aten.uniformInPlace(Aten.emptyLike(tensor), 0.0, 1.0, generator).log() .> candidates
  }
  var pending = try refused(result.clone())
  while try pending.any().item(as: Bool.self) {
    let candidates = try Aten.uniformInPlace(Aten.emptyLike(tensor), a, b, generator)
    result = try candidates.where(pending, result)
    pending = try refused(candidates) & pending
  }
  return try tensor.copy_(result)
}

// MARK: By rule

/// Fills with one value: `constant_`.
@discardableResult
public func constant(_ tensor: Tensor, _ val: Double) throws -> Tensor {
  try noGrad { try Aten.fillInPlace(tensor, val) }
}

/// Fills with ones: `ones_`.
@discardableResult
public func ones(_ tensor: Tensor) throws -> Tensor { try constant(tensor, 1) }

/// Fills with zeros: `zeros_`.
@discardableResult
public func zeros(_ tensor: Tensor) throws -> Tensor { try constant(tensor, 0) }

/// Ones on the diagonal of a matrix, zeros elsewhere: `eye_`. A dense layer then passes on as many inputs as it can.
/// - Throws: `TorchError` when the tensor has not two dimensions.
@discardableResult
public func eye(_ tensor: Tensor) throws -> Tensor {
  guard tensor.shape.count == 2 else {
    throw TorchError("eye needs two dimensions, got \(tensor.summary)")
  }
  return try noGrad {
    try tensor.zero_()
    try tensor.diagonal().fill_(1)
    return tensor
  }
}

/// A kernel that passes channel i on as channel i, as many as it can: a one in the middle, `dirac_`.
/// - Parameter groups: each group of output channels does so by itself.
/// - Throws: `TorchError` when the tensor has not 3 to 5 dimensions, or groups do not divide the first.
@discardableResult
public func dirac(_ tensor: Tensor, groups: Int = 1) throws -> Tensor {
  let shape = tensor.shape
  guard (3...5).contains(shape.count) else {
    throw TorchError("dirac needs 3, 4 or 5 dimensions, got \(tensor.summary)")
  }
  guard groups > 0, shape[0] % groups == 0 else {
    throw TorchError("dirac needs groups that divide the \(shape[0]) output channels, not \(groups)")
  }
  let outputs = shape[0] / groups
  return try noGrad {
    try tensor.zero_()
    guard !shape.contains(0) else { return tensor }
    var middle = tensor
    for size in shape.dropFirst(2) { middle = try Aten.select(middle, 2, size / 2) }
    for group in 0..<groups {
      try middle.narrow(0, group * outputs, outputs).diagonal().fill_(1)
    }
    return tensor
  }
}

/// Orthonormal rows or columns, whichever are fewer, times `gain`: `orthogonal_`. All dimensions but the first count as
/// columns.
/// - Throws: `TorchError` when the tensor has fewer than two dimensions.
/// - Source: Saxe et al. 2014, https://arxiv.org/abs/1312.6120
@discardableResult
public func orthogonal(_ tensor: Tensor, gain: Double = 1, generator: Generator? = nil) throws -> Tensor {
  guard tensor.shape.count >= 2 else {
    throw TorchError("orthogonal needs at least two dimensions, got \(tensor.summary)")
  }
  guard !tensor.shape.contains(0) else { return tensor }
  let (rows, columns) = (tensor.shape[0], tensor.numel / tensor.shape[0])
  return try noGrad {
    var matrix = try Tensor.empty([rows, columns], dtype: tensor.dtype, device: tensor.device)
    try Aten.normalInPlace(matrix, 0.0, 1.0, generator)
    if rows < columns { matrix = try matrix.transpose(0, 1) }
    let factors = try Aten.linalgQR.tensors(matrix, "reduced")
    // With the signs of R's diagonal the result is uniform among all orthogonal matrices.
    var q = try factors[0].mul_(factors[1].diagonal().sign())
    if rows < columns { q = try q.transpose(0, 1) }
    return try tensor.copy_(q.reshape(tensor.shape)).mul_(gain)
  }
}

/// Normal values, in each column a share `sparsity` of zeros: `sparse_`.
/// - Throws: `TorchError` when the tensor has not two dimensions or the share is not between 0 and 1.
/// - Source: Martens 2010, https://icml.cc/Conferences/2010/papers/458.pdf
@discardableResult
public func sparse(_ tensor: Tensor, sparsity: Double, std: Double = 0.01, generator: Generator? = nil) throws
  -> Tensor
{
  guard tensor.shape.count == 2, (0...1).contains(sparsity) else {
    throw TorchError(
      "sparse needs two dimensions and a sparsity between 0 and 1, got \(tensor.summary), \(sparsity)")
  }
  let rows = tensor.shape[0]
  let zeros = Int((sparsity * Double(rows)).rounded(.up))
  return try noGrad {
    try Aten.normalInPlace(tensor, 0.0, std, generator)
    for column in 0..<tensor.shape[1] {
      // As in PyTorch, the order is drawn from the default generator.
      let places = try Tensor.randperm(rows)[..<zeros].to(tensor.device)
      try Aten.indexFillInPlace(Aten.select(tensor, 1, column), 0, places, 0)
    }
    return tensor
  }
}

extension Aten {
  static let linalgQR = Operator("aten::linalg_qr")
  static let indexFillInPlace = Operator("aten::index_fill_.int_Scalar")
}
