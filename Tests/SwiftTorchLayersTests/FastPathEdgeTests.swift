import Testing

@testable import SwiftTorchLayers

@Suite("The fast path where a setting matters", .serialized)
struct FastPathEdgeTests {
  @Test("layers that a plan would compute otherwise have none")
  func unsupported() {
    let layers: [Module] = [
      Conv2d(inChannels: 1, outChannels: 1, kernelSize: 3, padding: 1, paddingMode: .reflect),
      Flatten(startDim: 2), Flatten(startDim: 1, endDim: 2),
      BatchNorm2d(numFeatures: 1, trackRunningStats: false),
      AdaptiveAvgPool2d(outputSize: [2, nil]), Softmax(dim: 1),
    ]
    for layer in layers { #expect(!StepPlan.supports(Sequential([layer])), "\(layer)") }
    #expect(StepPlan.supports(Sequential([Flatten()])))
  }

  @Test("folding counts eps in, also where it is as large as the variance")
  func foldedEps() throws {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(6)
    let model = Sequential {
      Conv2d(inChannels: 1, outChannels: 3, kernelSize: 3)
      BatchNorm2d(numFeatures: 3, eps: 0.5)
      Flatten()
    }
    let images = try Tensor.randn([4, 1, 6, 6])
    let frozen = try #require(try FrozenModel(model, example: images))
    model.eval()
    let (own, plain) = (try frozen(images), try noGrad { try model(images) })
    // Ten sums of single precision, each of numbers near one.
    #expect(try (own - plain).abs().max().item(as: Double.self) < 1e-5)
  }

  @Test("a small convolution with dilation, stride, padding or groups is computed as on the tape")
  func smallConvolutions() throws {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(8)
    for convolution in [
      Conv2d(inChannels: 2, outChannels: 4, kernelSize: 3, dilation: 2),
      Conv2d(inChannels: 2, outChannels: 4, kernelSize: 3, stride: 2, padding: 1),
      Conv2d(inChannels: 2, outChannels: 4, kernelSize: [2, 3], padding: [0, 2], groups: 2),
    ] {
      let model = Sequential([convolution, Flatten()])
      let images = try Tensor.randn([3, 2, 9, 8])
      let frozen = try #require(try FrozenModel(model, example: images))
      let (own, plain) = (try frozen(images), try noGrad { try model(images) })
      #expect(own.shape == plain.shape)
      guard own.shape == plain.shape else { continue }
      // Nineteen terms of single precision, each below one or so.
      #expect(try (own - plain).abs().max().item(as: Double.self) < 1e-5, "\(convolution)")
    }
  }

  @Test("dilated, padded and separate windows are pooled bit for bit as on the tape")
  func windows() throws {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(7)
    for pool in [
      MaxPool2d(kernelSize: 2, dilation: 2), MaxPool2d(kernelSize: 2, padding: 1),
      MaxPool2d(kernelSize: 2, stride: 3),
      MaxPool2d(kernelSize: [2, 3]), MaxPool2d(kernelSize: 2, ceilMode: true),
    ] {
      let model = Sequential([pool, Flatten()])
      let images = try Tensor.randn([2, 5, 9, 11])
      let frozen = try #require(try FrozenModel(model, example: images))
      #expect(try frozen(images).bytes() == noGrad { try model(images) }.bytes(), "\(pool)")
    }
  }
}
