extension Tensor {
  /// A two-dimensional copy of `rows`.
  /// - Throws: `TorchError` when the rows differ in length.
  public init<Scalar: TensorScalar>(_ rows: [[Scalar]]) throws {
    let width = rows.first?.count ?? 0
    if let ragged = rows.firstIndex(where: { $0.count != width }) {
      throw TorchError("row \(ragged) has \(rows[ragged].count) elements where row 0 has \(width)")
    }
    try self.init(rows.flatMap { $0 }, shape: [rows.count, width])
  }

  // MARK: Constant

  /// Zeros: `torch.zeros`.
  public static func zeros(
    _ size: [Int], dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
  ) throws -> Tensor {
    try Aten.zeros(size, dtype, nil as Int?, device).recorded(requiresGrad)
  }

  /// Ones: `torch.ones`.
  public static func ones(
    _ size: [Int], dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
  ) throws -> Tensor {
    try Aten.ones(size, dtype, nil as Int?, device).recorded(requiresGrad)
  }

  /// Elements of whatever value the memory held: `torch.empty`.
  public static func empty(
    _ size: [Int], dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
  ) throws -> Tensor {
    try Aten.emptyWithFormat(size, dtype, nil as Int?, device).recorded(requiresGrad)
  }

  /// `fillValue` everywhere: `torch.full`.
  /// - Parameter dtype: nil takes it from the number: `int64` for an `Int`, `bool` for a `Bool`, else `float32`.
  public static func full(
    _ size: [Int], _ fillValue: some Number, dtype: DType? = nil, device: Device = .cpu,
    requiresGrad: Bool = false
  ) throws -> Tensor {
    try Aten.full(size, fillValue, dtype, nil as Int?, device).recorded(requiresGrad)
  }

  /// The n × m matrix with ones on its diagonal; square without `m`: `torch.eye`.
  public static func eye(
    _ n: Int, _ m: Int? = nil, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
  ) throws -> Tensor {
    try Aten.eye(n, m ?? n, dtype, nil as Int?, device).recorded(requiresGrad)
  }

  // MARK: Sequences

  /// 0, 1, 2, … below `end`: `torch.arange`.
  /// - Parameter dtype: nil gives `int64` when all numbers are of type `Int`, else `float32`.
  public static func arange(
    _ end: some Number, dtype: DType? = nil, device: Device = .cpu, requiresGrad: Bool = false
  ) throws -> Tensor {
    try arange(0, end, dtype: dtype, device: device, requiresGrad: requiresGrad)
  }

  /// `start`, `start + step`, `start + 2·step`, … below `end` (above it when `step` is negative):
  /// ⌈(end − start) / step⌉ elements.
  /// - Parameter dtype: nil gives `int64` when all numbers are of type `Int`, else `float32`.
  /// - Throws: `TorchError` when `step` is zero or points away from `end`.
  public static func arange(
    _ start: some Number, _ end: some Number, _ step: some Number = 1, dtype: DType? = nil,
    device: Device = .cpu, requiresGrad: Bool = false
  ) throws -> Tensor {
    try Aten.arange(start, end, step, dtype, nil as Int?, device).recorded(requiresGrad)
  }

  /// `steps` numbers at equal distances from `start` to `end`, both included: `torch.linspace`.
  public static func linspace(
    _ start: some Number, _ end: some Number, _ steps: Int, dtype: DType = .float32, device: Device = .cpu,
    requiresGrad: Bool = false
  ) throws -> Tensor {
    try Aten.linspace(start, end, steps, dtype, nil as Int?, device).recorded(requiresGrad)
  }

  // MARK: Like another tensor

  /// Zeros in the shape, type, device and memory order of `input`: `torch.zeros_like`.
  public static func zerosLike(_ input: Tensor, dtype: DType? = nil, device: Device? = nil) throws -> Tensor {
    try Aten.zerosLike(input, dtype, nil as Int?, device)
  }

  /// Ones in the shape, type, device and memory order of `input`: `torch.ones_like`.
  public static func onesLike(_ input: Tensor, dtype: DType? = nil, device: Device? = nil) throws -> Tensor {
    try Aten.onesLike(input, dtype, nil as Int?, device)
  }

  /// Elements of any value in the shape, type, device and memory order of `input`: `torch.empty_like`.
  public static func emptyLike(_ input: Tensor, dtype: DType? = nil, device: Device? = nil) throws -> Tensor {
    try Aten.emptyLike(input, dtype, nil as Int?, device)
  }

  /// `fillValue` in the shape, type, device and memory order of `input`: `torch.full_like`.
  public static func fullLike(
    _ input: Tensor, _ fillValue: some Number, dtype: DType? = nil, device: Device? = nil
  ) throws -> Tensor {
    try Aten.fullLike(input, fillValue, dtype, nil as Int?, device)
  }

  /// Uniform on [0, 1) in the shape of `input`, from the default generator: `torch.rand_like`.
  public static func randLike(_ input: Tensor, dtype: DType? = nil, device: Device? = nil) throws -> Tensor {
    try Aten.randLike(input, dtype, nil as Int?, device)
  }

  /// Standard normal in the shape of `input`, from the default generator: `torch.randn_like`.
  public static func randnLike(_ input: Tensor, dtype: DType? = nil, device: Device? = nil) throws -> Tensor {
    try Aten.randnLike(input, dtype, nil as Int?, device)
  }

  // MARK: Random

  /// Uniform on [0, 1): `torch.rand`. The same seed draws the same numbers as in Python.
  /// - Parameter generator: nil draws from the device's default one, which `Torch.manualSeed` seeds.
  public static func rand(
    _ size: [Int], generator: Generator? = nil, dtype: DType = .float32, device: Device = .cpu,
    requiresGrad: Bool = false
  ) throws -> Tensor {
    try Aten.rand(size, generator, dtype, nil as Int?, device).recorded(requiresGrad)
  }

  /// Normal with mean 0 and variance 1: `torch.randn`. The same seed draws the same numbers as in Python.
  /// - Parameter generator: nil draws from the device's default one, which `Torch.manualSeed` seeds.
  public static func randn(
    _ size: [Int], generator: Generator? = nil, dtype: DType = .float32, device: Device = .cpu,
    requiresGrad: Bool = false
  ) throws -> Tensor {
    try Aten.randn(size, generator, dtype, nil as Int?, device).recorded(requiresGrad)
  }

  /// Integers uniform on `low` ..< `high`: `torch.randint`.
  /// - Throws: `TorchError` when `high` is not above `low`.
  public static func randint(
    _ low: Int, _ high: Int, _ size: [Int], generator: Generator? = nil, dtype: DType = .int64,
    device: Device = .cpu
  ) throws -> Tensor {
    try Aten.randint(low, high, size, generator, dtype, nil as Int?, device)
  }

  /// Integers uniform on 0 ..< `high`: `torch.randint`.
  public static func randint(
    _ high: Int, _ size: [Int], generator: Generator? = nil, dtype: DType = .int64, device: Device = .cpu
  ) throws -> Tensor {
    try randint(0, high, size, generator: generator, dtype: dtype, device: device)
  }

  /// 0 ..< `n` in random order: `torch.randperm`.
  public static func randperm(
    _ n: Int, generator: Generator? = nil, dtype: DType = .int64, device: Device = .cpu
  ) throws -> Tensor {
    try Aten.randperm(n, generator, dtype, nil as Int?, device)
  }

  /// Ones with the probabilities that the elements state, else zeros: `torch.bernoulli`.
  public func bernoulli(generator: Generator? = nil) throws -> Tensor {
    try Aten.bernoulli(self, generator)
  }

  /// `numSamples` indices for each row, index i with probability proportional to element i:
  /// `torch.multinomial`.
  /// - Throws: `TorchError` for negative weights, and for more samples than there are without `replacement`.
  public func multinomial(
    _ numSamples: Int, replacement: Bool = false, generator: Generator? = nil
  ) throws -> Tensor {
    try Aten.multinomial(self, numSamples, replacement, generator)
  }

  private func recorded(_ on: Bool) throws -> Tensor { on ? try requiresGrad(true) : self }
}

extension Aten {
  static let zeros = Operator("aten::zeros")
  static let ones = Operator("aten::ones")
  static let emptyWithFormat = Operator("aten::empty.memory_format")
  static let full = Operator("aten::full")
  static let eye = Operator("aten::eye.m")
  static let arange = Operator("aten::arange.start_step")
  static let linspace = Operator("aten::linspace")
  static let zerosLike = Operator("aten::zeros_like")
  static let onesLike = Operator("aten::ones_like")
  static let emptyLike = Operator("aten::empty_like")
  static let fullLike = Operator("aten::full_like")
  static let randLike = Operator("aten::rand_like")
  static let randnLike = Operator("aten::randn_like")
  static let rand = Operator("aten::rand.generator")
  static let randn = Operator("aten::randn.generator")
  static let randint = Operator("aten::randint.low_generator")
  static let randperm = Operator("aten::randperm.generator")
  static let bernoulli = Operator("aten::bernoulli")
  static let multinomial = Operator("aten::multinomial")
}
