import Formats
import Testing

@testable import SwiftTorchLayers

@Suite("architectures in YAML")
struct ArchitectureTests {
  /// Files that are not on the disk; the first is the outermost.
  func architecture(_ texts: KeyValuePairs<String, String>) throws -> Architecture {
    try Architecture(files: texts.map { Architecture.File(name: $0.key, text: $0.value) })
  }

  func make(_ text: String, _ input: [Int]? = [1, 28, 28], classes: Int = 10) throws -> Module {
    try architecture(["net.yaml": text]).make(inputShape: input, classes: classes)
  }

  /// The sentence for layers in a file whose third line is the first of `layers`.
  func complaint(_ layers: String) -> String {
    message { try make("# a comment\nlayers:\n" + layers) }
  }

  private func parameterCount(_ module: Module) -> Int { module.parameters().reduce(0) { $0 + $1.numel } }

  @Test("sizes are worked out from the image, and classes from the data")
  func sizes() throws {
    let text = """
      layers:
        - Conv2d: {outChannels: 32, kernelSize: 5, padding: same}
        - ReLU
        - MaxPool2d:
            kernelSize: 2
        - Conv2d: {outChannels: 64, kernelSize: [5, 5], padding: [2, 2]}
        - ReLU: {}
        - MaxPool2d: {kernelSize: 2, stride: null}
        - Flatten:
        - Linear: {outFeatures: 1024}
        - ReLU
        - Dropout: {p: .4}
        - Linear: {outFeatures: classes}
      """
    try Torch.manualSeed(3)
    let own = try make(text)
    try Torch.manualSeed(3)
    let cnn = try Models.cnn.make(inputShape: [1, 28, 28], classes: 10)
    #expect(own.stateDict().keys == cnn.stateDict().keys)
    // From the same seed the same weights: trying the shapes draws nothing.
    for (key, tensor) in cnn.stateDict() {
      #expect(try own.stateDict()[key]?.equal(tensor) == true, "\(key)")
    }
    #expect(
      try parameterCount(make(text, [3, 17, 40], classes: 4)) == 2432 + 51264 + 64 * 40 * 1024 + 1024 + 4100)
  }

  @Test("use: runs a layer once more, frozen: trains it not; both are written back")
  func usedAgainAndFrozen() throws {
    let text = """
      layers:
        - Conv2d: {outChannels: 4, kernelSize: 3, padding: 1, name: first}
        - ReLU
        - Conv2d: {outChannels: 4, kernelSize: 3, padding: 1, frozen: true}
        - use: 2
        - Residual:
            name: block
            frozen: true
            layers:
              - BatchNorm2d
              - use: 2
        - use: block
        - Flatten
        - Linear: {outFeatures: classes}
      """
    let model = try #require(try make(text, [1, 6, 6]) as? Sequential)
    #expect(model[3] === model[2] && model[5] === model[4])
    #expect((model[4] as? Residual)?.body[1] === model[2])
    let trained = model.namedParameters().filter { $0.tensor.requiresGrad }.map(\.name)
    #expect(trained == ["first.weight", "first.bias", "7.weight", "7.bias"])
    #expect(model.namedParameters().count == 8)

    let written = try Architecture.yaml(of: model, inputShape: [1, 6, 6], classes: 10)
    let again = try #require(try make(written, [1, 6, 6]) as? Sequential)
    #expect("\(again)" == "\(model)")
    #expect(again[3] === again[2] && again[5] === again[4] && (again[4] as? Residual)?.body[1] === again[2])
    #expect(again.namedParameters().filter { $0.tensor.requiresGrad }.map(\.name) == trained)
  }

  @Test("use: takes a whole key where a nearer list has the layer's number, and is written so")
  func usedByItsWholeKey() throws {
    let text = """
      layers:
        - Residual:
            name: block
            layers:
              - ReLU6
              - Residual:
                  shortcut:
                    - Sigmoid
                    - use: block.body.0
                  layers:
                    - ReLU
                    - use: block.body.0
                    - use: 0
        - Tanh
        - Parallel:
            branches:
              - - ELU
                - use: 1
        - Flatten
        - Linear: {outFeatures: classes}
      """
    let model = try #require(try make(text, [1, 6, 6]) as? Sequential)
    let body = try #require(model[0] as? Residual).body
    let inner = try #require(body[1] as? Residual)
    #expect(inner.body[1] === body[0] && inner.body[2] === inner.body[0])
    #expect((inner.shortcut as? Sequential)?[1] === body[0])
    let written = try Architecture.yaml(of: model, inputShape: [1, 6, 6], classes: 10)
    #expect(written.contains("use: block.body.0") && written.contains("use: 0\n"))
    let again = try #require(try make(written, [1, 6, 6]) as? Sequential)
    #expect(try Architecture.yaml(of: again, inputShape: [1, 6, 6], classes: 10) == written)
    let outer = try #require(again[0] as? Residual).body
    #expect((outer[1] as? Residual)?.body[1] === outer[0])
  }

  @Test(
    "a use: that names no earlier layer, does not fit or would overwrite a branch's input is refused with its line",
    arguments: [
      (
        "  - Linear: {outFeatures: 4, name: one}\n  - use: oen", "net.yaml:4: use names oen",
        "did you mean one?"
      ),
      ("  - Flatten\n  - Linear: {outFeatures: 4}\n  - use: 1", "net.yaml:5: use: 1 does not fit", ""),
      ("  - use: 0\n  - ReLU", "net.yaml:3: use names 0", ""),
      ("  - use: {a: 1}", "net.yaml:3: use needs the name or the number", ""),
      ("  - ReLU: {frozen: 3}", "net.yaml:3: frozen must be true or false", ""),
      (
        "  - ReLU: {inplace: true, name: r}\n  - Residual:\n      layers:\n        - use: r",
        "at the start of a branch must not be inplace", ""
      ),
    ])
  func useMistakes(_ layers: String, _ sentence: String, _ hint: String) {
    let text = complaint(layers)
    #expect(text.contains(sentence) && (hint.isEmpty || text.contains(hint)), "\(text)")
  }

  @Test("every built-in stack, written as YAML, loads back to the same model", arguments: Models.allCases)
  func roundTrip(_ model: Models) throws {
    let small: [Models: [Int]] = [
      .alexnet: [3, 63, 64], .alexnet2012: [3, 63, 64], .vgg11: [3, 32, 32], .vgg16: [3, 32, 32],
      .cifarMLP: [3, 8, 8],
    ]
    let shape = small[model] ?? model.inputShape
    func trial<Made>(_ body: () throws -> Made) rethrows -> Made {
      try Initialization.$isTrial.withValue(true) { try body() }
    }
    // The large ones are compared by their keys and shapes alone.
    let isLarge = [.alexnet2012, .vgg11, .vgg16].contains(model)
    let made =
      try isLarge
      ? trial { try model.make(inputShape: shape, classes: 7) } : model.make(inputShape: shape, classes: 7)
    guard model != .resnet18, model != .resnet50 else {
      let said = message { try Architecture.yaml(of: made, inputShape: shape, classes: 7) }
      #expect(said == "a ResNet is no layer that YAML can name: it has a forward of its own")
      return
    }
    let text = try Architecture.yaml(of: made, inputShape: shape, classes: 7)
    // Where the outputs are the classes, a file for other data needs no change.
    #expect(text.contains(": classes") == (model != .detector && model != .autoencoder))
    let again = try isLarge ? trial { try make(text, nil, classes: 7) } : make(text, nil, classes: 7)
    #expect(again.stateDict().keys == made.stateDict().keys)
    #expect(again.stateDict().values.map(\.shape) == made.stateDict().values.map(\.shape))
    #expect(again.description == made.description)
    #expect(try Architecture.yaml(of: again, inputShape: shape, classes: 7) == text)
    guard !isLarge else { return }
    try again.loadStateDict(made.stateDict())
    let images = try Tensor.randn([2] + shape)
    for training in [true, false] {
      func output(_ model: Module) throws -> Tensor {
        try Torch.manualSeed(1)
        return try model.train(training)(images)
      }
      #expect(try output(again).equal(output(made)), "train(\(training))")
    }
  }

  @Test("every label of every layer of the table is read from a layer that was made with it")
  func table() throws {
    let shapes = ["1d": [4, 30], "3d": [4, 9, 9, 9]]
    for entry in LayerEntry.all {
      // A value for every label, that is not its default.
      var labels: [String] = []
      for label in entry.labels where label.source == nil {
        let value =
          switch label.kind {
          case .integer: ["startDim": "2", "endDim": "2", "groups": "2", "dim": "1"][label.name] ?? "4"
          // Of size and factor only one is given.
          case .sizes where entry.name == "Upsample": "null"
          case .sizes(_, let range): label.name == "stride" ? "3" : range.lowerBound == 0 ? "1" : "2"
          case .optionalSizes(let count):
            "[\((0..<count).map { $0 == 0 ? "null" : "3" }.joined(separator: ", "))]"
          case .padding: "1"
          case .number: label.name == "minVal" ? "-0.25" : "0.25"
          case .list: "[30, 30]"
          case .numbers: "[0.5, 2.5]"
          case .flag: label.standard == .flag(true) ? "false" : "true"
          case .word(let words): label.name == "mode" ? "bicubic" : words.last!
          }
        labels.append("\(label.name): \(value)")
      }
      let dimensions = String(entry.name.suffix(2))
      let shape = ["BatchNorm1d", "Linear"].contains(entry.name) ? [4] : shapes[dimensions] ?? [4, 30, 30]
      let value = try YAMLValue.read("{\(labels.joined(separator: ", "))}", file: "x")
      guard case .map(let pairs) = value.content else { continue }
      var values = LabelValues(values: [:])
      for label in entry.labels {
        let given = pairs.first { $0.key == label.name }?.value
        values.values[label.name] = try given.map { try label.read($0, layer: entry.name) } ?? .integer(4)
      }
      let module = entry.make(values)
      #expect(module.typeName == entry.name)
      for label in entry.labels {
        #expect(label.value(in: module) == values.values[label.name], "\(entry.name) \(label.name)")
      }
      #expect(throws: Never.self, "\(entry.name)") {
        try noGrad { try module.evaluating { _ = try module(Tensor.ones([2] + shape)) } }
      }
    }
  }

  @Test("a label that is left out has the default of the layer's initialiser in Swift")
  func defaults() throws {
    let layers: [(String, Module)] = [
      ("Conv2d: {outChannels: 2, kernelSize: 3}", Conv2d(inChannels: 4, outChannels: 2, kernelSize: 3)),
      (
        "ConvTranspose2d: {outChannels: 2, kernelSize: 3}",
        ConvTranspose2d(inChannels: 4, outChannels: 2, kernelSize: 3)
      ),
      ("Linear: {outFeatures: 2}", Linear(inFeatures: 8, outFeatures: 2)),
      ("MaxPool2d: {kernelSize: 2}", MaxPool2d(kernelSize: 2)),
      ("NMaxPool2d: {n: 2, kernelSize: 2}", NMaxPool2d(kernelSize: 2, n: 2)),
      ("AvgPool2d: {kernelSize: 2}", AvgPool2d(kernelSize: 2)),
      ("LPPool2d: {normType: 2, kernelSize: 2}", LPPool2d(normType: 2, kernelSize: 2)),
      ("BatchNorm2d", BatchNorm2d(numFeatures: 4)), ("InstanceNorm2d", InstanceNorm2d(numFeatures: 4)),
      ("GroupNorm: {numGroups: 2}", GroupNorm(numGroups: 2, numChannels: 4)),
      ("LayerNorm: {normalizedShape: 8}", LayerNorm(normalizedShape: [8])),
      ("LocalResponseNorm: {size: 3}", LocalResponseNorm(size: 3)),
      ("Flatten", Flatten()), ("Dropout", Dropout()), ("Dropout2d", Dropout2d()),
      ("AlphaDropout", AlphaDropout()), ("FeatureAlphaDropout", FeatureAlphaDropout()), ("ReLU", ReLU()),
      ("LeakyReLU", LeakyReLU()), ("PReLU", PReLU()), ("RReLU", RReLU()), ("Hardtanh", Hardtanh()),
      ("Softshrink", Softshrink()), ("Hardshrink", Hardshrink()), ("ELU", ELU()), ("CELU", CELU()),
      ("GELU", GELU()), ("Softplus", Softplus()), ("GLU", GLU()), ("Softmax", Softmax()),
      ("Upsample: {scaleFactor: 2}", Upsample(scaleFactor: [2, 2])),
    ]
    for (text, own) in layers {
      let made = try #require(try make("layers:\n  - \(text)\n", [4, 8, 8]) as? Sequential)[0]
      let entry = try #require(LayerEntry.all.first { $0.name == own.typeName })
      for label in entry.labels {
        #expect(label.value(in: made) == label.value(in: own), "\(text): \(label.name)")
      }
    }
  }

  @Test("a model of every layer of the table, written as YAML, loads back to the same model")
  func writtenTable() throws {
    let text = """
      layers:
        - ZeroPad2d: {padding: 2}
        - ConstantPad2d: {padding: [1, 2, 3, -1], value: 0.5}
        - ReflectionPad2d: {padding: [1, 0, 2, 0]}
        - ReplicationPad2d: {padding: 1}
        - CircularPad2d: {padding: 1}
        - MeanPad2d: {padding: 1}
        - WeightedPad2d: {padding: 1, weights: [2.0, -1.0]}
        - WeightedPad2d: {padding: 1, weights: [0.5]}
        - Conv2d: {outChannels: 4, kernelSize: 3}
        - ConvTranspose2d: {outChannels: 6, kernelSize: 3, stride: 2, padding: 1, outputPadding: [1, 0], groups: 2, bias: false, dilation: 2}
        - Upsample: {scaleFactor: [1.5, 1.5], mode: bilinear, alignCorners: true}
        - Upsample: {scaleFactor: [2.0, 0.5]}
        - Upsample: {size: [20, 24], mode: nearest-exact}
        - LayerNorm: {normalizedShape: [20, 24]}
        - LayerNorm: {normalizedShape: 24, elementwiseAffine: false, bias: false}
        - GroupNorm: {numGroups: 3}
        - InstanceNorm2d: {momentum: null, affine: true}
        - LocalResponseNorm: {size: 3}
        - PReLU: {numParameters: 6}
        - GELU: {approximate: tanh}
        - Hardtanh: {maxVal: 2.0}
        - Threshold: {threshold: 0.1, value: 0.0}
        - GLU: {dim: 1}
        - NMaxPool2d: {n: 2, kernelSize: 2}
        - LPPool2d: {normType: 2.0, kernelSize: 2}
        - AlphaDropout: {p: 0.25}

      """
    let made = try make(text, [3, 12, 14])
    let written = try Architecture.yaml(of: made, inputShape: [3, 12, 14], classes: 10)
    for line in text.split(separator: "\n").dropFirst() where !line.contains("WeightedPad2d: {padding: 1, w")
    {
      // Whole numbers come back with a point, factors as a list.
      guard !line.contains("Upsample"), !line.contains("normType"), !line.contains("maxVal"),
        !line.contains("value: 0}")
      else { continue }
      #expect(written.contains(line + "\n"), "\(line) is not in\n\(written)")
    }
    let again = try make(written, nil)
    try again.loadStateDict(made.stateDict())
    #expect(again.description == made.description)
    let images = try Tensor.randn([2, 3, 12, 14])
    func output(_ model: Module) throws -> Tensor {
      try noGrad { try model.evaluating { try model(images) } }
    }
    #expect(try output(again).equal(output(made)))
    #expect(try output(made).shape == [2, 3, 5, 6])
  }

  @Test("residual and parallel blocks, names, and stacks in stacks")
  func blocks() throws {
    let text = """
      layers:
        - Sequential:
            name: stem
            layers:
              - Conv2d: {outChannels: 8, kernelSize: 3, padding: same, name: conv}
        - Residual:
            layers:
              - Conv2d: {outChannels: 8, kernelSize: 3, padding: 1}
        - Residual:
            shortcut:
              Conv2d: {outChannels: 16, kernelSize: 1, stride: 2}
            layers:
              - ReLU
              - Conv2d: {outChannels: 16, kernelSize: 3, stride: 2, padding: 1}
        - Parallel:
            branches:
              - Identity
              - - Conv2d: {outChannels: 4, kernelSize: 1}
                - ReLU
      """
    let made = try make(text)
    #expect(
      made.stateDict().keys.filter { $0.hasSuffix("weight") } == [
        "stem.conv.weight", "1.body.0.weight", "2.body.1.weight", "2.shortcut.weight", "3.1.0.weight",
      ])
    let x = try Tensor.randn([2, 1, 28, 28])
    let output = try noGrad { try made(x) }
    #expect(output.shape == [2, 20, 14, 14])
    let again = try make(Architecture.yaml(of: made, inputShape: [1, 28, 28], classes: 3))
    try again.loadStateDict(made.stateDict())
    #expect(try noGrad { try again(x) }.equal(output))
    #expect(try ScriptModule(made.eval())(x).equal(noGrad { try made(x) }))
    // First weights are drawn as in Swift, the shortcut's before the body's.
    try Torch.manualSeed(4)
    let own = Residual(shortcut: Conv2d(inChannels: 1, outChannels: 2, kernelSize: 1)) {
      Conv2d(inChannels: 1, outChannels: 2, kernelSize: 1)
    }
    try Torch.manualSeed(4)
    let block = try make(
      """
      layers:
        - Residual:
            shortcut:
              Conv2d: {outChannels: 2, kernelSize: 1}
            layers:
              - Conv2d: {outChannels: 2, kernelSize: 1}
      """)
    #expect(try block.stateDict()["0.shortcut.weight"]?.equal(own.stateDict()["shortcut.weight"]!) == true)
    #expect(try block.stateDict()["0.body.0.weight"]?.equal(own.stateDict()["body.0.weight"]!) == true)
  }

  @Test("y = f(x) + x; branches stand one after the other")
  func blockFormulas() throws {
    let x = try Tensor.randn([2, 3, 4, 4])
    let residual = Residual { Tanh() }
    #expect(try residual(x).equal(x.tanh() + x))
    let shortcut = Residual(shortcut: Sigmoid()) { Tanh() }
    #expect(try shortcut(x).equal(x.tanh() + x.sigmoid()))
    let parallel = Parallel {
      Tanh()
      Identity()
    }
    #expect(try parallel(x).equal(cat([x.tanh(), x], dim: 1)))
  }

  @Test("a file includes the layers of another, by a path from its own folder")
  func includes() throws {
    let files = try architecture([
      "nets/main.yaml":
        "input: [1, 8, 8]\nlayers:\n  - include: ../parts/a.yaml\n  - include: ../parts/a.yaml\n",
      "parts/a.yaml": "layers:\n  - include: b.yaml\n  - ReLU\n",
      "parts/b.yaml": "layers:\n  - Conv2d: {outChannels: 2, kernelSize: 3}\n",
    ])
    #expect(files.files.map(\.name) == ["nets/main.yaml", "parts/a.yaml", "parts/b.yaml"])
    #expect(try files.make(inputShape: nil, classes: 1).stateDict().keys.count == 4)
  }

  @Test("files that include each other, or more than all layers there may be, are refused with the line")
  func includeErrors() throws {
    #expect(
      message {
        try architecture([
          "a.yaml": "layers:\n  - include: d/b.yaml\n",
          "d/b.yaml": "layers:\n  - ReLU\n  - include: ../a.yaml\n",
        ])
      } == "d/b.yaml:3: a.yaml includes itself: a.yaml → d/b.yaml → a.yaml")
    #expect(
      message { try architecture(["a.yaml": "layers:\n  - include: a.yaml\n"]) }.hasPrefix("a.yaml:2: "))
    // Each file twice the one before.
    var files = (0..<30).map {
      Architecture.File(
        name: "\($0).yaml", text: "layers:\n" + String(repeating: "  - include: \($0 + 1).yaml\n", count: 2))
    }
    files.append(Architecture.File(name: "30.yaml", text: "layers: [ReLU]"))
    #expect(message { try Architecture(files: files) }.hasSuffix("there are more than 10000 layers"))
    let declared =
      ["a.yaml": "layers:\n  - include: b.yaml\n", "b.yaml": "input: [1, 2, 3]\nlayers: [ReLU]"]
      as KeyValuePairs
    #expect(
      message { try architecture(declared) }.hasPrefix("b.yaml:1: only the outermost file has an input"))
  }
}
