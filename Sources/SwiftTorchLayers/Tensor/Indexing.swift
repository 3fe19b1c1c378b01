/// One index of a subscript: what to take along one dimension, or an instruction about dimensions.
public struct TensorIndex: Sendable {
  enum Kind {
    case at(Int)
    case slice(from: Int?, to: Int?, by: Int)
    case newAxis
    case ellipsis
    case tensor(Tensor)
  }
  let kind: Kind
}

/// What can stand between the brackets of `x[…]`:
///
/// | Swift | Python |
/// |---|---|
/// | `x[0]`, `x[-1]` | the same |
/// | `x[1..<3]`, `x[1...]`, `x[..<(-1)]`, `x[1...2]` | `x[1:3]`, `x[1:]`, `x[:-1]`, `x[1:3]` |
/// | `x[.stride(from: 1, to: -1, by: 2)]` | `x[1:-1:2]` |
/// | `x[.all]`, `x[.ellipsis, 0]`, `x[.newAxis]` | `x[:]`, `x[..., 0]`, `x[None]` |
/// | `x[[0, 2]]`, `x[[true, false]]`, `x[tensor]` | the same |
public protocol TensorIndexConvertible {
  /// The index as a value.
  func tensorIndex() throws -> TensorIndex
}

extension TensorIndex: TensorIndexConvertible {
  /// The index itself.
  public func tensorIndex() -> TensorIndex { self }
}

extension TensorIndexConvertible where Self == TensorIndex {
  /// The whole of one dimension.
  public static var all: TensorIndex { .stride() }
  /// As many whole dimensions as the other indices leave.
  public static var ellipsis: TensorIndex { TensorIndex(kind: .ellipsis) }
  /// A new dimension of size 1.
  public static var newAxis: TensorIndex { TensorIndex(kind: .newAxis) }
  /// Every `by`-th position from `from` on, below `to`. Negative positions count from the end; those outside
  /// the dimension are moved to its edge; nil is the beginning or the end.
  public static func stride(from: Int? = nil, to: Int? = nil, by: Int = 1) -> TensorIndex {
    TensorIndex(kind: .slice(from: from, to: to, by: by))
  }

  /// Through `last`: up to the one after it, which for the last of all does not exist.
  fileprivate static func stride(from: Int?, through last: Int) -> TensorIndex {
    .stride(from: from, to: last == -1 || last == Int.max ? nil : last + 1)
  }
}

extension Int: TensorIndexConvertible {
  /// One position, whose dimension goes.
  public func tensorIndex() -> TensorIndex { TensorIndex(kind: .at(self)) }
}
extension Range: TensorIndexConvertible where Bound == Int {
  /// The positions of the range.
  public func tensorIndex() -> TensorIndex { .stride(from: lowerBound, to: upperBound) }
}
extension ClosedRange: TensorIndexConvertible where Bound == Int {
  /// The positions of the range.
  public func tensorIndex() -> TensorIndex { .stride(from: lowerBound, through: upperBound) }
}
extension PartialRangeFrom: TensorIndexConvertible where Bound == Int {
  /// The positions from the bound to the end.
  public func tensorIndex() -> TensorIndex { .stride(from: lowerBound) }
}
extension PartialRangeUpTo: TensorIndexConvertible where Bound == Int {
  /// The positions below the bound.
  public func tensorIndex() -> TensorIndex { .stride(to: upperBound) }
}
extension PartialRangeThrough: TensorIndexConvertible where Bound == Int {
  /// The positions through the bound.
  public func tensorIndex() -> TensorIndex { .stride(from: nil, through: upperBound) }
}
extension Tensor: TensorIndexConvertible {
  /// Positions (integers) or a mask (`bool`, over as many dimensions as it has).
  public func tensorIndex() -> TensorIndex { TensorIndex(kind: .tensor(self)) }
}
extension Array: TensorIndexConvertible where Element: TensorScalar {
  /// A list of positions, or a mask over one dimension.
  public func tensorIndex() throws -> TensorIndex { TensorIndex(kind: .tensor(try Tensor(self))) }
}

extension Tensor {
  /// A part of the tensor, with Python's rules.
  ///
  /// Positions, ranges, `.newAxis` and `.ellipsis` give a view. Index tensors, lists and masks give a copy: they
  /// are broadcast together, and their common shape stands where they stood, or first when other indices
  /// stand between them.
  /// - Throws: `TorchError` when a position is outside its dimension or there are too many indices.
  public subscript<each Index: TensorIndexConvertible>(_ index: repeat each Index) -> Tensor {
    get throws {
      var list: [TensorIndex] = []
      repeat list.append(try (each index).tensorIndex())
      let (view, chosen) = try indexed(list)
      return chosen.isEmpty ? view : try Aten.index(view, chosen)
    }
  }

  /// Writes `value`, broadcast, to the part of the tensor that the indices name: Python's `x[…] = value`.
  ///
  ///     try x.set(0, .all, to: row)
  /// - Throws: `TorchError` when a position is outside or the value does not fit.
  public func set<each Index: TensorIndexConvertible>(
    _ index: repeat each Index, to value: Tensor
  ) throws {
    var list: [TensorIndex] = []
    repeat list.append(try (each index).tensorIndex())
    let (view, chosen) = try indexed(list)
    // Leading ones of the value do not count, so that a [1, 3] goes into a [3].
    let sizes = value.shape
    let fitted = sizes.first == 1 ? try value.view(Array(sizes.drop(while: { $0 == 1 }))) : value
    if chosen.isEmpty {
      try view.copy_(fitted)
    } else {
      try Aten.indexPutInPlace(view, chosen, fitted)
    }
  }

  /// Writes a number everywhere in the part of the tensor that the indices name.
  /// - Throws: `TorchError` when a position is outside.
  public func set<each Index: TensorIndexConvertible>(
    _ index: repeat each Index, to value: some Number
  ) throws {
    var list: [TensorIndex] = []
    repeat list.append(try (each index).tensorIndex())
    let (view, chosen) = try indexed(list)
    if chosen.isEmpty {
      try view.fill_(value)
    } else {
      try Aten.indexPutInPlace(view, chosen, try Tensor.full([], value, dtype: dtype, device: device))
    }
  }

  /// Applies what gives views, and lists the index tensors, each at the dimension of the view where it begins.
  private func indexed(_ list: [TensorIndex]) throws -> (view: Tensor, chosen: [Tensor?]) {
    let shape = shape
    let used = list.reduce(0) { $0 + $1.dimensionCount }
    guard used <= shape.count else {
      throw TorchError("\(used) indices are too many for \(summary), which has \(shape.count) dimensions")
    }
    var view = self
    var dim = 0  // of the view
    var own = 0  // the same dimension as the tensor itself counts
    var chosen: [Tensor?] = []
    var covered = 0  // dimensions of the view that `chosen` speaks of
    var hasEllipsis = false

    func choose(_ index: Tensor, dimensions: Int) {
      chosen += [Tensor?](repeating: nil, count: dim - covered)
      chosen.append(index)
      dim += dimensions
      covered = dim
    }

    for index in list {
      switch index.kind {
      case .at(let position):
        view = try view.selected(position, dim, own: own, size: shape[own])
        own += 1
      case .slice(let from, let to, let by):
        guard by > 0 else { throw TorchError("the step of an index must be greater than zero, not \(by)") }
        if from != nil || to != nil || by != 1 {
          // A greater step than the size takes one element as well, and cannot overflow.
          view = try Aten.slice(view, dim, from, to, Swift.min(by, Swift.max(shape[own], 1)))
        }
        dim += 1
        own += 1
      case .newAxis:
        view = try view.unsqueeze(dim)
        dim += 1
      case .ellipsis:
        guard !hasEllipsis else { throw TorchError("an index can hold only one ellipsis") }
        hasEllipsis = true
        dim += shape.count - used
        own += shape.count - used
      case .tensor(let tensor) where tensor.ndim == 0 && tensor.dtype == .bool:
        view = try view.unsqueeze(dim)
        let isTrue: Bool = try tensor.item()
        choose(try Tensor.zeros([isTrue ? 1 : 0], dtype: .int64, device: device), dimensions: 1)
      case .tensor(let tensor) where tensor.ndim == 0 && tensor.dtype.isInteger:
        view = try view.selected(try tensor.item(), dim, own: own, size: shape[own])
        own += 1
      case .tensor(let tensor):
        choose(tensor, dimensions: index.dimensionCount)
        own += index.dimensionCount
      }
    }
    return (view, chosen)
  }

  private func selected(_ position: Int, _ dim: Int, own: Int, size: Int) throws -> Tensor {
    guard position >= -size, position < size else {
      throw TorchError("index \(position) is out of bounds for dimension \(own) of size \(size)")
    }
    return try Aten.select(self, dim, position)
  }
}

extension TensorIndex {
  /// How many of the tensor's dimensions the index uses up.
  fileprivate var dimensionCount: Int {
    switch kind {
    case .at, .slice: 1
    case .newAxis, .ellipsis: 0
    case .tensor(let tensor): tensor.dtype == .bool ? tensor.ndim : 1
    }
  }
}

extension DType {
  fileprivate var isInteger: Bool { !isFloatingPoint && self != .bool }
}

extension Aten {
  static let select = Operator("aten::select.int")
  static let slice = Operator("aten::slice.Tensor")
  static let index = Operator("aten::index.Tensor")
  static let indexPutInPlace = Operator("aten::index_put_")
}
