import SwiftTorchLayers
import Testing

/// A module as a user writes it.
private final class Residual: Module {
  let convFirst = Conv2d(inChannels: 2, outChannels: 2, kernelSize: 3, padding: 1)
  let blocks: [Module] = [BatchNorm2d(numFeatures: 2), ReLU()]
  @Parameter var scale: Tensor
  @Buffer var stepCount: Tensor
  let head: Linear?

  init(head: Bool) throws {
    _scale = Parameter(wrappedValue: try Tensor.ones([1]))
    _stepCount = Buffer(wrappedValue: try Tensor(0))
    self.head = head ? Linear(inFeatures: 2 * 4 * 4, outFeatures: 3) : nil
  }

  override func forward(_ input: Tensor) throws -> Tensor {
    var value = try convFirst(input)
    for block in blocks { value = try block(value) }
    value = try value * scale + input
    return try head.map { try $0(value.flatten(startDim: 1)) } ?? value
  }
}

@Suite("Modules")
struct ModuleTests {
  @Test("keys are the properties in snake case, own tensors first, arrays numbered, nil left out")
  func keys() throws {
    let keys = try Array(Residual(head: true).stateDict().keys)
    #expect(
      keys == [
        "scale", "step_count", "conv_first.weight", "conv_first.bias", "blocks.0.weight", "blocks.0.bias",
        "blocks.0.running_mean", "blocks.0.running_var", "blocks.0.num_batches_tracked", "head.weight",
        "head.bias",
      ])
    #expect(try Residual(head: false).namedParameters().map(\.name).contains("head.weight") == false)
  }

  @Test("Sequential takes for, if and else in its braces")
  func builder() {
    func make(deep: Bool) -> Sequential {
      Sequential {
        Flatten()
        for _ in 0..<3 { ReLU() }
        if deep { Tanh() } else { Identity() }
        if deep { Sigmoid() }
      }
    }
    #expect(
      make(deep: true).modules.map(\.typeName) == ["Flatten", "ReLU", "ReLU", "ReLU", "Tanh", "Sigmoid"])
    #expect(make(deep: false).modules.map(\.typeName) == ["Flatten", "ReLU", "ReLU", "ReLU", "Identity"])
  }

  @Test("an error names the layer's key path, the layer, the operator and both shapes")
  func errorPath() throws {
    let model = Sequential([Flatten(), Sequential([Identity(), Linear(inFeatures: 3, outFeatures: 2)])])
    let error = try #require(throws: TorchError.self) { try model(Tensor.zeros([4, 5])) }
    #expect(error.path == ["1", "1"])
    #expect(error.operatorName == "aten::linear")
    #expect(error.description.contains("in layer 1.1, Linear(in_features=3, out_features=2, bias=True)"))
    #expect(error.description.contains("float32[4, 5]") && error.description.contains("float32[2, 3]"))
    let custom = try #require(throws: TorchError.self) {
      try Residual(head: true)(Tensor.zeros([1, 2, 5, 5]))
    }
    #expect(custom.path == ["head"])
  }

  @Test("train() and eval() reach every module below")
  func modes() throws {
    let model = try Residual(head: true)
    model.eval()
    #expect(model.namedModules().allSatisfy { !$0.module.training })
    model.train()
    #expect(model.namedModules().allSatisfy { $0.module.training })
  }

  @Test("loading a state dict copies values; a misfit names every key and changes nothing")
  func loading() throws {
    let (source, target) = (Linear(inFeatures: 3, outFeatures: 2), Linear(inFeatures: 3, outFeatures: 2))
    try target.loadStateDict(source.stateDict())
    #expect(try target.weight.equal(source.weight))
    let before = try target.weight.detach().clone()
    var wrong = source.stateDict()
    wrong["bias"] = nil
    wrong["extra"] = try Tensor.zeros([1])
    wrong["weight"] = try Tensor.ones([2, 4])
    let error = #expect(throws: TorchError.self) { try target.loadStateDict(wrong) }
    let text = "\(error!)"
    #expect(text.contains("missing keys: bias") && text.contains("unexpected keys: extra"))
    #expect(text.contains("weight is [2, 4] in the state dict and [2, 3] in the model"))
    #expect(try target.weight.equal(before))
  }

  @Test("to(dtype) converts in place: the optimizer made before goes on with the same tensors")
  func conversion() throws {
    let layer = Linear(inFeatures: 3, outFeatures: 2)
    let optimizer = SGD(layer.parameters(), lr: 0.5)
    try layer.to(.float64)
    #expect(layer.weight.dtype == .float64 && layer.weight.requiresGrad && layer.weight.isLeaf)
    let before = try layer.weight.detach().clone()
    try layer(Tensor.ones([1, 3], dtype: .float64)).sum().backward()
    try optimizer.step()
    #expect(try layer.weight.detach().equal(before - 0.5))
  }

  @Test("the description is what Python prints")
  func printing() {
    let model = Sequential {
      Conv2d(
        inChannels: 1, outChannels: 2, kernelSize: 3, padding: 1, dilation: 2, bias: false,
        paddingMode: .reflect)
      Sequential {
        BatchNorm2d(numFeatures: 2)
        Dropout(p: 0.4)
      }
      AvgPool1d(kernelSize: 2)
      AdaptiveAvgPool2d(outputSize: [3, nil])
    }
    #expect(
      model.description == """
        Sequential(
          (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), dilation=(2, 2), bias=False, padding_mode=reflect)
          (1): Sequential(
            (0): BatchNorm2d(2, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
            (1): Dropout(p=0.4, inplace=False)
          )
          (2): AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))
          (3): AdaptiveAvgPool2d(output_size=(3, None))
        )
        """)
  }

  @Test("a module with a forward of its own is exported by recording a run; its weights are copies")
  func tracing() throws {
    let model = try Residual(head: true)
    model.eval()
    let x = try Tensor.randn([2, 2, 4, 4])
    let error = #expect(throws: TorchError.self) { try ScriptModule(model) }
    #expect("\(error!)".contains("Residual"))
    let script = try ScriptModule(model, example: Tensor.randn([1, 2, 4, 4]))
    #expect(try Set(script.stateDict().keys) == Set(model.stateDict().keys))
    let before = try noGrad { try model(x) }
    #expect(try script(x).equal(before))
    try noGrad { try model.convFirst.weight.mul_(0) }
    #expect(try script(x).equal(before), "the export must not follow the model")
  }

  @Test("a recording that serves only the example's batch size is refused, and leaves the model as it was")
  func tracingSizes() throws {
    final class Fixed: Module {
      let norm = BatchNorm1d(numFeatures: 6)
      let infers: Bool
      init(infers: Bool) { self.infers = infers }
      override func forward(_ input: Tensor) throws -> Tensor {
        try norm(input.reshape([infers ? -1 : input.shape[0], 6])).sum(dim: 0)
      }
    }
    final class Scaled: Module {
      override func forward(_ input: Tensor) throws -> Tensor { try input / input.shape[0] }
    }
    let example = try Tensor.randn([3, 2, 3])
    for model in [Fixed(infers: false).eval(), Scaled()] {
      #expect(
        message { try ScriptModule(model, example: example) }
          .contains("serves only the batch size of the example, 3"))
    }
    let (model, plain) = (Fixed(infers: true).eval(), Fixed(infers: true))
    let random = try Generator.default().state()
    let script = try ScriptModule(model, example: example)
    #expect(try Generator.default().state().equal(random))
    for (key, tensor) in plain.stateDict() {
      #expect(try model.stateDict()[key]?.equal(tensor) == true, "\(key)")
      #expect(try script.stateDict()[key]?.equal(tensor) == true, "\(key)")
    }
  }

  @Test("an export keeps each layer's own training flag")
  func scriptFlags() throws {
    let model = Sequential([BatchNorm1d(numFeatures: 2), Dropout()])
    model.modules[0].eval()
    let script = try ScriptModule(model)
    _ = try script(Tensor.randn([4, 2]))
    #expect(try script.stateDict()["0.num_batches_tracked"]?.item(as: Int.self) == 0)
    #expect(try script(Tensor.ones([100, 2])).scalars(as: Float.self).contains(0), "dropout in training")
  }

  @Test("an error inside a recorded forward is the forward's own")
  func tracingError() throws {
    let model = try Residual(head: true)
    let error = #expect(throws: TorchError.self) {
      try ScriptModule(model, example: Tensor.zeros([1, 2, 5, 5]))
    }
    #expect(error?.path == ["head"])
  }

  @Test("every layer's TorchScript gives the layer's own output, in training and evaluation")
  func scriptsOfLayers() throws {
    let image = [4, 2, 9, 10]
    let layers: [(Module, [Int])] = [
      (Conv1d(inChannels: 2, outChannels: 3, kernelSize: 3, paddingMode: .circular), [2, 2, 9]),
      (Conv2d(inChannels: 2, outChannels: 4, kernelSize: [3, 2], stride: 2, padding: 1, groups: 2), image),
      (Conv2d(inChannels: 2, outChannels: 4, kernelSize: 4, padding: .same, bias: false), image),
      (Conv2d(inChannels: 2, outChannels: 4, kernelSize: 3, padding: 1, paddingMode: .reflect), image),
      (Conv3d(inChannels: 1, outChannels: 2, kernelSize: 2, padding: .valid), [1, 1, 4, 5, 6]),
      (MaxPool1d(kernelSize: 2), [2, 2, 9]), (MaxPool2d(kernelSize: 3, stride: 2, ceilMode: true), image),
      (MaxPool3d(kernelSize: 2), [1, 1, 4, 5, 6]), (AvgPool1d(kernelSize: 2, padding: 1), [2, 2, 9]),
      (AvgPool2d(kernelSize: 3, padding: 1, countIncludePad: false, divisorOverride: 5), image),
      (AvgPool3d(kernelSize: 2), [1, 1, 4, 5, 6]), (AdaptiveAvgPool1d(outputSize: 3), [2, 2, 9]),
      (AdaptiveAvgPool2d(outputSize: [nil, 3]), image), (AdaptiveAvgPool3d(outputSize: 2), [1, 1, 4, 5, 6]),
      (AdaptiveMaxPool1d(outputSize: 3), [2, 2, 9]), (AdaptiveMaxPool2d(outputSize: 3), image),
      (AdaptiveMaxPool3d(outputSize: [2, nil, 3]), [1, 1, 4, 5, 6]),
      (Linear(inFeatures: 5, outFeatures: 3), [4, 5]),
      (Linear(inFeatures: 5, outFeatures: 3, bias: false), [4, 5]), (BatchNorm1d(numFeatures: 5), [4, 5]),
      (BatchNorm2d(numFeatures: 2), image),
      (BatchNorm2d(numFeatures: 2, momentum: nil, affine: false), image),
      (BatchNorm2d(numFeatures: 2, trackRunningStats: false), image), (ReLU(), image),
      (ReLU(inplace: true), image),
      (Sigmoid(), image), (Tanh(), image), (Softmax(dim: 1), image), (Softmax(), [3, 4]),
      (LogSoftmax(dim: -1), image), (LogSoftmax(), [3, 4, 5]), (Identity(), image),
      (Flatten(startDim: 1, endDim: 2), image), (Dropout(p: 0.3), image), (Dropout2d(p: 0.3), image),
    ]
    for (layer, shape) in layers {
      let script = try ScriptModule(layer)
      let x = try Tensor.randn(shape)
      for mode in [true, false] {
        layer.train(mode)
        try script.train(mode)
        try Torch.manualSeed(5)
        let own = try layer(x.clone())
        try Torch.manualSeed(5)
        #expect(try script(x.clone()).equal(own), "\(layer), train(\(mode))")
      }
      for (key, tensor) in layer.stateDict() {
        #expect(try script.stateDict()[key]?.equal(tensor) == true, "\(layer): \(key) after both")
      }
    }
  }

  @Test("a frozen export serves several threads at once with equal results")
  func threads() async throws {
    let model = try Models.lenet.make(inputShape: [1, 28, 28], classes: 10).eval()
    let script = try ScriptModule(model)
    let x = try Tensor.randn([3, 1, 28, 28])
    let expected = try noGrad { try model(x) }
    let allEqual = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          try (0..<25).allSatisfy { _ in try noGrad { try script(x).allclose(expected) } }
        }
      }
      return try await group.reduce(true) { $0 && $1 }
    }
    #expect(allEqual)
  }
}
