import ArgumentParser
import Parity
import SwiftTorchLayers

/// `torchlayers parity`.
struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract: "Compares libtorch's results with the from-scratch reference, against computed error bounds.",
    discussion: "Exit code 2 when an operation is outside its bound.")

  @Option(help: "Cases of each operation.") var cases = 200
  @Option(help: "The seed of the cases.") var seed: UInt64 = 0
  @Option(help: "Only this operation.") var only: String?
  @Option(help: "cpu, cuda or cuda:N.") var device = "cpu"
  @Flag(help: "Disturb every result by 4 times its bound; each operation must be caught.") var selfTest =
    false
  @Flag(help: "Print the result as one JSON object.") var json = false

  private struct Report: Encodable {
    let seed: UInt64
    let device: String
    let skipped: String?
    let operations: [OperationReport]
    let failed: [String]
  }

  func validate() throws {
    guard cases > 0 else { throw ValidationError("--cases must be positive, not \(cases).") }
    _ = try only.map { try require($0, oneOf: ParitySuite.names, "operation") }
    _ = try chosenDevice(device == "auto" ? "cpu" : device)
  }

  func run() throws {
    try Shim.load()
    let place = Device(device) ?? .cpu
    if place.isCUDA, try !CUDA.isAvailable {
      let text = "skipped: no CUDA device"
      if json {
        return try Terminal.printJSON(
          Report(seed: seed, device: device, skipped: text, operations: [], failed: []))
      }
      return print(text)
    }
    try place.requireAvailable()
    if !json {
      print("operation".padded(to: 16) + "cases".leftPadded(to: 6) + "  worst, as a fraction of the bound")
    }
    let suite = ParitySuite(cases: cases, seed: seed, device: place, disturb: selfTest)
    let reports = try suite.run(only: only) { report in
      guard !json else { return }
      let verdict = report.failed ? (selfTest ? "caught" : "DIFFERS") : (selfTest ? "NOT CAUGHT" : "within")
      print(
        report.name.padded(to: 16) + "\(report.cases)".leftPadded(to: 6)
          + "  \(fixed(report.worst, 4))  \(verdict)")
      if report.failed != selfTest {
        print("  \(report.worstCase)")
        print("  repeat: torchlayers parity --only \(report.name) --cases \(report.cases) --seed \(seed)")
      }
    }
    let failed = reports.filter { $0.failed != selfTest }.map(\.name)
    if json {
      try Terminal.printJSON(
        Report(seed: seed, device: device, skipped: nil, operations: reports, failed: failed))
    }
    if !failed.isEmpty { throw ExitCode(2) }
  }
}
