import Formats
import Testing

@testable import SwiftTorchLayers

@Suite("architectures in YAML")
struct ArchitectureTests {
  /// Files that are not on the disk; the first is the outermost.
  private func architecture(_ texts: KeyValuePairs<String, String>) throws -> Architecture {
    try Architecture(files: texts.map { Architecture.File(name: $0.key, text: $0.value) })
  }

  private func make(_ text: String, _ input: [Int]? = [1, 28, 28], classes: Int = 10) throws -> Module {
    try architecture(["net.yaml": text]).make(inputShape: input, classes: classes)
  }

  /// The sentence for layers in a file whose third line is the first of `layers`.
  private func complaint(_ layers: String) -> String {
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

  @Test(
    "a mistake is one sentence with file, line and the nearest word",
    arguments: [
      (
        "  - ReLU\n  - Conv2: {outChannels: 3}", "net.yaml:4: there is no layer 'Conv2'; did you mean Conv2d?"
      ),
      ("  - relu", "net.yaml:3: there is no layer 'relu'; did you mean ReLU?"),
      ("  - Residul: {layers: [ReLU]}", "net.yaml:3: there is no layer 'Residul'; did you mean Residual?"),
      (
        "  - Conv2d:\n      kernelSize: 3\n      outChannel: 3",
        "net.yaml:5: there is no label of Conv2d 'outChannel'; did you mean outChannels?"
      ),
      ("  - ReLU\ninpt: [1, 2, 3]", "net.yaml:4: there is no key 'inpt'; did you mean input?"),
      (
        "  - Residual: {layer: [ReLU]}",
        "net.yaml:3: there is no key of Residual 'layer'; did you mean layers?"
      ),
      (
        "  - Conv2d: {outChannels: 3, kernelSize: 3, paddingMode: reflectt}",
        "net.yaml:3: paddingMode of Conv2d must be zeros or reflect or replicate or circular, not 'reflectt'; did "
          + "you mean reflect?"
      ),
      ("  - Conv2d: {outChannels: 3}", "net.yaml:3: Conv2d needs kernelSize"),
      ("  - Linear", "net.yaml:3: Linear needs outFeatures"),
      ("  - Sequential: {name: a}", "net.yaml:3: Sequential needs layers"),
      (
        "  - Conv2d: {outChannels: 3, kernelSize: five}",
        "net.yaml:3: kernelSize of Conv2d must be a whole number from 1 to 1024 or a list of 2 such numbers, not "
          + "'five'"
      ),
      (
        "  - Conv2d: {outChannels: '3', kernelSize: 5}",
        "net.yaml:3: outChannels of Conv2d must be a whole number"
      ),
      ("  - Conv2d: {outChannels: 3, kernelSize: [3]}", "net.yaml:3: kernelSize of Conv2d must be"),
      (
        "  - Conv2d: {outChannels: 3, kernelSize: 3, bias: maybe}",
        "net.yaml:3: bias of Conv2d must be true or false"
      ),
      ("  - Dropout: {p: 1.5}", "net.yaml:3: p of Dropout must be a number from 0.0 to 1.0, not '1.5'"),
      ("  - Dropout: {p: nan}", "net.yaml:3: p of Dropout must be"),
      (
        "  - Upsample: {scaleFactor: [2, 2, 2]}",
        "net.yaml:3: scaleFactor of Upsample must be a number from 0.0009765625 to 1024.0 or a list of 2 such "
          + "numbers or null, not a list"
      ),
      ("  - Upsample: {scaleFactor: 1e9}", "net.yaml:3: scaleFactor of Upsample must be a number from"),
      ("  - Upsample", "net.yaml:3: Upsample cannot be made: it needs either size or scaleFactor"),
      (
        "  - Upsample: {size: 3, alignCorners: true}",
        "net.yaml:3: Upsample does not fit what arrives there, [1, 28, 28]: alignCorners is for"
      ),
      ("  - Upsample: {size: 3, mode: bilinar}", "net.yaml:3: mode of Upsample must be nearest or"),
      (
        "  - WeightedPad2d: {padding: 1, weights: []}",
        "net.yaml:3: weights of WeightedPad2d must be a number or a list of up to 8 such numbers, not a list"
      ),
      (
        "  - ZeroPad2d: {padding: [1, 2]}",
        "net.yaml:3: padding of ZeroPad2d must be a whole number from -1024"
      ),
      ("  - ZeroPad2d: {padding: -14}", "net.yaml:3: ZeroPad2d "),
      ("  - ReflectionPad2d: {padding: 28}", "net.yaml:3: ReflectionPad2d does not fit what arrives there"),
      ("  - LayerNorm: {normalizedShape: [2, 28]}", "net.yaml:3: LayerNorm does not fit what arrives there"),
      ("  - LPPool2d: {normType: 0, kernelSize: 2}", "net.yaml:3: LPPool2d does not fit what arrives there"),
      ("  - Hardtanh: {minVal: 2}", "net.yaml:3: Hardtanh cannot be made: minVal must be below maxVal"),
      (
        "  - ConvTranspose2d: {outChannels: 3, kernelSize: 3, groups: 2}",
        "net.yaml:3: ConvTranspose2d cannot be made: groups (2) must divide inChannels (1) and outChannels (3)"
      ),
      (
        "  - ConvTranspose2d: {outChannels: 3, kernelSize: 3, outputPadding: 1}",
        "net.yaml:3: ConvTranspose2d cannot be made: outputPadding [1, 1] must be below stride [1, 1] or dilation [1, 1]"
      ),
      (
        "  - Conv2d: 3",
        "net.yaml:3: Conv2d takes labels with values, as in Conv2d: {outChannels: …}, not '3'"
      ),
      ("  - [ReLU]", "net.yaml:3: a layer must be a word like ReLU or a word with labels, not a list"),
      (
        "  - Conv2d:\n    outChannels: 3",
        "net.yaml:4: a layer begins with a dash, and its labels are further in: 'outChannels' stands beside 'Conv2d'"
      ),
      ("  - ReLU: {name: a.b}", "net.yaml:3: a name must be of letters"),
      ("  - ReLU: {name: forward}", "net.yaml:3: a name must be of letters"),
      ("  - ReLU: {name: a}\n  - ReLU: {name: a}", "net.yaml:4: the name a is there twice"),
      ("  - include: nowhere.yaml", "the text of nowhere.yaml was not kept"),
      ("  - include: [a]", "net.yaml:3: include needs the path of a file, not a list"),
    ])
  func mistakes(_ layers: String, _ words: String) {
    #expect(complaint(layers).hasPrefix(words), "\(complaint(layers))")
  }

  @Test(
    "a shape that does not fit is said with the line and with what arrives there",
    arguments: [
      (
        "  - Conv2d: {outChannels: 3, kernelSize: 29}",
        "net.yaml:3: Conv2d does not fit what arrives there, [1, 28, 28]: "
      ),
      (
        "  - MaxPool2d: {kernelSize: 7}\n  - MaxPool2d: {kernelSize: 5}",
        "net.yaml:4: MaxPool2d does not fit what arrives there, [1, 4, 4]: "
      ),
      (
        "  - Flatten\n  - Conv2d: {outChannels: 3, kernelSize: 3}",
        "net.yaml:4: Conv2d does not fit what arrives there, [784]: "
      ),
      ("  - Flatten\n  - BatchNorm2d", "net.yaml:4: BatchNorm2d does not fit what arrives there, [784]: "),
      ("  - Flatten: {startDim: 0}", "net.yaml:3: startDim of Flatten must be a whole number from 1 to 8"),
      (
        "  - Conv2d: {inChannels: 3, outChannels: 3, kernelSize: 3}",
        "net.yaml:3: inChannels of Conv2d must be 1, as what arrives is [1, 28, 28]; it can be left out"
      ),
      (
        "  - Conv2d: {outChannels: 3, kernelSize: 3, groups: 2}",
        "net.yaml:3: Conv2d cannot be made: groups (2) must divide inChannels (1) and outChannels (3)"
      ),
      (
        "  - Conv2d: {outChannels: 3, kernelSize: 3, padding: same, stride: 2}",
        "net.yaml:3: Conv2d cannot be made: padding same needs stride 1, not [2, 2]"
      ),
      (
        "  - Residual:\n      layers: [Conv2d: {outChannels: 3, kernelSize: 3}]",
        "net.yaml:3: Residual cannot add [3, 26, 26] from its layers to [1, 28, 28] from its input: give a shortcut"
      ),
      (
        "  - Parallel:\n      branches: [Conv2d: {outChannels: 3, kernelSize: 3}, ReLU]",
        "net.yaml:3: Parallel cannot join [3, 26, 26] and [1, 28, 28] along the channels"
      ),
      (
        "  - Residual:\n      layers: [ReLU: {inplace: true}]",
        "net.yaml:4: ReLU at the begin of a branch must not be inplace"
      ),
    ])
  func shapes(_ layers: String, _ words: String) {
    #expect(complaint(layers).hasPrefix(words), "\(complaint(layers))")
  }

  @Test(
    "huge numbers and absurd memory are one sentence, at once",
    arguments: [
      (
        "  - Conv2d: {outChannels: 99999999999999999999999, kernelSize: 3}",
        "net.yaml:3: outChannels of Conv2d must be"
      ),
      (
        "  - Conv2d: {outChannels: 9223372036854775807, kernelSize: 3}",
        "net.yaml:3: outChannels of Conv2d must be"
      ),
      (
        "  - Conv2d: {outChannels: -9223372036854775808, kernelSize: 3}",
        "net.yaml:3: outChannels of Conv2d must be"
      ),
      ("  - Conv2d: {outChannels: 1, kernelSize: 3, padding: 1e9}", "net.yaml:3: padding of Conv2d must be"),
      ("  - Flatten: {startDim: 9223372036854775807}", "net.yaml:3: startDim of Flatten must be"),
      (
        "  - Flatten\n  - Linear: {outFeatures: 1000000}\n  - Linear: {outFeatures: 1000000}",
        "net.yaml:5: Linear needs too much memory: with it the network has more than 1073741824 parameters"
      ),
      (
        "  - LayerNorm: {normalizedShape: [1048576, 1048576, 1048576, 1048576]}",
        "net.yaml:3: LayerNorm needs too much memory"
      ),
      (
        "  - Upsample: {scaleFactor: 1024}\n  - Upsample: {scaleFactor: 1024}",
        "net.yaml:3: Upsample needs too much memory: it gives [1, 28672, 28672] for one image"
      ),
      (
        "  - Conv2d: {outChannels: 1000000, kernelSize: 1}",
        "net.yaml:3: Conv2d needs too much memory: it gives [1000000, 28, 28] for one image"
      ),
      (
        "  - Conv2d: {outChannels: 1048576, kernelSize: 28}\n  - Conv2d: {outChannels: 1048576, kernelSize: 1024, padding: 1024}",
        "net.yaml:4: Conv2d needs too much memory"
      ),
    ])
  func absurd(_ layers: String, _ words: String) {
    #expect(complaint(layers).hasPrefix(words), "\(complaint(layers))")
  }

  @Test(
    "a text that is no description of a network is refused with its line",
    arguments: [
      ("", "net.yaml:1: the file is empty"), (" \n\n", "net.yaml:1: the file is empty"),
      ("# nothing\n", "net.yaml:1: the file has nothing but comments"),
      ("hello", "net.yaml:1: a network begins with the word layers: and a list, this is 'hello'"),
      ("input: [1, 2, 3]", "net.yaml:1: the key layers is missing"),
      ("layers: []", "net.yaml:1: layers has no layer"), ("layers: 3", "net.yaml:1: layers must be a list"),
      (
        "layers: [ReLU]\ninput: [1, 0, 3]",
        "net.yaml:2: a size of input must be a whole number from 1 to 65536"
      ),
      ("layers: [ReLU]\ninput: 5", "net.yaml:2: input must be [channels, height, width], not '5'"),
      ("layers: [ReLU]\nlayers: [Tanh]", "net.yaml:2: the key 'layers' is there twice"),
      ("layers:\n\t- ReLU", "net.yaml:2: this is no YAML"), ("layers: [ReLU\n\n", "net.yaml:"),
      ("layers:\n  - Conv2d: outChannels: 3", "net.yaml:2: this is no YAML"),
      ("layers:\n  - Re\u{7}LU", "net.yaml:2: this is no YAML: control characters are not allowed"),
      ("layers: [ReLU]\n---\nlayers: [ReLU]", "net.yaml:3: a second document begins here"),
      ("? [a]\n: 1", "net.yaml:1: a key must be a word"),
      (
        "layers:\n  - 'ReLU",
        "net.yaml:2: this is no YAML: found unexpected end of stream while scanning a quoted scalar"
      ),
      ("layers: &a\n  - ReLU", "net.yaml:1: anchors and aliases"),
      ("# fine & *\r\nlayers: # &\r\n  - *a\r\n", "net.yaml:3: anchors and aliases"),
    ])
  func noNetwork(_ text: String, _ words: String) {
    let said = message { try make(text) }
    #expect(said.hasPrefix(words) && !said.contains("\n"), "\(said)")
  }

  @Test("what grows without limit is refused at once: nesting of every kind, aliases of aliases")
  func bombs() throws {
    let count = 500_000
    for text in ["[", "{a: ", "- ", "? ", "[? "] {
      let said = message { try make("layers:\n  " + String(repeating: text, count: count / text.count)) }
      let isKey = text.contains("?") && said.hasSuffix("a key must be a word")
      #expect(
        isKey || said.hasSuffix("lists and mappings are nested too deeply, more than 64 times"), "\(said)")
    }
    let nested = "layers: " + String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    #expect(
      message { try make(nested) }
        == "net.yaml:1: lists and mappings are nested too deeply, more than 64 times")
    // Keys are hashed with all that their aliases stand for.
    var aliases = "a0: &a0 [x, x]\n"
    for index in 1..<40 { aliases += "a\(index): &a\(index) [*a\(index - 1), *a\(index - 1)]\n" }
    #expect(message { try make(aliases + "? *a39\n: 1\n") }.hasPrefix("net.yaml:1: anchors and aliases"))
    for hidden in ["['\"'\"\n # \", *a]", "x: |\n  # \"\ny: *a", "\" # \" *a", "- a\r# *a\r- *a"] {
      #expect(message { try make(hidden) }.hasPrefix("net.yaml:"), "\(hidden)")
    }
  }

  @Test("an image that the file is not for, and one that nobody gave, are said")
  func images() throws {
    let text = "# c\ninput: [3, 32, 32]\nlayers: [ReLU]"
    #expect(
      message { try make(text, [1, 28, 28]) }
        == "net.yaml:2: the file is for images of [3, 32, 32], these are [1, 28, 28]: change the line or take it away"
    )
    #expect(
      message { try make("layers: [ReLU]", nil) }.contains("give --input C,H,W or add a line like input:"))
    for shape in [[Int.max, Int.max, 3], [0, 1, 1], [65536, 65536, 65536], [1, 1]] {
      #expect(message { try make("layers: [ReLU]", shape) }.contains("too large"))
    }
  }
}
