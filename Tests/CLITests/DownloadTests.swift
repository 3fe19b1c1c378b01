import Foundation
import Formats
import Testing

@Suite("data download", .serialized)
struct DownloadTests {
  private static let names = [
    "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1",
  ]

  /// Writes a `curl` that notes what it is asked for and copies the file from `source`, or ends with 22.
  private func prepare(_ torchlayers: Command) throws -> [String: String] {
    let script = """
      #!/bin/bash
      echo "$*" >> "$ASKED"
      while [ $# -gt 1 ]; do
        if [ "$1" = --output ]; then output=$2; fi
        shift
      done
      [ -e "$SOURCE/${1##*/}" ] || exit 22
      cp "$SOURCE/${1##*/}" "$output"
      """
    try torchlayers.write("bin/curl", Array(script.utf8))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: torchlayers.path("bin/curl"))
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return [
      "PATH": "\(torchlayers.path("bin")):\(path)", "XDG_CACHE_HOME": torchlayers.path("cache"),
      "ASKED": torchlayers.path("asked"), "SOURCE": torchlayers.path("source"),
    ]
  }

  private func write(_ names: [String], _ torchlayers: Command) throws {
    for (index, name) in names.enumerated() {
      let isImages = name.contains("images")
      let count = isImages ? 3 * 784 : 3
      let idx = IDX(
        elementType: .uint8, shape: isImages ? [3, 28, 28] : [3],
        bytes: (0..<count).map { UInt8(($0 + index) % 10) })
      try torchlayers.write("source/\(name)-ubyte.gz", idx.serialized())
    }
  }

  @Test("four files are fetched into the user's cache, checked, and not fetched again")
  func download() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let environment = try prepare(torchlayers)
    try write(Self.names, torchlayers)
    for _ in 0..<2 {
      let ended = try torchlayers("data", "download", "mnist", environment: environment)
      #expect(ended.status == 0, "\(ended.errors)")
      #expect(ended.output == torchlayers.path("cache/torchlayers/data/mnist") + "\n")
    }
    for name in Self.names {
      let file = "\(name)-ubyte.gz"
      #expect(
        try torchlayers.read("cache/torchlayers/data/mnist/\(file)") == torchlayers.read("source/\(file)"))
    }
    let asked = String(decoding: try torchlayers.read("asked"), as: UTF8.self).split(separator: "\n")
    #expect(asked.count == 4 && asked.allSatisfy { $0.contains("--fail") }, "\(asked)")
    #expect(zip(asked, Self.names).allSatisfy { $0.hasSuffix("/mnist/\($1)-ubyte.gz") }, "\(asked)")
  }

  @Test("what cannot be fetched, or is no such file, is said and leaves nothing half done")
  func failures() throws {
    let torchlayers = try Command()
    defer { torchlayers.remove() }
    let environment = try prepare(torchlayers)
    try write([Self.names[0]], torchlayers)
    let gone = try torchlayers("data", "download", "mnist", environment: environment)
    expectError(
      gone, 1, "train-labels-idx1-ubyte.gz could not be downloaded (curl ended with 22)", "--data-dir")
    try torchlayers.write("source/\(Self.names[1])-ubyte.gz", Array("<html>".utf8))
    #expect(try torchlayers("data", "download", "mnist", environment: environment).status == 1)
    let folder = torchlayers.path("cache/torchlayers/data/mnist")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder) == ["\(Self.names[0])-ubyte.gz"])
    expectError(
      try torchlayers("data", "download", "mnist-5k", environment: environment), 1, "make course")
  }
}
