import SwiftTorchLayers
import Testing

private let line = [2, 2, 9]
private let image = [4, 2, 9, 10]
private let volume = [2, 2, 4, 5, 6]

@Suite("Layers that change an image's size")
struct ResizingTests {
  private static func layers() -> [(Module, [Int])] {
    [
      (ZeroPad1d(padding: 2), line), (ZeroPad2d(padding: [1, 2, -1, 0]), image),
      (ConstantPad2d(padding: 1, value: -.infinity), image), (ConstantPad3d(padding: 1, value: 0.1), volume),
      (ReflectionPad1d(padding: [1, 3]), line), (ReflectionPad2d(padding: 2), image),
      (ReplicationPad3d(padding: 1), volume), (CircularPad2d(padding: [1, 2, 3, 4]), image),
      (MeanPad1d(padding: 2), line), (MeanPad2d(padding: [1, 0, -1, 3]), image),
      (MeanPad3d(padding: 1), volume), (WeightedPad1d(padding: [0, 3], weights: [3, -3, 1]), line),
      (WeightedPad2d(padding: [2, 1, 0, -1], weights: [2, -1]), image),
      (WeightedPad3d(padding: 1, weights: [1e-7]), volume),
      (ConvTranspose1d(inChannels: 2, outChannels: 3, kernelSize: 3, bias: false), line),
      (
        ConvTranspose2d(
          inChannels: 2, outChannels: 4, kernelSize: [3, 2], stride: 2, padding: 1, outputPadding: 1,
          groups: 2),
        image
      ), (ConvTranspose3d(inChannels: 2, outChannels: 2, kernelSize: 2, stride: 2), volume),
      (NMaxPool2d(kernelSize: 2, n: 2), image),
      (NMaxPool2d(kernelSize: 3, n: 3, stride: 2, padding: 1), image),
      (
        NMaxPool2d(kernelSize: [3, 2], n: 5, stride: 2, dilation: 2, ceilMode: true), Array(image.dropFirst())
      ),
      (LPPool1d(normType: 2, kernelSize: 3), line), (LPPool2d(normType: 2, kernelSize: 2, stride: 1), image),
      (LPPool2d(normType: .infinity, kernelSize: 2), image), (LPPool3d(normType: 4, kernelSize: 2), volume),
      (FractionalMaxPool2d(kernelSize: 2, outputSize: [3, 4]), image),
      (FractionalMaxPool2d(kernelSize: 2, outputRatio: 0.7), Array(image.dropFirst())),
      (Unfold(kernelSize: [2, 3], padding: 1), image),
      (Fold(outputSize: [4, 5], kernelSize: 2), [2, 8, 12]),
      (Upsample(scaleFactor: 2), image), (Upsample(scaleFactor: 2), line), (Upsample(size: 7), volume),
      (Upsample(scaleFactor: [1.5, 2], mode: .nearestExact), image),
      (Upsample(size: 11, mode: .linear), line),
      (Upsample(scaleFactor: 2.3, mode: .bilinear, recomputeScaleFactor: true), image),
      (Upsample(size: [12, 5], mode: .bilinear, alignCorners: true), image),
      (Upsample(scaleFactor: 2, mode: .bicubic), image), (Upsample(scaleFactor: 2, mode: .trilinear), volume),
    ]
  }

  @Test("the TorchScript of each gives the layer's own output")
  func scripts() throws {
    for (layer, shape) in Self.layers() {
      let script = try ScriptModule(layer)
      let x = try Tensor.rand(shape)
      try Torch.manualSeed(5)
      let own = try layer(x)
      try Torch.manualSeed(5)
      #expect(try script(x).equal(own), "\(layer)")
    }
  }

  @Test("the descriptions are what Python prints")
  func printing() {
    let expected: [(Module, String)] = [
      (ZeroPad2d(padding: 1), "ZeroPad2d((1, 1, 1, 1))"),
      (ConstantPad2d(padding: 1, value: 3.5), "ConstantPad2d(padding=(1, 1, 1, 1), value=3.5)"),
      (ReflectionPad1d(padding: [2, 1]), "ReflectionPad1d((2, 1))"),
      (
        ConvTranspose2d(
          inChannels: 2, outChannels: 3, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1),
        "ConvTranspose2d(2, 3, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1))"
      ),
      (
        ConvTranspose1d(inChannels: 2, outChannels: 4, kernelSize: 3, groups: 2, bias: false, dilation: 2),
        "ConvTranspose1d(2, 4, kernel_size=(3,), stride=(1,), dilation=(2,), groups=2, bias=False)"
      ),
      (
        LPPool2d(normType: 2, kernelSize: 3),
        "LPPool2d(norm_type=2, kernel_size=3, stride=None, ceil_mode=False)"
      ),
      (FractionalMaxPool2d(kernelSize: 2, outputRatio: 0.5), "FractionalMaxPool2d()"),
      (Unfold(kernelSize: 3), "Unfold(kernel_size=3, dilation=1, padding=0, stride=1)"),
      (
        Fold(outputSize: [4, 5], kernelSize: 2),
        "Fold(output_size=(4, 5), kernel_size=2, dilation=1, padding=0, stride=1)"
      ),
      (Upsample(scaleFactor: 2), "Upsample(scale_factor=2.0, mode='nearest')"),
      (Upsample(scaleFactor: [2, 1.5]), "Upsample(scale_factor=(2.0, 1.5), mode='nearest')"),
      (Upsample(size: [3, 4], mode: .bilinear), "Upsample(size=(3, 4), mode='bilinear')"),
      (
        WeightedPad2d(padding: 1, weights: [2, -1]),
        "WeightedPad2d(padding=(1, 1, 1, 1), weights=[2.0, -1.0])"
      ),
    ]
    for (layer, text) in expected { #expect(layer.description == text) }
  }

  @Test("a transposed convolution gives the size that is asked for, of those that its stride allows")
  func outputSize() throws {
    let image = try Tensor.randn([1, 3, 12, 11])
    let down = Conv2d(inChannels: 3, outChannels: 4, kernelSize: 3, stride: 2, padding: 1)
    let up = ConvTranspose2d(inChannels: 4, outChannels: 3, kernelSize: 3, stride: 2, padding: 1)
    let small = try down(image)
    #expect(small.shape == [1, 4, 6, 6])
    #expect(try up(small).shape == [1, 3, 11, 11])
    #expect(try up(small, outputSize: image.shape).shape == image.shape)
    #expect(try up(small, outputSize: [11, 12]).shape == [1, 3, 11, 12])
    #expect(try up(small.squeeze(0), outputSize: [12, 12]).shape == [3, 12, 12])
    let wrong = try #require(throws: TorchError.self) { try up(small, outputSize: [13, 11]) }
    #expect(wrong.message.contains("sizes from [11, 11] to [12, 12] are"))
    #expect(wrong.layer?.hasPrefix("ConvTranspose2d(4, 3") == true, "the error names the layer")
    #expect(message { try up(small, outputSize: [12]) }.contains("must have 2 or 4 sizes"))
  }

  @Test("a summary counts each input of a transposed convolution once for every weight of its group")
  func multiplyAdds() throws {
    let layer = ConvTranspose2d(
      inChannels: 4, outChannels: 6, kernelSize: [3, 2], stride: [1, 2], padding: [1, 0],
      outputPadding: [1, 0], groups: 2, dilation: [2, 1])
    let row = try #require(try summarize(layer, inputShape: [4, 5, 6]).first)
    #expect(row.outputShape == [6, 8, 12] && row.parameters == 4 * 3 * 6 + 6)
    #expect(row.multiplyAdds == 4 * 5 * 6 * 3 * 6)
  }

  @Test("what does not fit is answered by a sentence")
  func errors() throws {
    let picture = try Tensor.zeros([1, 2, 5, 6])
    let mistakes: [(Module, Tensor, String)] = [
      (ReflectionPad2d(padding: 2), try Tensor.zeros([5, 6]), "needs an input of 3 or 4 dimensions"),
      (ReflectionPad2d(padding: 5), picture, "Padding size should be less than"),
      (CircularPad2d(padding: 7), picture, "wrapping around more than once"),
      (MeanPad2d(padding: 1), try Tensor.zeros([5, 6]), "needs an input of 3 or 4 dimensions"),
      (WeightedPad2d(padding: 1, weights: []), picture, "at least one weight"),
      (
        WeightedPad2d(padding: 1, weights: [1, 1, 1, 1, 1, 1]), picture,
        "needs as many elements in dimension -2"
      ),
      (NMaxPool2d(kernelSize: 2, n: 5), picture, "n must be 1 to 4, not 5"),
      (NMaxPool2d(kernelSize: 2, n: 0), picture, "n must be 1 to 4, not 0"),
      (NMaxPool2d(kernelSize: 7, n: 1), picture, "is larger than"),
      (NMaxPool2d(kernelSize: 3, n: 1, padding: 2), picture, "at most half of its window"),
      (NMaxPool2d(kernelSize: 3, n: 1, stride: 0), picture, "above 0"),
      (NMaxPool2d(kernelSize: Int.max, n: 1), picture, "above 0"),
      (NMaxPool2d(kernelSize: 1 << 30, n: 1, dilation: 1 << 30), picture, "is too large for"),
      (NMaxPool2d(kernelSize: 1, n: 1), try Tensor.zeros([5, 6]), "an input of 3 or 4 dimensions"),
      (LPPool2d(normType: 0, kernelSize: 2), picture, "other than 0"),
      (LPPool1d(normType: 2, kernelSize: 9), try Tensor.zeros([2, 5]), "too small"),
      (FractionalMaxPool2d(kernelSize: 2, outputSize: 9), picture, "too large relative to input"),
      (FractionalMaxPool2d(kernelSize: 2, outputSize: 2), try Tensor.zeros([6]), "3 or 4 dimensions"),
      (
        FractionalMaxPool2d(kernelSize: 2, outputSize: 2, _randomSamples: try Tensor.ones([1, 2, 2])),
        picture,
        "must be in 0..<1"
      ),
      (Unfold(kernelSize: 7), picture, "must be at least one"),
      (
        Fold(outputSize: 4, kernelSize: 2), try Tensor.zeros([1, 7, 9]),
        "divisible by the product of kernel_size"
      ),
      (Upsample(), picture, "either a size or a scaleFactor"),
      (Upsample(size: 2, scaleFactor: 2), picture, "either a size or a scaleFactor"),
      (Upsample(size: [2, 2, 2]), picture, "needs 2 sizes"),
      (Upsample(scaleFactor: [2.5]), picture, "needs 2 factors"),
      (Upsample(scaleFactor: 2, alignCorners: true), picture, "not for nearest"),
      (Upsample(scaleFactor: 2, mode: .linear), picture, "is for 3 dimensions"),
      (Upsample(scaleFactor: 1e300, recomputeScaleFactor: true), picture, "is too large for"),
      (Upsample(size: 4, recomputeScaleFactor: true), picture, "is for a scaleFactor"),
      (Upsample(scaleFactor: 1e300), picture, "overflow"),
      (Upsample(scaleFactor: -1), picture, "greater than 0"),
      (Upsample(scaleFactor: 2), try Tensor.zeros([5, 6]), "3, 4 or 5 dimensions"),
      (
        ConvTranspose2d(inChannels: 2, outChannels: 1, kernelSize: 3, outputPadding: 1), picture,
        "output padding must be smaller than"
      ), (ConvTranspose2d(inChannels: 2, outChannels: 1, kernelSize: 1, padding: 5), picture, "too small"),
      (ConvTranspose2d(inChannels: 3, outChannels: 1, kernelSize: 3), picture, "channels"),
    ]
    for (layer, input, sentence) in mistakes {
      let text = message { try layer(input) }
      #expect(text.contains(sentence), "\(layer): \(text)")
    }
  }

  @Test("n-max pooling leaves out what padding and ceil mode add, and n = 1 is max pooling")
  func nMaxBorders() throws {
    let x = try Tensor([-1, -2, -3, -4] as [Float], shape: [1, 2, 2])
    // Every window of 2 has one pixel inside.
    #expect(try NMaxPool2d(kernelSize: 2, n: 3, padding: 1)(x).scalars(as: Float.self) == [-1, -2, -3, -4])
    let y = try Tensor.randn([2, 3, 7, 8])
    for (padding, ceilMode) in [(0, false), (1, false), (1, true)] {
      let largest = MaxPool2d(kernelSize: 3, stride: 2, padding: padding, dilation: 2, ceilMode: ceilMode)
      let own = NMaxPool2d(kernelSize: 3, n: 1, stride: 2, padding: padding, dilation: 2, ceilMode: ceilMode)
      #expect(try own(y).equal(largest(y)))
    }
    // The last window would begin in the padding behind the picture.
    let largest = MaxPool2d(kernelSize: 2, stride: 3, padding: 1, ceilMode: true)
    let own = NMaxPool2d(kernelSize: 2, n: 1, stride: 3, padding: 1, ceilMode: true)
    let z = try Tensor.randn([2, 4, 4])
    #expect(try own(z).equal(largest(z)))
    #expect(try ScriptModule(own)(z).equal(largest(z)))
  }

  @Test("of equal values n-max pooling gives the gradient to the first")
  func nMaxTies() throws {
    let x = try Tensor.ones([1, 2, 2], requiresGrad: true)
    try NMaxPool2d(kernelSize: 2, n: 3)(x).sum().backward()
    #expect(try x.grad?.scalars(as: Float.self) == [1 / 3, 1 / 3, 1 / 3, 0])
  }

  @Test(
    "unfold and a matrix product are a convolution, and fold gives pixels back as often as they were taken")
  func foldings() throws {
    let x = try Tensor.randn([2, 3, 6, 7], dtype: .float64)
    let conv = Conv2d(
      inChannels: 3, outChannels: 4, kernelSize: 3, stride: 2, padding: 1, bias: false, dtype: .float64)
    let columns = try Unfold(kernelSize: 3, padding: 1, stride: 2)(x)
    let product = try conv.weight.reshape([4, 27]).matmul(columns).reshape([2, 4, 3, 4])
    #expect(try product.allclose(conv(x)))
    let fold = Fold(outputSize: [6, 7], kernelSize: 2)
    let counts = try fold(Unfold(kernelSize: 2)(Tensor.ones([1, 1, 6, 7])))
    #expect(try counts.max().item(as: Float.self) == 4 && counts.min().item(as: Float.self) == 1)
  }
}
