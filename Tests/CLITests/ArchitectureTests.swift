import Foundation
import Testing

@Suite("YAML architectures on the command line")
struct ArchitectureTests {
  private static let net = """
    layers:
      - include: parts/stem.yaml
      - Residual:
          layers:
            - Conv2d: {outChannels: 4, kernelSize: 3, padding: same}
      - Flatten
      - Linear: {outFeatures: classes}
    """
  private static let stem = """
    layers:
      - Conv2d: {outChannels: 4, kernelSize: 5, stride: 4}
      - ReLU
    """

  @Test("a run keeps the text: evaluate, predict, export, summary and resume work when the files are gone")
  func run() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers.write("nets/my-net.yaml", Array(Self.net.utf8))
    try torchlayers.write("nets/parts/stem.yaml", Array(Self.stem.utf8))
    let trained = try torchlayers(
      "train", "--model", "nets/my-net.yaml", "--epochs", "1", "--limit", "500", "--threads", "1", "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    let json = try trained.json()
    #expect(json["output"] as? String == "runs/my-net-fashion-mnist")
    let run = "runs/my-net-fashion-mnist"
    try FileManager.default.removeItem(atPath: torchlayers.path("nets"))
    let accuracy = try #require((json["test"] as? [String: Any])?["accuracy"] as? Double)
    #expect(try torchlayers("evaluate", run, "--json").json()["accuracy"] as? Double == accuracy)
    try torchlayers("data", "image", "fashion-mnist", "7", "--output", "7.png")
    #expect(try torchlayers("predict", run, "7.png").status == 0)
    #expect(
      try torchlayers("export", run, "--json").json()["verified"] as? String
        == "loaded again: equal logits on 100 test images")
    let summary = try torchlayers("summary", run, "--json").json()
    #expect(summary["parameters"] as? Int == 4 * 26 + 4 * 37 + 144 * 10 + 10)
    let resumed = try torchlayers("train", "--resume", run, "--epochs", "2")
    #expect(resumed.status == 0 && resumed.errors.contains("epoch 2/2"), "\(resumed.errors)")
  }

  @Test("models show prints a file from which train, summary and models make the same network")
  func show() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let shown = try torchlayers("models", "show", "lenet")
    #expect(shown.status == 0 && shown.output.hasPrefix("# lenet: "), "\(shown.errors)")
    try torchlayers.write("my.yml", Array(shown.output.utf8))
    func rows(_ model: String) throws -> [String] {
      let layers = try torchlayers("summary", model, "--json").json()["layers"] as? [[String: Any]]
      return layers?.map { "\($0["layer"]!) \($0["output_shape"]!) \($0["parameters"]!)" } ?? []
    }
    #expect(try rows("my.yml") == rows("lenet") && rows("lenet").count == 12)
    // From the same seed, the same run.
    for (model, output) in [("lenet", "a"), ("my.yml", "b")] {
      let flags = ["--epochs", "1", "--limit", "300", "--seed", "5", "--threads", "1"]
      #expect(try torchlayers(["train", "--model", model, "--output", output] + flags).status == 0)
    }
    let states = try ["a", "b"].map { try torchlayers.read("\($0)/model.safetensors") }
    // The headers name the models; the weights follow.
    #expect(states[0].suffix(200_000) == states[1].suffix(200_000))
    expectError(try torchlayers("models", "show", "resnet18"), 1, "resnet18 cannot be written as YAML")
    expectError(try torchlayers("models", "show", "lenett"), 64, "did you mean lenet?")
    #expect(try torchlayers("models").output.contains("alexnet-2012"))
  }

  @Test(
    "a mistake in the file ends with one sentence, exit code 1, and nothing is written",
    arguments: [
      ("layers:\n  - Conv2: {outChannels: 3}", "bad.yaml:2: there is no layer 'Conv2'; did you mean Conv2d?"),
      ("layers:\n  - Conv2d: {outChannels: 3}", "bad.yaml:2: Conv2d needs kernelSize"),
      ("layers:\n  - Conv2d: {outChannels: x, kernelSize: 3}", "bad.yaml:2: outChannels of Conv2d must be"),
      (
        "layers:\n  - Conv2d: {outChannels: 3, kernelSize: 40}",
        "bad.yaml:2: Conv2d does not fit what arrives"
      ),
      ("layers:\n  - include: bad.yaml", "bad.yaml:2: bad.yaml includes itself"),
      ("layers:\n  - include: none.yaml", "bad.yaml:2: none.yaml: cannot be opened: No such file"),
      ("layers:\n  - Flatten\n  - Linear: {outFeatures: 5}", "bad.yaml:3: bad.yaml gives [5] for an image"),
      ("input: [3, 32, 32]\nlayers: [Flatten]", "bad.yaml:1: the file is for images of [3, 32, 32]"),
      ("", "bad.yaml:1: the file is empty"),
    ])
  func mistakes(_ text: String, _ words: String) throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers.write("bad.yaml", Array(text.utf8))
    expectError(try torchlayers("train", "--model", "bad.yaml", "--output", "run"), 1, words)
    #expect(!FileManager.default.fileExists(atPath: torchlayers.path("run")))
  }

  @Test("10 MB of nesting, bytes that are no UTF-8, a missing file and a folder are one sentence each")
  func files() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let brackets = [UInt8](repeating: UInt8(ascii: "["), count: 10_000_000)
    try torchlayers.write("deep.yaml", Array("layers: ".utf8) + brackets)
    try torchlayers.write("bytes.yaml", Array("layers:\n  - ReLU\n  - ".utf8) + [0xFF, 0xFE])
    try torchlayers.write("folder.yaml/x", [])
    expectError(try torchlayers("summary", "deep.yaml"), 1, "deep.yaml: it has more than the 1048576 bytes")
    expectError(try torchlayers("summary", "bytes.yaml"), 1, "bytes.yaml:3: this is no UTF-8 text")
    expectError(try torchlayers("summary", "none.yaml"), 1, "none.yaml: cannot be opened: No such file")
    expectError(try torchlayers("summary", "folder.yaml"), 1, "it is a folder")
    expectError(try torchlayers("summary", "cnn", "--input", "3x32x32"), 64, "must look like 3,32,32")
    expectError(try torchlayers("train", "--model", "segmenter"), 1, "segmenter gives [10, 28, 28]")
  }

  @Test("summary warns where the stride does not fit, and gives field, jump and memory as JSON")
  func summary() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers.write(
      "c6.yaml",
      Array("input: [1, 7, 7]\nlayers:\n  - Conv2d: {outChannels: 1, kernelSize: 3, stride: 3}".utf8))
    let table = try torchlayers("summary", "c6.yaml")
    #expect(
      table.output.contains(
        "warning: 0, Conv2d: stride 3 does not fit: (7 − 3)/3 + 1 = 2.33, PyTorch takes 2"))
    let json = try torchlayers("summary", "c6.yaml", "--json").json()
    let layer = try #require((json["layers"] as? [[String: Any]])?.first)
    #expect(layer["receptive_field"] as? [Int] == [3, 3] && layer["jump"] as? [Int] == [3, 3])
    #expect(layer["activation_bytes"] as? Int == 16 && json["activation_bytes"] as? Int == 16)
    #expect((layer["warning"] as? String)?.contains("2.33") == true)
  }
}
