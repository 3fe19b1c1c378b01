// Choosing and placing elements by index tensors (`int64`) and masks (`bool`).
extension Tensor {
  /// The slices at positions `index` (a vector) along `dim`, in its order: `torch.index_select`.
  /// - Throws: `TorchError` when a position is outside.
  public func indexSelect(dim: Int, _ index: Tensor) throws -> Tensor {
    try Aten.indexSelect(self, dim, index)
  }

  /// For `dim` = 1: result[i][j] = self[i][index[i][j]]: `torch.gather`. The result has the index's shape.
  /// - Throws: `TorchError` when a position is outside.
  public func gather(dim: Int, _ index: Tensor) throws -> Tensor { try Aten.gather(self, dim, index) }

  /// A copy with `value` where `mask` (bool, broadcast) is true: `masked_fill`.
  public func maskedFill(_ mask: Tensor, _ value: some Number) throws -> Tensor {
    try Aten.maskedFill(self, mask, value)
  }

  /// The elements where `mask` (bool, broadcast) is true, as a vector: `torch.masked_select`.
  public func maskedSelect(_ mask: Tensor) throws -> Tensor { try Aten.maskedSelect(self, mask) }

  /// The positions of the elements that are not zero, [count, dimensions]: `torch.nonzero`.
  public func nonzero() throws -> Tensor { try Aten.nonzero(self) }

  /// A new last dimension with 1 at the position that each `int64` element states, else 0:
  /// `torch.nn.functional.one_hot`.
  /// - Parameter numClasses: the size of the new dimension; −1 makes it one more than the greatest element.
  /// - Throws: `TorchError` for negative elements and those that are not below `numClasses`.
  public func oneHot(numClasses: Int = -1) throws -> Tensor { try Aten.oneHot(self, numClasses) }
}

extension Aten {
  static let indexSelect = Operator("aten::index_select")
  static let gather = Operator("aten::gather")
  static let maskedFill = Operator("aten::masked_fill.Scalar")
  static let maskedSelect = Operator("aten::masked_select")
  static let nonzero = Operator("aten::nonzero")
  static let oneHot = Operator("aten::one_hot")
}
