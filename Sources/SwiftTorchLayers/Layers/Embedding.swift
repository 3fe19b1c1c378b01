/// A table of vectors, one for each whole number: `y[…] = weight[input[…]]`, `torch.nn.Embedding`.
///
/// Shapes: input `[…]` of type int64 or int32, output `[…, embeddingDim]`, weight
/// `[numEmbeddings, embeddingDim]`. The weight starts normal with mean 0 and variance 1. PyTorch's sparse
/// gradients are not offered.
/// - Precondition: `−numEmbeddings ≤ paddingIdx < numEmbeddings`.
/// - Throws: `TorchError` when an index is not in the table.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
public final class Embedding: Module {
  public let numEmbeddings: Int
  public let embeddingDim: Int
  /// The row that starts at zero and gets no gradient.
  public let paddingIdx: Int?
  /// The largest norm a row may have; a longer one is shortened in the table when it is looked up.
  public let maxNorm: Double?
  /// Which norm: 2 is the length.
  public let normType: Double
  /// Whether a row's gradient is divided by how often the row was looked up.
  public let scaleGradByFreq: Bool
  @Parameter public var weight: Tensor

  /// - Parameter paddingIdx: counts from the end when negative.
  public init(
    numEmbeddings: Int, embeddingDim: Int, paddingIdx: Int? = nil, maxNorm: Double? = nil,
    normType: Double = 2, scaleGradByFreq: Bool = false, device: Device = .cpu, dtype: DType = .float32
  ) {
    self.numEmbeddings = numEmbeddings
    self.embeddingDim = embeddingDim
    let padding = paddingIdx.map { $0 < 0 ? $0 + numEmbeddings : $0 }
    self.paddingIdx = padding
    self.maxNorm = maxNorm
    self.normType = normType
    self.scaleGradByFreq = scaleGradByFreq
    _weight = Parameter(
      wrappedValue: Initialization.make([numEmbeddings, embeddingDim], dtype, device) { tensor in
        try Aten.normalInPlace(tensor, 0.0, 1.0, nil as Generator?)
        if let padding { try Aten.fillInPlace(Aten.select(tensor, 0, padding), 0.0) }
      })
    super.init()
    require(
      padding.map { $0 >= 0 && $0 < numEmbeddings } ?? true,
      "paddingIdx (\(paddingIdx ?? 0)) must be within numEmbeddings (\(numEmbeddings))")
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    if let maxNorm {
      try noGrad { _ = try Aten.embeddingRenormInPlace(weight, input.contiguous(), maxNorm, normType) }
    }
    return try Aten.embedding(weight, input, paddingIdx ?? -1, scaleGradByFreq, false)
  }

  public override var extraDescription: String {
    var text = "\(numEmbeddings), \(embeddingDim)"
    if let paddingIdx { text += ", padding_idx=\(paddingIdx)" }
    if let maxNorm { text += ", max_norm=\(pythonDescription(maxNorm))" }
    if normType != 2 { text += ", norm_type=\(pythonDescription(normType))" }
    if scaleGradByFreq { text += ", scale_grad_by_freq=True" }
    return text
  }
}

extension Aten {
  static let embedding = Operator("aten::embedding")
  static let embeddingRenormInPlace = Operator("aten::embedding_renorm_")
}
