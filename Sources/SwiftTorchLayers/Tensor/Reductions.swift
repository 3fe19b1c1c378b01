/// One dimension, or a list of several; negative ones count from the last.
public protocol DimensionConvertible {
  /// The dimensions as a list.
  var dimensions: [Int] { get }
}
extension Int: DimensionConvertible {
  /// This one dimension.
  public var dimensions: [Int] { [self] }
}
extension Array: DimensionConvertible where Element == Int {
  /// The list itself.
  public var dimensions: [Int] { self }
}

// Without `dim` a reduction is over all elements and gives a tensor of no dimensions. With it those dimensions
// go, or with `keepdim` stay as size 1. A `dim` that the tensor does not have is an error.
extension Tensor {
  /// The sum of all elements; of integers and bools an `int64`.
  /// - Parameter dtype: the type to convert to before, nil for none.
  public func sum(dtype: DType? = nil) throws -> Tensor { try Aten.sum(self, nil as [Int]?, false, dtype) }

  /// Sums along `dim`.
  /// - Parameter dtype: the type to convert to before, nil for none.
  public func sum(dim: some DimensionConvertible, keepdim: Bool = false, dtype: DType? = nil) throws -> Tensor
  {
    try Aten.sum(self, dim.dimensions, keepdim, dtype)
  }

  /// The mean of all elements.
  /// - Throws: `TorchError` for integer elements without a floating-point `dtype`.
  public func mean(dtype: DType? = nil) throws -> Tensor { try Aten.mean(self, nil as [Int]?, false, dtype) }

  /// Means along `dim`.
  /// - Throws: `TorchError` for integer elements without a floating-point `dtype`.
  public func mean(dim: some DimensionConvertible, keepdim: Bool = false, dtype: DType? = nil) throws
    -> Tensor
  {
    try Aten.mean(self, dim.dimensions, keepdim, dtype)
  }

  /// The variance of all elements, Σ(x − mean)² / (n − correction).
  public func `var`(correction: Int = 1) throws -> Tensor { try Aten.var(self, nil as [Int]?, correction) }

  /// Variances along `dim`, Σ(x − mean)² / (n − correction).
  public func `var`(
    dim: some DimensionConvertible, correction: Int = 1, keepdim: Bool = false
  ) throws -> Tensor {
    try Aten.var(self, dim.dimensions, correction, keepdim)
  }

  /// The standard deviation of all elements, √(Σ(x − mean)² / (n − correction)).
  public func std(correction: Int = 1) throws -> Tensor { try Aten.std(self, nil as [Int]?, correction) }

  /// Standard deviations along `dim`, √(Σ(x − mean)² / (n − correction)).
  public func std(
    dim: some DimensionConvertible, correction: Int = 1, keepdim: Bool = false
  ) throws -> Tensor {
    try Aten.std(self, dim.dimensions, correction, keepdim)
  }

  /// The product of all elements; of integers and bools an `int64`.
  public func prod(dtype: DType? = nil) throws -> Tensor { try Aten.prod(self, dtype) }

  /// Products along `dim`.
  public func prod(dim: Int, keepdim: Bool = false, dtype: DType? = nil) throws -> Tensor {
    try Aten.prodDim(self, dim, keepdim, dtype)
  }

  /// (Σ|x|ᵖ)^(1/p) over all elements: `torch.norm`.
  /// - Parameter p: infinity gives the greatest absolute value.
  public func norm(p: some Number = 2) throws -> Tensor { try Aten.vectorNorm(self, p) }

  /// (Σ|x|ᵖ)^(1/p) along `dim`.
  public func norm(p: some Number = 2, dim: some DimensionConvertible, keepdim: Bool = false) throws -> Tensor
  {
    try Aten.vectorNorm(self, p, dim.dimensions, keepdim)
  }

  /// log Σ exp(x) along `dim`, without overflow.
  public func logsumexp(dim: some DimensionConvertible, keepdim: Bool = false) throws -> Tensor {
    try Aten.logsumexp(self, dim.dimensions, keepdim)
  }

  /// Whether all elements are true (not zero).
  public func all() throws -> Tensor { try Aten.all(self) }
  /// Whether all elements along `dim` are true (not zero).
  public func all(dim: Int, keepdim: Bool = false) throws -> Tensor { try Aten.allDim(self, dim, keepdim) }
  /// Whether any element is true (not zero).
  public func any() throws -> Tensor { try Aten.any(self) }
  /// Whether any element along `dim` is true (not zero).
  public func any(dim: Int, keepdim: Bool = false) throws -> Tensor { try Aten.anyDim(self, dim, keepdim) }

  /// The number of elements that are not zero, along `dim` or of all.
  public func countNonzero(dim: Int? = nil) throws -> Tensor { try Aten.countNonzero(self, dim) }

  /// Sums of the elements up to and including each along `dim`.
  public func cumsum(dim: Int, dtype: DType? = nil) throws -> Tensor { try Aten.cumsum(self, dim, dtype) }

  /// Products of the elements up to and including each along `dim`.
  public func cumprod(dim: Int, dtype: DType? = nil) throws -> Tensor { try Aten.cumprod(self, dim, dtype) }
}

extension Aten {
  static let sum = Operator("aten::sum.dim_IntList")
  static let mean = Operator("aten::mean.dim")
  static let `var` = Operator("aten::var.correction")
  static let std = Operator("aten::std.correction")
  static let prod = Operator("aten::prod")
  static let prodDim = Operator("aten::prod.dim_int")
  static let vectorNorm = Operator("aten::linalg_vector_norm")
  static let logsumexp = Operator("aten::logsumexp")
  static let all = Operator("aten::all")
  static let allDim = Operator("aten::all.dim")
  static let any = Operator("aten::any")
  static let anyDim = Operator("aten::any.dim")
  static let countNonzero = Operator("aten::count_nonzero")
  static let cumsum = Operator("aten::cumsum")
  static let cumprod = Operator("aten::cumprod")
}
