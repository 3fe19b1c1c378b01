import Foundation
import Formats
import Testing

@Suite("Augmentation, memory and CUDA at the command line", .serialized)
struct DeviceTests {
  /// A data set of 200 images.
  private func writeData(_ torchlayers: Command) throws {
    let pixels = (0..<200 * 784).map { UInt8($0 * 31 % 256) }
    let images = IDX(elementType: .uint8, shape: [200, 28, 28], bytes: pixels)
    let labels = IDX(elementType: .uint8, shape: [200], bytes: (0..<200).map { UInt8($0 % 10) })
    for part in ["train", "t10k"] {
      try torchlayers.write("data/\(part)-images-idx3-ubyte", images.serialized())
      try torchlayers.write("data/\(part)-labels-idx1-ubyte", labels.serialized())
    }
  }

  @Test("--augment is repeatable from the seed, saved in config.json and used when the run goes on")
  func augment() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try writeData(torchlayers)
    let arguments = ["train", "--model", "softmax", "--data-dir", "data", "--seed", "3", "--threads", "1"]
    for (output, flags) in [
      ("a", ["--augment", "standard", "--epochs", "2"]), ("b", ["--augment", "standard", "--epochs", "1"]),
      ("c", ["--epochs", "2"]),
    ] {
      let ended = try torchlayers(arguments + flags + ["--output", output, "--json"])
      let memory = try #require(try ended.json()["memory"] as? [String: Any])
      #expect(try #require(memory["resident_peak"] as? Int) > 50 << 20)
    }
    #expect(try torchlayers("train", "--resume", "b", "--epochs", "2").status == 0)
    let weights = try ["a", "b", "c"].map { try torchlayers.read("\($0)/model.safetensors") }
    #expect(weights[0] == weights[1] && weights[0] != weights[2])
    let configuration = try String(decoding: torchlayers.read("b/config.json"), as: UTF8.self)
    #expect(configuration.contains("\"augment\" : \"standard\""))
  }

  @Test(
    "--deterministic is in config.json, stays when the run goes on, and two such runs are equal to the byte")
  func deterministic() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try writeData(torchlayers)
    let arguments = [
      "train", "--model", "mlp-dropout", "--data-dir", "data", "--threads", "1", "--deterministic",
    ]
    for (output, epochs) in [("a", "2"), ("b", "1")] {
      let ended = try torchlayers(arguments + ["--epochs", epochs, "--output", output])
      #expect(ended.status == 0, "\(ended.errors)")
    }
    expectError(
      try torchlayers("train", "--resume", "b", "--deterministic"), 64, "--deterministic cannot be changed")
    #expect(try torchlayers("train", "--resume", "b", "--epochs", "2").status == 0)
    for run in ["a", "b"] {
      let configuration = try String(decoding: torchlayers.read("\(run)/config.json"), as: UTF8.self)
      #expect(configuration.contains("\"deterministic\" : true"))
    }
    let weights = try ["a", "b"].map { try torchlayers.read("\($0)/model.safetensors") }
    #expect(weights[0] == weights[1])
  }

  @Test(
    "a run from a GPU is continued, evaluated, inspected and used on the CPU, and exported without asking")
  func fromGPU() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try writeData(torchlayers)
    let made = try torchlayers(
      "train", "--model", "softmax", "--data-dir", "data", "--threads", "1", "--epochs", "1", "--output",
      "run")
    #expect(made.status == 0, "\(made.errors)")
    let picture = Picture(width: 28, height: 28, channels: 1, pixels: .init(repeating: 9, count: 784))
    try torchlayers.write("picture.png", picture.pngData())
    func asOfGPU() throws {
      let text = try String(decoding: torchlayers.read("run/config.json"), as: UTF8.self)
      try torchlayers.write(
        "run/config.json",
        Array(text.replacing("\"device\" : \"cpu\"", with: "\"device\" : \"cuda:99\"").utf8))
    }
    try asOfGPU()
    for command in [["evaluate", "run"], ["predict", "run", "picture.png"], ["inspect", "run"]] {
      expectError(
        try torchlayers(command), 1, "the device cuda:99 is not available", "--device cpu does without")
      let ended = try torchlayers(command + ["--device", "cpu"])
      #expect(ended.status == 0, "\(command): \(ended.errors)")
    }
    #expect(try torchlayers("export", "run").status == 0)
    expectError(
      try torchlayers("train", "--resume", "run", "--epochs", "2"), 1, "cuda:99 is not available",
      "--device cpu does without")
    let resumed = try torchlayers("train", "--resume", "run", "--epochs", "2", "--device", "cpu")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.errors.contains("the run was on cuda:99 and continues on cpu"))
    let configuration = try String(decoding: torchlayers.read("run/config.json"), as: UTF8.self)
    #expect(configuration.contains("\"device\" : \"cpu\"") && configuration.contains("\"epochs\" : 2"))
  }

  @Test("words that are none for --augment, --cuda-graph and --precision are named, with what may be said")
  func words() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    expectError(try torchlayers("train", "--augment", "flop"), 64, "did you mean flip?", "affine")
    expectError(try torchlayers("train", "--cuda-graph", "on"), 64, "auto, off")
    expectError(
      try torchlayers("train", "--resume", "x", "--augment", "flip"), 64, "--augment cannot be changed")
    expectError(
      try torchlayers("train", "--backend", "reference", "--augment", "flip"), 64,
      "--augment flip needs the libtorch")
    expectError(try torchlayers("bench", "--precision", "bf61"), 64, "did you mean bf16?")
    expectError(try torchlayers("bench", "--image-size", "0"), 64, "--image-size must be")
  }

  @Test("bench takes a precision and a size of images, and reports its memory")
  func bench() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let report = try torchlayers(
      "bench", "--workload", "lenet", "--image-size", "32", "--precision", "bf16", "--batch-size", "2",
      "--steps",
      "1", "--json"
    ).json()
    #expect(report["precision"] as? String == "bf16" && report["cuda_graph"] as? Bool == false)
    #expect((report["memory"] as? [String: Any])?["resident_peak"] is Int)
  }
}
