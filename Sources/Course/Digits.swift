import Formats
import SwiftTorchLayers

// Handwritten digits, from one dense layer to a convolutional network.

extension CourseRow {
  static let digits = CourseRow(
    "C15", "digits in five steps, from one dense layer to convolutions",
    notice:
      "every step has one idea more; the last, where neighbouring pixels stay neighbours, takes away more than half of the "
      + "mistakes."
  ) { lesson in
    let hasMNIST = try lesson.digits() == .mnist
    lesson.say(
      "Five networks learn the same pictures in batches of 100. What is judged are test pictures that they have "
        + "never\nseen, after the last epoch; the published figures are the best that a run on all of MNIST showed "
        + "at any time.")
    try lesson.learn(.digits(hasMNIST: hasMNIST, quick: lesson.quick))
    guard !lesson.quick else { return }
    lesson.say("Step e on pictures of clothes, which are harder to tell apart; the last epoch again.")
    try lesson.learn(.clothes)
  }
}

extension Lesson {
  /// All of MNIST when its files are there, else 5 000 of its digits; these always for a first look.
  /// - Throws: when a folder that the person named has not got the files.
  func digits() throws -> NamedDataset {
    let folder = settings.dataDir
    if folder != nil { _ = try NamedDataset.mnist.load(.test, folder: folder) }
    return !quick && (try? NamedDataset.mnist.load(.test, folder: folder)) != nil ? .mnist : .mnist5k
  }

  /// Trains the steps on one data set, prints and keeps what came out.
  fileprivate func learn(_ lessons: DigitsStep.Lessons) throws {
    let isClothes = lessons.data == .fashionMNIST
    let name = lessons.data.rawValue
    let folder = lessons.data == .mnist ? settings.dataDir : nil
    let testSet = try lessons.data.load(.test, folder: folder)
    let trainCount = try lessons.data.load(.train, folder: folder).count
    say(
      "Data: \(name), \(grouped(Double(trainCount))) training pictures, \(grouped(Double(testSet.count))) test "
        + "pictures.")
    var (rows, parameters, accuracies): ([[String]], [Double], [Double]) = ([], [], [])
    for step in lessons.steps {
      let configuration = try step.configuration(lessons, self)
      listener.say("\(step.rawValue)  \(step.idea)\n   \(command(configuration))")
      if step.hasHeInitialization {
        listener.say("   and, what is no flag, kaimingNormal(layer.weight, nonlinearity: .relu)")
      }
      let (run, test) = try train(
        configuration, as: "\(name)-\(step.rawValue)", initialize: step.initialize)
      let count = run.trainer.model.parameters().reduce(0) { $0 + $1.numel }
      let seconds = run.trainer.history.reduce(0) { $0 + $1.seconds }
      parameters.append(Double(count))
      accuracies.append(test.accuracy * 100)
      rows.append([
        step.rawValue, step.model.rawValue, grouped(Double(count)),
        step.published.map { fixed($0, 2) } ?? "-",
        fixed(test.accuracy * 100, 2), "\(configuration.epochs)", fixed(seconds, 1),
      ])
      if step == .e { try showMistakes(test.predictions, testSet, name) }
    }
    if isClothes { for row in rows.indices { rows[row].remove(at: 3) } }
    show(
      columns: ["step", "network", "parameters"] + (isClothes ? [] : ["published %"])
        + ["ours %", "epochs", "seconds"], rows: rows)
    keep("parameters on \(name)", parameters)
    keep("accuracy on \(name)", accuracies)
    if lessons.steps.count > 1 { sayRank(accuracies, of: testSet.count, name) }
  }

  private func sayRank(_ accuracies: [Double], of count: Int, _ name: String) {
    // Twice the deviation of a share p of n pictures, √(p (1 − p) / n).
    let share = accuracies[3] / 100
    let doubt = 200 * (share * (1 - share) / Double(count)).squareRoot()
    let ranks = zip(accuracies, accuracies.dropFirst()).enumerated().allSatisfy { place, pair in
      place == 2 ? pair.0 <= pair.1 : pair.0 < pair.1
    }
    keep("ranks as published on \(name)", [ranks ? 1 : 0])
    say(
      "\(ranks ? "The steps rank as published." : "The steps do not rank as published here.") "
        + "\(grouped(Double(count))) test pictures leave a doubt of about ±\(fixed(doubt, 1)) points: steps that "
        + "are closer to\neach other than that may change places with another seed.")
  }

  /// Draws test pictures that were taken for something else.
  private func showMistakes(_ predictions: [Int], _ data: ImageDataset, _ name: String) throws {
    let labels = try data.labels.scalars(as: Int.self)
    let wrong = labels.indices.filter { labels[$0] != predictions[$0] }
    keep("mistakes of step e on \(name)", [Double(wrong.count)])
    guard !wrong.isEmpty else { return }
    let shown = wrong.prefix(30)
    try picture(
      Canvas.grid(try shown.map { try data.picture($0) }, columns: 10, scale: 2), "mistakes-\(name)",
      "\(shown.count) of the \(wrong.count) test pictures that step e takes for something else")
    var counts: [String: Int] = [:]
    for place in wrong {
      counts["\(data.classes[labels[place]]) as \(data.classes[predictions[place]])", default: 0] += 1
    }
    let often = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(4)
    say("Most often: " + often.map { "\($0.key) (\($0.value))" }.joined(separator: ", ") + ".")
  }
}
