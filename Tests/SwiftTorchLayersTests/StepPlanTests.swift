import SwiftTorchLayers
import Testing

@Suite("Steps without the tape", .serialized)
struct StepPlanTests {
  /// Layers that a plan knows, with an input that fits them.
  private static let networks: [@Sendable () -> (Module, [Int])] = [
    {
      (
        Sequential {
          Conv2d(
            inChannels: 2, outChannels: 5, kernelSize: [3, 5], stride: [2, 1], padding: [1, 2], groups: 1)
          ReLU()
          MaxPool2d(kernelSize: 3, stride: 2, padding: 1, ceilMode: true)
          Sequential {
            Conv2d(
              inChannels: 5, outChannels: 10, kernelSize: 3, padding: .same, dilation: 2, groups: 5,
              bias: false)
            Sigmoid()
          }
          AvgPool2d(kernelSize: 2, padding: 1, countIncludePad: false)
          Identity()
          Flatten()
          Dropout(p: 0.3)
          Linear(inFeatures: 90, outFeatures: 12)
          Tanh()
          Linear(inFeatures: 12, outFeatures: 4, bias: false)
        }, [6, 2, 13, 9]
      )
    },
    { (try! Models.softmax.make(inputShape: [1, 9, 9], classes: 4), [5, 1, 9, 9]) },
    { (try! Models.mlp.make(inputShape: [1, 9, 9], classes: 4), [5, 1, 9, 9]) },
    { (try! Models.cnn.make(inputShape: [1, 9, 9], classes: 4), [5, 1, 9, 9]) },
    { (try! Models.tiny.make(inputShape: [1, 9, 9], classes: 4), [5, 1, 9, 9]) },
    { (try! Models.lenet.make(inputShape: [1, 12, 12], classes: 4), [5, 1, 12, 12]) },
  ]

  @Test("logits, loss, gradients and dropout's masks are the tape's, to the bit", arguments: networks.indices)
  func sameAsTape(_ index: Int) throws {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(3)
    let (model, shape) = Self.networks[index]()
    #expect(StepPlan.supports(model))
    let plan = try #require(try StepPlan(model))
    for step in 0..<3 {
      let (images, labels) = (try Tensor.randn(shape), try Tensor.randint(0, 4, [shape[0]]))
      try Torch.manualSeed(UInt64(step))
      let planned = try plan.step(images, labels)
      let gradients = try model.parameters().map { try #require($0.grad).clone() }
      model.zeroGrad()
      try Torch.manualSeed(UInt64(step))
      let logits = try model(images)
      let loss = try crossEntropy(logits, labels)
      try loss.backward()
      #expect(try planned.logits.bytes() == logits.detach().bytes())
      #expect(try planned.loss.bytes() == loss.detach().bytes())
      for ((name, parameter), gradient) in zip(model.namedParameters(), gradients) {
        let tape = try #require(parameter.grad)
        let difference = try (gradient - tape).abs().max().item(as: Double.self)
        #expect(try gradient.contiguous().bytes() == tape.contiguous().bytes(), "\(name): \(difference)")
      }
    }
  }

  @Test("in evaluation mode dropout keeps everything; a layer without a plan, or another loss, has none")
  func support() throws {
    let (model, shape) = Self.networks[0]()
    model.eval()
    let images = try Tensor.randn(shape)
    let planned = try #require(try StepPlan(model)).step(images, Tensor([0, 1, 2, 3, 0, 1]))
    #expect(try planned.logits.bytes() == noGrad { try model(images) }.bytes())
    #expect(try StepPlan(Sequential { BatchNorm2d(numFeatures: 3) }) == nil)
    #expect(
      try StepPlan(Sequential { Conv2d(inChannels: 1, outChannels: 1, kernelSize: 2, padding: .same) }) == nil
    )
    #expect(try StepPlan(model, loss: CrossEntropyLoss(labelSmoothing: 0.1)) == nil)
  }

  @Test("a batch that does not fit is an error that names the layer, and the plan goes on")
  func errors() throws {
    let (model, shape) = Self.networks[0]()
    let plan = try #require(try StepPlan(model))
    let labels = try Tensor([0, 1, 2, 3, 0, 1])
    let error = #expect(throws: TorchError.self) { try plan.step(Tensor.randn([6, 3, 13, 9]), labels) }
    #expect(error.map { "\($0)".contains("in layer 0, Conv2d") } == true, "\(error.map { "\($0)" } ?? "")")
    #expect(throws: TorchError.self) { try plan.step(Tensor.randn(shape), Tensor([0, 1, 2, 3, 0, 9])) }
    _ = try plan.step(Tensor.randn(shape), labels)
  }

  @Test(
    "from 8 images on the plan keeps channels together; where libtorch is wrong in that layout, it does not")
  func layouts() throws {
    try Torch.setNumThreads(1)
    for (channels, kernel, stride, same) in [
      (3, 1, 2, true), (1, 2, 3, true), (3, 3, 1, false), (8, 1, 2, false),
    ] {
      let model = Sequential {
        Conv2d(inChannels: channels, outChannels: 8, kernelSize: kernel, stride: stride)
        ReLU()
        Flatten()
        Linear(inFeatures: 8 * ((9 - kernel) / stride + 1) * ((9 - kernel) / stride + 1), outFeatures: 4)
      }
      let plan = try #require(try StepPlan(model))
      for _ in 0..<50 {
        let (images, labels) = (try Tensor.randn([16, channels, 9, 9]), try Tensor.randint(0, 4, [16]))
        _ = try plan.step(images, labels)
        let planned = try model.parameters().map { try #require($0.grad).clone() }
        model.zeroGrad()
        try crossEntropy(model(images), labels).backward()
        for (gradient, parameter) in zip(planned, model.parameters()) {
          let tape = try #require(parameter.grad)
          #expect(gradient.isContiguous)
          #expect(try (gradient - tape).abs().max().item(as: Double.self) < 1e-5)
          if same { #expect(try gradient.bytes() == tape.bytes()) }
        }
      }
    }
  }

  @Test("handles stay as many over a thousand steps, and go with the plan")
  func handles() throws {
    let (model, shape) = Self.networks[0]()
    let (images, labels) = (try Tensor.randn(shape), try Tensor([0, 1, 2, 3, 0, 1]))
    let before = try Shim.liveHandles
    do {
      let plan = try #require(try StepPlan(model))
      for _ in 0..<1000 { _ = try plan.step(images, labels) }
      #expect(try Shim.liveHandles == before + 1)
    }
    #expect(try Shim.liveHandles == before)
  }
}
