import SwiftTorchLayers
import Testing

/// A layer here and the same layer in Python.
struct ModuleCase: Sendable, CustomTestStringConvertible {
  let name: String
  let python: String
  let shape: [Int]
  /// The input holds whole numbers below this; nil: numbers.
  let indicesBelow: Int?
  let make: @Sendable () -> Module

  init(
    _ python: String, _ shape: [Int], indicesBelow: Int? = nil, _ make: @escaping @Sendable () -> Module
  ) {
    name = "\(python.replacing("/", with: "÷")) of \(shape)"
    self.python = python
    self.shape = shape
    self.indicesBelow = indicesBelow
    self.make = make
  }

  var testDescription: String { name }
  var type: String { "\(Swift.type(of: make()))" }

  static let all = layers + activations + normalizations + draws + containers + resizing

  static let layers: [ModuleCase] = [
    ModuleCase("nn.Conv1d(4, 6, 3)", [2, 4, 17]) { Conv1d(inChannels: 4, outChannels: 6, kernelSize: 3) },
    ModuleCase("nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2, bias=False)", [2, 4, 17]) {
      Conv1d(
        inChannels: 4, outChannels: 6, kernelSize: 3, stride: 2, padding: 2, dilation: 2, groups: 2,
        bias: false)
    },
    ModuleCase("nn.Conv1d(2, 3, 4, padding='same', padding_mode='circular')", [2, 2, 9]) {
      Conv1d(inChannels: 2, outChannels: 3, kernelSize: 4, padding: .same, paddingMode: .circular)
    },
    ModuleCase("nn.Conv2d(3, 8, 5)", [2, 3, 12, 11]) { Conv2d(inChannels: 3, outChannels: 8, kernelSize: 5) },
    ModuleCase("nn.Conv2d(1, 32, 5, padding='same')", [2, 1, 28, 28]) {
      Conv2d(inChannels: 1, outChannels: 32, kernelSize: 5, padding: .same)
    },
    ModuleCase("nn.Conv2d(3, 4, (2, 4), padding='same', dilation=(1, 2))", [2, 3, 9, 10]) {
      Conv2d(inChannels: 3, outChannels: 4, kernelSize: [2, 4], padding: .same, dilation: [1, 2])
    },
    ModuleCase("nn.Conv2d(3, 4, 3, padding='valid')", [2, 3, 9, 10]) {
      Conv2d(inChannels: 3, outChannels: 4, kernelSize: 3, padding: .valid)
    },
    ModuleCase("nn.Conv2d(4, 8, (3, 2), stride=(2, 1), padding=(1, 0), groups=4)", [2, 4, 9, 10]) {
      Conv2d(inChannels: 4, outChannels: 8, kernelSize: [3, 2], stride: [2, 1], padding: [1, 0], groups: 4)
    },
    ModuleCase("nn.Conv2d(3, 4, 3, padding=1, padding_mode='reflect')", [2, 3, 9, 10]) {
      Conv2d(inChannels: 3, outChannels: 4, kernelSize: 3, padding: 1, paddingMode: .reflect)
    },
    ModuleCase("nn.Conv2d(3, 4, 3, padding=(2, 1), stride=2, padding_mode='replicate')", [2, 3, 9, 10]) {
      Conv2d(
        inChannels: 3, outChannels: 4, kernelSize: 3, stride: 2, padding: [2, 1], paddingMode: .replicate)
    },
    ModuleCase("nn.Conv2d(3, 4, 3, padding=1, padding_mode='circular')", [3, 9, 10]) {
      Conv2d(inChannels: 3, outChannels: 4, kernelSize: 3, padding: 1, paddingMode: .circular)
    },
    ModuleCase("nn.Conv3d(2, 4, 3, padding=1)", [2, 2, 5, 6, 7]) {
      Conv3d(inChannels: 2, outChannels: 4, kernelSize: 3, padding: 1)
    },
    ModuleCase("nn.Conv3d(2, 4, (1, 2, 3), padding='same')", [2, 2, 5, 6, 7]) {
      Conv3d(inChannels: 2, outChannels: 4, kernelSize: [1, 2, 3], padding: .same)
    },
    ModuleCase("nn.Linear(7, 5)", [3, 7]) { Linear(inFeatures: 7, outFeatures: 5) },
    ModuleCase("nn.Linear(7, 5, bias=False)", [2, 3, 7]) {
      Linear(inFeatures: 7, outFeatures: 5, bias: false)
    },
    ModuleCase("nn.BatchNorm1d(5)", [8, 5]) { BatchNorm1d(numFeatures: 5) },
    ModuleCase("nn.BatchNorm1d(5, eps=1e-3, momentum=None)", [4, 5, 6]) {
      BatchNorm1d(numFeatures: 5, eps: 1e-3, momentum: nil)
    },
    ModuleCase("nn.BatchNorm2d(3)", [4, 3, 5, 6]) { BatchNorm2d(numFeatures: 3) },
    ModuleCase("nn.BatchNorm2d(3, affine=False, momentum=0.3)", [4, 3, 5, 6]) {
      BatchNorm2d(numFeatures: 3, momentum: 0.3, affine: false)
    },
    ModuleCase("nn.BatchNorm2d(3, track_running_stats=False)", [4, 3, 5, 6]) {
      BatchNorm2d(numFeatures: 3, trackRunningStats: false)
    },
    ModuleCase("nn.MaxPool1d(3, stride=2, padding=1)", [2, 3, 11]) {
      MaxPool1d(kernelSize: 3, stride: 2, padding: 1)
    },
    ModuleCase("nn.MaxPool2d(2)", [2, 3, 9, 10]) { MaxPool2d(kernelSize: 2) },
    ModuleCase(
      "nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), ceil_mode=True)", [2, 3, 9, 10]
    ) {
      MaxPool2d(kernelSize: [3, 2], stride: [2, 1], padding: [1, 0], dilation: [1, 2], ceilMode: true)
    },
    ModuleCase("nn.MaxPool3d(2, ceil_mode=True)", [2, 2, 5, 6, 7]) {
      MaxPool3d(kernelSize: 2, ceilMode: true)
    },
    ModuleCase("nn.AvgPool1d(3, padding=1, count_include_pad=False)", [2, 3, 11]) {
      AvgPool1d(kernelSize: 3, padding: 1, countIncludePad: false)
    },
    ModuleCase("nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True)", [2, 3, 9, 10]) {
      AvgPool2d(kernelSize: 3, stride: 2, padding: 1, ceilMode: true)
    },
    ModuleCase("nn.AvgPool2d(2, divisor_override=3)", [2, 3, 9, 10]) {
      AvgPool2d(kernelSize: 2, divisorOverride: 3)
    },
    ModuleCase("nn.AvgPool3d(2, stride=1, padding=1, count_include_pad=False)", [2, 2, 5, 6, 7]) {
      AvgPool3d(kernelSize: 2, stride: 1, padding: 1, countIncludePad: false)
    },
    ModuleCase("nn.AdaptiveAvgPool1d(4)", [2, 3, 11]) { AdaptiveAvgPool1d(outputSize: 4) },
    ModuleCase("nn.AdaptiveAvgPool2d((3, None))", [2, 3, 9, 10]) { AdaptiveAvgPool2d(outputSize: [3, nil]) },
    ModuleCase("nn.AdaptiveAvgPool3d(2)", [2, 2, 5, 6, 7]) { AdaptiveAvgPool3d(outputSize: 2) },
    ModuleCase("nn.AdaptiveMaxPool1d(4)", [2, 3, 11]) { AdaptiveMaxPool1d(outputSize: 4) },
    ModuleCase("nn.AdaptiveMaxPool2d(3)", [2, 3, 9, 10]) { AdaptiveMaxPool2d(outputSize: 3) },
    ModuleCase("nn.AdaptiveMaxPool3d((2, None, 3))", [2, 2, 5, 6, 7]) {
      AdaptiveMaxPool3d(outputSize: [2, nil, 3])
    },
    ModuleCase("nn.ReLU()", [3, 7]) { ReLU() },
    ModuleCase("nn.Sigmoid()", [3, 7]) { Sigmoid() },
    ModuleCase("nn.Tanh()", [3, 7]) { Tanh() },
    ModuleCase("nn.Softmax(dim=1)", [3, 7]) { Softmax(dim: 1) },
    ModuleCase("nn.LogSoftmax(dim=-1)", [3, 7]) { LogSoftmax(dim: -1) },
    ModuleCase("nn.Identity()", [3, 7]) { Identity() },
    ModuleCase("nn.Flatten()", [3, 7, 2]) { Flatten() },
    ModuleCase("nn.Flatten(0, 1)", [3, 7, 2]) { Flatten(startDim: 0, endDim: 1) },
    ModuleCase("nn.Dropout(0.3)", [3, 70]) { Dropout(p: 0.3) },
    ModuleCase("nn.Dropout2d(0.3)", [3, 20, 4, 4]) { Dropout2d(p: 0.3) },
    ModuleCase(
      "nn.Sequential(nn.Conv2d(1, 4, 3), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()), nn.Dropout(), nn.Flatten(), "
        + "nn.Linear(64, 5))", [6, 1, 6, 6]
    ) {
      Sequential {
        Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3)
        Sequential {
          BatchNorm2d(numFeatures: 4)
          ReLU()
        }
        Dropout()
        Flatten()
        Linear(inFeatures: 64, outFeatures: 5)
      }
    },
  ]

  /// What Python says of all cases, in one run.
  static let peer: Result<StateDict, any Error> = Result {
    try Peer.run(
      "modules.py", [Peer.cases(all.map { [$0.name, $0.python, "\($0.shape)", "\($0.indicesBelow ?? 0)"] })])
  }
}

@Suite(.serialized)
struct ModuleTests {
  @Test(
    "from the same seed: weights, output, gradients and 25 steps of training are Python's bit for bit",
    arguments: ModuleCase.all)
  func sameAsPython(_ item: ModuleCase) throws {
    try ExactnessTable.row(.layer, item.type) { try compare(item) }
  }

  @Test("layers print themselves as Python prints them", arguments: ModuleCase.printedAlike)
  func description(_ item: ModuleCase) throws {
    let text = try #require(try ModuleCase.peer.get()["\(item.name)/text"]).bytes()
    #expect(item.make().description == String(decoding: text, as: UTF8.self))
  }

  @Test("Python opens the export of each: equal outputs and state, in training and evaluation")
  func exports() throws {
    try ExactnessTable.row(.export, "each layer and container", compareExports)
  }

  private func compareExports() throws {
    try Peer.singleThreaded()
    let cases = ModuleCase.all
    var modules: [Module] = []
    var rows: [[String]] = []
    for item in cases {
      let (module, file) = (item.make(), Peer.temporaryFile("layer.pt"))
      try ScriptModule(module).save(to: file)
      modules.append(module)
      rows.append([item.name, file, "\(item.shape)", "\(item.indicesBelow ?? 0)"])
    }
    let peer = try Peer.run("exports.py", [Peer.cases(rows)])
    for (item, module) in zip(cases, modules) {
      try Torch.manualSeed(7)
      let x =
        try item.indicesBelow.map { try Tensor.randint(0, $0, item.shape) } ?? Tensor.randn(item.shape)
      try expectEqual(try noGrad { try module(x) }, peer, "\(item.name)/output")
      module.eval()
      try expectEqual(try noGrad { try module(x) }, peer, "\(item.name)/evaluated")
      for (key, tensor) in module.stateDict() { try expectEqual(tensor, peer, "\(item.name)/state/\(key)") }
    }
  }

  private func compare(_ item: ModuleCase) throws {
    try Peer.singleThreaded()
    let peer = try ModuleCase.peer.get()
    try Torch.manualSeed(7)
    let module = item.make()
    let initial = module.stateDict()
    let keys = Array(peer.keys).filter { $0.hasPrefix("\(item.name)/initial/") }
    #expect(
      Array(initial.keys).map { "\(item.name)/initial/\($0)" } == keys, "state-dict keys and their order")
    for (key, tensor) in initial { try expectEqual(tensor, peer, "\(item.name)/initial/\(key)") }

    let x =
      try item.indicesBelow.map { try Tensor.randint(0, $0, item.shape) }
      ?? Tensor.randn(item.shape, requiresGrad: true)
    let output = try module(x)
    try expectEqual(output, peer, "\(item.name)/output")
    let seed = try Tensor.randn(output.shape)
    try output.backward(gradient: seed)
    if x.requiresGrad { try expectEqual(x.grad, peer, "\(item.name)/gradient/input") }
    for (key, tensor) in module.namedParameters() {
      try expectEqual(tensor.grad, peer, "\(item.name)/gradient/\(key)")
    }

    if !module.parameters().isEmpty {
      let optimizer = SGD(module.parameters(), lr: 0.05, momentum: 0.9)
      for _ in 0..<25 {
        try optimizer.zeroGrad()
        try (module(x.detach()) * seed).mean().backward()
        try optimizer.step()
      }
    }
    module.eval()
    try expectEqual(try module(x.detach()), peer, "\(item.name)/evaluated")
    for (key, tensor) in module.stateDict() { try expectEqual(tensor, peer, "\(item.name)/final/\(key)") }
  }
}
