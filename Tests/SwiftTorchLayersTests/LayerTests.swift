import SwiftTorchLayers
import Testing

@Suite("Layers beside convolution, pooling and dense layers")
struct LayerTests {
  @Test("what overwrites its input gives the same as what does not, as TorchScript too")
  func inplace() throws {
    let layers: [(plain: Module, inplace: Module)] = [
      (LeakyReLU(), LeakyReLU(inplace: true)), (ELU(alpha: 2), ELU(alpha: 2, inplace: true)),
      (SELU(), SELU(inplace: true)), (CELU(), CELU(inplace: true)), (SiLU(), SiLU(inplace: true)),
      (Mish(), Mish(inplace: true)), (Hardtanh(), Hardtanh(inplace: true)),
      (ReLU6(), ReLU6(inplace: true)), (Hardsigmoid(), Hardsigmoid(inplace: true)),
      (Hardswish(), Hardswish(inplace: true)), (RReLU(), RReLU(inplace: true)),
      (Threshold(threshold: 0.2, value: 3), Threshold(threshold: 0.2, value: 3, inplace: true)),
      (Dropout1d(), Dropout1d(inplace: true)), (Dropout3d(), Dropout3d(inplace: true)),
    ]
    for (plain, inplace) in layers {
      let x = try Tensor.randn(plain is Dropout3d ? [5, 3, 2, 2] : [5, 6])
      func run(_ forward: (Tensor) throws -> Tensor) throws -> (output: Tensor, input: Tensor) {
        try Torch.manualSeed(5)
        let copy = try x.clone()
        return (try forward(copy), copy)
      }
      let expected = try run { try plain($0) }
      #expect(try expected.input.equal(x), "\(plain)")
      for result in [try run { try inplace($0) }, try run { try ScriptModule(inplace)($0) }] {
        #expect(try result.output.equal(expected.output), "\(inplace)")
        #expect(try result.input.equal(expected.output), "\(inplace): the input is overwritten")
      }
    }
  }

  @Test("an input of another shape is refused by a sentence that says which was expected")
  func shapes() throws {
    let cases: [(Module, [Int], String)] = [
      (
        BatchNorm3d(numFeatures: 2), [3, 2, 4, 4],
        "expected an input of 5 dimensions, got float32[3, 2, 4, 4]"
      ),
      (InstanceNorm2d(numFeatures: 2), [3, 2], "expected an input of 3 or 4 dimensions"),
      (
        InstanceNorm1d(numFeatures: 4, affine: true), [3, 2, 5],
        "expected 4 channels in dimension 1, got an input of float32[3, 2, 5]"
      ),
      (InstanceNorm2d(numFeatures: 2), [3, 2, 1, 1], "more than 1 spatial element"),
      (LayerNorm(normalizedShape: [5]), [3, 4], "normalized_shape=[5]"),
      (GroupNorm(numGroups: 2, numChannels: 4), [3, 6, 2], "expected 4 channels in dimension 1"),
      (GroupNorm(numGroups: 2, numChannels: 4), [3], "at least 2 dimensions"),
      (GroupNorm(numGroups: 2, numChannels: 2), [1, 2], "more than 1 value per channel"),
      (LocalResponseNorm(size: 3), [3, 4], "at least 3 dimensions"),
      (PReLU(numParameters: 3), [2, 4], "channel size = 4"), (GLU(), [2, 5], "even"),
      (Softmax2d(), [2, 5], "3 or 4 dimensions"), (Softshrink(lambd: -1), [2], "lambda must be"),
      (CELU(alpha: 0), [2], "alpha"), (Dropout1d(), [2, 3, 4, 5], "2 or 3 dimensions"),
      (Dropout3d(), [2, 3], "4 or 5 dimensions"), (FeatureAlphaDropout(), [2], "at least 2 dimensions"),
    ]
    for (layer, shape, words) in cases {
      let text = message { try layer(Tensor.zeros(shape)) }
      #expect(text.contains(words), "\(layer) of \(shape): \(text)")
    }
    let table = Embedding(numEmbeddings: 3, embeddingDim: 2)
    #expect(message { try table(Tensor([0, 3])) }.contains("index out of range"))
    #expect(message { try table(Tensor.zeros([2])) }.contains("Int"))
  }

  @Test("an embedding starts normal with the padding row zero, and shortens what is longer than maxNorm")
  func embedding() throws {
    let table = Embedding(numEmbeddings: 200, embeddingDim: 50, paddingIdx: -1, maxNorm: 1)
    let rows = table.weight
    #expect(table.paddingIdx == 199)
    #expect(try rows[199].abs().max().item(as: Float.self) == 0)
    #expect(try abs(rows.mean().item(as: Double.self)) < 0.05)
    #expect(try abs(rows.std().item(as: Double.self) - 1) < 0.05)
    let before = try rows.detach().clone()
    let output = try table(Tensor([4]))
    #expect(try abs(output.square().sum().item(as: Double.self) - 1) < 1e-5)
    #expect(try rows[5].equal(before[5]))
    #expect(try !rows[4].equal(before[4]))
  }

  @Test("a residual block adds the input, or its shortcut; keys are body and shortcut; shapes must agree")
  func residual() throws {
    let body = Linear(inFeatures: 3, outFeatures: 3)
    let block = Residual { body }
    let x = try Tensor.randn([2, 3])
    #expect(try block(x).equal(body(x) + x))
    #expect(Array(block.stateDict().keys) == ["body.0.weight", "body.0.bias"])
    let projected = Residual(shortcut: Linear(inFeatures: 3, outFeatures: 2, bias: false)) {
      Linear(inFeatures: 3, outFeatures: 2)
    }
    #expect(
      Array(projected.stateDict().keys) == ["body.0.weight", "body.0.bias", "shortcut.weight"])
    #expect(try projected(x).shape == [2, 2])
    let model = Sequential { Residual { Linear(inFeatures: 3, outFeatures: 1) } }
    let error = try #require(throws: TorchError.self) { try model(x) }
    #expect(error.path == ["0"])
    #expect(error.description.contains("the body gives float32[2, 1] and the input is float32[2, 3]"))
    #expect(error.description.contains("give a shortcut"))
  }

  @Test("parallel branches are joined along the channels or added; other shapes are refused")
  func parallel() throws {
    let (first, second) = (
      Conv2d(inChannels: 2, outChannels: 3, kernelSize: 1),
      Conv2d(inChannels: 2, outChannels: 5, kernelSize: 3, padding: 1)
    )
    let x = try Tensor.randn([4, 2, 6, 5])
    let joined = Parallel {
      first
      second
    }
    #expect(try joined(x).equal(cat([first(x), second(x)], dim: 1)))
    #expect(Array(joined.stateDict().keys) == ["0.weight", "0.bias", "1.weight", "1.bias"])
    let added = Parallel(combination: .sum) {
      first
      Sequential {
        first
        ReLU()
      }
    }
    #expect(try added(x).equal(first(x) + first(x).relu()))
    let wrong = Parallel(combination: .sum) {
      first
      second
    }
    #expect(
      message { try wrong(x) }
        .contains("the branches give float32[4, 3, 6, 5], float32[4, 5, 6, 5], which cannot be added"))
    let sizes = Parallel {
      first
      Conv2d(inChannels: 2, outChannels: 3, kernelSize: 3)
    }
    #expect(message { try sizes(x) }.contains("cannot be joined along dimension 1"))
  }

  @Test("a summary looks into residual blocks and branches")
  func summary() throws {
    let model = Sequential {
      Residual(shortcut: Conv2d(inChannels: 1, outChannels: 4, kernelSize: 1)) {
        Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3, padding: 1)
        BatchNorm2d(numFeatures: 4)
      }
      Parallel {
        Conv2d(inChannels: 4, outChannels: 2, kernelSize: 1)
        MaxPool2d(kernelSize: 3, stride: 1, padding: 1)
      }
    }
    let rows = try summarize(model, inputShape: [1, 8, 8])
    #expect(rows.map(\.name) == ["0.body.0", "0.body.1", "0.shortcut", "1.0", "1.1"])
    #expect(rows.map(\.parameters) == [40, 8, 8, 10, 0])
    #expect(rows.map(\.multiplyAdds) == [2304, 0, 256, 512, 0])
    #expect(try model(Tensor.zeros([1, 1, 8, 8])).shape == [1, 6, 8, 8])
    #expect(!StepPlan.supports(model))
  }
}
