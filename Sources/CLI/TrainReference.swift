import ArgumentParser
import Parity
import Reference
import Formats
import SwiftTorchLayers

/// `torchlayers train --backend reference`: the from-scratch implementation trains, then libtorch, if it is
/// there, with the same seed.
struct ReferenceTraining {
  let configuration: RunConfiguration
  let output: String?
  let json: Bool

  private struct Report: Encodable {
    struct Side: Encodable {
      let accuracy: Double
      let loss: Double
      let seconds: Double
      let imagesPerSecond: Double
    }
    struct Test: Encodable {
      let accuracy: Double
      let loss: Double
      let count: Int
    }
    let model: String
    let data: String
    let backend: String
    let test: Test
    let epochs: [EpochMetrics]
    let seconds: Double
    let imagesPerSecond: Double
    let output: String
    let libtorch: Side?
    let slower: Double?
    let report: String?
  }

  func run() throws {
    let clock = ContinuousClock()
    let begin = clock.now
    Interruption.install()
    let run = try ReferenceRun(configuration, output: output)
    let c = run.configuration
    if let problem = Gemm.problem {
      Terminal.note("matrix products by loops, several times as slow: \(problem)")
    }
    Terminal.note(
      "training \(c.model) with the reference implementation, without libtorch: \(c.data), \(c.epochs) epochs, "
        + "batch \(c.batchSize), \(c.optimizer.rawValue) \(c.lr), float32")
    c.keptSentences.forEach(Terminal.note)
    let line = ProgressLine()
    let finished = try run.train(
      observe: line.update, epochEnded: { line.epochEnded($0, of: c.epochs) },
      shouldStop: { Interruption.isAsked })
    line.clear()
    guard finished else {
      Terminal.note(
        "interrupted; the weights so far are in \(run.folder.model). A run of the reference cannot be resumed."
      )
      throw ExitCode(130)
    }
    do {
      let test = try run.evaluateTest { Interruption.isAsked }
      let seconds = (clock.now - begin) / .seconds(1)
      try report(run, test, try compare(c), seconds: seconds)
    } catch is CancellationError {
      Terminal.note("interrupted after training; the trained weights are in \(run.folder.model)")
      throw ExitCode(130)
    }
  }

  /// The same training with libtorch; nil where there is none.
  private func compare(_ configuration: RunConfiguration) throws -> LibtorchRun? {
    do {
      try Shim.load()
    } catch {
      Terminal.note("not compared with libtorch: \(error)")
      return nil
    }
    Terminal.note("training the same with libtorch to compare")
    do {
      return try LibtorchRun(configuration) { Interruption.isAsked }
    } catch let error as TorchError {
      Terminal.note("not compared with libtorch, which fails: \(error)")
      return nil
    }
  }

  private func report(
    _ run: ReferenceRun, _ test: (accuracy: Double, loss: Double, count: Int), _ libtorch: LibtorchRun?,
    seconds: Double
  ) throws {
    let trainSeconds = run.history.reduce(0) { $0 + $1.seconds }
    let images = run.history.reduce(0) { $0 + $1.seconds * $1.imagesPerSecond }
    var rows = [
      ("test accuracy", percent(test.accuracy), libtorch.map { percent($0.accuracy) } ?? ""),
      ("test loss", fixed(test.loss, 4), libtorch.map { fixed($0.loss, 4) } ?? ""),
      ("training time", duration(trainSeconds), libtorch.map { duration($0.seconds) } ?? ""),
    ]
    rows.append(
      ("images/s", grouped(images / trainSeconds), libtorch.map { grouped(images / $0.seconds) } ?? ""))
    let page = try libtorch.map { try run.writeReport($0, rows: rows) }
    if json {
      return try Terminal.printJSON(
        Report(
          model: run.configuration.model, data: run.configuration.data, backend: "reference",
          test: .init(accuracy: test.accuracy, loss: test.loss, count: test.count), epochs: run.history,
          seconds: seconds, imagesPerSecond: images / trainSeconds, output: run.folder.path,
          libtorch: libtorch.map {
            .init(
              accuracy: $0.accuracy, loss: $0.loss, seconds: $0.seconds,
              imagesPerSecond: images / $0.seconds)
          }, slower: libtorch.map { trainSeconds / $0.seconds }, report: page))
    }
    print(
      "".padded(to: 16) + "reference".leftPadded(to: 12)
        + (libtorch == nil ? "" : "libtorch".leftPadded(to: 12)))
    for (name, own, other) in rows {
      print(name.padded(to: 16) + own.leftPadded(to: 12) + (libtorch == nil ? "" : other.leftPadded(to: 12)))
    }
    if let libtorch { print("the reference took \(fixed(trainSeconds / libtorch.seconds, 1)) times as long") }
    print("run folder      \(run.folder.path)")
    if let page { print("report          \(page)") }
  }
}
