import SwiftTorchLayers
import Testing

/// What the subscripts under test are applied to.
struct IndexingSubject {
  let x: Tensor
  let mask: Tensor
  let rows: Tensor
  let column: Tensor

  init() throws {
    x = try Tensor.arange(24).reshape([2, 3, 4])
    mask = try x[.all, .all, 0] .> 4
    rows = try Tensor([0, 1])
    column = try Tensor([[0], [1]])
  }
}

@Suite("Indexing")
struct TensorIndexingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let shape: [Int]
    let values: [Int]
    let result: @Sendable (IndexingSubject) throws -> Tensor

    init(
      _ python: String, _ shape: [Int], _ values: [Int],
      _ result: @escaping @Sendable (IndexingSubject) throws -> Tensor
    ) {
      testDescription = python
      self.shape = shape
      self.values = values
      self.result = result
    }
  }

  @Test("a subscript takes what Python's takes", arguments: cases)
  func takesWhatPythonTakes(_ example: Case) throws {
    let result = try example.result(IndexingSubject())
    #expect(result.shape == example.shape)
    #expect(try result.scalars() == example.values)
  }

  // The shape and the elements in row-major order that PyTorch 2.13.0 gave, with
  // x = torch.arange(24).reshape(2, 3, 4); mask = x[:, :, 0] > 4
  // rows = torch.tensor([0, 1]); column = torch.tensor([[0], [1]])
  static let cases: [Case] = [
    Case("x[0]", [3, 4], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) {
      try $0.x[0]
    },
    Case("x[-1, 2]", [4], [20, 21, 22, 23]) {
      try $0.x[-1, 2]
    },
    Case("x[1, 0, -1]", [], [15]) {
      try $0.x[1, 0, -1]
    },
    Case("x[:, 1:3]", [2, 2, 4], [4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23]) {
      try $0.x[.all, 1..<3]
    },
    Case("x[:, 1:]", [2, 2, 4], [4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23]) {
      try $0.x[.all, 1...]
    },
    Case("x[:-1]", [1, 3, 4], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) {
      try $0.x[..<(-1)]
    },
    Case("x[..., 0:2]", [2, 3, 2], [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21]) {
      try $0.x[.ellipsis, 0...1]
    },
    Case("x[0, -2:]", [2, 4], [4, 5, 6, 7, 8, 9, 10, 11]) {
      try $0.x[0, (-2)...(-1)]
    },
    Case("x[0, 1:100]", [2, 4], [4, 5, 6, 7, 8, 9, 10, 11]) {
      try $0.x[0, 1..<100]
    },
    Case("x[0, 3:3]", [0, 4], []) {
      try $0.x[0, 3..<3]
    },
    Case("x[0, :2]", [2, 4], [0, 1, 2, 3, 4, 5, 6, 7]) {
      try $0.x[0, ...1]
    },
    Case("x[:, :, 1:-1:2]", [2, 3, 1], [1, 5, 9, 13, 17, 21]) {
      try $0.x[.all, .all, .stride(from: 1, to: -1, by: 2)]
    },
    Case("x[0, 0, ::3]", [2], [0, 3]) {
      try $0.x[0, 0, .stride(by: 3)]
    },
    Case("x[None, 1, ..., 2]", [1, 3], [14, 18, 22]) {
      try $0.x[.newAxis, 1, .ellipsis, 2]
    },
    Case("x[..., None, 0]", [2, 3, 1], [0, 4, 8, 12, 16, 20]) {
      try $0.x[.ellipsis, .newAxis, 0]
    },
    Case("x[:, None, 1]", [2, 1, 4], [4, 5, 6, 7, 16, 17, 18, 19]) {
      try $0.x[.all, .newAxis, 1]
    },
    Case("x[[1, 0, 1], 0, 0]", [3], [12, 0, 12]) {
      try $0.x[[1, 0, 1], 0, 0]
    },
    Case(
      "x[rows]", [2, 3, 4],
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
    ) {
      try $0.x[$0.rows]
    },
    Case("x[column, rows, 3]", [2, 2], [3, 7, 15, 19]) {
      try $0.x[$0.column, $0.rows, 3]
    },
    Case("x[rows, :, rows]", [2, 3], [0, 4, 8, 13, 17, 21]) {
      try $0.x[$0.rows, .all, $0.rows]
    },
    Case("x[:, rows, rows]", [2, 2], [0, 5, 12, 17]) {
      try $0.x[.all, $0.rows, $0.rows]
    },
    Case("x[rows, None, :, rows]", [2, 1, 3], [0, 4, 8, 13, 17, 21]) {
      try $0.x[$0.rows, .newAxis, .all, $0.rows]
    },
    Case("x[:, [2, 0], 1:2]", [2, 2, 1], [9, 1, 21, 13]) {
      try $0.x[.all, [2, 0], 1..<2]
    },
    Case("x[0, :, [-1, 0]]", [3, 2], [3, 0, 7, 4, 11, 8]) {
      try $0.x[0, .all, [-1, 0]]
    },
    Case("x[mask]", [4, 4], [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]) {
      try $0.x[$0.mask]
    },
    Case("x[mask, 1:3]", [4, 2], [9, 10, 13, 14, 17, 18, 21, 22]) {
      try $0.x[$0.mask, 1..<3]
    },
    Case("x[0, [True, False, True]]", [2, 4], [0, 1, 2, 3, 8, 9, 10, 11]) {
      try $0.x[0, [true, false, true]]
    },
    Case("x[x > 20]", [3], [21, 22, 23]) {
      try $0.x[$0.x .> 20]
    },
    Case("x[mask, [0, 1, 2, 3]]", [4], [8, 13, 18, 23]) {
      try $0.x[$0.mask, [0, 1, 2, 3]]
    },
    Case("x[torch.tensor(1), torch.tensor(-1)]", [4], [20, 21, 22, 23]) {
      try $0.x[Tensor(1), Tensor(-1)]
    },
    Case("x[torch.tensor(True), 0, 0]", [1, 4], [0, 1, 2, 3]) {
      try $0.x[Tensor(true), 0, 0]
    },
    Case("x[torch.tensor(False)]", [0, 2, 3, 4], []) {
      try $0.x[Tensor(false)]
    },
    Case("x[torch.tensor([], dtype=torch.int64)]", [0, 3, 4], []) {
      try $0.x[[] as [Int]]
    },
  ]

  @Test("an index that does not fit says which dimension and its size")
  func errorsNameTheDimension() throws {
    let x = try Tensor.zeros([2, 3])
    #expect(message { try x[5] } == "index 5 is out of bounds for dimension 0 of size 2")
    #expect(message { try x[.all, -4] } == "index -4 is out of bounds for dimension 1 of size 3")
    #expect(message { try x[.newAxis, .ellipsis, 3] } == "index 3 is out of bounds for dimension 1 of size 3")
    #expect(message { try x[Tensor(2)] } == "index 2 is out of bounds for dimension 0 of size 2")
    #expect(
      message { try x[0, 0, 0] } == "3 indices are too many for float32[2, 3], which has 2 dimensions")
    #expect(
      message { try x[.ellipsis, 0, .ellipsis] } == "an index can hold only one ellipsis")
    #expect(
      message { try x[.stride(by: 0)] } == "the step of an index must be greater than zero, not 0")
    #expect(message { try x[[0, 2]] }.contains("index 2 is out of bounds for dimension 0 with size 2"))
    #expect(message { try x[[true, false, true]] }.contains("The shape of the mask [3] at index 0"))
    #expect(message { try x[[0.5]] }.contains("tensors used as indices must be long"))
    #expect(message { try x.set(2, to: 1) } == "index 2 is out of bounds for dimension 0 of size 2")
  }

  @Test("indices at the ends of Int are errors or clamped, never a trap")
  func extremeIndices() throws {
    let x = try Tensor.arange(3)
    #expect(message { try x[Int.max] }.contains("out of bounds"))
    #expect(message { try x[Int.min] }.contains("out of bounds"))
    #expect(try x[Int.min..<Int.max].scalars() == [0, 1, 2])
    #expect(try x[1...Int.max].scalars() == [1, 2])
    #expect(try x[.stride(from: 1, by: Int.max)].scalars() == [1])
    #expect(try x[5...].shape == [0])
  }

  @Test("positions and ranges give views, lists give copies")
  func viewsAndCopies() throws {
    let x = try Tensor.zeros([2, 2])
    try x[0].fill_(1)
    try x[.all, 1...].add_(1)
    try x[[0, 1]].fill_(9)
    #expect(try x.scalars() == [1, 2, 0, 1] as [Float])
  }

  @Test("set writes numbers and broadcast tensors into views")
  func setViews() throws {
    let x = try Tensor.zeros([2, 3], dtype: .int64)
    try x.set(0, to: 7)
    try x.set(.all, 1..<3, to: Tensor([[4, 5]]))
    #expect(try x.scalars() == [7, 4, 5, 0, 4, 5])
    try x.set(1, to: Tensor([1, 2, 3], shape: [1, 1, 3]))
    try x.set(0, 0, to: -1)
    #expect(try x.scalars() == [-1, 4, 5, 1, 2, 3])
    try x.set(.ellipsis, to: 0)
    #expect(try x.scalars() == [0, 0, 0, 0, 0, 0])
    #expect(message { try x.set(0, to: Tensor([1, 2])) }.contains("must match"))
  }

  @Test("set writes through masks and index lists")
  func setChosen() throws {
    let x = try Tensor.arange(6).reshape([2, 3])
    try x.set(x .> 3, to: 0)
    #expect(try x.scalars() == [0, 1, 2, 3, 0, 0])
    try x.set([0, 1], [2, 0], to: Tensor([8, 9]))
    #expect(try x.scalars() == [0, 1, 8, 9, 0, 0])
    try x.set(.all, [true, false, true], to: Tensor([[1, 2], [3, 4]]))
    #expect(try x.scalars() == [1, 1, 2, 3, 0, 4])
    try x.set(1, [0, 2], to: 5)
    #expect(try x.scalars() == [1, 1, 2, 5, 0, 5])
  }

  @Test("the gradient of a subscript is where the elements came from, added up over repeats")
  func gradients() throws {
    let x = try Tensor.zeros([2, 3], requiresGrad: true)
    try (x[1, 1...].sum() + x[[0, 0], [2, 2]].sum()).backward()
    #expect(try x.grad?.scalars() == [0, 0, 2, 0, 1, 1] as [Float])
  }

  @Test("what set overwrites gets no gradient, what it writes does")
  func gradientsOfSet() throws {
    let x = try Tensor.ones([3], requiresGrad: true)
    let y = try x * 2
    let value = try Tensor(5 as Float).requiresGrad(true)
    try y.set(1, to: value)
    try y.sum().backward()
    #expect(try x.grad?.scalars() == [2, 0, 2] as [Float])
    #expect(try value.grad?.item() == 1 as Float)
  }
}
