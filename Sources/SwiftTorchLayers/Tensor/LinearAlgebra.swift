extension Tensor {
  /// The matrix product over the last two dimensions, the others broadcast; of two vectors their dot product,
  /// of a matrix and a vector a vector: `torch.matmul`.
  public func matmul(_ other: Tensor) throws -> Tensor { try Aten.matmul(self, other) }

  /// [n, k] · [k, m] = [n, m], without broadcasting.
  public func mm(_ mat2: Tensor) throws -> Tensor { try Aten.mm(self, mat2) }

  /// [b, n, k] · [b, k, m] = [b, n, m]: a matrix product for each of b.
  public func bmm(_ mat2: Tensor) throws -> Tensor { try Aten.bmm(self, mat2) }

  /// [n, k] · [k] = [n].
  public func mv(_ vec: Tensor) throws -> Tensor { try Aten.mv(self, vec) }

  /// Σ xᵢyᵢ of two vectors of one length.
  public func dot(_ other: Tensor) throws -> Tensor { try Aten.dot(self, other) }

  /// [n] and [m] give [n, m]: all products xᵢyⱼ.
  public func outer(_ vec2: Tensor) throws -> Tensor { try Aten.outer(self, vec2) }

  /// beta · self + alpha · (mat1 · mat2), self broadcast to the product's shape.
  public func addmm(
    _ mat1: Tensor, _ mat2: Tensor, beta: some Number = 1, alpha: some Number = 1
  ) throws -> Tensor {
    try Aten.addmm(self, mat1, mat2, beta, alpha)
  }

  /// beta · self + alpha · (batch1 · batch2), a matrix product for each of the batch.
  public func baddbmm(
    _ batch1: Tensor, _ batch2: Tensor, beta: some Number = 1, alpha: some Number = 1
  ) throws -> Tensor {
    try Aten.baddbmm(self, batch1, batch2, beta, alpha)
  }

  /// The elements on the k-th diagonal and below it, zeros elsewhere; k counts upwards from the main one.
  public func tril(diagonal: Int = 0) throws -> Tensor { try Aten.tril(self, diagonal) }

  /// The elements on the k-th diagonal and above it, zeros elsewhere; k counts upwards from the main one.
  public func triu(diagonal: Int = 0) throws -> Tensor { try Aten.triu(self, diagonal) }

  /// A view of the k-th diagonal of a matrix.
  public func diagonal(offset: Int = 0) throws -> Tensor { try Aten.diagonal(self, offset) }
}

/// Sums of products in Einstein's notation: `einsum("ij,jk->ik", a, b)` is the matrix product.
public func einsum(_ equation: String, _ operands: Tensor...) throws -> Tensor {
  try Aten.einsum(equation, operands)
}

extension Aten {
  static let matmul = Operator("aten::matmul")
  static let mm = Operator("aten::mm")
  static let bmm = Operator("aten::bmm")
  static let mv = Operator("aten::mv")
  static let dot = Operator("aten::dot")
  static let outer = Operator("aten::outer")
  static let addmm = Operator("aten::addmm")
  static let baddbmm = Operator("aten::baddbmm")
  static let tril = Operator("aten::tril")
  static let triu = Operator("aten::triu")
  static let diagonal = Operator("aten::diagonal")
  static let einsum = Operator("aten::einsum")
}
