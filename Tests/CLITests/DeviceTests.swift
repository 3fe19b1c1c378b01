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
