import Reference
import SwiftTorchLayers

/// How far one operation of libtorch is from the reference, over many cases.
public struct OperationReport: Codable, Sendable {
  public let name: String
  /// The cases that were compared.
  public var cases = 0
  /// The largest error as a fraction of its computed bound; above 1 the operation fails.
  public var worst = 0.0
  /// The largest error in units in the last place.
  public var ulps = 0.0
  /// The case that gave the worst fraction.
  public var worstCase = ""
  /// The command that repeats it.
  public var `repeat` = ""
  /// What was judged in each format.
  public var formats: [String: FormatReport] = [:]
  /// Elements compared, and those that had no bound.
  public var elements = 0
  public var unbounded = 0
  /// Tensors that held only norm-wise.
  public var normwise = 0
  /// Elements to which a transform spread NaN or an infinity of their image.
  public var spread = 0
  /// Cases that libtorch has no kernel for, by its own words.
  public var unsupported = 0
  /// Of random networks: how often each way to a number was compared.
  public var ways: [String: Int] = [:]
  /// Cases left out because libtorch is known to be wrong in them, by the description.
  public var known: [String: Int] = [:]
  /// Cases in which the process died, with how and the command that repeats it.
  public var crashes: [String] = []
  /// Tensors that had a bound.
  public var judged = 0
  /// What was not judged, though it should have been, each in a sentence.
  public var shortfalls: [String] = []
  /// In the self-test: tensors that a moved number brought outside of their bounds, and what went wrong.
  public var caughtTensors = 0
  public var missed: [String] = []

  public init(name: String) { self.name = name }

  /// Whether there was anything to compare: libtorch may have no kernel for a format.
  public var ran: Bool { cases > 0 || !crashes.isEmpty }
  public var failed: Bool {
    !(worst <= 1) || !crashes.isEmpty || (cases > 0 && judged == 0) || !shortfalls.isEmpty
  }

  mutating func add(_ result: CaseResult, command: String) {
    elements += result.elements
    unbounded += result.unbounded
    normwise += result.normwise
    spread += result.spread
    formats[result.format, default: FormatReport()].add(result)
    if let text = result.known { return known[text, default: 0] += 1 }
    if result.unsupported != nil { return unsupported += 1 }
    cases += 1
    ways.merge(result.ways, uniquingKeysWith: +)
    judged += result.judged
    ulps = max(ulps, result.ulps)
    guard worstCase.isEmpty || result.fraction > worst else { return }
    worst = result.fraction
    worstCase = "\(result.format), \(result.text); \(result.place)"
    self.repeat = command
  }
}

/// What was judged of an operation in one format.
public struct FormatReport: Codable, Sendable {
  /// The cases that were compared.
  public var cases = 0
  /// Tensors and numbers that had a bound, and numbers that had none.
  public var tensors = 0
  public var numbers = 0
  public var unbounded = 0
  /// Cases without a kernel in libtorch, and those left out as known defects.
  public var unsupported = 0
  public var known = 0
  /// The largest error as a fraction of its bound.
  public var worst = 0.0

  mutating func add(_ result: CaseResult) {
    if result.known != nil { return known += 1 }
    if result.unsupported != nil { return unsupported += 1 }
    cases += 1
    tensors += result.judged
    numbers += result.bounded
    unbounded += result.unbounded
    worst = max(worst, result.fraction)
  }
}

/// Compares libtorch's results with the reference's, operation by operation, on made cases.
///
/// The reference computes in Double from the same inputs and carries the error bound of each element along
/// (`Running`); nothing is tuned.
public struct ParitySuite: Codable, Sendable {
  public var cases: Int
  public var seed: UInt64
  /// As on the command line: `cpu`, `cuda`, `cuda:1`.
  public var device: String
  /// Only cases in this format; nil mixes those an operation has.
  public var dtype: String?
  /// The steps that each network trains.
  public var steps: Int
  /// Moves a number of libtorch's side in every case; the comparison has to notice.
  public var selfTest: Bool
  /// Divides every bound, to see how a failure looks.
  public var boundDivisor = 1.0

  public init(
    cases: Int = 200, seed: UInt64 = 0, device: String = "cpu", dtype: String? = nil, steps: Int = 50,
    selfTest: Bool = false
  ) {
    self.cases = cases
    self.seed = seed
    self.device = device
    self.dtype = dtype
    self.steps = steps
    self.selfTest = selfTest
  }

  /// The names of all operations, in the order of the report.
  public static var names: [String] { operations.map(\.name) }

  /// What `dtype` can be.
  public static var dtypes: [String] { Format.named.map(\.name) }

  /// The public layers, losses and optimizers that the operations cover.
  public static var covered: Set<String> { Set(operations.flatMap(\.covers)) }

  /// The networks that the reference trains, too.
  static let networks: [Models] = [.softmax, .mlp, .cnn, .lenet]

  static let operations: [Operation] =
    [1, 2, 3].map(convolution) + [linear]
    + [1, 2, 3].map(maxPooling) + [1, 2, 3].map(averagePooling)
    + [1, 2, 3].map(adaptiveMaxPooling) + [1, 2, 3].map(adaptiveAveragePooling)
    + [
      activation(.relu, "ReLU") { ReLU() }, activation(.sigmoid, "Sigmoid") { Sigmoid() },
      activation(.tanh, "Tanh") { Tanh() },
    ] + [softmax(logarithm: false), softmax(logarithm: true)]
    + [dropout(channels: false), dropout(channels: true)] + [1, 2, 3].map(batchNorm) + [flatten, identity]
    + activationOperations + normalizationOperations + dropoutOperations + [embedding, residual, parallel]
    + resizing
    + [crossEntropyLoss, nllLoss, klDivLoss, mseLoss, l1Loss, smoothL1Loss, huberLoss, poissonNLLLoss]
    + [bceLoss, bceWithLogitsLoss, focalLoss, firstWeights]
    + OptimizerKind.allCases.map(optimizer) + [lbfgs]
    + networks.flatMap { model in OptimizerKind.ofNetworks.map { training(model, $0) } }

  static func operation(_ name: String) -> Operation? {
    name == randomNetworks.name ? randomNetworks : operations.first { $0.name == name }
  }

  private var format: Format? { Format.named.first { $0.name == dtype } }

  /// The operations that have cases.
  public func names(only name: String? = nil) -> [String] {
    Self.operations.filter { (name == nil || $0.name == name) && count($0) > 0 }.map(\.name)
  }

  /// How many cases of an operation run; none when it has no cases in the chosen format.
  func count(_ operation: Operation) -> Int {
    if let format, !operation.formats.contains(format), !(format == .tf32 && operation.hasProducts) {
      return 0
    }
    return min(cases, operation.mostCases ?? cases)
  }

  /// Runs one case in this process.
  func run(
    _ name: String, case number: Int, choices: [Int]? = nil, announce: @escaping (String) -> Void = { _ in }
  ) throws -> CaseResult {
    guard let operation = Self.operation(name) else { throw TorchError("there is no operation \(name)") }
    try Torch.setNumThreads(1)
    guard let device = Device(device) else { throw TorchError("there is no device \(device)") }
    try Torch.setAllowTF32(format == .tf32)
    if selfTest {
      return operation.test(
        seed: seed, case: number, format: format, device: device, steps: steps, announce: announce)
    }
    return operation.run(
      seed: seed, case: number, choices: choices, format: format, device: device, steps: steps,
      shrink: boundDivisor, announce: announce)
  }

  /// The command that runs one case again.
  func command(_ name: String, case number: Int, choices: [Int]? = nil) -> String {
    var text = "torchlayers parity --only \(name) --seed \(seed) --case \(number)"
    if let choices {
      // A choice that is not there is the simplest.
      let kept = choices.prefix((choices.lastIndex { $0 != 0 } ?? 0) + 1)
      text += " --choices \(kept.map(String.init).joined(separator: ","))"
    }
    if let dtype { text += " --dtype \(dtype)" }
    if device != "cpu" { text += " --device \(device)" }
    return text
  }

  /// Runs an operation's cases; `runner` runs each, here or in another process.
  /// - Throws: what the runner throws, except a crash.
  func report(_ operation: Operation, runner: (Int, [Int]?) throws -> CaseResult) throws -> OperationReport {
    var report = OperationReport(name: operation.name)
    var failing: (number: Int, result: CaseResult)?
    var proofs: [String: Proof] = [:]
    for number in 0..<count(operation) {
      do {
        let result = try runner(number, nil)
        report.add(result, command: command(operation.name, case: number))
        if let proof = result.proof { proofs[result.format, default: Proof()].add(proof) }
        if result.failed, !selfTest, failing == nil || result.fraction > failing!.result.fraction {
          failing = (number, result)
        }
      } catch let crash as WorkerCrash {
        report.crashes.append("\(crash.text); repeat: \(command(operation.name, case: number))")
        if report.crashes.count == 5 {
          report.crashes.append("the cases after number \(number) were not run")
          break
        }
      }
    }
    if let failing {
      let smallest = try shrink(failing.result) { try runner(failing.number, $0) }
      report.worst = max(report.worst, smallest.fraction)
      report.worstCase = "\(smallest.format), \(smallest.text); \(smallest.place)"
      report.repeat = command(operation.name, case: failing.number, choices: smallest.choices)
    }
    if selfTest {
      report.conclude(proofs)
    } else {
      report.shortfalls = shortfalls(of: report)
    }
    return report
  }

  /// Tries simpler choices, one at a time, as long as the case still fails.
  func shrink(_ found: CaseResult, _ run: ([Int]) throws -> CaseResult) throws -> CaseResult {
    var best = found
    var tries = 0
    var simpler = true
    while simpler, tries < 300 {
      simpler = false
      // A simpler case may have fewer choices.
      for place in found.choices.indices where place < best.choices.count {
        let value = best.choices[place]
        for smaller in Set([0, value / 2, value - 1]).sorted() where 0 <= smaller && smaller < value {
          var choices = best.choices
          choices[place] = smaller
          tries += 1
          guard tries <= 300, let result = try? run(choices), result.failed else { continue }
          best = result
          simpler = true
          break
        }
      }
    }
    return best
  }

  /// Runs the operations named, or all, in this process: a crash of libtorch ends it.
  /// - Parameter finished: receives each report as soon as it is there.
  public func run(only name: String? = nil, finished: (OperationReport) -> Void = { _ in }) throws
    -> [OperationReport]
  {
    try Self.operations.filter { (name == nil || $0.name == name) && count($0) > 0 }.map { operation in
      let report = try report(operation) { try run(operation.name, case: $0, choices: $1) }
      finished(report)
      return report
    }
  }

  /// Runs a single case in this process and says what came of it.
  /// - Parameter announce: receives the case in words before it runs.
  public func runCase(
    _ name: String, case number: Int, choices: [Int]?, announce: @escaping (String) -> Void = { _ in }
  ) throws -> OperationReport {
    var report = OperationReport(name: name)
    report.add(
      try run(name, case: number, choices: choices, announce: announce),
      command: command(name, case: number, choices: choices))
    return report
  }
}
