import Dispatch
import SwiftTorchLayers
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ParitySuite {
  /// What a random network is called where an operation is named: `--only network`.
  public static var networkName: String { randomNetworks.name }

  /// The Python with the same libtorch: `TORCHLAYERS_PYTHON`, or the one that `make setup` put into the cache. Nil where
  /// there is none.
  public static func python() throws -> String? {
    if let chosen = ProcessInfo.processInfo.environment["TORCHLAYERS_PYTHON"], !chosen.isEmpty {
      return chosen
    }
    let label = "\(try Shim.builtVersion)-\(try Shim.builtVariant)"
    return ["libtorch", "python"].map { "\(Shim.cacheFolder)/\($0)/\(label)/bin/python" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Runs random networks in worker processes, one for each of `cases`; the first that differs is made as small as it
  /// goes and still differs.
  /// - Parameters:
  ///   - worker: a program and its arguments that call `serve()` of the same suite.
  ///   - progress: told the number of networks that are done.
  public func runNetworks(worker: [String], workers: Int, progress: @Sendable (Int) -> Void) throws
    -> OperationReport
  {
    let state = Mutex(
      (
        next: 0, report: OperationReport(name: randomNetworks.name),
        failing: [(number: Int, result: CaseResult)]()
      ))
    let failure = Mutex<(any Error)?>(nil)
    ignoreBrokenPipes()
    DispatchQueue.concurrentPerform(iterations: max(1, min(workers, cases))) { _ in
      var process: Worker?
      while failure.withLock({ $0 == nil }) {
        let number = state.withLock { state -> Int? in
          guard state.next < cases, state.failing.count < 3 else { return nil }
          defer { state.next += 1 }
          return state.next
        }
        guard let number else { return }
        do {
          let result = try run(number, nil, in: &process, worker)
          state.withLock { state in
            state.report.add(result, command: command(randomNetworks.name, case: number))
            if result.failed { state.failing.append((number, result)) }
            progress(state.report.cases)
          }
        } catch {
          failure.withLock { $0 = error }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    var report = state.withLock { $0.report }
    guard let found = state.withLock({ $0.failing.min { $0.number < $1.number } }) else { return report }
    var process: Worker?
    let smallest = try shrink(found.result) { try run(found.number, $0, in: &process, worker) }
    report.worst = .infinity
    report.worstCase = "\(smallest.text)\n\(smallest.place)"
    report.repeat = command(randomNetworks.name, case: found.number, choices: smallest.choices)
    return report
  }

  /// One network in a worker; a process that dies of it is a network that differs.
  private func run(_ number: Int, _ choices: [Int]?, in process: inout Worker?, _ worker: [String]) throws
    -> CaseResult
  {
    let current = try process ?? Worker(worker)
    process = current
    do {
      return try current.run(Request(operation: randomNetworks.name, number: number, choices: choices))
    } catch let crash as WorkerCrash {
      process = nil
      var result = CaseResult()
      (result.fraction, result.place, result.broken) = (.infinity, crash.text, true)
      // What it was made of: the worker did not live to say it.
      var draws = Draws(seed: seed, case: number, choices: choices)
      _ = draws.one(of: randomNetworks.formats)
      if let network = try? RandomNetwork(&draws) { result.text = network.text }
      result.choices = draws.choices
      return result
    }
  }
}
