import SwiftTorchLayers
import Testing

@Suite("Arithmetic and comparison")
struct TensorArithmeticTests {
  let x: Tensor
  let y: Tensor

  init() throws {
    x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    y = try Tensor([10, 20] as [Float])
  }

  @Test("operators on tensors broadcast")
  func tensors() throws {
    #expect(try (x + y).scalars() == [11, 22, 13, 24] as [Float])
    #expect(try (x - y).scalars() == [-9, -18, -7, -16] as [Float])
    #expect(try (x * y).scalars() == [10, 40, 30, 80] as [Float])
    #expect(try (y / x).scalars() == [10, 10, 10 / 3, 5] as [Float])
    #expect(try (-y).scalars() == [-10, -20] as [Float])
  }

  @Test("numbers stand on either side")
  func numbers() throws {
    let weight: Float = 0.5
    #expect(try (x + 1).scalars() == [2, 3, 4, 5] as [Float])
    #expect(try (1.5 + y).scalars() == [11.5, 21.5] as [Float])
    #expect(try (y - 1).scalars() == [9, 19] as [Float])
    #expect(try (1 - y).scalars() == [-9, -19] as [Float])
    #expect(try (weight * y).scalars() == [5, 10] as [Float])
    #expect(try (y / 4).scalars() == [2.5, 5] as [Float])
    #expect(try (20 / y).scalars() == [2, 1] as [Float])
    #expect(try (2 * x + 1 - x / 2).scalars() == [2.5, 4, 5.5, 7] as [Float])
  }

  @Test("types are promoted as in PyTorch")
  func promotion() throws {
    let i = try Tensor([7, -7])
    #expect(try (i + 2).dtype == .int64)
    #expect(try (i + 2.0).dtype == .float32)
    #expect(try (i / 2).dtype == .float32)
    #expect(try (2 - i).scalars() == [-5, 9])
    #expect(try (i + Tensor([1, 2] as [Float])).dtype == .float32)
    #expect(try (Tensor([1] as [Float16]) * 3.0).dtype == .float16)
    #expect(try (Tensor([1, 2] as [Float]) * Tensor(2.0)).dtype == .float32)
    #expect(try (Tensor([1] as [Float]) * Tensor([2.0])).dtype == .float64)
    #expect(try (Tensor([250] as [UInt8]) + 10).scalars() == [4] as [UInt8])
  }

  @Test("whole quotients, remainders and powers")
  func divisions() throws {
    let i = try Tensor([7, -7])
    #expect(try i.div(2, roundingMode: .floor).scalars() == [3, -4])
    #expect(try i.div(Tensor([2, 2]), roundingMode: .trunc).scalars() == [3, -3])
    #expect(try i.remainder(3).scalars() == [1, 2])
    #expect(try i.remainder(Tensor(-3)).scalars() == [-2, -1])
    #expect(try i.pow(2).scalars() == [49, 49])
    #expect(try y.pow(-1).scalars() == [0.1, 0.05] as [Float])
    #expect(try y.pow(Tensor([2, 0.5])).scalars(as: Float.self)[0] == 100)
  }

  @Test("in-place operators change the tensor and return it")
  func inPlace() throws {
    let z = try y.clone()
    #expect(try z.add_(1).mul_(2).sub_(2).div_(4).scalars() == [5, 10] as [Float])
    #expect(try z.add_(y, alpha: 0.5).scalars() == [10, 20] as [Float])
    #expect(try z.sub_(y).add_(4, alpha: 2).scalars() == [8, 8] as [Float])
    #expect(try z.mul_(y).div_(y).sqrt_().mul_(z).scalars(as: Float.self).allSatisfy { abs($0 - 8) < 1e-5 })
    #expect(try z.fill_(3).addcmul_(y, y, value: 0.1).scalars() == [13, 43] as [Float])
    #expect(try z.addcdiv_(y, Tensor([1, 2] as [Float]), value: -1).scalars() == [3, 33] as [Float])
    #expect(try z.lerp_(y, 0.5).scalars() == [6.5, 26.5] as [Float])
    #expect(try z.clamp_(min: 7, max: 20).scalars() == [7, 20] as [Float])
    #expect(try z.clamp_(min: 8).clamp_(max: 19).scalars() == [8, 19] as [Float])
    #expect(try z.maskedFill_(z .> 10, -1).scalars() == [8, -1] as [Float])
    #expect(try z.zero_().scalars() == [0, 0] as [Float])
  }

  @Test("comparisons give masks")
  func comparisons() throws {
    let i = try Tensor([1, 2, 3])
    let j = try Tensor([3, 2, 1])
    #expect(try (i .== j).scalars() == [false, true, false])
    #expect(try (i .!= j).scalars() == [true, false, true])
    #expect(try (i .< j).scalars() == [true, false, false])
    #expect(try (i .<= j).scalars() == [true, true, false])
    #expect(try (i .> j).scalars() == [false, false, true])
    #expect(try (i .>= j).scalars() == [false, true, true])
    #expect(try (i .== 2).scalars() == [false, true, false])
    #expect(try (i .!= 2).scalars() == [true, false, true])
    #expect(try (i .< 2.5).scalars() == [true, true, false])
    #expect(try (i .<= 1).scalars() == [true, false, false])
    #expect(try (i .> 2).scalars() == [false, false, true])
    #expect(try (i .>= 2).scalars() == [false, true, true])
    #expect(try ((i .> 1) & (i .< 3)).scalars() == [false, true, false])
    #expect(try ((i .< 2) | (i .> 2)).scalars() == [true, false, true])
    #expect(try ((i .< 3) ^ (i .> 1)).scalars() == [true, false, true])
    #expect(try (~(i .== 2)).scalars() == [true, false, true])
  }

  @Test("equal is exact and allclose has PyTorch's tolerance; NaN is equal to nothing")
  func sameness() throws {
    let a = try Tensor([1, .nan])
    #expect(try x.equal(x.clone()))
    #expect(try !x.equal(x + 1))
    #expect(try !x.equal(x.reshape([4])))
    #expect(try x.allclose(x + 1e-6))
    #expect(try !x.allclose(x + 1e-3))
    #expect(try x.allclose(x + 1e-3, atol: 1e-2))
    #expect(try !a.equal(a))
    #expect(try a.allclose(a, equalNaN: true))
    #expect(try a.isclose(a).scalars() == [true, false])
    #expect(try a.isnan().scalars() == [false, true])
    #expect(try Tensor([1, -Double.infinity]).isinf().scalars() == [false, true])
    #expect(try a.isfinite().scalars() == [true, false])
  }

  @Test("shapes and types that do not fit are errors that name the operator and both shapes")
  func errors() throws {
    let z = try Tensor([1, 2, 3] as [Float])
    #expect {
      try x + z
    } throws: { error in
      let text = "\(error)"
      return text.hasPrefix("aten::add.Tensor: The size of tensor a (2) must match")
        && text.hasSuffix("(arguments: float32[2, 2], float32[3])")
    }
    #expect(message { try Tensor([1, 2]).div_(2) }.contains("can't be cast"))
    #expect(message { try z.add_(x) } != "no error")
    #expect(message { try Tensor([1, 2]).pow(-1) }.contains("negative integer powers"))
    #expect(message { try -Tensor([true]) }.contains("bool"))
    #expect(message { try z & z } != "no error")
  }
}
