import Formats
import SwiftTorchLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Lesson {
  /// A configuration with the person's settings, to be completed by the row.
  func configuration(model: Models, data: NamedDataset, epochs: Int) -> RunConfiguration {
    var made = RunConfiguration()
    made.model = model.rawValue
    made.data = data.rawValue
    made.dataDir = data == .mnist ? settings.dataDir : nil
    made.epochs = epochs
    made.seed = settings.seed
    made.threads = settings.threads
    made.device = settings.device
    return made
  }

  /// Trains as `torchlayers train` does, with a run folder below the row's, and evaluates on the test images.
  ///
  /// A run of the same configuration that is there already is gone on with, or only evaluated when it is done: an
  /// interrupted row loses nothing.
  /// - Parameter initialize: may overwrite the weights before the first step.
  func train(
    _ given: RunConfiguration, as name: String, initialize: (Module) throws -> Void = { _ in }
  ) throws -> (run: TrainingRun, test: Evaluation) {
    let run = try open(given, as: name)
    // As soon as a step was taken there is a checkpoint.
    if !FileManager.default.fileExists(atPath: run.folder.checkpoint) { try initialize(run.trainer.model) }
    let outcome = try run.train(
      observe: listener.observe, epochEnded: { try self.listener.epochEnded($0, given.epochs) },
      note: listener.note, shouldStop: listener.shouldStop)
    if outcome == .interrupted { throw CancellationError() }
    return (run, try run.evaluateTest(shouldStop: listener.shouldStop))
  }

  private func open(_ given: RunConfiguration, as name: String) throws -> TrainingRun {
    var number = 1
    while true {
      let path = "\(folder)/\(name)" + (number == 1 ? "" : "-\(number)")
      guard let there = try? RunFolder(existing: path) else {
        listener.note("training \(given.model) on \(given.data), \(given.epochs) epochs: \(path)")
        return try TrainingRun(given, output: path)
      }
      // What the run found out by itself does not tell two configurations apart.
      let earlier = try there.readConfiguration()
      var wanted = given
      wanted.libtorch = earlier.libtorch
      wanted.inputShape = earlier.inputShape
      wanted.classes = earlier.classes
      wanted.normalization = given.normalization ?? earlier.normalization
      wanted.fast = earlier.fast
      wanted.keptImages = earlier.keptImages
      // A run from before images were chosen by class took others, unless it took all.
      let tookAll = given.limit == nil && given.validationSplit == 0
      wanted.imageChoice = tookAll ? earlier.imageChoice : .byClass
      if earlier == wanted {
        listener.note("going on with \(path)")
        return try TrainingRun(resuming: path, epochs: nil)
      }
      number += 1
    }
  }

  /// What a person types to train the same.
  func command(_ configuration: RunConfiguration) -> String {
    let standard = RunConfiguration()
    var words = ["torchlayers train --model", configuration.model, "--data", configuration.data]
    func add(_ flag: String, _ value: String, unless isStandard: Bool) {
      if !isStandard { words += [flag, value] }
    }
    add("--data-dir", configuration.dataDir ?? "", unless: configuration.dataDir == nil)
    words += ["--epochs", "\(configuration.epochs)"]
    add("--batch-size", "\(configuration.batchSize)", unless: configuration.batchSize == standard.batchSize)
    words += ["--optimizer", configuration.optimizer.rawValue, "--lr", plain(configuration.lr)]
    add("--momentum", plain(configuration.momentum), unless: configuration.momentum == 0)
    add("--weight-decay", plain(configuration.weightDecay), unless: configuration.weightDecay == 0)
    add("--schedule", "\(configuration.schedule?.description ?? "")", unless: configuration.schedule == nil)
    add("--augment", configuration.augment?.rawValue ?? "", unless: configuration.augment == nil)
    add("--limit", "\(configuration.limit ?? 0)", unless: configuration.limit == nil)
    add("--seed", "\(configuration.seed)", unless: configuration.seed == 0)
    return words.joined(separator: " ")
  }
}
