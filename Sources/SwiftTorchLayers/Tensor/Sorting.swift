// Greatest and least elements, and where they are. NaN counts as greater than every number, as in PyTorch.
extension Tensor {
  /// The greatest element.
  public func max() throws -> Tensor { try Aten.max(self) }

  /// The greatest elements along `dim` and their positions there (`int64`).
  public func max(dim: Int, keepdim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
    pair(try Aten.maxDim.tensors(self, dim, keepdim))
  }

  /// The least element.
  public func min() throws -> Tensor { try Aten.min(self) }

  /// The least elements along `dim` and their positions there (`int64`).
  public func min(dim: Int, keepdim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
    pair(try Aten.minDim.tensors(self, dim, keepdim))
  }

  /// The position of the greatest element along `dim`; without it, in row-major order of all.
  public func argmax(dim: Int? = nil, keepdim: Bool = false) throws -> Tensor {
    try Aten.argmax(self, dim, keepdim)
  }

  /// The position of the least element along `dim`; without it, in row-major order of all.
  public func argmin(dim: Int? = nil, keepdim: Bool = false) throws -> Tensor {
    try Aten.argmin(self, dim, keepdim)
  }

  /// The `k` greatest (or least) elements along `dim` and their positions.
  /// - Throws: `TorchError` when there are fewer than `k`.
  public func topk(
    _ k: Int, dim: Int = -1, largest: Bool = true, sorted: Bool = true
  ) throws -> (values: Tensor, indices: Tensor) {
    pair(try Aten.topk.tensors(self, k, dim, largest, sorted))
  }

  /// The elements in order along `dim`, and the position where each was.
  /// - Parameter stable: equal elements keep their order.
  public func sort(
    dim: Int = -1, descending: Bool = false, stable: Bool = false
  ) throws -> (values: Tensor, indices: Tensor) {
    pair(try Aten.sort.tensors(self, stable, dim, descending))
  }

  /// The positions that put the elements in order along `dim`.
  public func argsort(dim: Int = -1, descending: Bool = false, stable: Bool = false) throws -> Tensor {
    try sort(dim: dim, descending: descending, stable: stable).indices
  }

  private func pair(_ results: [Tensor]) -> (values: Tensor, indices: Tensor) { (results[0], results[1]) }
}

extension Aten {
  static let max = Operator("aten::max")
  static let maxDim = Operator("aten::max.dim")
  static let min = Operator("aten::min")
  static let minDim = Operator("aten::min.dim")
  static let argmax = Operator("aten::argmax")
  static let argmin = Operator("aten::argmin")
  static let topk = Operator("aten::topk")
  static let sort = Operator("aten::sort.stable")
}
