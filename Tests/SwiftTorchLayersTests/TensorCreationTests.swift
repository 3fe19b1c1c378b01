import Testing

@testable import SwiftTorchLayers

@Suite("Making tensors")
struct TensorCreationTests {
  @Test("elements of every type come back as they were given")
  func roundTrips() throws {
    func check<Scalar: TensorScalar & Equatable>(_ values: [Scalar]) throws {
      let tensor = try Tensor(values, shape: [1, values.count])
      #expect(tensor.dtype == Scalar.dtype)
      #expect(try tensor.scalars(as: Scalar.self) == values)
      #expect(try tensor.t().scalars(as: Scalar.self) == values)
      #expect(try tensor[0, 1].item(as: Scalar.self) == values[1])
    }
    try check([true, false, true])
    try check([0, 255, 7] as [UInt8])
    try check([-128, 127, 7] as [Int8])
    try check([.min, .max, 7] as [Int16])
    try check([.min, .max, 7] as [Int32])
    try check([.min, .max, 7] as [Int64])
    try check([.min, .max, 7] as [Int])
    try check([-65504, 5.96e-8, .infinity] as [Float16])
    try check([BFloat16(1.5), BFloat16(-3.0e38)])
    try check([1.1754944e-38, -.infinity, 0.1] as [Float])
    try check([.leastNonzeroMagnitude, -.greatestFiniteMagnitude, 0.1] as [Double])
  }

  @Test("every type is made, filled, added to and read back", arguments: DType.allCases)
  func everyType(_ dtype: DType) throws {
    let tensor = try Tensor.ones([2, 3], dtype: dtype)
    #expect(tensor.dtype == dtype)
    #expect(tensor.shape == [2, 3])
    #expect(try tensor.scalars(as: Int.self) == [1, 1, 1, 1, 1, 1])
    #expect(try tensor.bytes().count == 6 * dtype.size)
    #expect(try (tensor * tensor).dtype == dtype)
  }

  @Test("constants and sequences")
  func constants() throws {
    #expect(try Tensor.zeros([2]).scalars() == [0, 0] as [Float])
    #expect(try Tensor.eye(2, 3).scalars() == [1, 0, 0, 0, 1, 0] as [Float])
    #expect(try Tensor.eye(2).shape == [2, 2])
    #expect(try Tensor.arange(3).scalars() == [0, 1, 2])
    #expect(try Tensor.arange(1, 2, 0.25).scalars() == [1, 1.25, 1.5, 1.75] as [Float])
    #expect(try Tensor.arange(5, 0, -2).scalars() == [5, 3, 1])
    #expect(try Tensor.linspace(0, 1, 5).scalars() == [0, 0.25, 0.5, 0.75, 1] as [Float])
    #expect(try Tensor.empty([4, 0]).shape == [4, 0])
    #expect(try Tensor([[1, 2], [3, 4]]).shape == [2, 2])
    #expect(try Tensor.zeros([1], requiresGrad: true).requiresGrad)
  }

  @Test("full and arange take their type from the number")
  func inferredTypes() throws {
    #expect(try Tensor.full([1], 2).dtype == .int64)
    #expect(try Tensor.full([1], 2.0).dtype == .float32)
    #expect(try Tensor.full([1], true).dtype == .bool)
    #expect(try Tensor.full([1], 2, dtype: .float64).dtype == .float64)
    #expect(try Tensor.arange(3).dtype == .int64)
    #expect(try Tensor.arange(3.0).dtype == .float32)
  }

  @Test("a tensor like another has its shape and type")
  func like() throws {
    let x = try Tensor([[1, 2, 3]])
    #expect(try Tensor.zerosLike(x).scalars() == [0, 0, 0])
    #expect(try Tensor.onesLike(x, dtype: .float32).scalars() == [1, 1, 1] as [Float])
    #expect(try Tensor.fullLike(x, 4).scalars() == [4, 4, 4])
    #expect(try Tensor.emptyLike(x).shape == [1, 3])
    #expect(try Tensor.randnLike(x, dtype: .float32).shape == [1, 3])
    #expect(try Tensor.randLike(x, dtype: .float64).dtype == .float64)
  }

  // Python 2.13.0, with g = torch.Generator().manual_seed(7), each line drawn after the one before:
  // torch.randn(3, generator=g), torch.rand(2, generator=g), torch.randint(5, 10, (4,), generator=g),
  // torch.randperm(6, generator=g), torch.empty(2).uniform_(-1, 1, generator=g),
  // torch.empty(2).normal_(5, 2, generator=g), torch.empty(6).bernoulli_(0.5, generator=g),
  // torch.tensor([0.1, 0.9, 0.5]).bernoulli(generator=g), torch.tensor([1., 0, 3]).multinomial(5, True,
  // generator=g), torch.randn(20, generator=g)[-2:]
  @Test("the same seed draws the same numbers as in Python")
  func draws() throws {
    let g = try Generator(seed: 7)
    #expect(
      try Tensor.randn([3], generator: g).scalars()
        == [-0.1467950940132141, 0.7861412763595581, 0.9468216300010681] as [Float])
    #expect(
      try Tensor.rand([2], generator: g).scalars() == [0.36531615257263184, 0.8512683510780334] as [Float])
    #expect(try Tensor.randint(5, 10, [4], generator: g).scalars() == [8, 6, 8, 7])
    #expect(try Tensor.randperm(6, generator: g).scalars() == [2, 1, 4, 0, 5, 3])
    #expect(
      try Tensor.empty([2]).uniform_(from: -1, to: 1, generator: g).scalars()
        == [-0.7844269275665283, 0.7657551765441895] as [Float])
    #expect(
      try Tensor.empty([2]).normal_(mean: 5, std: 2, generator: g).scalars()
        == [2.7713119983673096, 4.1275763511657715] as [Float])
    #expect(
      try Tensor.empty([6]).bernoulli_(p: 0.5, generator: g).scalars() == [0, 1, 0, 1, 0, 0] as [Float])
    #expect(
      try Tensor([0.1, 0.9, 0.5] as [Float]).bernoulli(generator: g).scalars() == [0, 1, 1] as [Float])
    #expect(
      try Tensor([1, 0, 3] as [Float]).multinomial(5, replacement: true, generator: g).scalars()
        == [2, 2, 2, 2, 2])
    #expect(
      try Tensor.randn([20], generator: g)[(-2)...].scalars()
        == [1.2877198457717896, 0.8684380650520325] as [Float])
  }

  @Test("integers below a bound are those from zero to it, all of them")
  func integersBelow() throws {
    try Torch.manualSeed(4)
    let short = try Tensor.randint(5, [200])
    try Torch.manualSeed(4)
    #expect(try short.equal(Tensor.randint(0, 5, [200])) && short.dtype == .int64)
    #expect(try Set(short.scalars(as: Int.self)) == [0, 1, 2, 3, 4])
    #expect(throws: TorchError.self) { try Tensor.randint(0, [2]) }
  }

  @Test("a list of truths is an argument: which gradients of a convolution are computed")
  func truths() throws {
    let (x, w) = (try Tensor.ones([1, 1, 3, 3]), try Tensor.full([1, 1, 2, 2], 2.0))
    let g = try Tensor.arange(4).to(.float32).reshape([1, 1, 2, 2])
    func gradients(_ mask: [Bool]) throws -> [Tensor?] {
      try Tensor.call(
        "aten::convolution_backward", g, x, w, [1] as [Int], [1, 1] as [Int], [0, 0] as [Int],
        [1, 1] as [Int], false, [0, 0] as [Int], 1, mask
      ).map { result -> Tensor? in
        if case .tensor(let tensor) = result { return tensor }
        return nil
      }
    }
    let all = try gradients([true, true, true])
    #expect(try all.count == 3 && all[2]?.scalars(as: Float.self) == [6])
    #expect(try all[1]?.scalars(as: Float.self) == [6, 6, 6, 6])
    let some = try gradients([false, true, false])
    #expect(try some[0] == nil && some[2] == nil && some[1]?.scalars(as: Float.self) == [6, 6, 6, 6])
  }

  @Test("what cannot be made is an error")
  func errors() throws {
    #expect(message { try Tensor([1, 2, 3], shape: [2, 2]) }.contains("needs 4 elements"))
    #expect(message { try Tensor([[1, 2], [3]]) } == "row 1 has 1 elements where row 0 has 2")
    #expect(message { try Tensor.zeros([2, -1]) }.contains("negative"))
    #expect(message { try Tensor.zeros([1 << 40, 1 << 40]) } != "no error")
    #expect(message { try Tensor.arange(0, 3, 0) }.contains("step must be nonzero"))
    #expect(message { try Tensor.randint(3, 3, [1]) } != "no error")
    #expect(message { try Tensor.zeros([1], dtype: .int64, requiresGrad: true) }.contains("floating point"))
  }

  @Test("a tensor that could not be made throws its reason wherever it is used, and prints it")
  func failedTensor() throws {
    let failed = Tensor(failed: TorchError("no such weight"))
    #expect(failed.description == "no such weight")
    #expect(message { try failed + 1 } == "no such weight")
    #expect(message { try failed[0] } != "no error")
    #expect(message { try cat([failed]) } == "no such weight")
  }
}
