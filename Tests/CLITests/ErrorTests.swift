import Foundation
import Formats
import Testing

@Suite("Errors: a sentence and an exit code")
struct ErrorTests {
  /// The four files of a small data set, changed by the test before they are written.
  private func data(_ torchlayers: Command, _ change: (inout [String: [UInt8]]) -> Void) throws -> String {
    let images = IDX(
      elementType: .uint8, shape: [300, 28, 28], bytes: [UInt8](repeating: 3, count: 300 * 784))
    let labels = IDX(elementType: .uint8, shape: [300], bytes: (0..<300).map { UInt8($0 % 10) })
    var files: [String: [UInt8]] = [:]
    for part in ["train", "t10k"] {
      files["\(part)-images-idx3-ubyte"] = images.serialized()
      files["\(part)-labels-idx1-ubyte.gz"] = Gzip.deflate(labels.serialized())
    }
    change(&files)
    for (name, bytes) in files { try torchlayers.write("data/\(name)", bytes) }
    return "data"
  }

  private static let images = "train-images-idx3-ubyte"
  private static let labels = "train-labels-idx1-ubyte.gz"

  @Test("a damaged data file is named, with what is wrong")
  func damagedData() throws {
    let cases: [((inout [String: [UInt8]]) -> Void, [String])] = [
      ({ $0[Self.images]?.removeLast(100) }, [Self.images, "is truncated"]),
      ({ $0[Self.images] = [] }, [Self.images, "the file is empty"]),
      ({ $0[Self.images]?[0] = 1 }, [Self.images, "it is no IDX file"]),
      ({ $0[Self.images]?[2] = 0x0D }, [Self.images]),
      ({ $0[Self.labels]?.removeLast(5) }, [Self.labels, "the gzip file is truncated"]),
      ({ $0[Self.labels]?[30] ^= 255 }, [Self.labels, "damaged"]),
      ({ $0[Self.labels] = nil }, ["train-labels-idx1-ubyte"]),
      (
        {
          $0[Self.labels] = IDX(elementType: .uint8, shape: [299], bytes: .init(repeating: 0, count: 299))
            .serialized()
        },
        ["300 images", "299 labels"]
      ),
      (
        {
          $0[Self.labels] = IDX(elementType: .uint8, shape: [300], bytes: .init(repeating: 10, count: 300))
            .serialized()
        },
        ["label 10", "10 classes"]
      ),
    ]
    for (change, words) in cases {
      let torchlayers = try Command()
      defer { torchlayers.remove() }
      let ended = try torchlayers(
        "train", "--model", "softmax", "--data-dir", data(torchlayers, change), "--batch-size", "10")
      expectError(ended, 1)
      for word in words { #expect(ended.sentence.contains(word), "\(ended.errors)") }
    }
  }

  @Test("whole small files train", arguments: ["softmax"])
  func soundData(_ model: String) throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let folder = try data(torchlayers) { _ in }
    let ended = try torchlayers(
      "train", "--model", model, "--data-dir", folder, "--batch-size", "10", "--output", "r")
    #expect(ended.status == 0, "\(ended.errors)")
  }

  @Test(
    "a mistyped word gets the nearest one, exit code 64",
    arguments: [
      (["train", "--model", "cnm"], "did you mean cnn?"),
      (["train", "--data", "fashon-mnist"], "did you mean fashion-mnist?"),
      (["train", "--device", "cudda"], "did you mean cuda?"),
      (["train", "--optimizer", "adan"], "did you mean adam?"),
      (["train", "--optimizer", "rmsprob"], "did you mean rmsprop?"),
      (["train", "--schedule", "cosin"], "did you mean cosine?"),
      (["train", "--schedule", "step:gama=1"], "did you mean gamma?"),
      (["train", "--optimizer", "radam", "--momentum", "0.9"], "--momentum is for sgd and rmsprop"),
      (["train", "--resume", "r", "--schedule", "cosine"], "--schedule cannot be changed"),
      (["train", "--precision", "float23"], "did you mean float32?"),
      (["train", "--epoch", "1"], "--epochs"),
      (["summary", "lent"], "did you mean lenet?"), (["export", "r", "--format", "onyx"], "torchscript"),
      (["parity", "--only", "conv2"], "did you mean conv"), (["trian"], "trian"),
    ])
  func mistyped(_ arguments: [String], _ words: String) throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    expectError(try torchlayers(arguments), 64, words)
  }

  @Test(
    "a value out of range is said with the value",
    arguments: [
      (["--batch-size", "0"], "batch size must be positive, not 0"),
      (["--batch-size", "-5"], "batch size must be positive, not -5"),
      (["--batch-size", "100000000000"], "larger than the training set of 60000 images"),
      (["--epochs", "0"], "epochs must be 1 or more"), (["--lr", "nan"], "learning rate"),
      (["--lr", "-1"], "learning rate"),
      (["--limit", "0"], "limit must be positive"), (["--validation-split", "1"], "validation split"),
      (["--threads", "0"], "threads must be 1 or more"),
      (["--optimizer", "sgd", "--momentum", "1.5"], "momentum"),
      (["--data-dir", "nowhere"], "not in nowhere"),
      (["--data", "mnist", "--data-dir", "nowhere"], "not in nowhere"),
    ])
  func outOfRange(_ flags: [String], _ words: String) throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    expectError(try torchlayers(["train"] + flags), 1, words)
  }

  @Test(
    "with --resume no setting of the run can be given anew",
    arguments: [
      ["--model", "cnn"], ["--lr", "1"], ["--optimizer", "sgd"], ["--batch-size", "7"], ["--seed", "1"],
      ["--exact"],
      ["--limit", "5"], ["--schedule", "cosine"], ["--weight-decay", "0.1"], ["--augment", "flip"],
    ])
  func resumeFlags(_ flags: [String]) throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    expectError(
      try torchlayers(["train", "--resume", "run"] + flags), 64, "\(flags[0]) cannot be changed with --resume"
    )
  }

  @Test("an output that cannot be written is said with the system's reason; a run is never overwritten")
  func output() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers.write("file", [1])
    let train = ["train", "--model", "softmax", "--epochs", "1", "--limit", "200", "--output"]
    expectError(try torchlayers(train + ["file"]), 1, "file cannot be made")
    expectError(try torchlayers(train + ["file/run"]), 1, "Not a directory")
    expectError(try torchlayers(train + ["/proc/run"]), 1, "/proc/run cannot be made")
    #expect(try torchlayers(train + ["run"]).status == 0)
    expectError(try torchlayers(train + ["run"]), 1, "holds a run already", "--resume run")
    expectError(try torchlayers("export", "run", "--output", "none/x.pt"), 1, "No such file or directory")
    expectError(try torchlayers("export", "run", "--output", "/dev/full"), 1, "no regular file")
  }

  @Test("a full disk ends an export with the system's reason, and leaves nothing")
  func fullDisk() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers("train", "--model", "softmax", "--epochs", "1", "--limit", "200", "--output", "run")
    func names() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: torchlayers.path("run")).sorted()
    }
    let size = try #require(torchlayers("export", "run", "--json").json()["bytes"] as? Int)
    try FileManager.default.removeItem(atPath: torchlayers.path("run/model.torchscript.pt"))
    let before = try names()
    // In the middle of the weights, and in what is written when the archive is finished.
    for kilobytes in [8, (size - 1) / 1024] {
      expectError(
        try torchlayers.limited(to: kilobytes, "export", "run"), 1, "model.torchscript.pt cannot be written",
        "File too large")
      #expect(try names() == before)
    }
    // What is written here, without libtorch: the weights of a training.
    expectError(
      try torchlayers.limited(
        to: 8, "train", "--model", "softmax", "--epochs", "1", "--limit", "200", "--output", "other"), 1,
      "cannot be written", "File too large")
  }

  @Test("a run that cannot start leaves no folder")
  func noFolder() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    for flags in [["--device", "cuda:99"], ["--batch-size", "100000000000"]] {
      expectError(try torchlayers(["train", "--output", "run"] + flags), 1)
      #expect(!FileManager.default.fileExists(atPath: torchlayers.path("run")))
    }
  }

  @Test("a config.json with absurd sizes is an error, not a crash")
  func absurdSizes() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers("train", "--model", "softmax", "--epochs", "1", "--limit", "200", "--output", "run")
    let text = String(decoding: try torchlayers.read("run/config.json"), as: UTF8.self)
    let other = text.replacing(#/"input_shape" : \[[^\]]*\]/#) { _ in
      "\"input_shape\" : [4611686018427387904, 4, 4]"
    }
    try torchlayers.write("run/config.json", Array(other.utf8))
    expectError(try torchlayers("evaluate", "run"), 1, "too large")
  }

  @Test("a run folder that lacks a file or has a corrupt one is named")
  func runFolders() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    expectError(try torchlayers("evaluate", "none"), 1, "there is no run folder none")
    try torchlayers.write("empty/x", [])
    expectError(try torchlayers("evaluate", "empty"), 1, "it has no config.json")
    try torchlayers("train", "--model", "softmax", "--epochs", "1", "--limit", "200", "--output", "run")
    let (config, weights) = try (
      torchlayers.read("run/config.json"), torchlayers.read("run/model.safetensors")
    )
    try torchlayers.write("run/config.json", Array(config.dropLast(9)))
    expectError(try torchlayers("evaluate", "run"), 1, "config.json is damaged")
    try torchlayers.write("run/config.json", Array("{}".utf8))
    expectError(try torchlayers("evaluate", "run"), 1, "config.json is damaged", "is missing")
    let other = String(decoding: config, as: UTF8.self).replacing("\"softmax\"", with: "\"cnn\"")
    try torchlayers.write("run/config.json", Array(other.utf8))
    expectError(try torchlayers("evaluate", "run"), 1, "does not fit config.json", "missing keys: 0.weight")
    try torchlayers.write("run/config.json", config)
    try torchlayers.write("run/model.safetensors", Array(weights.dropLast(100)))
    expectError(try torchlayers("predict", "run", "x.png"), 1, "model.safetensors", "truncated")
    try torchlayers.write("run/checkpoint.safetensors", weights)
    expectError(try torchlayers("train", "--resume", "run", "--epochs", "3"), 1, "cannot be resumed")
  }

  @Test("a picture that is none is named")
  func pictures() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    try torchlayers("train", "--model", "softmax", "--epochs", "1", "--limit", "200", "--output", "run")
    let png = try Picture(width: 8, height: 8, channels: 1, pixels: .init(repeating: 0, count: 64)).pngData()
    try torchlayers.write("text.png", Array("hello".utf8))
    try torchlayers.write("empty.png", [])
    try torchlayers.write("cut.png", Array(png.dropLast(30)))
    try torchlayers.write("gif.png", Array("GIF89a".utf8))
    expectError(try torchlayers("predict", "run", "text.png"), 1, "text.png: it is not an image")
    expectError(try torchlayers("predict", "run", "empty.png"), 1, "the file is empty")
    expectError(try torchlayers("predict", "run", "cut.png"), 1, "the PNG is truncated")
    expectError(try torchlayers("predict", "run", "gif.png"), 1, "it is a GIF")
    expectError(try torchlayers("predict", "run", "none.png"), 1, "No such file or directory")
  }

  /// The library folder of a libtorch in the user's cache that is not `version`; nil when there is none.
  private static func libtorch(otherThan version: String) -> String? {
    let cache = ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
    let store = cache + "/torchlayers/libtorch"
    func names(_ folder: String) -> [String] {
      (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }
    let others = names(store).filter { !$0.hasPrefix(version) }.map { "\(store)/\($0)" }
    return others.flatMap { other in
      names("\(other)/lib").map { "\(other)/lib/\($0)/site-packages/torch/lib" } + ["\(other)/libtorch/lib"]
    }.first { FileManager.default.fileExists(atPath: $0 + "/libtorch_cpu.so") }
  }

  // Nothing may be skipped in `.ci/run`, which fetches another version first.
  @Test(
    "a libtorch that is not the one that the shim was built against is refused",
    .enabled("run `LIBTORCH_VERSION=2.11.0 make setup`, which fetches another libtorch") {
      try hasAnotherLibtorch()
    })
  func otherLibtorch() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let own = try #require(try torchlayers("doctor", "--json").json()["libtorch"] as? String)
    let other = try #require(Self.libtorch(otherThan: own))
    let ended = try torchlayers("summary", "cnn", environment: ["LD_LIBRARY_PATH": other])
    expectError(ended, 1, "built against libtorch \(own) but libtorch", "make setup")
  }

  private static func hasAnotherLibtorch() throws -> Bool {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let own = try torchlayers("doctor", "--json").json()["libtorch"] as? String
    return libtorch(otherThan: own ?? "") != nil
  }

  @Test("without a device, without a shim: what to do is said")
  func missing() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    if try torchlayers("doctor", "--json").json()["cuda_devices"] as? [Any] == nil {
      Issue.record("doctor --json has no cuda_devices")
    }
    expectError(try torchlayers("train", "--device", "cuda:99"), 1, "the device cuda:99 is not available")
    expectError(
      try torchlayers("train", environment: ["TORCHLAYERS_SHIM": "/nonexistent"]), 1, "run `make setup`",
      "/nonexistent")
    try torchlayers.write("libtorchshim.so", Array("no library".utf8))
    expectError(
      try torchlayers("train", environment: ["TORCHLAYERS_SHIM": torchlayers.path("libtorchshim.so")]), 1,
      "cannot be used", "make setup")
  }
}
