import SwiftTorchLayers

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
  func train(_ given: RunConfiguration, as name: String) throws -> (run: TrainingRun, test: Evaluation) {
    let run = try open(given, as: name)
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
      var earlier = try there.readConfiguration()
      var wanted = given
      for key in [\RunConfiguration.libtorch] { wanted[keyPath: key] = earlier[keyPath: key] }
      wanted.inputShape = earlier.inputShape
      wanted.classes = earlier.classes
      wanted.normalization = given.normalization ?? earlier.normalization
      wanted.fast = earlier.fast
      earlier.architecture = given.architecture
      if earlier == wanted {
        listener.note("going on with \(path)")
        return try TrainingRun(resuming: path, epochs: nil)
      }
      number += 1
    }
  }
}
