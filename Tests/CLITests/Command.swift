import Foundation
import Testing

/// How a run of `torchlayers` ended.
struct Ended {
  let status: Int32
  let output: String
  let errors: String

  /// The JSON object that is all of the output.
  func json() throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
  }

  /// The line that says what was wrong.
  var sentence: String {
    errors.split(separator: "\n").first { $0.hasPrefix("Error: ") }.map(String.init) ?? errors
  }
}

/// The built program, run as a user runs it.
struct Command {
  /// Beside the tests, unless `TORCHLAYERS_PROGRAM` names another.
  static let program: String = {
    if let chosen = ProcessInfo.processInfo.environment["TORCHLAYERS_PROGRAM"] { return chosen }
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
    return package.standardized.appendingPathComponent(".build/debug/torchlayers").path
  }()

  /// A folder of its own for each test.
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("torchlayers-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try #require(
      FileManager.default.isExecutableFile(atPath: Self.program), "run `make test`, which builds it first")
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let url = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  private func start(
    _ arguments: [String], _ environment: [String: String], program: String = Self.program
  ) throws -> (Process, URL, URL) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let name = UUID().uuidString
    let (out, err) = (
      folder.appendingPathComponent("\(name).out"), folder.appendingPathComponent("\(name).err")
    )
    for url in [out, err] { _ = FileManager.default.createFile(atPath: url.path, contents: nil) }
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: err)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return (process, out, err)
  }

  private func end(_ process: Process, _ out: URL, _ err: URL) throws -> Ended {
    process.waitUntilExit()
    return Ended(
      status: process.terminationStatus, output: try String(contentsOf: out, encoding: .utf8),
      errors: try String(contentsOf: err, encoding: .utf8))
  }

  @discardableResult
  func callAsFunction(_ arguments: String..., environment: [String: String] = [:]) throws -> Ended {
    try self(arguments, environment: environment)
  }

  func callAsFunction(_ arguments: [String], environment: [String: String] = [:]) throws -> Ended {
    let (process, out, err) = try start(arguments, environment)
    return try end(process, out, err)
  }

  /// Runs the program in a shell that lets it write no file of more than `kilobytes`.
  func limited(to kilobytes: Int, _ arguments: String...) throws -> Ended {
    let script = "trap '' XFSZ; ulimit -f \(kilobytes); exec \"$0\" \"$@\""
    let (process, out, err) = try start(
      ["-c", script, Self.program] + arguments, [:], program: "/bin/bash")
    return try end(process, out, err)
  }

  /// Starts the program and sends it `signal` as soon as it has written that an epoch is under way.
  func interrupted(_ arguments: [String], by signal: Int32) throws -> Ended {
    let (process, out, err) = try start(arguments, [:])
    while process.isRunning, try !String(contentsOf: err, encoding: .utf8).contains("epoch 1/") {
      usleep(10_000)
    }
    kill(process.processIdentifier, signal)
    return try end(process, out, err)
  }
}

/// Expects an error that a person can use: exit code, one sentence with these words, nothing of our insides.
func expectError(
  _ ended: Ended, _ status: Int32, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(ended.status == status, "\(ended.errors)", sourceLocation: sourceLocation)
  #expect(ended.output.isEmpty, sourceLocation: sourceLocation)
  #expect(
    ended.errors.split(separator: "\n").count { $0.hasPrefix("Error: ") } == 1, sourceLocation: sourceLocation
  )
  for word in words {
    #expect(ended.sentence.contains(word), "\(ended.errors)", sourceLocation: sourceLocation)
  }
  for word in [
    "Exception raised from", "terminate called", "Fatal error", "frame #", "POSIXError", "NSError",
  ] {
    #expect(!ended.errors.contains(word), sourceLocation: sourceLocation)
  }
}
