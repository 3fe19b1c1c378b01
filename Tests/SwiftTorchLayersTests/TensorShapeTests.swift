import SwiftTorchLayers
import Testing

@Suite("Shapes, products and selection")
struct TensorShapeTests {
  let x: Tensor
  init() throws { x = try Tensor.arange(6).reshape([2, 3]) }

  @Test("reshaping keeps the elements in row-major order")
  func reshaping() throws {
    #expect(try x.reshape([3, -1]).shape == [3, 2])
    #expect(try x.t().reshape([6]).scalars() == [0, 3, 1, 4, 2, 5])
    #expect(try x.view([6]).scalars() == [0, 1, 2, 3, 4, 5])
    let y = try Tensor.arange(24).reshape([2, 3, 4])
    #expect(try y.flatten().shape == [24])
    #expect(try y.flatten(startDim: 1).shape == [2, 12])
    #expect(try y.unflatten(2, [2, -1]).shape == [2, 3, 2, 2])
    #expect(try y.permute([2, 0, 1]).shape == [4, 2, 3])
    #expect(try y.permute([2, 0, 1])[1, 0, 2].item() == 9)
    #expect(try y.transpose(0, -1).shape == [4, 3, 2])
    #expect(try y.unsqueeze(-1).unsqueeze(0).shape == [1, 2, 3, 4, 1])
    #expect(try y.unsqueeze(-1).unsqueeze(0).squeeze().shape == [2, 3, 4])
    #expect(try y.unsqueeze(0).squeeze(0).shape == [2, 3, 4])
    #expect(try y.squeeze([0, 1]).shape == [2, 3, 4])
    #expect(try y.size(-1) == 4)
  }

  @Test("repeating, expanding, turning and padding")
  func copies() throws {
    let v = try Tensor([1, 2, 3])
    #expect(try v.expand([2, 3]).scalars() == [1, 2, 3, 1, 2, 3])
    #expect(try v.expand([2, -1]).strides == [0, 1])
    #expect(try v.repeat([2, 1]).shape == [2, 3])
    #expect(try v.repeat([2]).scalars() == [1, 2, 3, 1, 2, 3])
    #expect(try v.repeatInterleave(2).scalars() == [1, 1, 2, 2, 3, 3])
    #expect(try x.repeatInterleave(2, dim: 0).shape == [4, 3])
    #expect(try x.flip(1).scalars() == [2, 1, 0, 5, 4, 3])
    #expect(try x.flip([0, 1]).scalars() == [5, 4, 3, 2, 1, 0])
    #expect(try v.roll(1, 0).scalars() == [3, 1, 2])
    #expect(try x.narrow(1, 1, 2).scalars() == [1, 2, 4, 5])
    #expect(try v.pad([1, 2]).scalars() == [0, 1, 2, 3, 0, 0])
    #expect(try x.pad([0, 0, 1, 0], value: 7).scalars() == [7, 7, 7, 0, 1, 2, 3, 4, 5])
    #expect(try v.pad([-1, 0]).scalars() == [2, 3])
    let row = try Tensor([[1, 2, 3.0]])
    #expect(try row.pad([2, 1], mode: .reflect).scalars() == [3, 2, 1, 2, 3, 2.0])
    #expect(try row.pad([2, 1], mode: .replicate).scalars() == [1, 1, 1, 2, 3, 3.0])
    #expect(try row.pad([2, 1], mode: .circular).scalars() == [2, 3, 1, 2, 3, 1.0])
  }

  @Test("joining and taking apart")
  func joining() throws {
    #expect(try cat([x, x]).shape == [4, 3])
    #expect(try cat([x, x[.all, ..<1]], dim: 1).scalars() == [0, 1, 2, 0, 3, 4, 5, 3])
    #expect(try stack([x, x], dim: -1).shape == [2, 3, 2])
    #expect(try Tensor.arange(5).split(2).map(\.shape) == [[2], [2], [1]])
    #expect(try x.split([1, 2], dim: 1)[1].scalars() == [1, 2, 4, 5])
    #expect(try Tensor.arange(5).chunk(3).map(\.shape) == [[2], [2], [1]])
    #expect(try x.unbind().map { try $0.scalars(as: Int.self) } == [[0, 1, 2], [3, 4, 5]])
  }

  @Test("products of vectors and matrices")
  func products() throws {
    let a = try Tensor([[1, 2], [3, 4]] as [[Float]])
    let b = try Tensor([[0, 1], [1, 0]] as [[Float]])
    let v = try Tensor([1, 10] as [Float])
    #expect(try a.matmul(b).scalars() == [2, 1, 4, 3] as [Float])
    #expect(try a.mm(a).scalars() == [7, 10, 15, 22] as [Float])
    #expect(try a.matmul(v).scalars() == [21, 43] as [Float])
    #expect(try a.mv(v).scalars() == [21, 43] as [Float])
    #expect(try v.dot(v).item() == 101 as Float)
    #expect(try v.outer(v).scalars() == [1, 10, 10, 100] as [Float])
    #expect(try stack([a, b]).bmm(stack([b, b])).scalars() == [2, 1, 4, 3, 1, 0, 0, 1] as [Float])
    #expect(try v.addmm(a, b).scalars() == [3, 11, 5, 13] as [Float])
    #expect(try v.addmm(a, b, beta: 2, alpha: -1.0).scalars() == [0, 19, -2, 17] as [Float])
    #expect(try a.unsqueeze(0).baddbmm(a.unsqueeze(0), b.unsqueeze(0)).scalars() == [3, 3, 7, 7] as [Float])
    #expect(try einsum("ij,j->i", a, v).scalars() == [21, 43] as [Float])
    #expect(try a.tril().scalars() == [1, 0, 3, 4] as [Float])
    #expect(try a.triu(diagonal: 1).scalars() == [0, 2, 0, 0] as [Float])
    #expect(try a.diagonal().scalars() == [1, 4] as [Float])
  }

  @Test("selecting and placing by index")
  func selection() throws {
    #expect(try x.indexSelect(dim: 1, Tensor([2, 0])).scalars() == [2, 0, 5, 3])
    #expect(try x.gather(dim: 1, Tensor([[2], [0]])).scalars() == [2, 3])
    let z = try Tensor.zeros([2, 3], dtype: .int64)
    #expect(try z.scatter_(dim: 1, Tensor([[0, 1], [2, 0]]), x).scalars() == [0, 1, 0, 4, 0, 3])
    #expect(try z.scatter_(dim: 0, Tensor([[1]]), 9).scalars() == [0, 1, 0, 9, 0, 3])
    #expect(try z.scatterAdd_(dim: 1, Tensor([[1, 1], [0, 0]]), x).scalars() == [0, 2, 0, 16, 0, 3])
    #expect(try x.maskedFill(x .> 3, -1).scalars() == [0, 1, 2, 3, -1, -1])
    #expect(try x.maskedSelect(x .> 3).scalars() == [4, 5])
    #expect(try (x .> 3).nonzero().scalars() == [1, 1, 1, 2])
    #expect(try Tensor([1, 0]).oneHot(numClasses: 3).scalars() == [0, 1, 0, 1, 0, 0])
    #expect(try Tensor([1, 0]).oneHot().shape == [2, 2])
  }

  @Test("shapes that do not fit are errors")
  func errors() throws {
    #expect(message { try x.reshape([4]) }.contains("is invalid for input of size 6"))
    #expect(message { try x.t().view([6]) }.contains("view size is not compatible"))
    #expect(message { try x.size(2) } == "int64[2, 3] has no dimension 2")
    #expect(message { try x.mm(x) }.contains("shapes cannot be multiplied (2x3 and 2x3)"))
    #expect(message { try cat([x, x.t()]) }.contains("Sizes of tensors must match"))
    #expect(message { try cat([]) } != "no error")
    #expect(message { try x.split([1, 1], dim: 1) } != "no error")
    #expect(message { try x.pad([1]) } != "no error")
    #expect(message { try x.indexSelect(dim: 1, Tensor([3])) } != "no error")
    #expect(message { try x.gather(dim: 1, Tensor([[3]])) }.contains("out of bounds"))
    #expect(message { try Tensor([3]).oneHot(numClasses: 3) } != "no error")
    #expect(message { try x.permute([0, 0]) } != "no error")
  }
}
