import ArgumentParser
import Formats
import SwiftTorchLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `torchlayers train`.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a network and evaluates it on the test images.",
    discussion: """
      The run's folder holds config.json, model.safetensors, metrics.csv and a checkpoint. Ctrl-C saves and \
      ends with exit code 130; go on with --resume FOLDER.

      Schedules of the learning rate, with their settings and what these are when not given, written as \
      step:size=10,gamma=0.5:

      \(RunSchedule.Name.allCases.map(scheduleHelp).joined(separator: "\n"))
      """)

  @Option(help: "The network: one of those that models lists, or a YAML file. (default: cnn)") var model:
    String?
  @Option(help: "The data set: fashion-mnist, mnist or mnist-5k.") var data: String?
  @Option(help: "The folder of the data set's files.") var dataDir: String?
  @Option(parsing: .unconditional, help: "Passes over the training images. (default: 2)") var epochs: Int?
  @Option(parsing: .unconditional, help: "Images of a step. (default: 100)") var batchSize: Int?
  @Option(
    help: "sgd, adam, adamw, rmsprop, adagrad, adadelta, adamax, nadam or radam. (default: adam)")
  var optimizer: String?
  @Option(parsing: .unconditional, help: "The learning rate. (default: 0.003; 1 with adadelta)")
  var lr: Double?
  @Option(parsing: .unconditional, help: "The momentum of sgd or rmsprop. (default: 0)") var momentum: Double?
  @Option(parsing: .unconditional, help: "The weight decay. (default: 0)") var weightDecay: Double?
  @Option(help: "How the learning rate changes: one of those above. (default: constant)")
  var schedule: String?
  @Option(help: "The seed of all random numbers. (default: 0)") var seed: UInt64?
  @Option(parsing: .unconditional, help: "Threads on the CPU. (default: the number of cores)") var threads:
    Int?
  @Option(help: "auto, cpu, cuda or cuda:N. (default: auto)") var device: String?
  @Option(help: "float32, bf16 or fp16. (default: float32)") var precision: String?
  @Flag(
    help: ArgumentHelp(
      "Python PyTorch's default path instead of faster kernels: on the CPU the same bits; on a CUDA device its settings, "
        + "but neither foreach optimizers nor a promise of bits, as cuDNN's may differ from run to run."))
  var exact = false
  @Flag(
    help: ArgumentHelp(
      "The same bits every time on the same device, also after --resume. On a CUDA device without a graph and without "
        + "measuring of algorithms; a layer that has no such algorithm ends the run."))
  var deterministic = false
  @Option(
    help: ArgumentHelp(
      "How training images are varied: none, flip (mirrored left to right), crop (moved), standard (crop and flip) "
        + "or affine (turned, scaled and moved a little; for digits). (default: none)"))
  var augment: String?
  @Option(
    help: ArgumentHelp(
      "auto or off: on a CUDA device, record the training step once and repeat it. (default: auto)"))
  var cudaGraph: String?
  @Option(
    help: "libtorch, or reference: the from-scratch implementation, then libtorch to compare with.")
  var backend = "libtorch"
  @Option(
    parsing: .unconditional,
    help: "Use only this many training images, of each class its share, chosen by the seed.")
  var limit: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep this share of the training images, of each class, chosen by the seed, for validation after each epoch. "
        + "(default: 0)"))
  var validationSplit: Double?
  @Option(help: "The run's folder. (default: below runs/)") var output: String?
  @Option(help: ArgumentHelp("Go on with an interrupted run.", valueName: "folder")) var resume: String?
  @Option(help: "Also export the trained network: torchscript.") var export: String?
  @Flag(help: "Print the result as one JSON object.") var json = false

  func validate() throws {
    if let export { _ = try require(export, oneOf: ["torchscript"], "export format") }
    _ = try require(backend, oneOf: ["libtorch", "reference"], "backend")
    if backend == "reference" {
      let given = [
        ("--device \(device ?? "")", device.map { $0 != "cpu" } ?? false),
        ("--precision \(precision ?? "")", precision.map { $0 != "float32" } ?? false),
        ("--validation-split", validationSplit != nil), ("--resume", resume != nil),
        ("--export", export != nil), ("--augment \(augment ?? "")", augment.map { $0 != "none" } ?? false),
        ("--cuda-graph", cudaGraph != nil), ("--deterministic", deterministic),
      ]
      if let wrong = given.first(where: \.1) {
        throw ValidationError(
          "\(wrong.0) needs the libtorch backend; the reference trains in float32 on the CPU.")
      }
    }
    if let model, !Architecture.isFile(model) {
      _ = try require(model, oneOf: Models.allCases.map(\.rawValue), "model")
    }
    _ = try data.map { try require($0, oneOf: NamedDataset.allCases.map(\.rawValue), "data set") }
    _ = try optimizer.map { try require($0, oneOf: OptimizerName.allCases.map(\.rawValue), "optimizer") }
    do {
      _ = try schedule.map { try RunSchedule($0) }
    } catch let error as TorchError {
      throw ValidationError(error.message)
    }
    _ = try precision.map { try require($0, oneOf: Precision.allCases.map(\.rawValue), "precision") }
    _ = try augment.map { try require($0, oneOf: Augmentation.allCases.map(\.rawValue), "augmentation") }
    _ = try cudaGraph.map {
      try require($0, oneOf: CUDAGraphUse.allCases.map(\.rawValue), "use of CUDA graphs")
    }
    if let device, device != "auto", Device(device) == nil {
      _ = try require(device, oneOf: ["auto", "cpu", "cuda", "cuda:0"], "device")
    }
    if resume != nil {
      let fixed: [(String, Bool)] = [
        ("--model", model != nil), ("--data", data != nil), ("--batch-size", batchSize != nil),
        ("--optimizer", optimizer != nil), ("--lr", lr != nil), ("--momentum", momentum != nil),
        ("--weight-decay", weightDecay != nil), ("--schedule", schedule != nil), ("--seed", seed != nil),
        ("--threads", threads != nil),
        ("--precision", precision != nil), ("--exact", exact), ("--deterministic", deterministic),
        ("--limit", limit != nil), ("--validation-split", validationSplit != nil),
        ("--output", output != nil),
        ("--data-dir", dataDir != nil), ("--augment", augment != nil), ("--cuda-graph", cudaGraph != nil),
      ]
      if let given = fixed.first(where: \.1) {
        throw ValidationError(
          "\(given.0) cannot be changed with --resume: the run goes on as its config.json says. Only --epochs "
            + "and --device can be given anew.")
      }
    }
    if momentum != nil, let name = OptimizerName(rawValue: optimizer ?? "adam"), !name.hasMomentum {
      throw ValidationError("--momentum is for sgd and rmsprop; \(name.rawValue) has none to choose.")
    }
  }

  private func newConfiguration() throws -> RunConfiguration {
    var made = RunConfiguration()
    if let model {
      made.model = model
      if Architecture.isFile(model) { made.architecture = try Architecture(path: model).files }
    }
    if let data { made.data = data }
    made.dataDir = dataDir
    if let epochs { made.epochs = epochs }
    if let batchSize { made.batchSize = batchSize }
    if let optimizer { made.optimizer = OptimizerName(rawValue: optimizer)! }
    made.lr = lr ?? made.optimizer.lr
    if let momentum { made.momentum = momentum }
    if let weightDecay { made.weightDecay = weightDecay }
    made.schedule = try schedule.map { try RunSchedule($0) }
    if let seed { made.seed = seed }
    if let precision { made.precision = Precision(rawValue: precision)! }
    made.exact = exact
    if deterministic { made.deterministic = true }
    made.augment = augment.flatMap(Augmentation.init)
    made.cudaGraph = cudaGraph.flatMap(CUDAGraphUse.init)
    made.limit = limit
    if let validationSplit { made.validationSplit = validationSplit }
    guard backend == "libtorch" else {
      made.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
      return made
    }
    made.threads = try threads ?? Torch.numThreads
    made.device = try device.flatMap { $0 == "auto" ? nil : $0 } ?? (CUDA.isAvailable ? "cuda" : "cpu")
    return made
  }

  func run() throws {
    let clock = ContinuousClock()
    let begin = clock.now
    keepFreedMemory()
    if backend == "reference" {
      return try ReferenceTraining(configuration: newConfiguration(), output: output, json: json).run()
    }
    try loadKeepingSmallBlocks()
    Interruption.install()
    let run =
      try resume.map { try TrainingRun(resuming: $0, epochs: epochs, device: device.map(chosenDevice)) }
      ?? TrainingRun(newConfiguration(), output: output)
    announce(run)
    if let former = run.formerDevice {
      Terminal.note(
        "note: the run was on \(former) and continues on \(run.configuration.device), from the same weights, optimizer state "
          + "and place; from here on its bits differ from those of a run that stayed on \(former)")
    }
    let line = ProgressLine()
    let outcome = try run.train(
      observe: line.update, epochEnded: { line.epochEnded($0, of: run.configuration.epochs) },
      note: {
        line.clear()
        Terminal.note("note: \($0)")
      }, shouldStop: { Interruption.isAsked })
    line.clear()
    if outcome == .interrupted {
      Terminal.note("interrupted; go on with: torchlayers train --resume \(run.folder.path)")
      throw ExitCode(130)
    }
    let test: Evaluation
    do {
      test = try run.evaluateTest { Interruption.isAsked }
    } catch is CancellationError {
      Terminal.note("interrupted while evaluating; the trained model is in \(run.folder.path)")
      throw ExitCode(130)
    }
    let exported = try export.map { _ in
      try exportTorchScript(run.trainer.model.eval(), run.configuration, to: run.folder.torchScript)
    }
    try report(run, test, exported, seconds: (clock.now - begin) / .seconds(1))
  }

  private func announce(_ run: TrainingRun) {
    let c = run.configuration
    let parameters = run.trainer.model.parameters().reduce(0) { $0 + $1.numel }
    Terminal.note(
      "training \(c.model) (\(grouped(Double(parameters))) parameters) on "
        + "\(grouped(Double(run.trainer.loader.dataset.count))) images of \(c.data), \(c.epochs) epochs, batch "
        + "\(c.batchSize), \(c.optimizer.rawValue) \(c.lr)\(c.schedule.map { " \($0)" } ?? ""), \(c.device), \(c.threads) threads, libtorch \(c.libtorch)"
    )
    c.keptSentences.forEach(Terminal.note)
  }

  private struct Report: Encodable {
    struct Test: Encodable {
      let accuracy: Double
      let loss: Double
      let count: Int
    }
    let model: String
    let data: String
    let test: Test
    let epochs: [EpochMetrics]
    let seconds: Double
    let imagesPerSecond: Double
    let output: String
    let memory: MemoryReport
    let export: ExportReport?
  }

  private func report(_ run: TrainingRun, _ test: Evaluation, _ exported: ExportReport?, seconds: Double)
    throws
  {
    let history = run.trainer.history
    let trainSeconds = history.reduce(0) { $0 + $1.seconds }
    let speed = Double(run.trainer.loader.dataset.count * history.count) / trainSeconds
    let memory = MemoryReport(device: run.configuration.device)
    if json {
      try Terminal.printJSON(
        Report(
          model: run.configuration.model, data: run.configuration.data,
          test: .init(accuracy: test.accuracy, loss: test.loss, count: test.count), epochs: history,
          seconds: seconds, imagesPerSecond: speed, output: run.folder.path, memory: memory, export: exported)
      )
      return
    }
    print("test accuracy  \(percent(test.accuracy)) of \(grouped(Double(test.count))) images")
    print("test loss      \(fixed(test.loss, 4))")
    print("time           \(duration(seconds)), of it training \(duration(trainSeconds))")
    print("speed          \(grouped(speed)) images/s")
    print("memory         \(memory)")
    print("run folder     \(run.folder.path)")
    if let exported {
      print("TorchScript    \(exported.file), \(exported.verified)")
    }
  }
}

/// A schedule in the help text: its name, and what it does in lines beside it.
private func scheduleHelp(_ name: RunSchedule.Name) -> String {
  let heads = [name.rawValue] + name.summary.dropFirst().map { _ in "" }
  return zip(heads, name.summary).map { "  \($0.padded(to: 17))\($1)" }.joined(separator: "\n")
}
