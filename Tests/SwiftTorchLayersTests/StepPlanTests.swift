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
    "in float64 logits, loss, gradients, statistics and dropout's masks are the tape's, bit for bit",
    arguments: networks.indices)
  func sameAsTape(_ index: Int) throws {
    try compare(index, .float64) { name, planned, tape in
      let same = try planned.bytes() == tape.bytes()
      #expect(same, "\(name)")
    }
  }

  /// Every network with every batch, but for one image at the end of a residual network, which has no variance.
  private static let batches = networks.indices.flatMap { index in
    (index == resnet ? [9, 40] : [1, 9, 40]).map { (index, $0) }
  }

  @Test("in float32 a step is as near to float64's as the tape's step is", arguments: batches)
  func nearTape(_ index: Int, _ batch: Int) throws {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(3)
    var (model, shape) = Self.networks[index]()
    shape[0] = batch
    let images = try Tensor.randn(shape)
    let labels = try Tensor.randint(0, 4, [batch])
    let state = try model.stateDict().mapValues { try $0.clone() }
    /// Logits, loss and gradients, from the same weights and masks.
    func step(_ type: DType, planned: Bool) throws -> [(name: String, values: [Double])] {
      (model, _) = Self.networks[index]()
      try model.loadStateDict(state)
      try model.to(type)
      let images = try images.to(type)
      try Torch.manualSeed(7)
      let results: [(String, Tensor)]
      if planned {
        let step = try #require(try StepPlan(model)).step(images, labels)
        results = [("logits", step.logits), ("loss", step.loss)]
      } else {
        let logits = try model(images)
        let loss = try crossEntropy(logits, labels)
        try loss.backward()
        results = [("logits", try logits.detach()), ("loss", try loss.detach())]
      }
      let gradients = try model.namedParameters().map { ($0.name, try #require($0.tensor.grad)) }
      return try (results + gradients).map { ($0, try $1.to(.float64).scalars(as: Double.self)) }
    }
    func distance(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
    let (exact, tape, plan) = try (
      step(.float64, planned: false), step(.float32, planned: false), step(.float32, planned: true)
    )
    for ((name, exact), (tape, plan)) in zip(exact, zip(tape.map(\.values), plan.map(\.values)))
    // A single number may be right by luck; the loss is judged with the gradients that come of it.
    where exact.count > 1 {
      // Both round in float32, in another order; a unit in the last place of everything is not too much for either.
      let size = distance(exact, exact.map { _ in 0 })
      let (own, others) = (distance(plan, exact), distance(tape, exact))
      #expect(own <= 4 * others + 0x1p-23 * size, "\(name): \(own), the tape's \(others), of \(size)")
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
    "with enough work for channels last in memory, gradients are float64's; where libtorch is wrong there, too",
    arguments: [(3, 1, 2), (1, 2, 3), (3, 3, 1), (8, 1, 2)])
  func layouts(_ channels: Int, _ kernel: Int, _ stride: Int) throws {
    try Torch.setNumThreads(1)
    try Torch.manualSeed(11)
    // The convolution alone has more than the 8 million products and sums from which on the layout is changed.
    let (batch, outputs, size) = (16, 8, 271)
    let side = (size - kernel) / stride + 1
    #expect(2 * batch * outputs * side * side * channels * kernel * kernel > 8_000_000)
    let model = Sequential {
      Conv2d(inChannels: channels, outChannels: outputs, kernelSize: kernel, stride: stride)
      ReLU()
      AvgPool2d(kernelSize: side)
      Flatten()
      Linear(inFeatures: outputs, outFeatures: 4)
    }
    let exact = Sequential {
      Conv2d(inChannels: channels, outChannels: outputs, kernelSize: kernel, stride: stride)
      ReLU()
      AvgPool2d(kernelSize: side)
      Flatten()
      Linear(inFeatures: outputs, outFeatures: 4)
    }
    try exact.loadStateDict(model.stateDict())
    try exact.to(.float64)
    let plan = try #require(try StepPlan(model))
    for _ in 0..<3 {
      let images = try Tensor.randn([batch, channels, size, size])
      let labels = try Tensor.randint(0, 4, [batch])
      _ = try plan.step(images, labels)
      exact.zeroGrad()
      try crossEntropy(exact(images.to(.float64)), labels).backward()
      for ((name, own), other) in zip(model.namedParameters(), exact.parameters()) {
        let (gradient, right) = (try #require(own.grad), try #require(other.grad))
        #expect(gradient.isContiguous, "\(name)")
        // As many terms as there are places, one rounding after the other at the worst; they add up by chance.
        let size = try right.abs().max().item(as: Double.self)
        let difference = try (gradient.to(.float64) - right).abs().max().item(as: Double.self)
        #expect(
          difference <= 0x1p-24 * Double(batch * side * side) * size, "\(name): \(difference) of \(size)")
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
