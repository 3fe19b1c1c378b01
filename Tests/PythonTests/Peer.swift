import Foundation
import Parity
import SwiftTorchLayers
import Testing

/// Python with the same libtorch: the other side of the bit-for-bit tests.
enum Peer {
  /// One thread, as the scripts have: results depend on the number. OpenMP keeps it for each thread of the
  /// program by itself, so every test that compares calls this.
  static func singleThreaded() throws { try Torch.setNumThreads(1) }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// The Python that `make test` chose, or the one in the cache.
  static func python() throws -> String {
    if let found = try ParitySuite.python() { return found }
    throw Failure(
      description: "there is no Python with torch \(try Shim.builtVersion): run the tests with `make test`")
  }

  /// Runs a script of the folder `peer` and returns the tensors it wrote to its last argument.
  static func run(_ script: String, _ arguments: [String]) throws -> StateDict {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("peer")
      .path
    let output = temporaryFile("peer.safetensors")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try python())
    process.arguments = ["\(folder)/\(script)"] + arguments + [output]
    var environment = ProcessInfo.processInfo.environment
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    process.environment = environment
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(script) failed with \(process.terminationStatus): \(text)")
    }
    return try StateDict(safetensors: output)
  }

  /// A list of cases as a file, a line each with tabs between the columns.
  static func cases(_ rows: [[String]]) throws -> String {
    let path = temporaryFile("cases.tsv")
    try rows.map { $0.joined(separator: "\t") }.joined(separator: "\n").write(
      toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// A new path in a folder that goes when the program ends.
  static func temporaryFile(_ name: String) -> String {
    temporaryFolder.appendingPathComponent("\(UUID().uuidString)-\(name)").path
  }

  private static let temporaryFolder: URL = {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "torchlayers-\(UUID().uuidString)")
    try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(at: Peer.temporaryFolder) }
    return folder
  }()
}

/// Expects the same shape, type and bytes.
func expectEqual(
  _ own: Tensor?, _ peer: StateDict, _ key: String, sourceLocation: SourceLocation = #_sourceLocation
)
  throws
{
  let theirs = try #require(peer[key], "Python did not write \(key)", sourceLocation: sourceLocation)
  let own = try #require(own, "there is no tensor for \(key)", sourceLocation: sourceLocation)
  let alike = own.shape == theirs.shape && own.dtype == theirs.dtype
  #expect(alike, "\(key)", sourceLocation: sourceLocation)
  guard alike else { return ExactnessTable.add(own, difference: .infinity) }
  guard try own.bytes() != theirs.bytes() else { return ExactnessTable.add(own, difference: nil) }
  let difference = try (own.detach().to(.float64) - theirs.to(.float64)).abs().max().item(as: Double.self)
  ExactnessTable.add(own, difference: difference)
  Issue.record("\(key) differs from Python's by up to \(difference)", sourceLocation: sourceLocation)
}
