/// What surrounds a padded tensor.
public enum PadMode: String, Sendable {
  /// One value.
  case constant
  /// The neighbours, mirrored at the edge, which is not repeated.
  case reflect
  /// The element at the edge.
  case replicate
  /// The elements of the opposite side.
  case circular
}

// A *view* shares its elements with the tensor it was made of: changing one changes the other.
// Dimensions may be negative and then count from the last.
extension Tensor {
  /// The size of one dimension.
  /// - Throws: `TorchError` when the tensor has no such dimension.
  public func size(_ dim: Int) throws -> Int {
    let shape = shape
    guard dim >= -shape.count, dim < shape.count else {
      throw TorchError("\(summary) has no dimension \(dim)")
    }
    return shape[dim < 0 ? dim + shape.count : dim]
  }

  /// The same elements in row-major order as another shape, a view where possible.
  /// - Parameter shape: one size may be −1, which makes it what is left.
  public func reshape(_ shape: [Int]) throws -> Tensor { try Aten.reshape(self, shape) }

  /// A view with another shape.
  /// - Throws: `TorchError` when the memory order does not allow one; `reshape(_:)` copies then.
  public func view(_ shape: [Int]) throws -> Tensor { try Aten.view(self, shape) }

  /// A view with dimension `dims[i]` as its dimension i.
  public func permute(_ dims: [Int]) throws -> Tensor { try Aten.permute(self, dims) }

  /// A view with two dimensions exchanged.
  public func transpose(_ dim0: Int, _ dim1: Int) throws -> Tensor { try Aten.transpose(self, dim0, dim1) }

  /// A matrix's transpose, a view.
  /// - Throws: `TorchError` for more than two dimensions.
  public func t() throws -> Tensor { try Aten.t(self) }

  /// The dimensions from `startDim` through `endDim` as one.
  public func flatten(startDim: Int = 0, endDim: Int = -1) throws -> Tensor {
    try Aten.flattenUsingInts(self, startDim, endDim)
  }

  /// Dimension `dim` as several of the given sizes; one may be −1.
  public func unflatten(_ dim: Int, _ sizes: [Int]) throws -> Tensor { try Aten.unflatten(self, dim, sizes) }

  /// A view without the dimensions of size 1.
  public func squeeze() throws -> Tensor { try Aten.squeeze(self) }

  /// A view without those of the dimensions `dim` that have size 1.
  public func squeeze(_ dim: some DimensionConvertible) throws -> Tensor {
    try Aten.squeezeDims(self, dim.dimensions)
  }

  /// A view with a new dimension of size 1 at `dim`.
  public func unsqueeze(_ dim: Int) throws -> Tensor { try Aten.unsqueeze(self, dim) }

  /// A view in which dimensions of size 1 are stretched without copying; −1 leaves a size as it is.
  public func expand(_ sizes: [Int]) throws -> Tensor { try Aten.expand(self, sizes) }

  /// A view of `length` positions from `start` along `dim`.
  public func narrow(_ dim: Int, _ start: Int, _ length: Int) throws -> Tensor {
    try Aten.narrow(self, dim, start, length)
  }

  /// The tensor laid side by side `repeats[i]` times along dimension i.
  public func `repeat`(_ repeats: [Int]) throws -> Tensor { try Aten.repeat(self, repeats) }

  /// Every element along `dim` `repeats` times in a row; without `dim`, of the flattened tensor.
  public func repeatInterleave(_ repeats: Int, dim: Int? = nil) throws -> Tensor {
    try Aten.repeatInterleave(self, repeats, dim)
  }

  /// A copy with the elements along `dims` in reverse order.
  public func flip(_ dims: some DimensionConvertible) throws -> Tensor {
    try Aten.flip(self, dims.dimensions)
  }

  /// A copy with the elements moved by `shifts` along `dims`; those that fall off come back at the other end.
  public func roll(_ shifts: some DimensionConvertible, _ dims: some DimensionConvertible) throws -> Tensor {
    try Aten.roll(self, shifts.dimensions, dims.dimensions)
  }

  /// A copy with a border: `torch.nn.functional.pad`.
  /// - Parameters:
  ///   - pad: how much before and after the last dimension, then before and after the one before it, ….
  ///     Negative amounts cut.
  ///   - value: what the border is filled with in `constant` mode; nil is 0.
  public func pad(_ pad: [Int], mode: PadMode = .constant, value: Double? = nil) throws -> Tensor {
    try Aten.pad(self, pad, mode.rawValue, value)
  }

  /// Views of `splitSize` positions along `dim`; the last may be smaller.
  public func split(_ splitSize: Int, dim: Int = 0) throws -> [Tensor] {
    try Aten.split.tensors(self, splitSize, dim)
  }

  /// Views of the given numbers of positions along `dim`.
  /// - Throws: `TorchError` when they do not add up to the size.
  public func split(_ splitSizes: [Int], dim: Int = 0) throws -> [Tensor] {
    try Aten.splitWithSizes.tensors(self, splitSizes, dim)
  }

  /// At most `chunks` views of equal size along `dim`; the last may be smaller.
  public func chunk(_ chunks: Int, dim: Int = 0) throws -> [Tensor] {
    try Aten.chunk.tensors(self, chunks, dim)
  }

  /// A view for each position along `dim`, without that dimension.
  public func unbind(dim: Int = 0) throws -> [Tensor] { try Aten.unbind.tensors(self, dim) }
}

/// Tensors one after the other along `dim`: `torch.cat`. All other sizes must agree.
public func cat(_ tensors: [Tensor], dim: Int = 0) throws -> Tensor { try Aten.cat(tensors, dim) }

/// Tensors of one shape side by side along a new dimension: `torch.stack`.
public func stack(_ tensors: [Tensor], dim: Int = 0) throws -> Tensor { try Aten.stack(tensors, dim) }

extension Aten {
  static let reshape = Operator("aten::reshape")
  static let view = Operator("aten::view")
  static let permute = Operator("aten::permute")
  static let transpose = Operator("aten::transpose.int")
  static let t = Operator("aten::t")
  static let flattenUsingInts = Operator("aten::flatten.using_ints")
  static let unflatten = Operator("aten::unflatten.int")
  static let squeeze = Operator("aten::squeeze")
  static let squeezeDims = Operator("aten::squeeze.dims")
  static let unsqueeze = Operator("aten::unsqueeze")
  static let expand = Operator("aten::expand")
  static let narrow = Operator("aten::narrow")
  static let `repeat` = Operator("aten::repeat")
  static let repeatInterleave = Operator("aten::repeat_interleave.self_int")
  static let flip = Operator("aten::flip")
  static let roll = Operator("aten::roll")
  static let pad = Operator("aten::pad")
  static let split = Operator("aten::split.Tensor")
  static let splitWithSizes = Operator("aten::split_with_sizes")
  static let chunk = Operator("aten::chunk")
  static let unbind = Operator("aten::unbind.int")
  static let cat = Operator("aten::cat")
  static let stack = Operator("aten::stack")
}
