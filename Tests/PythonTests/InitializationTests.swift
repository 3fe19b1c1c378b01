import SwiftTorchLayers
import Testing

/// An initialiser here and the same in Python, of a tensor of zeros.
struct InitializationCase: Sendable, CustomTestStringConvertible {
  typealias Make = @Sendable (_ w: Tensor, _ own: Generator) throws -> Tensor

  let python: String
  let shape: [Int]
  let dtype: DType
  let make: Make

  init(_ python: String, _ shape: [Int], _ dtype: DType = .float32, _ make: @escaping Make) {
    self.python = python
    self.shape = shape
    self.dtype = dtype
    self.make = make
  }

  var testDescription: String { "\(python) of \(dtype)\(shape)" }
  var name: String { String(python.drop { $0 != "." }.dropFirst().prefix { $0 != "(" }) }

  static let all = plain + byRule + truncated + byFan

  private static let plain: [InitializationCase] = [
    .init("init.uniform_(w)", [7, 3]) { w, _ in try uniform(w) },
    .init("init.uniform_(w, -0.3, 2, generator=own)", [4, 5], .float64) {
      try uniform($0, a: -0.3, b: 2, generator: $1)
    },
    .init("init.normal_(w)", [7, 3]) { w, _ in try normal(w) },
    .init("init.normal_(w, 1.5, 0.2, generator=own)", [40]) {
      try normal($0, mean: 1.5, std: 0.2, generator: $1)
    },
    .init("init.constant_(w, 0.3)", [2, 3]) { w, _ in try constant(w, 0.3) },
    .init("init.ones_(w)", [2, 3]) { w, _ in try ones(w) },
    .init("init.zeros_(w + 1)", [2, 3]) { w, _ in try zeros(w + 1) },
  ]

  private static let byRule: [InitializationCase] = [
    .init("init.eye_(w + 2)", [3, 5]) { w, _ in try eye(w + 2) },
    .init("init.eye_(w)", [5, 3]) { w, _ in try eye(w) },
    .init("init.dirac_(w + 2)", [5, 3, 4]) { w, _ in try dirac(w + 2) },
    .init("init.dirac_(w, 2)", [6, 4, 3, 5]) { w, _ in try dirac(w, groups: 2) },
    .init("init.dirac_(w, 3)", [3, 2, 2, 3, 4]) { w, _ in try dirac(w, groups: 3) },
    .init("init.orthogonal_(w)", [4, 9]) { w, _ in try orthogonal(w) },
    .init("init.orthogonal_(w, gain=1.4, generator=own)", [30, 3, 2]) {
      try orthogonal($0, gain: 1.4, generator: $1)
    },
    .init("init.orthogonal_(w)", [6, 6], .float64) { w, _ in try orthogonal(w) },
    .init("init.orthogonal_(w)", [0, 6]) { w, _ in try orthogonal(w) },
    .init("init.sparse_(w, 0.3)", [7, 4]) { w, _ in try sparse(w, sparsity: 0.3) },
    .init("init.sparse_(w, 1, std=2, generator=own)", [5, 3]) {
      try sparse($0, sparsity: 1, std: 2, generator: $1)
    },
  ]

  private static let truncated: [InitializationCase] = [
    .init("init.trunc_normal_(w)", [40, 20]) { w, _ in try truncNormal(w) },
    .init("init.trunc_normal_(w, 0.5, 2, -1, 1.5, generator=own)", [50]) {
      try truncNormal($0, mean: 0.5, std: 2, a: -1, b: 1.5, generator: $1)
    },
    .init("init.trunc_normal_(w, 0, 1, 0.9, 1.1)", [300]) { w, _ in try truncNormal(w, a: 0.9, b: 1.1) },
    .init("init.trunc_normal_(w, 0, 0.5, -4, -1)", [70], .float64) { w, _ in
      try truncNormal(w, std: 0.5, a: -4, b: -1)
    },
    .init("init.trunc_normal_(w, 0, 0.02)", [64], .bfloat16) { w, _ in try truncNormal(w, std: 0.02) },
  ]

  private static let byFan: [InitializationCase] = [
    .init("init.xavier_uniform_(w)", [5, 3]) { w, _ in try xavierUniform(w) },
    .init("init.xavier_uniform_(w, gain=init.calculate_gain('tanh'), generator=own)", [8, 4, 3, 3]) {
      try xavierUniform($0, gain: calculateGain(.tanh), generator: $1)
    },
    .init("init.xavier_normal_(w, gain=init.calculate_gain('selu'))", [8, 4, 3]) { w, _ in
      try xavierNormal(w, gain: calculateGain(.selu))
    },
    .init("init.kaiming_uniform_(w)", [3, 2]) { w, _ in try kaimingUniform(w) },
    .init("init.kaiming_uniform_(w, a=2.25, mode='fan_out', generator=own)", [64, 3, 7, 7]) {
      try kaimingUniform($0, a: 2.25, mode: .fanOut, generator: $1)
    },
    .init("init.kaiming_uniform_(w, nonlinearity='linear')", [0, 3]) { w, _ in
      try kaimingUniform(w, nonlinearity: .linear)
    },
    .init("init.kaiming_normal_(w, a=0.2, mode='fan_out')", [5, 3]) { w, _ in
      try kaimingNormal(w, a: 0.2, mode: .fanOut)
    },
    .init("init.kaiming_normal_(w, mode='fan_out', nonlinearity='relu')", [4, 6, 2, 3, 5]) { w, _ in
      try kaimingNormal(w, mode: .fanOut, nonlinearity: .relu)
    },
    .init("init.constant_(w, init.calculate_gain('leaky_relu'))", [1], .float64) { w, _ in
      try constant(w, calculateGain(.leakyRelu))
    },
    .init("init.constant_(w, init.calculate_gain('leaky_relu', 0.37))", [1], .float64) { w, _ in
      try constant(w, calculateGain(.leakyRelu, 0.37))
    },
    .init("init.constant_(w, init.calculate_gain('conv_transpose2d'))", [1], .float64) { w, _ in
      try constant(w, calculateGain(.convTranspose2d))
    },
  ]

  static let peer: Result<StateDict, any Error> = Result {
    let rows = all.enumerated().map { index, item in
      ["\(index)", "\(item.shape)", "\(item.dtype)", item.python]
    }
    return try Peer.run("initialization.py", [Peer.cases(rows)])
  }
}

@Suite(.serialized)
struct InitializationTests {
  @Test(
    "from the same seed each initialiser makes Python's numbers, and leaves the generator where Python does",
    arguments: InitializationCase.all.indices)
  func sameAsPython(_ index: Int) throws {
    let item = InitializationCase.all[index]
    try ExactnessTable.row(.initializer, item.name) {
      try Peer.singleThreaded()
      let peer = try InitializationCase.peer.get()
      try Torch.manualSeed(9)
      let w = try Tensor.zeros(item.shape, dtype: item.dtype)
      try expectEqual(item.make(w, Generator(seed: 5)), peer, "\(index)/tensor")
      try expectEqual(try Tensor.rand([3]), peer, "\(index)/after")
    }
  }

  @Test("the tensor itself is filled, without recording, also when it is a layer's weight")
  func inPlace() throws {
    let layer = Conv2d(inChannels: 2, outChannels: 4, kernelSize: 3)
    let x = try Tensor.rand([1, 2, 5, 5])
    #expect(try dirac(layer.weight).requiresGrad)
    try zeros(layer.bias!)
    // The kernel passes both channels on, without the margin.
    #expect(try layer(x)[0, 0..<2].equal(x[0, .all, 1..<4, 1..<4]))
    #expect(try layer.weight.sum().item(as: Float.self) == 2)
    let w = try orthogonal(Tensor.empty([3, 50]))
    #expect(try w.matmul(w.transpose(0, 1)).allclose(Tensor.eye(3), atol: 1e-6))
  }

  @Test("what does not fit is refused in words")
  func errors() throws {
    let (vector, matrix) = (try Tensor.zeros([4]), try Tensor.zeros([4, 3]))
    func refuses(_ words: String, _ body: () throws -> Tensor) {
      do {
        _ = try body()
        Issue.record("no error: \(words)")
      } catch { #expect("\(error)".contains(words), "\(error)") }
    }
    refuses("eye needs two dimensions") { try eye(vector) }
    refuses("dirac needs 3, 4 or 5 dimensions") { try dirac(matrix) }
    refuses("groups that divide the 4 output channels") { try dirac(Tensor.zeros([4, 2, 3]), groups: 3) }
    refuses("groups that divide") { try dirac(Tensor.zeros([4, 2, 3]), groups: 0) }
    refuses("orthogonal needs at least two") { try orthogonal(vector) }
    refuses("sparsity between 0 and 1") { try sparse(matrix, sparsity: .nan) }
    refuses("sparse needs two dimensions") { try sparse(vector, sparsity: 0.5) }
    refuses("std above 0") { try truncNormal(matrix, std: 0) }
    refuses("a below b") { try truncNormal(matrix, a: 2, b: .infinity) }
    refuses("xavierNormal needs at least two dimensions") { try xavierNormal(vector) }
    refuses("kaimingUniform needs at least two dimensions") { try kaimingUniform(vector) }
  }
}
