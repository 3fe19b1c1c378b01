import Testing

@testable import SwiftTorchLayers

@Suite("summary: the course's numbers")
struct SummaryTests {
  private func rows(_ input: [Int], @ModuleBuilder _ layers: () -> [Module]) throws -> [LayerSummary] {
    try summarize(Sequential(layers()), inputShape: input)
  }

  private func conv(
    _ inputs: Int, _ outputs: Int, _ size: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true
  ) -> Module {
    Conv2d(
      inChannels: inputs, outChannels: outputs, kernelSize: size, stride: stride, padding: padding, bias: bias
    )
  }

  @Test("C6: (N + 2P − F)/S + 1, and a warning where it is no whole number")
  func outputSize() throws {
    #expect(try rows([1, 32, 32]) { conv(1, 1, 5) }[0].outputShape == [1, 28, 28])
    for (stride, size, warns) in [(1, 5, false), (2, 3, false), (3, 2, true)] {
      let row = try rows([1, 7, 7]) { conv(1, 1, 3, stride: stride) }[0]
      #expect(row.outputShape == [1, size, size] && (row.warning != nil) == warns)
    }
    #expect(
      try rows([1, 7, 7]) { conv(1, 1, 3, stride: 3) }[0].warning
        == "stride 3 does not fit: (7 − 3)/3 + 1 = 2.33, PyTorch takes 2")
    #expect(try rows([1, 7, 7]) { MaxPool2d(kernelSize: 2) }[0].warning?.contains("= 3.5") == true)
    // Rounding up drops nothing.
    #expect(try rows([1, 7, 7]) { MaxPool2d(kernelSize: 2, ceilMode: true) }[0].warning == nil)
    // Only the width does not fit.
    #expect(
      try rows([1, 7, 8]) { conv(1, 1, 3, stride: 2, padding: 1) }[0].warning
        == "stride 2 does not fit: (8 + 2 − 3)/2 + 1 = 4.5, PyTorch takes 4")
    #expect(try rows([1, 9, 9]) { conv(1, 1, 5, padding: 2) }[0].outputShape == [1, 9, 9])
  }

  @Test("C9: 3 channels, 2 filters with a bias, stride 2, padding 1, 5×5 → 2×3×3; C10: flattened to 18")
  func channels() throws {
    let both = try rows([3, 5, 5]) {
      conv(3, 2, 3, stride: 2, padding: 1)
      Flatten()
    }
    #expect(both[0].outputShape == [2, 3, 3] && both[0].parameters == 2 * 27 + 2)
    #expect(both[1].outputShape == [18])
  }

  @Test("C11: 49C² weights against 27C²; 163 840 000 multiplications against 3 276 800 + 13 107 200")
  func counting() throws {
    let c = 6
    let large = try rows([c, 9, 9]) { conv(c, c, 7, padding: 3, bias: false) }
    let small = try rows([c, 9, 9]) { for _ in 0..<3 { conv(c, c, 3, padding: 1, bias: false) } }
    #expect(large[0].parameters == 49 * c * c)
    #expect(small.reduce(0) { $0 + $1.parameters } == 27 * c * c)
    #expect(large[0].receptiveField == [7, 7] && small[2].receptiveField == [7, 7])
    #expect(try rows([200, 32, 32]) { conv(200, 32, 5, padding: 2) }[0].multiplyAdds == 163_840_000)
    let narrow = try rows([200, 32, 32]) {
      conv(200, 16, 1)
      conv(16, 32, 5, padding: 2)
    }
    #expect(narrow.map(\.multiplyAdds) == [3_276_800, 13_107_200])
  }

  @Test("an output of a grouped convolution is multiplied with the inputs of its own group")
  func groups() throws {
    let row = try rows([4, 5, 5]) { Conv2d(inChannels: 4, outChannels: 6, kernelSize: 3, groups: 2) }[0]
    #expect(row.outputShape == [6, 3, 3] && row.multiplyAdds == 6 * 9 * (4 / 2) * 9)
  }

  @Test("C12: three 3×3 see 3, 5, 7; strides and pooling multiply the jump")
  func receptiveField() throws {
    let three = try rows([1, 20, 30]) { for _ in 0..<3 { conv(1, 1, 3) } }
    #expect(three.map(\.receptiveField) == [[3, 3], [5, 5], [7, 7]])
    #expect(three.map(\.jump) == [[1, 1], [1, 1], [1, 1]])
    let strided = try rows([1, 20, 30]) {
      conv(1, 1, 3, stride: 2)
      MaxPool2d(kernelSize: 2)
      Conv2d(inChannels: 1, outChannels: 1, kernelSize: [1, 3], dilation: [1, 2])
      AdaptiveAvgPool2d(outputSize: 1)
      Flatten()
      Linear(inFeatures: 1, outFeatures: 2)
    }
    // By hand: 1 + 2; + 1·2; + 2·2·4 in the width; then all 4 and 3 positions that are left, 4 pixels apart.
    #expect(strided.map(\.receptiveField) == [[3, 3], [5, 5], [5, 21], [17, 29], [17, 29], [20, 30]])
    #expect(strided.map(\.jump) == [[2, 2], [4, 4], [4, 4], [16, 12], [16, 12], nil])
  }

  @Test("paths that join see as far as the longest: ResNet-18's last maps see 435 pixels, 32 apart")
  func joined() throws {
    let resnet = try summarize(
      Models.resnet18.make(inputShape: [3, 64, 64], classes: 2), inputShape: [3, 64, 64])
    let last = try #require(resnet.last { $0.name == "layer4.1.relu" })
    #expect(last.receptiveField == [435, 435] && last.jump == [32, 32])
    let blocks = try rows([4, 9, 9]) {
      Residual(shortcut: conv(4, 4, 1)) {
        conv(4, 4, 3, padding: 1)
        conv(4, 4, 3, padding: 1)
      }
      Parallel {
        conv(4, 4, 5, padding: 2)
        conv(4, 4, 1)
      }
      conv(8, 1, 1)
    }
    #expect(blocks.last?.receptiveField == [9, 9])
  }

  @Test("C16: the digits CNN has 3 274 634 parameters; its activations for one image, counted by hand")
  func digits() throws {
    let rows = try summarize(Models.cnn.make(inputShape: [1, 28, 28], classes: 10), inputShape: [1, 28, 28])
    #expect(rows.reduce(0) { $0 + $1.parameters } == 3_274_634)
    let values = 2 * 32 * 784 + 32 * 196 + 2 * 64 * 196 + 2 * 3136 + 3 * 1024 + 10
    #expect(rows.reduce(0) { $0 + $1.activationBytes } == 4 * values)
    #expect(
      rows.map(\.receptiveField)[0...5] == [[5, 5], [5, 5], [6, 6], [14, 14], [14, 14], [16, 16]])
  }

  @Test("C17: about 9 M dense parameters against about 2 M; C18: a dense head against global average pooling")
  func pairs() throws {
    func count(_ model: Models) throws -> Int {
      let made = try model.make(inputShape: model.inputShape, classes: model.classes)
      return made.parameters().reduce(0) { $0 + $1.numel }
    }
    #expect(try count(.cifarMLP) == 8_921_610 && count(.cifarCNN) == 2_168_362)
    let trunk = 320 + 18_496 + 73_856
    #expect(try count(.headDense) == trunk + 6272 * 128 + 128 + 1290)
    #expect(try count(.headPooling) == trunk + 1290)
    #expect(try count(.softmax) == 7_850)
  }

  @Test("C19: AlexNet's values in each layer, its parameters, and the stride of 4 that does not fit")
  func alexnet() throws {
    let shape = [3, 224, 224]
    let rows = try summarize(Models.alexnet2012.make(inputShape: shape, classes: 1000), inputShape: shape)
    let weighted = rows.filter { $0.layer.hasPrefix("Conv2d") || $0.layer.hasPrefix("Linear") }
    #expect(
      weighted.map { $0.outputShape.reduce(1, *) } == [
        290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000,
      ])
    #expect(rows.reduce(0) { $0 + $1.parameters } == 60_965_224)
    #expect(rows[0].warning == "stride 4 does not fit: (224 + 4 − 11)/4 + 1 = 55.25, PyTorch takes 55")
    #expect(rows.dropFirst().allSatisfy { $0.warning == nil })
  }

  @Test("a transposed convolution multiplies each input by its kernel, and no longer sees through windows")
  func transposed() throws {
    let rows = try rows([2, 5, 5]) {
      ConvTranspose2d(inChannels: 2, outChannels: 3, kernelSize: 2, stride: 2)
    }
    #expect(rows[0].multiplyAdds == 2 * 25 * 3 * 4 && rows[0].parameters == 24 + 3)
    #expect(rows[0].outputShape == [3, 10, 10] && rows[0].receptiveField == nil)
  }
}
