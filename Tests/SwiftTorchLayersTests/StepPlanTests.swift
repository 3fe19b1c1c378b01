import CTorchShim
import Testing

@testable import SwiftTorchLayers

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
    { (try! Models.resnet18.make(inputShape: [3, 32, 32], classes: 4), [9, 3, 32, 32]) },
    {
      (
        Sequential {
          Conv2d(inChannels: 3, outChannels: 5, kernelSize: 3)
          BatchNorm2d(numFeatures: 5)
          ReLU()
          MaxPool2d(kernelSize: [2, 3])
          AdaptiveAvgPool2d(outputSize: [3, 2])
          Flatten()
          Linear(inFeatures: 30, outFeatures: 4)
          ReLU()
        }, [9, 3, 14, 13]
      )
    },
  ]

  private static let resnet = 6

  /// Logits, loss, gradients and buffers of three steps by a plan and on the tape.
  private func compare(
    _ index: Int, _ type: DType, batch: Int? = nil,
    _ judge: (_ name: String, _ planned: Tensor, _ tape: Tensor) throws -> Void
  ) throws {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(3)
    var (model, shape) = Self.networks[index]()
    try model.to(type)
    if let batch { shape[0] = batch }
    #expect(StepPlan.supports(model))
    let plan = try #require(try StepPlan(model))
    for step in 0..<(index == Self.resnet ? 1 : 3) {
      let (images, labels) = (try Tensor.randn(shape).to(type), try Tensor.randint(0, 4, [shape[0]]))
      let buffers = try model.stateDict().mapValues { try $0.clone() }
      try Torch.manualSeed(UInt64(step))
      let planned = try plan.step(images, labels)
      let gradients = try model.parameters().map { try #require($0.grad).clone() }
      let after = try model.stateDict().mapValues { try $0.clone() }
      try model.loadStateDict(buffers)
      model.zeroGrad()
      try Torch.manualSeed(UInt64(step))
      let logits = try model(images)
      let loss = try crossEntropy(logits, labels)
      try loss.backward()
      try judge("logits", planned.logits, logits.detach())
      try judge("loss", planned.loss, loss.detach())
      for ((name, parameter), gradient) in zip(model.namedParameters(), gradients) {
        try judge(name, gradient.contiguous(), try #require(parameter.grad).contiguous())
      }
      for (name, tensor) in model.stateDict() { try judge(name, try #require(after[name]), tensor) }
    }
  }

  @Test(
    "in float64 logits, loss, gradients, statistics and dropout's masks are the tape's, to the bit",
    arguments: networks.indices)
  func sameAsTape(_ index: Int) throws {
    try compare(index, .float64) { name, planned, tape in
      let same = try planned.bytes() == tape.bytes()
      #expect(same, "\(name)")
    }
  }

  @Test(
    "in float32, with other kernels, they are the tape's but for rounding", arguments: networks.indices,
    [1, 9, 40])
  func nearTape(_ index: Int, _ batch: Int) throws {
    // One image has no variance at the end of a residual network; and its twenty layers of normalisation,
    // the last ones over few values, amplify rounding.
    if batch == 1 && index == Self.resnet { return }
    let share = index == Self.resnet ? 2e-2 : 2e-4
    try compare(index, .float32, batch: batch) { name, planned, tape in
      let scale = try tape.to(.float64).abs().max().item(as: Double.self)
      let difference = try (planned.to(.float64) - tape.to(.float64)).abs().max().item(as: Double.self)
      #expect(difference <= share * max(scale, 1e-3), "\(name): \(difference) of \(scale)")
    }
  }

  @Test("in evaluation mode dropout keeps everything; a layer without a plan, or another loss, has none")
  func support() throws {
    let (model, shape) = Self.networks[0]()
    model.eval()
    let images = try Tensor.randn(shape)
    let planned = try #require(try StepPlan(model)).step(images, Tensor([0, 1, 2, 3, 0, 1]))
    let difference = try (planned.logits - noGrad { try model(images) }).abs().max().item(as: Double.self)
    #expect(difference < 1e-6)
    #expect(try StepPlan(Sequential { BatchNorm2d(numFeatures: 3, momentum: nil) }) == nil)
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
    for (channels, kernel, stride) in [
      (3, 1, 2), (1, 2, 3), (3, 3, 1), (8, 1, 2),
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
        }
      }
    }
  }

  @Test(
    "dropout draws what the tape's operator draws: bernoulli_ on the CPU and in place, native_dropout on CUDA",
    arguments: [SHIM_DROPOUT_BY_DEVICE, SHIM_DROPOUT_BERNOULLI, SHIM_DROPOUT_NATIVE], [0.3, 1])
  func dropoutDraws(_ drawing: Int, _ p: Double) throws {
    try Torch.setNumThreads(1)
    let first = try Linear(inFeatures: 7, outFeatures: 40).to(.float64)
    let second = try Linear(inFeatures: 40, outFeatures: 3).to(.float64)
    func dense(_ layer: Linear) -> PlanLayer {
      PlanLayer(kind: Int(SHIM_PLAN_LINEAR), weight: layer.weight, bias: layer.bias)
    }
    let plan = try PlanLayer.makePlan(
      [dense(first), PlanLayer(kind: Int(SHIM_PLAN_DROPOUT), integers: [drawing], p: p), dense(second)],
      example: nil)
    defer { try? Shim.table.plan_release(plan) }
    let (x, labels) = (try Tensor.randn([5, 7]).to(.float64), try Tensor([0, 1, 2, 0, 1]))
    for seed in 0..<3 as Range<UInt64> {
      try Torch.manualSeed(seed)
      var (logits, loss): (OpaquePointer?, OpaquePointer?)
      try Shim.check(try Shim.table.plan_step(plan, try x.pointer, try labels.pointer, &logits, &loss))
      let planned = (logits: Tensor(owning: logits!), loss: Tensor(owning: loss!))
      let parameters = first.parameters() + second.parameters()
      let gradients = try parameters.map { try #require($0.grad).bytes() }
      for parameter in parameters { parameter.grad = nil }

      try Torch.manualSeed(seed)
      let hidden = try first(x)
      let dropped =
        try drawing == SHIM_DROPOUT_NATIVE && p < 1
        ? Operator("aten::native_dropout").tensors(hidden, p, true)[0] : Dropout(p: p)(hidden)
      let taped = try second(dropped)
      let value = try crossEntropy(taped, labels)
      try value.backward()
      #expect(try planned.logits.bytes() == taped.detach().bytes())
      #expect(try planned.loss.bytes() == value.detach().bytes())
      #expect(try gradients == parameters.map { try #require($0.grad).bytes() })
      for parameter in parameters { parameter.grad = nil }
    }
  }

  @Test("a plan tells whether the tape's dropout works in place, where it draws otherwise on CUDA")
  func dropoutKinds() throws {
    for (inplace, drawing) in [(false, SHIM_DROPOUT_BY_DEVICE), (true, SHIM_DROPOUT_BERNOULLI)] {
      let layers = try #require(PlanLayer.layers(of: Sequential([Dropout(p: 0.3, inplace: inplace)])))
      #expect(layers.count == 1 && layers[0].integers == [Int(drawing)] && layers[0].p == 0.3)
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
