import Testing

@testable import SwiftTorchLayers

extension ArchitectureTests {
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
        "net.yaml:4: ReLU at the start of a branch must not be inplace"
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
