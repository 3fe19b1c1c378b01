import Testing

@testable import SwiftTorchLayers

private let hasDevice = (try? CUDA.isAvailable) == true

/// What can be said of CUDA on any machine.
@Suite("CUDA without a device")
struct CUDAProblemTests {
  private static let built = CUDA.State(
    isBuilt: true, libtorch: "2.11.0-cu130", hasDriver: true, driver: 13000, runtime: 13000)

  @Test("each reason for a device that cannot be used is a sentence that says what to do")
  func sentences() throws {
    var state = Self.built
    #expect(state.problem == nil)
    (state.error, state.driver) = ("driver version is insufficient", 12040)
    #expect(state.problem?.contains("serves CUDA up to 12.4, this libtorch needs 13.0") == true)
    #expect(state.problem?.contains("install a newer driver, or a torch that was built for CUDA 12") == true)
    state.driver = 0
    #expect(state.problem?.contains("libcuda.so.1 does not answer") == true)
    state.hasDriver = false
    #expect(state.problem == "no NVIDIA driver was found; install one for CUDA 13.0 or newer")
    state = Self.built
    state.error = "no CUDA-capable device is detected"
    #expect(state.problem?.contains("CUDA_VISIBLE_DEVICES") == true)
    state.isBuilt = false
    #expect(state.problem?.contains("install torch with pip") == true)
    state.hasDriver = false
    #expect(state.problem?.contains("this machine has no NVIDIA driver") == true)
    state.libtorch = "2.13.0-cpu"
    #expect(state.problem == "this libtorch (2.13.0-cpu) was built without CUDA")
    state.hasDriver = true
    #expect(state.problem?.hasSuffix("install a CUDA build of torch") == true)
  }

  @Test("without a device, what needs one is an error and no handle stays", .enabled(if: !hasDevice))
  func withoutDevice() throws {
    #expect(try CUDA.problem != nil)
    let before = try Shim.liveHandles
    #expect(throws: TorchError.self) { try CUDAGraph() }
    #expect(throws: TorchError.self) { try CUDAGraph(device: .cpu) }
    #expect(throws: TorchError.self) { try CUDA.memory() }
    #expect(throws: TorchError.self) { try CUDA.resetPeakMemory() }
    #expect(try Shim.liveHandles == before)
    #expect(message { try Device.cuda.requireAvailable() }.hasPrefix("the device cuda is not available: "))
  }

  @Test("what a device says of itself is an error without one, and unused memory is given back all the same")
  func properties() throws {
    try CUDA.emptyCache()
    let count = try CUDA.deviceCount
    for index in 0..<count {
      let properties = try CUDA.properties(of: index)
      #expect(!properties.name.isEmpty && properties.capability.major >= 5)
      #expect(try #require(properties.freeMemory) <= #require(properties.totalMemory))
    }
    for index in [count, -1] {
      let error = #expect(throws: TorchError.self) { try CUDA.properties(of: index) }
      #expect(error?.kind == .notFound, "\(error.map { "\($0)" } ?? "")")
    }
  }

  @Test("a data set lies on the device when it leaves half of the free memory")
  func fits() {
    #expect(ImageDataset.fits(50, free: 100))
    #expect(!ImageDataset.fits(51, free: 100))
    #expect(!ImageDataset.fits(1, free: nil))
  }

  @Test("rows gathered for a copy to a device are those asked for")
  func gathered() throws {
    let images = try Tensor((0..<24).map { UInt8($0) }, shape: [4, 1, 2, 3])
    let rows = try Tensor([3, 0, 3])
    #expect(try images.gatheredInPinnedMemory(rows).equal(images.indexSelect(dim: 0, rows)))
  }

  @Test("config.json names what the fast mode changes on the device; exact changes nothing")
  func fastChanges() {
    var configuration = RunConfiguration()
    #expect(configuration.fastChanges.count == 3 && configuration.fastChanges[0] == "fused optimizer")
    configuration.device = "cuda:1"
    #expect(configuration.fastChanges.contains { $0.contains("TF32") })
    #expect(configuration.fastChanges.contains { $0.contains("CUDA graph") })
    configuration.cudaGraph = .off
    #expect(!configuration.fastChanges.contains { $0.contains("CUDA graph") })
    configuration.cudaGraph = nil
    #expect(
      configuration.wantsCUDAGraph && configuration.fastChanges.contains { $0.contains("by measuring") })
    // A resumed run would record its graph elsewhere, and cuDNN measure anew.
    configuration.deterministic = true
    #expect(!configuration.wantsCUDAGraph)
    #expect(!configuration.fastChanges.contains { $0.contains("by measuring") || $0.contains("CUDA graph") })
    #expect(configuration.fastChanges.contains { $0.contains("TF32") })
  }

  @Test("exact is Python's bits on the CPU; what it is not on CUDA, config.json says")
  func exactChanges() {
    var configuration = RunConfiguration()
    configuration.exact = true
    #expect(configuration.fastChanges.isEmpty)
    configuration.device = "cuda"
    #expect(configuration.fastChanges.count == 2 && configuration.fastChanges[0].contains("foreach=True"))
    #expect(configuration.fastChanges[1].contains("differ from run to run"))
    configuration.deterministic = true
    #expect(configuration.fastChanges.count == 1 && configuration.fastChanges[0].contains("foreach=True"))
  }

  @Test("a GPU that libtorch has no kernels for is a sentence, before the first one fails and after")
  func architectures() throws {
    let built = CUDA.Architectures(
      """
      PyTorch built with:
        - CUDA Runtime 13.0
        - NVCC architecture flags: -gencode;arch=compute_75,code=sm_75;-gencode;arch=compute_86,code=sm_86;\
      -gencode;arch=compute_90a,code=sm_90a;-gencode;arch=compute_120,code=sm_120
        - CuDNN 91.3
      """)
    #expect(built.binary.map(\.number) == [75, 86, 90, 120] && built.portable.isEmpty)
    for (major, minor) in [(7, 5), (8, 6), (8, 9), (9, 0), (12, 0), (12, 1)] {
      #expect(built.problem(with: (major, minor)) == nil, "\(major).\(minor)")
    }
    for (major, minor) in [(6, 1), (7, 0), (8, 0), (9, 1), (10, 0)] {
      #expect(built.problem(with: (major, minor)) != nil, "\(major).\(minor)")
    }
    #expect(
      built.problem(with: (6, 1))
        == "it has compute capability 6.1, and this libtorch has kernels for 7.5, 8.6, 9.0, 12.0 only; install a torch "
        + "that was built for it")
    // PTX serves whatever is newer.
    let portable = CUDA.Architectures(
      "-gencode;arch=compute_80,code=sm_80;-gencode;arch=compute_80,code=compute_80")
    #expect(portable.problem(with: (9, 0)) == nil && portable.problem(with: (7, 5)) != nil)
    // A build that says nothing is tried.
    #expect(CUDA.Architectures(try Shim.buildConfiguration).problem(with: (3, 5)) == nil)

    let text = """
      CUDA error: no kernel image is available for execution on the device
      Search for `cudaErrorNoKernelImageForDevice' in https://docs.nvidia.com/cuda/cuda-runtime-api for more information.
      CUDA kernel errors might be asynchronously reported at some other API call.
      For debugging consider passing CUDA_LAUNCH_BLOCKING=1
      """
    #expect(Shim.sentence(text).hasPrefix("this libtorch has no kernels for this GPU"))
    #expect(!Shim.sentence(text).contains("\n") && Shim.sentence("a\n\nb") == "a\nb")
  }

  @Test("an operator that is refused for want of a deterministic algorithm is named, without Python's advice")
  func refusal() throws {
    let text =
      "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, but you set "
      + "'torch.use_deterministic_algorithms(True)'. You can turn off determinism just for this operation, or you can use "
      + "the 'warn_only=True' option."
    let sentence = Shim.sentence(text)
    #expect(
      sentence.hasPrefix(
        "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation here"))
    #expect(sentence.contains("--deterministic") && !sentence.contains("warn_only"))
    // As the CPU refuses put_ without accumulating.
    try Torch.useDeterministicAlgorithms(true)
    defer { try? Torch.useDeterministicAlgorithms(false) }
    let x = try Tensor.zeros([3])
    #expect(
      message { try Tensor.call("aten::put_", x, try Tensor([0]), try Tensor([1] as [Float]), false) }
        .contains("does not have a deterministic implementation here"))
  }

  @Test("channels_last weights keep their values and their state-dict, and train as before")
  func channelsLast() throws {
    func train(_ change: (Module) throws -> Void) throws -> StateDict {
      try Torch.setNumThreads(1)
      try Torch.manualSeed(4)
      let model = try Models.resnet18.make(inputShape: [3, 16, 16], classes: 4)
      try change(model)
      let (images, labels) = (try Tensor.randn([9, 3, 16, 16]), try Tensor.randint(0, 4, [9]))
      let optimizer = Adam(model.parameters(), fused: true)
      for _ in 0..<2 {
        try optimizer.zeroGrad()
        try crossEntropy(model(images), labels).backward()
        try optimizer.step()
        // A saved state has no strides of its own; the fused operators want the parameter's.
        try optimizer.loadStateDict(
          optimizer.stateDict().mapValues { try $0.contiguous().clone(.contiguous) })
      }
      let parameter = try #require(model.parameters().first)
      #expect(optimizer.state[0]["exp_avg"]?.strides == parameter.strides)
      return model.stateDict()
    }
    let plain = try train { _ in }
    let other = try train { try $0.to(.channelsLast) }
    #expect(try #require(other["layer2.0.conv1.weight"]).strides == [576, 1, 192, 64])
    for (key, tensor) in plain where key.hasSuffix("weight") || key.hasSuffix("bias") {
      let difference = try tensor.to(.float64) - #require(other[key]).to(.float64)
      let distance = try difference.abs().max().item(as: Double.self)
      #expect(distance <= 4.2e-3, "\(key)")  // two steps of Adam, of at most lr each, in opposite directions
    }
  }
}

/// What needs a device.
@Suite("CUDA with a device", .serialized, .enabled(if: hasDevice, "skipped: no CUDA device"))
struct CUDADeviceTests {
  private static func makeTrainer(
    _ precision: Precision = .float32, cudaGraph: Bool, augmentation: Augmentation = .standard
  ) throws -> Trainer {
    try Torch.setAllowTF32(false)
    try Torch.setBenchmarkCuDNN(false)
    try Torch.manualSeed(9)
    let dataset = ImageDataset(
      images: try Tensor((0..<500 * 144).map { UInt8($0 * 37 % 256) }, shape: [500, 1, 12, 12]),
      labels: try Tensor((0..<500).map { $0 % 4 }), classes: ["a", "b", "c", "d"])
    let model = try Models.cnn.make(inputShape: [1, 12, 12], classes: 4).to(.cuda).to(.channelsLast)
    let loader = try DataLoader(
      dataset, batchSize: 32, shuffle: true, normalization: Normalization(of: dataset), device: .cuda,
      augmentation: augmentation)
    #expect(loader.isResident)
    return try Trainer(
      model, optimizer: Adam(model.parameters(), lr: 1e-3, fused: true), loader: loader, precision: precision,
      cudaGraph: cudaGraph)
  }

  @Test(
    "a recorded training ends with the loss of one without a graph: the same batches, pictures and masks",
    arguments: Precision.allCases)
  func sameLoss(_ precision: Precision) throws {
    let plain = try Self.makeTrainer(precision, cudaGraph: false)
    try plain.fit(epochs: 2)
    let trainer = try Self.makeTrainer(precision, cudaGraph: true)
    trainer.note = { Issue.record("\($0)") }
    try trainer.fit(epochs: 2)
    for (epoch, other) in zip(trainer.history, plain.history) {
      // Sums of gradients may be taken in another order; the free run drifts apart slowly.
      #expect(abs(epoch.trainLoss - other.trainLoss) < 0.02 * other.trainLoss)
    }
    let states = try [trainer, plain].map { try $0.checkpoint().tensors["random.cuda"]?.bytes() }
    #expect(states[0] == states[1])
  }

  @Test(
    "a checkpoint is in host memory and takes nothing of the device's; without its random numbers they go on")
  func checkpoint() throws {
    let trainer = try Self.makeTrainer(cudaGraph: false)
    try trainer.fit(epochs: 1)
    let before = try CUDA.memory()
    try CUDA.resetPeakMemory()
    let (tensors, metadata) = try trainer.checkpoint()
    #expect(tensors.values.allSatisfy { $0.device == .cpu })
    #expect(try CUDA.memory().peakAllocated < before.allocated + 1 << 20)
    let resumed = try Self.makeTrainer(cudaGraph: false)
    let seeded = try Generator.default(for: .cuda).state().bytes()
    var ofCPU = tensors
    ofCPU["random.cuda"] = nil
    try resumed.restore(ofCPU, metadata: metadata)
    #expect(try Generator.default(for: .cuda).state().bytes() == seeded)
    try resumed.restore(tensors, metadata: metadata)
    #expect(try Generator.default(for: .cuda).state().bytes() == tensors["random.cuda"]?.bytes())
  }

  @Test("a plan's dropout draws what the tape's draws", arguments: [false, true])
  func planDropout(_ inplace: Bool) throws {
    let model = try Sequential([
      Linear(inFeatures: 7, outFeatures: 4096), Dropout(p: 0.3, inplace: inplace),
      Linear(inFeatures: 4096, outFeatures: 3),
    ]).to(.float64).to(.cuda)
    let (x, labels) = (
      try Tensor.randn([5, 7]).to(dtype: .float64, device: .cuda), try Tensor([0, 1, 2, 0, 1]).to(.cuda)
    )
    let plan = try #require(try StepPlan(model))
    try Torch.manualSeed(5)
    let planned = try plan.step(x, labels)
    try Torch.manualSeed(5)
    #expect(try planned.logits.bytes() == noGrad { try model(x) }.bytes())
  }

  @Test("every replay draws new numbers, those that would have come without a graph")
  func randomNumbers() throws {
    let into = try Tensor.zeros([1000], device: .cuda)
    func draw() throws { try noGrad { _ = try into.copy_(Tensor.rand([1000], device: .cuda)) } }
    try Torch.manualSeed(3)
    let expected = try (0..<6).map { _ in
      try draw()
      return try into.bytes()
    }
    try Torch.manualSeed(3)
    let graph = try CUDAGraph()
    var drawn: [[UInt8]] = []
    for _ in 0..<3 {
      try graph.warmUp(draw)
      drawn.append(try into.bytes())
    }
    try graph.capture(draw)
    for _ in 0..<3 {
      try graph.replay()
      drawn.append(try into.bytes())
    }
    #expect(drawn == expected && Set(drawn).count == 6)
  }

  @Test("a recording that must wait for the device fails with the reason; afterwards all goes on as before")
  func failedCapture() throws {
    let before = try Shim.liveHandles
    try Torch.manualSeed(3)
    let expected = try Tensor.rand([10], device: .cuda).bytes()
    try Torch.manualSeed(3)
    do {
      let graph = try CUDAGraph()
      let error = #expect(throws: TorchError.self) {
        try graph.capture {
          let x = try Tensor.rand([10], device: .cuda)
          _ = try x.sum().item(as: Float.self)
        }
      }
      #expect(error?.message.contains("captur") == true, "\(error.map { "\($0)" } ?? "")")
      #expect(try Tensor.rand([10], device: .cuda).bytes() == expected)
      // The same graph can record something else.
      let x = try Tensor.zeros([1], device: .cuda)
      try graph.capture { _ = try noGrad { try Aten.addScalarInPlace(x, 1, 1) } }
      for _ in 0..<3 { try graph.replay() }
      #expect(try x.item(as: Float.self) == 3)
    }
    #expect(try Shim.liveHandles == before)
  }

  @Test("memory is counted, and what a graph held is free when it is gone")
  func memory() throws {
    try CUDA.emptyCache()
    let before = try CUDA.memory()
    try CUDA.resetPeakMemory()
    do {
      let graph = try CUDAGraph()
      try graph.capture { _ = try Tensor.zeros([1 << 20], device: .cuda).relu() }
      try graph.replay()
      #expect(try CUDA.memory().peakAllocated >= before.allocated + 8 << 20)
    }
    try CUDA.emptyCache()
    #expect(try CUDA.memory().allocated == before.allocated)
  }

  @Test("more memory than the device has is an error of that kind, and the device goes on")
  func outOfMemory() throws {
    let error = #expect(throws: TorchError.self) { try Tensor.empty([1 << 46], dtype: .uint8, device: .cuda) }
    #expect(error?.kind == .outOfMemory)
    #expect(try Tensor.ones([2], device: .cuda).sum().item(as: Float.self) == 2)
  }

  @Test("an augmented epoch is the same from the same seed", arguments: Augmentation.allCases)
  func augmentation(_ augmentation: Augmentation) throws {
    func pictures() throws -> [UInt8] {
      let loader = try Self.makeTrainer(cudaGraph: false, augmentation: augmentation).loader
      return try #require(try loader.epoch().next()).images.bytes()
    }
    #expect(try pictures() == pictures())
  }
}
