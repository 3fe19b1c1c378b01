import Foundation
import Testing

@Suite("parity, and training without libtorch", .serialized)
struct ParityCommandTests {
  @Test("parity --json names each operation with cases, worst fraction and the command that repeats it")
  func json() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers("parity", "--only", "max_pool2d", "--cases", "6", "--seed", "3", "--json")
    #expect(ended.status == 0, "\(ended.errors)")
    let json = try ended.json()
    #expect(json["failed"] as? [String] == [])
    let operation = try #require((json["operations"] as? [[String: Any]])?.first)
    #expect(operation["name"] as? String == "max_pool2d" && operation["cases"] as? Int == 6)
    #expect(try #require(operation["worst"] as? Double) <= 1)
    // The command that it gives leads to the same figure.
    let command = try #require(operation["repeat"] as? String).split(separator: " ").dropFirst().map(
      String.init)
    let repeated = try torchlayers(command + ["--json"]).json()
    #expect(repeated["worst"] as? Double == operation["worst"] as? Double)
    #expect(repeated["worst_case"] as? String == operation["worst_case"] as? String)
  }

  @Test("a run outside of its bounds exits 2, names the operation, the smallest case and the command")
  func failure() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let arguments = ["parity", "--only", "sigmoid", "--cases", "8", "--shrink-bounds", "1000"]
    let ended = try torchlayers(arguments)
    #expect(ended.status == 2, "\(ended.errors)")
    #expect(
      ended.output.contains("DIFFERS") && ended.output.hasSuffix("failed: sigmoid\n"), "\(ended.output)")
    let command = try #require(
      ended.output.split(separator: "\n").first { $0.hasPrefix("  repeat: torchlayers ") })
    let one = try torchlayers(
      command.split(separator: " ").dropFirst(2).map(String.init) + ["--shrink-bounds", "1000"])
    #expect(one.status == 2 && one.output.contains("error"), "\(one.output)")
    let json = try torchlayers(arguments + ["--json"])
    #expect(try json.status == 2 && json.json()["failed"] as? [String] == ["sigmoid"])
    #expect(try torchlayers("parity", "--only", "sigmoid", "--cases", "8").status == 0)
  }

  @Test("--self-test catches every case and a worker that crashes; without it a disturbed run would be right")
  func selfTest() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers("parity", "--self-test", "--only", "conv2d", "--cases", "5", "--json")
    #expect(ended.status == 0, "\(ended.errors)")
    let json = try ended.json()
    #expect(json["failed"] as? [String] == [] && json["crashes_are_caught"] as? Bool == true)
    let operation = try #require((json["operations"] as? [[String: Any]])?.first)
    #expect(operation["missed"] as? [String] == [] && (operation["caught_tensors"] as? Int ?? 0) > 0)
  }

  @Test("--report writes a page that needs nothing else")
  func report() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers("parity", "--only", "relu", "--cases", "2", "--report", "parity.html")
    #expect(ended.status == 0 && ended.output.contains("all within their computed bounds"), "\(ended.errors)")
    let page = String(decoding: try torchlayers.read("parity.html"), as: UTF8.self)
    #expect(
      page.contains("relu") && page.contains("<svg") && !page.contains("src=") && !page.contains("href="))
  }

  @Test(
    "wrong use is answered by a sentence",
    arguments: [
      (["--only", "conv2"], ["conv2", "did you mean conv2d?"]), (["--dtype", "float8"], ["float8"]),
      (["--dtype", "tf32"], ["--device cuda"]), (["--cases", "0"], ["--cases"]),
      (["--case", "3"], ["--only"]), (["--only", "relu", "--choices", "1"], ["--case"]),
      (["--only", "relu", "--case", "1", "--choices", "a,b"], ["--choices"]),
    ])
  func wrongUse(_ arguments: [String], _ words: [String]) throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers(["parity"] + arguments)
    #expect(ended.status == 64 && words.allSatisfy(ended.sentence.contains), "\(ended.errors)")
  }

  @Test("on a machine without CUDA it says so, and the JSON has \"skipped\"")
  func noDevice() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    // Where there is a device, it is hidden.
    let ended = try torchlayers(
      "parity", "--device", "cuda", "--json", environment: ["CUDA_VISIBLE_DEVICES": ""])
    #expect(ended.status == 0)
    #expect(try ended.json()["skipped"] as? String == "skipped: no CUDA device")
  }

  @Test(
    "train --backend reference: the same start and order as libtorch, curves beside each other, a usable run")
  func reference() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers(
      "train", "--backend", "reference", "--model", "mlp", "--limit", "600", "--epochs", "2", "--seed", "5",
      "--output", "run", "--json")
    #expect(ended.status == 0, "\(ended.errors)")
    let json = try ended.json()
    let test = try #require(json["test"] as? [String: Any])
    let libtorch = try #require(json["libtorch"] as? [String: Any])
    let (own, other) = (test["accuracy"] as? Double, libtorch["accuracy"] as? Double)
    #expect(try abs(#require(own) - #require(other)) < 0.005)
    #expect(json["slower"] is Double)
    // Without dropout the losses agree to single precision from the first step to the last.
    let rows = String(decoding: try torchlayers.read("run/losses.csv"), as: UTF8.self).split(separator: "\n")
      .dropFirst().map { $0.split(separator: ",").compactMap { Double($0) } }
    #expect(rows.count == 12 && rows.allSatisfy { abs($0[1] - $0[2]) < 1e-5 })
    #expect(String(decoding: try torchlayers.read("run/report.html"), as: UTF8.self).contains("<svg"))
    // An ordinary run takes the same images, of each class its share.
    #expect(ended.errors.contains("training on 600 images: 60 of each class"), "\(ended.errors)")
    let plain = try torchlayers(
      "train", "--exact", "--model", "mlp", "--limit", "600", "--epochs", "2", "--seed", "5", "--output",
      "plain",
      "--json"
    ).json()
    let losses = try [plain, json].map { run in
      try #require(run["epochs"] as? [[String: Any]]).map { try #require($0["train_loss"] as? Double) }
    }
    #expect(zip(losses[0], losses[1]).allSatisfy { abs($0 - $1) < 1e-5 }, "\(losses)")
    // libtorch evaluates the weights that the reference trained.
    let evaluated = try torchlayers("evaluate", "run", "--json").json()
    #expect(abs(try #require(evaluated["accuracy"] as? Double) - own!) < 0.001)
  }

  @Test("train --backend reference works without libtorch, and says that nothing was compared")
  func withoutLibtorch() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let ended = try torchlayers(
      [
        "train", "--backend", "reference", "--model", "softmax", "--limit", "200", "--epochs", "1",
        "--output", "run",
      ],
      environment: ["TORCHLAYERS_SHIM": torchlayers.path("missing")])
    #expect(ended.status == 0 && ended.errors.contains("not compared with libtorch"), "\(ended.errors)")
    #expect(ended.output.contains("test accuracy"))
    let device = try torchlayers("train", "--backend", "reference", "--device", "cuda")
    #expect(device.status == 64 && device.sentence.contains("--device cuda needs the libtorch backend"))
  }
}
