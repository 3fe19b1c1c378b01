import Foundation
import Testing

@testable import SwiftTorchLayers

/// A forward of one's own around other modules.
private final class Wrapped: Module {
  let body: Module
  init(_ body: Module) { self.body = body }
  override func forward(_ input: Tensor) throws -> Tensor { try body(input) }
}

/// Reads the training flag in Swift.
private final class Switch: Module {
  override func forward(_ input: Tensor) throws -> Tensor { training ? try input * 2 : input }
}

/// Calls dropout as a function.
private final class OwnDropout: Module {
  override func forward(_ input: Tensor) throws -> Tensor {
    guard case .tensor(let output) = try Tensor.call("aten::dropout", input, 0.5, training)[0] else {
      throw TorchError("no tensor")
    }
    return output
  }
}

/// Draws in evaluation, too.
private final class Noise: Module {
  override func forward(_ input: Tensor) throws -> Tensor {
    try input + Tensor.randLike(input)
  }
}

/// The mean of a picture, divided by a size that Swift reads.
private final class MeanOfPicture: Module {
  override func forward(_ input: Tensor) throws -> Tensor {
    try input.sum(dim: [2, 3]) / Double(input.shape[2] * input.shape[3])
  }
}

/// Halves a picture whose width is even.
private final class Even: Module {
  override func forward(_ input: Tensor) throws -> Tensor {
    input.shape[3].isMultiple(of: 2) ? try input * 0.5 : input
  }
}

@Suite("Recorded and shared modules as TorchScript", .serialized)
struct RecordingTests {
  private static func bytes(_ tensors: [Tensor]) throws -> [[UInt8]] { try tensors.map { try $0.bytes() } }

  @Test("a module that is recorded in training mode and then behaves otherwise is refused by name")
  func trainingMode() throws {
    let images = try Tensor.randn([2, 3, 6, 6])
    let layers: [Module] = [
      Dropout(), Dropout2d(), AlphaDropout(), BatchNorm2d(numFeatures: 3),
      InstanceNorm2d(numFeatures: 3, trackRunningStats: true), RReLU(), Switch(), OwnDropout(),
    ]
    for layer in layers {
      let model = Wrapped(Sequential([ReLU(), layer]))
      let (state, random) = (
        try Self.bytes(Array(model.stateDict().values)), try Generator.default().state()
      )
      let text = message { try ScriptModule(model, example: images) }
      #expect(
        text
          == "layer body.1, a \(layer.typeName), behaves as in training, and a recording would keep that for good: "
          + "call eval() on the model before exporting it")
      #expect(try ScriptModule(model.eval(), example: images)(images).equal(noGrad { try model(images) }))
      #expect(try Self.bytes(Array(model.stateDict().values)) == state, "\(layer)")
      #expect(try Generator.default().state().equal(random), "\(layer)")
    }
    // The flag of what does not read it makes no difference; one of many modules that was forgotten does.
    _ = try ScriptModule(
      Wrapped(Sequential([ReLU(), Conv2d(inChannels: 3, outChannels: 2, kernelSize: 3)])), example: images)
    let mixed = Wrapped(Sequential([Dropout(), Dropout()])).eval()
    (mixed.body as! Sequential).modules[1].train()
    #expect(message { try ScriptModule(mixed, example: images) }.contains("layer body.1, a Dropout"))
    // Zeros are zeros with and without dropout, but the random numbers are other ones.
    #expect(message { try ScriptModule(Wrapped(Dropout()), example: Tensor.zeros([2, 3])) }.contains("body"))
    let random = Wrapped(Noise()).eval()
    let before = try Generator.default().state()
    _ = try ScriptModule(random, example: images)
    #expect(try Generator.default().state().equal(before), "also a model that draws in evaluation")
  }

  @Test("a recording that computes with the example's picture size is refused; the innermost module is named")
  func pictureSize() throws {
    let images = try Tensor.randn([2, 3, 6, 8])
    let model = Wrapped(Sequential([ReLU(), Wrapped(MeanOfPicture())])).eval()
    let text = message { try ScriptModule(model, example: images) }
    #expect(
      text.contains("recording of layer body.1.body, a MeanOfPicture, serves only pictures")
        && text.contains("6×8") && text.contains("7×9") && text.contains("fixedSize: true"), "\(text)")
    // Larger by two and twice as large a width stays even.
    #expect(message { try ScriptModule(Even(), example: images) }.contains("the model, a Even, serves only"))
    let tall = try Tensor.randn([2, 3, 6, 7])
    #expect(message { try ScriptModule(Even(), example: tall) }.contains("serves only pictures"))
  }

  @Test("what computes with operators alone is exported, and so is a model that takes one size only")
  func anySize() throws {
    let images = try Tensor.randn([2, 3, 6, 8])
    let pooled = Wrapped(
      Sequential([
        Conv2d(inChannels: 3, outChannels: 2, kernelSize: 3), AdaptiveAvgPool2d(outputSize: 2), Flatten(),
      ]))
    let larger = try Tensor.randn([1, 3, 9, 7])
    #expect(try ScriptModule(pooled, example: images)(larger).equal(noGrad { try pooled(larger) }))
    let flat = Wrapped(Sequential([Flatten(), Linear(inFeatures: 144, outFeatures: 2)]))
    #expect(try ScriptModule(flat, example: images)(images).equal(noGrad { try flat(images) }))
  }

  @Test("with fixedSize a recording takes the example's picture size, any batch, and refuses other sizes")
  func fixedSize() throws {
    let images = try Tensor.randn([2, 3, 6, 8])
    for model in [MeanOfPicture(), Even()] {
      let script = try ScriptModule(model, example: images, fixedSize: true)
      let batch = try Tensor.randn([5, 3, 6, 8])
      #expect(try script(batch).equal(model(batch)))
      for shape in [[2, 3, 7, 8], [2, 3, 6, 9], [2, 3, 8, 6], [2, 2, 6, 8]] {
        #expect(message { try script(Tensor.randn(shape)) }.contains("split_sizes"), "\(shape)")
      }
    }
    // One pixel is not spread over many.
    let script = try ScriptModule(Even(), example: Tensor.randn([2, 1, 1, 2]), fixedSize: true)
    #expect(message { try script(Tensor.randn([2, 1, 1, 1])) } != "no error")
  }

  @Test("a module in two places, and a tensor in two, is one in the export")
  func shared() throws {
    let convolution = Conv2d(inChannels: 2, outChannels: 2, kernelSize: 3, padding: 1)
    let twice = Sequential([convolution, ReLU(), convolution])
    let tied = (Linear(inFeatures: 4, outFeatures: 4), Linear(inFeatures: 4, outFeatures: 4))
    final class Tied: Module {
      let first: Linear
      @Parameter var weight: Tensor
      init(_ first: Linear) {
        self.first = first
        _weight = Parameter(wrappedValue: first.weight)
      }
      override func forward(_ input: Tensor) throws -> Tensor { try first(input).matmul(weight) }
    }
    let images = try Tensor.randn([1, 2, 5, 5])
    for (model, keys, input) in [
      (twice, ["0.weight", "2.weight"], images),
      (Wrapped(twice), ["body.0.weight", "body.2.weight"], images),
      (Tied(tied.0), ["weight", "first.weight"], try Tensor.randn([3, 4])),
    ] as [(Module, [String], Tensor)] {
      let script = try ScriptModule(model, example: input)
      #expect(try script(input).equal(noGrad { try model(input) }))
      let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).pt").path
      defer { try? FileManager.default.removeItem(atPath: file) }
      try script.save(to: file)
      for opened in [script, try ScriptModule(path: file)] {
        let weights = try opened.stateDict()
        let (one, other) = (try #require(weights[keys[0]]), try #require(weights[keys[1]]))
        try noGrad { try one.mul_(2) }
        #expect(try one.equal(other), "\(keys)")
        #expect(try !one.equal(#require(model.stateDict()[keys[0]])), "a copy of the model's")
      }
    }
  }

  @Test("two tensors that share memory are refused by both names; parts of one memory are not")
  func sharedMemory() throws {
    final class Pair: Module {
      @Parameter var first: Tensor
      @Parameter var second: Tensor
      init(_ first: Tensor, _ second: Tensor) {
        (_first, _second) = (Parameter(wrappedValue: first), Parameter(wrappedValue: second))
      }
      override func forward(_ input: Tensor) throws -> Tensor { try input * first.sum() + second.sum() }
    }
    let whole = try Tensor.randn([4, 4])
    let input = try Tensor.randn([2, 3])
    for (first, second) in [
      (whole, try whole.detach()), (whole, try whole.transpose(0, 1).detach()),
      (try whole.narrow(0, 0, 3).detach(), try whole.narrow(0, 2, 2).detach()),
    ] {
      let text = message { try ScriptModule(Pair(first, second), example: input) }
      #expect(text.contains("first and second share memory but are two tensors"), "\(text)")
    }
    let halves = Pair(try whole.narrow(0, 0, 2).detach(), try whole.narrow(0, 2, 2).detach())
    #expect(try ScriptModule(halves, example: input)(input).equal(noGrad { try halves(input) }))
  }
}
