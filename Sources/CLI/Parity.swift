import ArgumentParser
import Formats
import Parity
import SwiftTorchLayers

/// `torchlayers parity`.
struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract: "Compares libtorch's results with the from-scratch reference, against computed error bounds.",
    discussion: """
      Each row is an operation: how many cases, the largest error in units in the last place (ulps) and as a \
      fraction of its bound. Cases run in processes of their own: a crash of libtorch is a row's failure, not \
      the end. Exit code 2 when an operation is outside its bound or crashes.
      """)

  @Option(parsing: .unconditional, help: "Cases of each operation; whole networks run five.") var cases = 200
  @Option(parsing: .unconditional, help: "The seed of the cases.") var seed: UInt64 = 0
  @Option(help: "Only this operation.") var only: String?
  @Option(
    parsing: .unconditional,
    help: "Instead: this many random networks, each in every way that its numbers can be had.")
  var networks: Int?
  @Flag(help: "With --networks: fail where there is no Python with PyTorch to open their exports.")
  var requirePython = false
  @Option(help: "cpu, cuda or cuda:N.") var device = "cpu"
  @Option(
    help: "Only float32, float64, float16, bfloat16 or tf32 (NVIDIA GPUs). (default: all but tf32, mixed)")
  var dtype: String?
  @Flag(help: "Move a number of libtorch's side in every case; every tensor that it changes must be caught.")
  var selfTest = false
  @Flag(help: ArgumentHelp("Print the table of what has to be judged, from this run.", visibility: .hidden))
  var expectations = false
  @Option(help: ArgumentHelp("Also write the result as a page.", valueName: "file.html")) var report: String?
  @Flag(help: "Print the result as one JSON object.") var json = false

  @Option(parsing: .unconditional, help: "Run only the case of this number, here, and say what it is.")
  var `case`: Int?
  @Option(help: ArgumentHelp("The choices that make the case, as a failure prints them.", valueName: "list"))
  var choices: String?
  @Option(help: .private) var worker: String?
  @Option(help: .private) var shrinkBounds = 1.0

  private struct Report: Encodable {
    let seed: UInt64
    let device: String
    let libtorch: String
    let skipped: String?
    let seconds: Double
    let operations: [OperationReport]
    let failed: [String]
    let crashesAreCaught: Bool?
  }

  func validate() throws {
    guard worker == nil else { return }
    guard cases > 0 else { throw ValidationError("--cases must be positive, not \(cases).") }
    if only != ParitySuite.networkName {
      _ = try only.map { try require($0, oneOf: ParitySuite.names, "operation") }
    }
    if let networks {
      guard networks > 0 else { throw ValidationError("--networks must be positive, not \(networks).") }
      guard only == nil, !selfTest, report == nil, dtype == nil, device == "cpu" else {
        throw ValidationError("--networks goes with --seed, --json and --require-python alone.")
      }
    }
    if only == ParitySuite.networkName, `case` == nil {
      throw ValidationError("--only network needs --case; to run many, give --networks.")
    }
    _ = try dtype.map { try require($0, oneOf: ParitySuite.dtypes, "dtype") }
    if Device(device) == nil { _ = try require(device, oneOf: ["cpu", "cuda", "cuda:0"], "device") }
    if let number = `case`, number < 0 {
      throw ValidationError("--case must not be negative, not \(number).")
    }
    if selfTest, report != nil { throw ValidationError("--report shows a comparison, not a --self-test.") }
    if only != ParitySuite.networkName, ParitySuite(cases: cases, dtype: dtype).names(only: only).isEmpty {
      throw ValidationError("\(only ?? "") has no cases in \(dtype ?? "").")
    }
    if `case` != nil, only == nil { throw ValidationError("--case needs --only with the operation's name.") }
    if `case` == nil, choices != nil { throw ValidationError("--choices needs --case.") }
    if dtype == "tf32", Device(device)?.isCUDA != true {
      throw ValidationError("--dtype tf32 needs --device cuda: only NVIDIA GPUs round so.")
    }
    if `case` != nil, choices != nil, parsedChoices == nil {
      throw ValidationError("--choices is a list of numbers, for example 0,2,1.")
    }
  }

  private var parsedChoices: [Int]? {
    let parts = choices?.split(separator: ",").map { Int($0) }
    return parts.flatMap { $0.contains(nil) ? nil : $0.compactMap(\.self) }
  }

  private var suite: ParitySuite {
    // The self-test keeps every tensor of a network; a few steps show all that many do.
    var suite = ParitySuite(
      cases: networks ?? cases, seed: seed, device: device, dtype: dtype, steps: selfTest ? 3 : 50,
      selfTest: selfTest)
    suite.boundDivisor = shrinkBounds
    return suite
  }

  func run() throws {
    // As training does, so that what is compared is what runs.
    keepFreedMemory()
    try loadKeepingSmallBlocks()
    if let worker {
      guard let suite = ParitySuite(argument: worker) else { throw ExitCode(64) }
      return try suite.serve()
    }
    let place = Device(device) ?? .cpu
    let version = "\(try Shim.runningVersion.prefix { $0 != "+" })-\(try Shim.builtVariant)"
    if place.isCUDA, try !CUDA.isAvailable {
      let text = "skipped: no CUDA device"
      guard json else { return print(text) }
      return try Terminal.printJSON(
        Report(
          seed: seed, device: device, libtorch: version, skipped: text, seconds: 0, operations: [],
          failed: [], crashesAreCaught: nil))
    }
    try place.requireAvailable()
    if let number = `case`, let only { return try runCase(only, number) }

    if networks != nil { return try runNetworks(version) }
    if let report { try requireWritable(report) }
    let clock = ContinuousClock()
    let begin = clock.now
    let reports = try runAll()
    let caught = selfTest ? try suite.catchesCrash(worker: workerArguments) : nil
    let seconds = (clock.now - begin) / .seconds(1)
    let failed =
      reports.filter { selfTest ? !$0.caught : $0.failed }.map(\.name) + (caught == false ? ["crash"] : [])
    if expectations { return print(try suite.expectations(from: reports), terminator: "") }
    if json {
      try Terminal.printJSON(
        Report(
          seed: seed, device: device, libtorch: version, skipped: nil, seconds: seconds,
          operations: reports, failed: failed, crashesAreCaught: caught))
    } else {
      conclude(reports, failed, caught, seconds)
    }
    if let report {
      try ParityPage(suite: suite, libtorch: version, reports: reports, seconds: seconds)
        .write(to: report)
      Terminal.note("report: \(report)")
    }
    if !failed.isEmpty { throw ExitCode(2) }
  }

  private var workerArguments: [String] {
    [Shim.program ?? CommandLine.arguments[0], "parity", "--worker", suite.argument]
  }

  private func runAll() throws -> [OperationReport] {
    let (isQuiet, selfTest) = (json || expectations, selfTest)
    if !isQuiet {
      print(
        "operation".padded(to: 34) + "cases".leftPadded(to: 5) + "ulps".leftPadded(to: 12)
          + "of the bound".leftPadded(to: 14))
    }
    let place = Device(device) ?? .cpu
    let free = try place.isCUDA ? CUDA.properties(of: place.index ?? 0).freeMemory : nil
    let workers = try suite.workers(threads: Torch.numThreads, freeMemory: free)
    return try suite.run(only: only, worker: workerArguments, workers: workers) { report in
      if !isQuiet { Self.show(report, selfTest: selfTest) }
    }
  }

  private struct NetworkReport: Encodable {
    let seed: UInt64
    let libtorch: String
    let networks: Int
    let ways: [String: Int]
    let python: String?
    let seconds: Double
    let failed: [String]
    let smallest: String?
    let `repeat`: String?
  }

  private func runNetworks(_ version: String) throws {
    let python = try ParitySuite.python()
    if python == nil, requirePython {
      throw TorchError(
        "there is no Python with PyTorch \(version) to open the networks' exports: run `make setup`, or set "
          + "TORCHLAYERS_PYTHON")
    }
    let clock = ContinuousClock()
    let begin = clock.now
    let (suite, json) = (suite, json)
    let report = try suite.runNetworks(worker: workerArguments, workers: Torch.numThreads) { done in
      if !json, Terminal.errorIsTerminal { Terminal.write("\r\u{1B}[K\(done) of \(suite.cases) networks") }
    }
    if !json, Terminal.errorIsTerminal { Terminal.write("\r\u{1B}[K") }
    let seconds = (clock.now - begin) / .seconds(1)
    if json {
      try Terminal.printJSON(
        NetworkReport(
          seed: seed, libtorch: version, networks: report.cases, ways: report.ways, python: python,
          seconds: seconds, failed: report.failed ? [report.name] : [],
          smallest: report.failed ? report.worstCase : nil, repeat: report.failed ? report.repeat : nil))
    } else {
      print("\(report.cases) random networks, seed \(seed), in \(duration(seconds)); compared:")
      for (way, count) in report.ways.sorted(by: { $0.key < $1.key }) {
        print("  " + way.padded(to: 50) + "\(count)".leftPadded(to: 6))
      }
      if python == nil { print("skipped: no Python with PyTorch \(version) to open the exports") }
      print(
        report.failed
          ? "DIFFERS, the smallest network found:\n\(report.worstCase)\nrepeat: \(report.repeat)"
          : "none differs")
    }
    if report.failed { throw ExitCode(2) }
  }

  private static func show(_ report: OperationReport, selfTest: Bool) {
    let verdict =
      if selfTest {
        report.ran
          ? report.caught ? "caught \(report.caughtTensors) tensors" : "NOT CAUGHT"
          : "no kernel"
      } else {
        !report.crashes.isEmpty
          ? "CRASHES"
          : !(report.worst <= 1)
            ? "DIFFERS" : report.failed ? "NOT JUDGED" : report.ran ? "within" : "no kernel"
      }
    print(
      report.name.padded(to: 34) + "\(report.cases)".leftPadded(to: 5)
        + short(report.ulps).leftPadded(to: 12) + fixed(report.worst, 4).leftPadded(to: 14) + "  \(verdict)")
    if report.failed, !selfTest {
      for crash in report.crashes { print("  crash: \(crash)") }
      for text in report.shortfalls { print("  too little was judged: \(text)") }
      if !report.worstCase.isEmpty { print("  worst: \(report.worstCase)\n  repeat: \(report.repeat)") }
    }
    for text in report.missed.prefix(5) { print("  not caught: \(text)") }
    for (text, count) in report.known.sorted(by: { $0.key < $1.key }) {
      print("  known defect of libtorch, \(count) cases not run: \(text)")
    }
  }

  /// A number of ulps in few digits.
  private static func short(_ ulps: Double) -> String {
    ulps < 1e5 ? fixed(ulps, ulps < 100 ? 1 : 0) : "\(Float(ulps))"
  }

  private func conclude(
    _ reports: [OperationReport], _ failed: [String], _ caught: Bool?, _ seconds: Double
  ) {
    if let caught { print("a worker that crashes is \(caught ? "caught" : "NOT CAUGHT")") }
    let total = reports.reduce(0) { $0 + $1.cases }
    let unsupported = reports.reduce(0) { $0 + $1.unsupported }
    let elements = reports.reduce(0) { $0 + $1.elements }
    let unbounded = reports.reduce(0) { $0 + $1.unbounded }
    let spread = reports.reduce(0) { $0 + $1.spread }
    print(
      "\(reports.count) operations, \(grouped(Double(total))) cases, \(grouped(Double(elements))) numbers "
        + "compared in \(duration(seconds))"
        + (unsupported > 0 ? "; \(unsupported) cases have no kernel in libtorch" : "")
        + (unbounded > 0 ? "; \(unbounded) numbers have no bound" : "")
        + (spread > 0 ? "; to \(spread) numbers a transform spread NaN or infinity" : ""))
    guard failed.isEmpty else { return print("failed: \(failed.joined(separator: ", "))") }
    print(selfTest ? "every disturbed result was caught" : "all within their computed bounds")
  }

  private func runCase(_ name: String, _ number: Int) throws {
    let report = try suite.runCase(name, case: number, choices: parsedChoices) {
      Terminal.note("\(name), case \(number) of seed \(seed): \($0)")
    }
    if json { return try Terminal.printJSON(report) }
    if let known = report.known.keys.first { return print("known defect of libtorch, not run: \(known)") }
    if report.unsupported > 0 { return print("libtorch has no kernel for it") }
    print("worst  \(report.worstCase)")
    print("error  \(fixed(report.worst, 4)) of the bound, \(Self.short(report.ulps)) ulps")
    if report.failed { throw ExitCode(2) }
  }

  /// Says before the long run that the page could not be written after it.
  private func requireWritable(_ path: String) throws {
    try FileIO.requireReplaceable(path)
    try FileIO.writeAtomically([], to: path)
  }
}
