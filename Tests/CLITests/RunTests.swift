import Foundation
import Formats
import Testing

@Suite("Runs: train, evaluate, predict, export, resume", .serialized)
struct RunTests {
  @Test(
    "train prints one JSON object; evaluate repeats its accuracy; predict agrees with evaluate; export verifies"
  )
  func wholeJob() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let trained = try torchlayers(
      "train", "--model", "cnn", "--data", "fashion-mnist", "--epochs", "1", "--limit", "2000", "--seed", "1",
      "--json",
      "--output", "run")
    #expect(trained.status == 0, "\(trained.errors)")
    let json = try trained.json()
    let test = try #require(json["test"] as? [String: Any])
    let accuracy = try #require(test["accuracy"] as? Double)
    #expect(accuracy > 0.5 && test["loss"] is Double)
    #expect((json["epochs"] as? [Any])?.count == 1)
    #expect(json["seconds"] is Double && json["images_per_second"] is Double)
    #expect(json["output"] as? String == "run")

    let evaluated = try torchlayers("evaluate", "run", "--json", "--predictions", "predictions.csv").json()
    #expect(evaluated["accuracy"] as? Double == accuracy)
    #expect(evaluated["loss"] as? Double == test["loss"] as? Double)
    #expect(evaluated["count"] as? Int == 10000)

    let lines = String(decoding: try torchlayers.read("predictions.csv"), as: UTF8.self).split(
      separator: "\n")
    // The file's own numbers give the accuracy that was printed; what is predicted of an image by itself is in it.
    let rows = lines.dropFirst().map { $0.split(separator: ",").compactMap { Int($0) } }
    #expect(rows.map(\.[0]) == Array(0..<10000))
    #expect(rows.count { $0[1] == $0[2] } == Int((accuracy * 10000).rounded()))
    let picked = Array(stride(from: 7, to: 10000, by: 333))
    for index in picked {
      try torchlayers("data", "image", "fashion-mnist", "\(index)", "--output", "\(index).png")
    }
    let predicted = try torchlayers(["predict", "run"] + picked.map { "\($0).png" } + ["--json"]).json()
    let predictions = try #require(predicted["predictions"] as? [[String: Any]])
    #expect(predictions.map { $0["index"] as? Int } == picked.map { rows[$0][2] })
    // A network that saw the wrong pictures, all alike, would say the same of all.
    #expect(Set(picked.map { rows[$0][2] }).count >= 5)

    let exported = try torchlayers("export", "run", "--format", "torchscript", "--output", "cnn.pt", "--json")
    #expect(exported.status == 0, "\(exported.errors)")
    #expect(try exported.json()["verified"] as? String == "loaded again: equal logits on 100 test images")
    let size = try torchlayers.read("cnn.pt").count
    #expect(try size > 13_000_000 && exported.json()["bytes"] as? Int == size)
  }

  @Test("an export that gives other logits than the run exits 2 and says how many")
  func otherExport() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    for seed in ["1", "2"] {
      try torchlayers(
        "train", "--model", "softmax", "--epochs", "1", "--limit", "300", "--seed", seed, "--output",
        "run\(seed)",
        "--export", "torchscript")
    }
    let file = "run1/model.torchscript.pt"
    let bytes = try torchlayers.read(file)
    let right = try torchlayers("export", "run1", "--check")
    #expect(right.status == 0 && right.output.contains("equal logits on 100 test images"), "\(right.errors)")
    let wrong = try torchlayers("export", "run2", "--check", "--output", file)
    #expect(wrong.status == 2 && wrong.output.isEmpty, "\(wrong.errors)")
    #expect(wrong.errors.contains("\(file), loaded again, gives ") && wrong.errors.contains(" other logits"))
    #expect(try torchlayers.read(file) == bytes)
    expectError(try torchlayers("export", "run2", "--check", "--output", "gone.pt"), 1, "gone.pt")
  }

  @Test("a picture of another size and colour, PNG with 3 channels, is predicted")
  func otherPicture() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers("train", "--model", "softmax", "--epochs", "1", "--limit", "500", "--output", "run")
    let picture = Picture(
      width: 61, height: 40, channels: 3, pixels: (0..<61 * 40 * 3).map { UInt8($0 * 7 % 256) })
    try picture.writePNG(to: torchlayers.path("photo.png"))
    let ended = try torchlayers("predict", "run", "photo.png", "--top", "2", "--invert")
    #expect(ended.status == 0 && ended.output.hasPrefix("photo.png: "), "\(ended.errors)")
    #expect(ended.output.split(separator: ",").count == 2, "\(ended.output)")
  }

  /// What the run's weights say of a picture of 28×28 grey pixels, worked out here: softmax of W·(x/255 − mean)/std + b.
  private func probabilities(_ torchlayers: Command, _ pixels: [UInt8]) throws -> [Double] {
    let weights = try Safetensors.parse(try torchlayers.read("run/model.safetensors"), source: "run")
    func numbers(_ name: String) throws -> [Double] {
      try #require(weights[name]).bytes.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { Double(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)) }
      }
    }
    let configuration = try #require(
      try JSONSerialization.jsonObject(with: Data(torchlayers.read("run/config.json"))) as? [String: Any])
    let normalization = try #require(configuration["normalization"] as? [String: [Double]])
    let (mean, std) = (try #require(normalization["mean"]?[0]), try #require(normalization["std"]?[0]))
    let x = pixels.map { (Double($0) / 255 - mean) / std }
    let (w, b) = (try numbers("1.weight"), try numbers("1.bias"))
    let logits = b.indices.map { c in b[c] + x.indices.reduce(0) { $0 + w[c * 784 + $1] * x[$1] } }
    let powers = logits.map { exp($0 - logits.max()!) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  @Test("predict's probabilities are those of the picture, of its light or dark reverse with --invert")
  func values() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers("train", "--model", "softmax", "--epochs", "1", "--limit", "500", "--output", "run")
    let grey = (0..<784).map { (place: Int) -> UInt8 in
      let (row, column) = (place / 28, place % 28)
      return UInt8((column * 9 + row) % 256)
    }
    let inverted = grey.map { 255 - $0 }
    try Picture(width: 28, height: 28, channels: 1, pixels: grey).writePNG(to: torchlayers.path("grey.png"))
    // Twice as large, in three equal colours.
    let large = (0..<56 * 56).flatMap { (place: Int) -> [UInt8] in
      let (row, column) = (place / 56 / 2, place % 56 / 2)
      return [UInt8](repeating: grey[row * 28 + column], count: 3)
    }
    try Picture(width: 56, height: 56, channels: 3, pixels: large).writePNG(to: torchlayers.path("large.png"))
    func predicted(_ flags: String...) throws -> [[Double]] {
      let json = try torchlayers(
        ["predict", "run", "grey.png", "large.png", "--top", "10", "--json"] + flags
      )
      .json()
      return try #require(json["predictions"] as? [[String: Any]]).map { prediction in
        var found = [Double](repeating: -1, count: 10)
        for choice in try #require(prediction["top"] as? [[String: Any]]) {
          found[try #require(choice["index"] as? Int)] = try #require(choice["probability"] as? Double)
        }
        return found
      }
    }
    func expectNear(_ found: [Double], _ expected: [Double], within bound: Double) {
      #expect(zip(found, expected).allSatisfy { ($0 - $1).magnitude < bound }, "\(found) and \(expected)")
    }
    let (plain, reversed) = (try probabilities(torchlayers, grey), try probabilities(torchlayers, inverted))
    #expect(zip(plain, reversed).contains { ($0 - $1).magnitude > 0.05 }, "\(plain)")
    // 785 terms in single precision.
    let (found, other) = (try predicted(), try predicted("--invert"))
    expectNear(found[0], plain, within: 1e-4)
    expectNear(other[0], reversed, within: 1e-4)
    expectNear(found[1], try probabilities(torchlayers, downscaled(large)), within: 1e-4)
    expectNear(other[1], try probabilities(torchlayers, downscaled(large.map { 255 - $0 })), within: 1e-4)
  }

  /// A 56×56 picture at half its size: a triangle of two pixels' width to each side, weights 1 3 3 1 of 8 (less outside),
  /// as an antialiased bilinear filter has them; rounded at the end.
  private func downscaled(_ rgb: [UInt8]) -> [UInt8] {
    let weights = [1.0, 3, 3, 1]
    func taps(_ i: Int) -> [(place: Int, weight: Double)] {
      let found = (0..<4).map { (2 * i - 1 + $0, weights[$0]) }.filter { (0..<56).contains($0.0) }
      let sum = found.reduce(0) { $0 + $1.1 }
      return found.map { ($0.0, $0.1 / sum) }
    }
    return (0..<784).map { place in
      var sum = 0.0
      for (y, v) in taps(place / 28) {
        for (x, w) in taps(place % 28) { sum += v * w * Double(rgb[3 * (y * 56 + x)]) }
      }
      return UInt8(sum.rounded(.toNearestOrEven))
    }
  }

  @Test(
    "the same seed gives the same model file, byte for byte, in fast and in exact mode",
    arguments: [[], ["--exact"]])
  func repeatable(_ flags: [String]) throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    for output in ["a", "b"] {
      let arguments = [
        "train", "--model", "lenet", "--epochs", "1", "--limit", "1000", "--seed", "1", "--threads", "1",
        "--output",
        output,
      ]
      #expect(try torchlayers(arguments + flags).status == 0)
    }
    #expect(try torchlayers.read("a/model.safetensors") == torchlayers.read("b/model.safetensors"))
  }

  @Test(
    "Ctrl-C saves, exits 130 and says how to go on; the resumed run ends with the same weights and metrics",
    arguments: [[], ["--optimizer", "nadam", "--schedule", "onecycle:max=0.01"]])
  func resume(_ more: [String]) throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let flags =
      [
        "train", "--model", "lenet", "--epochs", "2", "--limit", "6000", "--seed", "3", "--threads", "1",
        "--validation-split", "0.1",
      ] + more + ["--output"]
    #expect(try torchlayers(flags + ["whole"]).status == 0)
    let stopped = try torchlayers.interrupted(flags + ["stopped"], by: SIGINT)
    #expect(stopped.status == 130)
    #expect(stopped.errors.contains("go on with: torchlayers train --resume stopped"))
    #expect(!FileManager.default.fileExists(atPath: torchlayers.path("stopped/model.safetensors")))
    let resumed = try torchlayers("train", "--resume", "stopped")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try torchlayers.read("whole/model.safetensors") == torchlayers.read("stopped/model.safetensors"))
    func metrics(_ run: String) throws -> [[Substring]] {
      String(decoding: try torchlayers.read("\(run)/metrics.csv"), as: UTF8.self).split(separator: "\n").map {
        // Without the times.
        let columns = $0.split(separator: ",", omittingEmptySubsequences: false)
        return columns.prefix(5) + columns.suffix(1)
      }
    }
    #expect(try metrics("whole") == metrics("stopped"))
  }

  @Test(
    "a run keeps its optimizer and schedule: config.json has them, metrics.csv each epoch's learning rate")
  func schedule() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let flags = [
      "train", "--model", "softmax", "--limit", "200", "--epochs", "3", "--optimizer", "rmsprop", "--lr",
      "0.01",
      "--schedule",
    ]
    let ended = try torchlayers(flags + ["step:size=2,gamma=0.5", "--output", "run"])
    #expect(
      ended.status == 0 && ended.errors.contains("rmsprop 0.01 step:size=2,gamma=0.5"), "\(ended.errors)")
    func rates() throws -> [Substring] {
      let lines = String(decoding: try torchlayers.read("run/metrics.csv"), as: UTF8.self).split(
        separator: "\n")
      return try lines.map { try #require($0.split(separator: ",").last) }
    }
    #expect(try rates() == ["learning_rate", "0.01", "0.01", "0.005"])
    let configuration = String(decoding: try torchlayers.read("run/config.json"), as: UTF8.self)
    #expect(configuration.contains("\"schedule\" : \"step:size=2,gamma=0.5\""), "\(configuration)")
    #expect(configuration.contains("\"optimizer\" : \"rmsprop\""))
    #expect(try torchlayers("train", "--resume", "run", "--epochs", "5").status == 0)
    #expect(try rates().suffix(2) == ["0.005", "0.0025"])

    #expect(try torchlayers(flags + ["cosine", "--output", "wave"]).status == 0)
    expectError(
      try torchlayers("train", "--resume", "wave", "--epochs", "5"), 1, "cosine ends with the run's 3 epochs")
    let other = configuration.replacing("step:size=2", with: "stop:size=2")
    try torchlayers.write("run/config.json", Array(other.utf8))
    expectError(try torchlayers("evaluate", "run"), 1, "config.json is damaged", "did you mean step?")
  }

  @Test("config.json keeps every setting that train was given")
  func flags() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers(
      "train", "--model", "softmax", "--limit", "150", "--epochs", "1", "--batch-size", "50", "--optimizer",
      "sgd",
      "--lr", "0.25", "--momentum", "0.5", "--weight-decay", "0.125", "--seed", "77", "--threads", "1",
      "--exact",
      "--augment", "crop", "--output", "run")
    #expect(ended.status == 0, "\(ended.errors)")
    let text = String(decoding: try torchlayers.read("run/config.json"), as: UTF8.self)
    for entry in [
      "\"model\" : \"softmax\"", "\"limit\" : 150", "\"epochs\" : 1", "\"batch_size\" : 50",
      "\"optimizer\" : \"sgd\"", "\"lr\" : 0.25", "\"momentum\" : 0.5", "\"weight_decay\" : 0.125",
      "\"seed\" : 77", "\"threads\" : 1", "\"exact\" : true", "\"augment\" : \"crop\"",
    ] { #expect(text.contains(entry), "\(entry) is not in \(text)") }
  }

  @Test("a run that ended before its first checkpoint begins anew with --resume, to the same weights")
  func resumeWithoutCheckpoint() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let flags = ["--model", "softmax", "--epochs", "1", "--limit", "500", "--threads", "1"]
    #expect(try torchlayers(["train", "--output", "whole"] + flags).status == 0)
    try torchlayers.write("dead/config.json", torchlayers.read("whole/config.json"))
    let resumed = try torchlayers("train", "--resume", "dead")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try torchlayers.read("whole/model.safetensors") == torchlayers.read("dead/model.safetensors"))
    // With a model but no checkpoint it is not known where to go on.
    try FileManager.default.removeItem(atPath: torchlayers.path("dead/checkpoint.safetensors"))
    expectError(try torchlayers("train", "--resume", "dead", "--epochs", "2"), 1, "checkpoint.safetensors")
  }

  @Test("what is kept for validation and by the limit is said and written; a share of no image is an error")
  func keptImages() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let flags = ["train", "--model", "softmax", "--epochs", "1", "--threads", "1"]
    let ended = try torchlayers(
      flags + ["--limit", "300", "--validation-split", "0.1", "--output", "run"])
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.errors.contains("training on 270 images: 27 of each class"), "\(ended.errors)")
    #expect(ended.errors.contains("validating on 30 images: 3 of each class"), "\(ended.errors)")
    let text = String(decoding: try torchlayers.read("run/config.json"), as: UTF8.self)
    #expect(text.contains("\"image_choice\" : \"by-class\"") && text.contains("\"kept_images\""))
    expectError(
      try torchlayers(flags + ["--limit", "100", "--validation-split", "0.0001", "--output", "none"]), 1,
      "is not one image", "choose at least 0.01")
    #expect(!FileManager.default.fileExists(atPath: torchlayers.path("none")))
  }

  @Test("a training whose first step fails leaves no folder, and its name can be used")
  func failedTraining() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let layers = "layers:\n  - Flatten\n  - BatchNorm1d\n  - Linear: {outFeatures: classes}\n"
    try torchlayers.write("norm.yaml", Array(layers.utf8))
    let flags = ["train", "--model", "norm.yaml", "--epochs", "1", "--limit", "100", "--output", "run"]
    expectError(try torchlayers(flags + ["--batch-size", "1"]), 1, "more than 1 value")
    #expect(!FileManager.default.fileExists(atPath: torchlayers.path("run")))
    #expect(try torchlayers(flags + ["--batch-size", "20"]).status == 0)
  }

  @Test("a loss that is not finite is said once; the run goes on, is saved, exported and resumed")
  func notFinite() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers(
      "train", "--model", "mlp", "--lr", "1e30", "--epochs", "2", "--limit", "500", "--validation-split",
      "0.2",
      "--export", "torchscript", "--json", "--output", "run")
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.errors.components(separatedBy: "the loss is not finite").count == 2, "\(ended.errors)")
    let json = try ended.json()
    #expect((json["test"] as? [String: Any])?["loss"] as? String == "nan")
    #expect((json["export"] as? [String: Any])?["verified"] is String)
    let resumed = try torchlayers("train", "--resume", "run", "--epochs", "3")
    #expect(resumed.status == 0 && resumed.errors.contains("epoch 3/3"), "\(resumed.errors)")
    #expect(try torchlayers("evaluate", "run", "--json").json()["loss"] as? String == "nan")
  }

  @Test("kill -9 leaves whole files: what the folder has can be read")
  func killed() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers.interrupted(
      ["train", "--model", "lenet", "--epochs", "50", "--limit", "2000", "--output", "run"], by: SIGKILL)
    #expect(ended.status == SIGKILL)
    for name in try FileManager.default.contentsOfDirectory(atPath: torchlayers.path("run"))
    where name.hasSuffix(".safetensors") {
      _ = try Safetensors.read(path: torchlayers.path("run/\(name)"))
    }
    expectError(try torchlayers("evaluate", "run"), 1, "run/model.safetensors")
  }

  @Test("help and version answer for the command and every subcommand")
  func help() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    #expect(try torchlayers("--version").output.contains("."))
    for name in [
      "train", "evaluate", "predict", "export", "summary", "models", "data", "filter", "inspect", "parity",
      "bench", "doctor",
    ] {
      #expect(try torchlayers("--help").output.contains("  \(name)"))
      #expect(try torchlayers(name, "--help").status == 0)
    }
  }

  @Test("summary counts the digits CNN: 3 274 634 parameters")
  func summary() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let json = try torchlayers("summary", "cnn", "--json").json()
    #expect(json["parameters"] as? Int == 3_274_634)
    #expect(json["multiply_adds"] as? Int == 28 * 28 * 32 * 25 + 14 * 14 * 64 * 32 * 25 + 3136 * 1024 + 10240)
  }
}
