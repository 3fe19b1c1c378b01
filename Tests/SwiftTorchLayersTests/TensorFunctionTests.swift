import Foundation
import SwiftTorchLayers
import Testing

@Suite("Functions and reductions")
struct TensorFunctionTests {
  struct Function: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let tensor: @Sendable (Tensor) throws -> Tensor
    let double: @Sendable (Double) -> Double
  }

  @Test("a function on float64 agrees with C's to within 4 units in the last place", arguments: functions)
  func agreesWithC(_ function: Function) throws {
    let inputs = [0.1, 0.5, 1, 1.5, 2.5, 7.25]
    let results = try function.tensor(Tensor(inputs)).scalars(as: Double.self)
    for (input, result) in zip(inputs, results) {
      let expected = function.double(input)
      #expect(abs(result - expected) <= 4 * expected.ulp, "at \(input)")
    }
  }

  static let functions: [Function] = [
    Function(testDescription: "exp", tensor: { try $0.exp() }, double: { exp($0) }),
    Function(testDescription: "expm1", tensor: { try $0.expm1() }, double: { expm1($0) }),
    Function(testDescription: "log", tensor: { try $0.log() }, double: { log($0) }),
    Function(testDescription: "log2", tensor: { try $0.log2() }, double: { log2($0) }),
    Function(testDescription: "log10", tensor: { try $0.log10() }, double: { log10($0) }),
    Function(testDescription: "log1p", tensor: { try $0.log1p() }, double: { log1p($0) }),
    Function(testDescription: "sqrt", tensor: { try $0.sqrt() }, double: { $0.squareRoot() }),
    Function(testDescription: "rsqrt", tensor: { try $0.rsqrt() }, double: { 1 / $0.squareRoot() }),
    Function(testDescription: "square", tensor: { try $0.square() }, double: { $0 * $0 }),
    Function(testDescription: "reciprocal", tensor: { try $0.reciprocal() }, double: { 1 / $0 }),
    Function(testDescription: "sin", tensor: { try $0.sin() }, double: { sin($0) }),
    Function(testDescription: "cos", tensor: { try $0.cos() }, double: { cos($0) }),
    Function(testDescription: "erf", tensor: { try $0.erf() }, double: { erf($0) }),
    Function(testDescription: "tanh", tensor: { try $0.tanh() }, double: { tanh($0) }),
    Function(testDescription: "sigmoid", tensor: { try $0.sigmoid() }, double: { 1 / (1 + exp(-$0)) }),
  ]

  @Test("signs, roundings, bounds and choices")
  func pieces() throws {
    let x = try Tensor([-1.5, 0.5, 2.5])
    #expect(try x.abs().scalars() == [1.5, 0.5, 2.5])
    #expect(try x.sign().scalars() == [-1.0, 1, 1])
    #expect(try x.floor().scalars() == [-2.0, 0, 2])
    #expect(try x.ceil().scalars() == [-1.0, 1, 3])
    #expect(try x.round().scalars() == [-2.0, 0, 2])
    #expect(try x.trunc().scalars() == [-1.0, 0, 2])
    #expect(try x.relu().scalars() == [0, 0.5, 2.5])
    #expect(try x.clamp(min: -1, max: 1).scalars() == [-1, 0.5, 1])
    #expect(try x.clamp(min: 1).scalars() == [1, 1, 2.5])
    #expect(try x.clamp(max: 1).scalars() == [-1.5, 0.5, 1])
    #expect(try Tensor([1, 5]).clamp(max: 3).dtype == .int64)
    #expect(try x.maximum(-x).scalars() == [1.5, 0.5, 2.5])
    #expect(try x.minimum(-x).scalars() == [-1.5, -0.5, -2.5])
    #expect(try x.where(x .> 0, -x).scalars() == [1.5, 0.5, 2.5])
    #expect(try x.where(x .> 0, 0).scalars() == [0, 0.5, 2.5])
  }

  @Test("softmax adds up to one and log-softmax is its logarithm, even far out")
  func softmax() throws {
    let x = try Tensor([1000.0, 1000, -1000])
    #expect(try x.softmax(dim: 0).scalars() == [0.5, 0.5, 0])
    let logs: [Double] = try x.logSoftmax(dim: -1).scalars()
    #expect(abs(logs[0] + log(2.0)) < 1e-15)
    #expect(logs[2] == -2000 + logs[0])
    #expect(try x.to(.float16).softmax(dim: 0, dtype: .float32).dtype == .float32)
  }

  let m: Tensor
  init() throws { m = try Tensor([[1, 2, 3], [4, 5, 9]] as [[Float]]) }

  @Test("reductions over all elements and along dimensions")
  func reductions() throws {
    #expect(try m.sum().item() == 24 as Float)
    #expect(try m.sum(dim: 0).scalars() == [5, 7, 12] as [Float])
    #expect(try m.sum(dim: -1, keepdim: true).shape == [2, 1])
    #expect(try m.sum(dim: [0, 1]).item() == 24 as Float)
    #expect(try m.sum(dim: 1, dtype: .float64).dtype == .float64)
    #expect(try Tensor([true, true]).sum().item() == 2)
    #expect(try m.mean().item() == 4 as Float)
    #expect(try m.mean(dim: 1).scalars() == [2, 6] as [Float])
    #expect(try m.var(dim: 1).scalars() == [1, 7] as [Float])
    #expect(try m.var(dim: 1, correction: 0).scalars(as: Float.self)[0] == Float(2) / 3)
    #expect(try m.var().item() == 8 as Float)
    #expect(try m.std(dim: [1], keepdim: true).scalars() == [1, Float(7).squareRoot()])
    #expect(try m.std(correction: 0).item() == (Float(40) / 6).squareRoot())
    #expect(try m.prod().item() == 1080 as Float)
    #expect(try m.prod(dim: 1).scalars() == [6, 180] as [Float])
    #expect(try Tensor([3, -4.0]).norm().item() == 5.0)
    #expect(try Tensor([3, -4.0]).norm(p: 1).item() == 7.0)
    #expect(try Tensor([[3, -4.0]]).norm(p: Double.infinity, dim: 1).scalars() == [4.0])
    #expect(abs(try Tensor([1000.0, 1000]).logsumexp(dim: 0).item() - 1000 - log(2.0)) < 1e-12)
    #expect(try m.cumsum(dim: 1).scalars() == [1, 3, 6, 4, 9, 18] as [Float])
    #expect(try m.cumprod(dim: 0).scalars() == [1, 2, 3, 4, 10, 27] as [Float])
    #expect(try (m .> 0).all().item() == true)
    #expect(try (m .> 3).all(dim: 1).scalars() == [false, true])
    #expect(try (m .> 9).any().item() == false)
    #expect(try (m .> 4).any(dim: 0, keepdim: true).shape == [1, 3])
    #expect(try (m .> 2).countNonzero().item() == 4)
    #expect(try (m .> 2).countNonzero(dim: 1).scalars() == [1, 3])
  }

  @Test("greatest, least and sorted elements with their positions")
  func sorting() throws {
    let x = try Tensor([[3, 1, 2], [0, 5, 4]])
    #expect(try x.max().item() == 5)
    #expect(try x.min().item() == 0)
    let greatest = try x.max(dim: 1)
    #expect(try greatest.values.scalars() == [3, 5])
    #expect(try greatest.indices.scalars() == [0, 1])
    let least = try x.min(dim: 0, keepdim: true)
    #expect(least.values.shape == [1, 3])
    #expect(try least.indices.scalars() == [1, 0, 0])
    #expect(try x.argmax().item() == 4)
    #expect(try x.argmax(dim: 1).scalars() == [0, 1])
    #expect(try x.argmin(dim: -1, keepdim: true).scalars() == [1, 0])
    let top = try x.topk(2)
    #expect(try top.values.scalars() == [3, 2, 5, 4])
    #expect(try top.indices.scalars() == [0, 2, 1, 2])
    #expect(try x.topk(1, dim: 0, largest: false).values.scalars() == [0, 1, 2])
    #expect(try x.sort(descending: true).values.scalars() == [3, 2, 1, 5, 4, 0])
    #expect(try x.sort(dim: 0).indices.scalars() == [1, 0, 0, 0, 1, 1])
    #expect(try Tensor([1, 0, 1, 0]).argsort(stable: true).scalars() == [1, 3, 0, 2])
  }

  @Test("a dimension that is not there, and integers without a mean, are errors")
  func errors() throws {
    #expect(message { try m.sum(dim: 2) }.contains("Dimension out of range"))
    #expect(message { try Tensor([1, 2]).mean() }.contains("Long"))
    #expect(message { try m.topk(4) } != "no error")
    #expect(message { try Tensor.zeros([0]).max() } != "no error")
    #expect(message { try m.item(as: Float.self) }.contains("float32[2, 3]"))
  }

  @Test("gradients flow through broadcasting, reductions and choices")
  func gradients() throws {
    let x = try Tensor([[1, 2, 3], [4, 5, 9]] as [[Float]]).requiresGrad(true)
    let w = try Tensor([1, 0, -1] as [Float]).requiresGrad(true)
    try (x * w).sum().backward()
    #expect(try w.grad?.scalars() == [5, 7, 12] as [Float])
    #expect(try x.grad?.scalars() == [1, 0, -1, 1, 0, -1] as [Float])
    x.grad = nil
    try x.max(dim: 1).values.sum().backward()
    #expect(try x.grad?.scalars() == [0, 0, 1, 0, 0, 1] as [Float])
    x.grad = nil
    try x.where(x .> 2.5, 0).square().sum().backward()
    #expect(try x.grad?.scalars() == [0, 0, 6, 8, 10, 18] as [Float])
    let y = try Tensor(3.0).requiresGrad(true)
    let first = try grad(outputs: [y.pow(3)], inputs: [y], createGraph: true)[0]
    #expect(try first?.item() == 27.0)
    #expect(try grad(outputs: [#require(first)], inputs: [y])[0]?.item() == 18.0)
  }

  @Test("a leaf that requires a gradient changes in place only inside noGrad")
  func leaves() throws {
    let x = try Tensor.ones([2], requiresGrad: true)
    #expect(message { try x.add_(1) }.contains("leaf Variable"))
    try noGrad { try x.add_(1) }
    #expect(try x.scalars() == [2, 2] as [Float])
  }

  @Test("noGrad ends with what was before it, inside another one and after an error, too")
  func noGradEnds() throws {
    let x = try Tensor.ones([2], requiresGrad: true)
    func isRecorded() throws -> Bool { try (x * 2).requiresGrad }
    #expect(try !noGrad { try isRecorded() } && isRecorded())
    let behindInner = try noGrad { () -> Bool in
      try noGrad { try x.zero_() }
      return try isRecorded()
    }
    #expect(try !behindInner && isRecorded())
    #expect(throws: TorchError.self) { try noGrad { throw TorchError("no") } }
    #expect(try isRecorded())
  }
}
