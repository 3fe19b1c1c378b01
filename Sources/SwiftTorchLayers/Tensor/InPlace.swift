// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names end in an underscore as in PyTorch.

// Operators that overwrite the tensor's own elements and return the tensor. They throw when the result's shape
// or type does not fit the tensor, and when autograd needs the old elements or the tensor is a leaf that
// requires a gradient (work inside `noGrad` then).
extension Tensor {
  /// Overwrites the elements with those of `source`, broadcast, converted and moved as needed: `copy_`.
  @discardableResult
  public func copy_(_ source: Tensor) throws -> Tensor { try Aten.copyInPlace(self, source, false) }

  /// self ← self + alpha · other, broadcast.
  @discardableResult
  public func add_(_ other: Tensor, alpha: some Number = 1) throws -> Tensor {
    try Aten.addInPlace(self, other, alpha)
  }

  /// self ← self + alpha · other.
  @discardableResult
  public func add_(_ other: some Number, alpha: some Number = 1) throws -> Tensor {
    try Aten.addScalarInPlace(self, other, alpha)
  }

  /// self ← self − alpha · other, broadcast.
  @discardableResult
  public func sub_(_ other: Tensor, alpha: some Number = 1) throws -> Tensor {
    try Aten.subInPlace(self, other, alpha)
  }

  /// self ← self − alpha · other.
  @discardableResult
  public func sub_(_ other: some Number, alpha: some Number = 1) throws -> Tensor {
    try Aten.subScalarInPlace(self, other, alpha)
  }

  /// self ← self · other, elementwise and broadcast.
  @discardableResult
  public func mul_(_ other: Tensor) throws -> Tensor { try Aten.mulInPlace(self, other) }

  /// self ← self · other.
  @discardableResult
  public func mul_(_ other: some Number) throws -> Tensor { try Aten.mulScalarInPlace(self, other) }

  /// self ← self / other, elementwise and broadcast.
  /// - Throws: `TorchError` for integer elements, since the quotient is floating-point.
  @discardableResult
  public func div_(_ other: Tensor) throws -> Tensor { try Aten.divInPlace(self, other) }

  /// self ← self / other.
  /// - Throws: `TorchError` for integer elements, since the quotient is floating-point.
  @discardableResult
  public func div_(_ other: some Number) throws -> Tensor { try Aten.divScalarInPlace(self, other) }

  /// self ← 0.
  @discardableResult
  public func zero_() throws -> Tensor { try Aten.zeroInPlace(self) }

  /// self ← value, converted to the tensor's type.
  @discardableResult
  public func fill_(_ value: some Number) throws -> Tensor { try Aten.fillInPlace(self, value) }

  /// self ← self + value · tensor1 · tensor2, elementwise.
  @discardableResult
  public func addcmul_(_ tensor1: Tensor, _ tensor2: Tensor, value: some Number = 1) throws -> Tensor {
    try Aten.addcmulInPlace(self, tensor1, tensor2, value)
  }

  /// self ← self + value · tensor1 / tensor2, elementwise.
  @discardableResult
  public func addcdiv_(_ tensor1: Tensor, _ tensor2: Tensor, value: some Number = 1) throws -> Tensor {
    try Aten.addcdivInPlace(self, tensor1, tensor2, value)
  }

  /// self ← self + weight · (end − self).
  @discardableResult
  public func lerp_(_ end: Tensor, _ weight: some Number) throws -> Tensor {
    try Aten.lerpScalarInPlace(self, end, weight)
  }

  /// self ← √self.
  @discardableResult
  public func sqrt_() throws -> Tensor { try Aten.sqrtInPlace(self) }

  /// self ← min(max(self, min), max).
  @discardableResult
  public func clamp_(min: some Number, max: some Number) throws -> Tensor {
    try Aten.clampInPlace(self, min, max)
  }

  /// self ← max(self, min).
  @discardableResult
  public func clamp_(min: some Number) throws -> Tensor { try Aten.clampInPlace(self, min, nil as Int?) }

  /// self ← min(self, max).
  @discardableResult
  public func clamp_(max: some Number) throws -> Tensor { try Aten.clampInPlace(self, nil as Int?, max) }

  /// `value` where `mask` (bool, broadcast) is true.
  @discardableResult
  public func maskedFill_(_ mask: Tensor, _ value: some Number) throws -> Tensor {
    try Aten.maskedFillInPlace(self, mask, value)
  }

  /// For `dim` = 1: self[i][index[i][j]] ← src[i][j]: `scatter_`. Which of several for one place stays is not
  /// defined.
  @discardableResult
  public func scatter_(dim: Int, _ index: Tensor, _ src: Tensor) throws -> Tensor {
    try Aten.scatterInPlace(self, dim, index, src)
  }

  /// For `dim` = 1: self[i][index[i][j]] ← value: `scatter_`.
  @discardableResult
  public func scatter_(dim: Int, _ index: Tensor, _ value: some Number) throws -> Tensor {
    try Aten.scatterValueInPlace(self, dim, index, value)
  }

  /// For `dim` = 1: self[i][index[i][j]] ← self[i][index[i][j]] + src[i][j]: `scatter_add_`.
  @discardableResult
  public func scatterAdd_(dim: Int, _ index: Tensor, _ src: Tensor) throws -> Tensor {
    try Aten.scatterAddInPlace(self, dim, index, src)
  }

  // MARK: Random

  /// Uniform on [from, to).
  /// - Parameter generator: nil draws from the device's default one, which `Torch.manualSeed` seeds.
  @discardableResult
  public func uniform_(from: Double = 0, to: Double = 1, generator: Generator? = nil) throws -> Tensor {
    try Aten.uniformInPlace(self, from, to, generator)
  }

  /// Normal with the given mean and standard deviation.
  /// - Parameter generator: nil draws from the device's default one, which `Torch.manualSeed` seeds.
  @discardableResult
  public func normal_(mean: Double = 0, std: Double = 1, generator: Generator? = nil) throws -> Tensor {
    try Aten.normalInPlace(self, mean, std, generator)
  }

  /// 1 with probability `p`, else 0.
  /// - Parameter generator: nil draws from the device's default one, which `Torch.manualSeed` seeds.
  @discardableResult
  public func bernoulli_(p: Double = 0.5, generator: Generator? = nil) throws -> Tensor {
    try Aten.bernoulliInPlace(self, p, generator)
  }
}

extension Aten {
  static let addInPlace = Operator("aten::add_.Tensor")
  static let addScalarInPlace = Operator("aten::add_.Scalar")
  static let subInPlace = Operator("aten::sub_.Tensor")
  static let subScalarInPlace = Operator("aten::sub_.Scalar")
  static let mulInPlace = Operator("aten::mul_.Tensor")
  static let mulScalarInPlace = Operator("aten::mul_.Scalar")
  static let divInPlace = Operator("aten::div_.Tensor")
  static let divScalarInPlace = Operator("aten::div_.Scalar")
  static let zeroInPlace = Operator("aten::zero_")
  static let fillInPlace = Operator("aten::fill_.Scalar")
  static let addcmulInPlace = Operator("aten::addcmul_")
  static let addcdivInPlace = Operator("aten::addcdiv_")
  static let lerpScalarInPlace = Operator("aten::lerp_.Scalar")
  static let sqrtInPlace = Operator("aten::sqrt_")
  static let clampInPlace = Operator("aten::clamp_")
  static let maskedFillInPlace = Operator("aten::masked_fill_.Scalar")
  static let scatterInPlace = Operator("aten::scatter_.src")
  static let scatterValueInPlace = Operator("aten::scatter_.value")
  static let scatterAddInPlace = Operator("aten::scatter_add_")
  static let uniformInPlace = Operator("aten::uniform_")
  static let normalInPlace = Operator("aten::normal_")
  static let bernoulliInPlace = Operator("aten::bernoulli_.float")
}
