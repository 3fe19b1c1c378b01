import Formats
import SwiftTorchLayers

// Two networks that differ in one thing, side by side: on the same pictures, then on moved ones.

extension CourseRow {
  static let denseOrConvolutional = CourseRow(
    "C17", "dense against convolutional; pictures in the middle against moved ones",
    notice:
      "with a quarter to a half of the parameters the convolutional network answers as well or better, and moved "
      + "pictures cost it less; with dense layers on top it still falls, with pooling over all places hardly."
  ) { lesson in
    let pair = Comparison(lesson, [.cifarMLP, .cifarCNN])
    lesson.say(
      "A dense layer has a weight for every pixel and knows nothing of neighbours. A convolution has a few\n"
        + "weights for a small window and uses them everywhere.")
    try pair.showParameters(sizes: [[3, 32, 32], [1, 28, 28]])
    lesson.say(
      "On CIFAR-10 (3×32×32) the course quotes 50.6 % for dense layers and 67.8 % for a convolutional\n"
        + "network: published figures, not computed here. CIFAR-10 is no data set that this program knows;\n"
        + "both learn the clothes of Fashion-MNIST (1×28×28).")
    try pair.trainOnClothes(epochs: lesson.quick ? 1 : 2, limit: lesson.quick ? 4000 : 20_000)
    lesson.say(
      "A third network takes part in what comes now: head-pooling, which has no dense layer over all places\n"
        + "but the mean of each map (C18).")
    let three = Comparison(lesson, [.cifarMLP, .cifarCNN, .headPooling])
    _ = try three.trainInTheMiddle(
      count: lesson.quick ? 4000 : 10_000, epochs: lesson.quick ? 1 : 3, asked: lesson.quick ? 50 : 500)
  }

  static let heads = CourseRow(
    "C18", "a dense head against global average pooling",
    notice:
      "the pooled head asks whether, not where: few parameters, hardly a loss when the thing moves, any size of "
      + "picture; the price is slower learning."
  ) { lesson in
    let pair = Comparison(lesson, [.headDense, .headPooling])
    lesson.say(
      "Both have the same three convolutions, which end in 128 maps of 7×7. A dense head has a weight for\n"
        + "each of the 6272 values. Global average pooling takes the mean of each map,\n"
        + "y_k = 1/(h·w) Σ x_k(i, j), and has no weights; one dense layer makes 10 votes of the 128 means.")
    try pair.showParameters(sizes: [[1, 28, 28], [3, 32, 32]])
    try pair.trainOnClothes(epochs: lesson.quick ? 1 : 3, limit: lesson.quick ? 8000 : 20_000)
    let trained = try pair.trainInTheMiddle(
      count: lesson.quick ? 6000 : 10_000, epochs: lesson.quick ? 1 : 4, asked: lesson.quick ? 50 : 500)
    try pair.showSizes(trained)
  }
}

/// Networks of which a row tells.
private struct Comparison {
  let lesson: Lesson
  let models: [Models]

  init(_ lesson: Lesson, _ models: [Models]) {
    self.lesson = lesson
    self.models = models
  }

  private func parameters(_ model: Models, _ shape: [Int]) throws -> Int {
    try model.make(inputShape: shape, classes: 10).parameters().reduce(0) { $0 + $1.numel }
  }

  func showParameters(sizes: [[Int]]) throws {
    func words(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
    let rows = try models.map { model in
      [model.rawValue]
        + (try sizes.map { shape in
          let count = Double(try parameters(model, shape))
          lesson.keep("parameters of \(model.rawValue) on \(words(shape))", [count])
          return grouped(count)
        })
    }
    lesson.show(columns: ["parameters"] + sizes.map { "on \(words($0))" }, rows: rows)
  }

  /// Trains each as `torchlayers train` does.
  /// - Parameter limit: only so many of the 60 000 training images.
  func trainOnClothes(epochs: Int, limit: Int) throws {
    var rows: [[String]] = []
    for model in models {
      var configuration = lesson.configuration(model: model, data: .fashionMNIST, epochs: epochs)
      configuration.lr = Self.lr
      configuration.schedule = try RunSchedule("cosine")
      configuration.limit = limit
      let (run, test) = try lesson.train(configuration, as: model.rawValue)
      let seconds = run.trainer.history.reduce(0) { $0 + $1.seconds }
      lesson.keep("accuracy of \(model.rawValue)", [test.accuracy])
      lesson.keep("loss of \(model.rawValue)", [test.loss])
      rows.append([
        model.rawValue, grouped(Double(try parameters(model, [1, 28, 28]))), percent(test.accuracy),
        fixed(test.loss, 4), fixed(seconds, 1),
      ])
    }
    lesson.say(
      "Fashion-MNIST, \(grouped(Double(limit))) pictures to learn from, epochs: \(epochs), Adam \(Self.lr) falling as a\n"
        + "cosine; 10 000 test pictures:")
    lesson.show(columns: ["network", "parameters", "accuracy", "loss", "seconds"], rows: rows)
  }

  private static let lr = 2e-3
  private static let margin = 4
  private static let shifts = Array(0...margin)
  private static let directions = [
    (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1),
  ]

  /// Trains each on small clothes in the middle of the picture and asks about moved ones.
  func trainInTheMiddle(count: Int, epochs: Int, asked: Int) throws -> [Module] {
    let margin = Self.margin
    lesson.say(
      "The clothes are made smaller, 20×20 in the middle of 28×28, so that they can move by \(margin) pixels and\n"
        + "stay whole. The networks learn \(grouped(Double(count))) of them in the middle (epochs: \(epochs)) and are "
        + "asked about\n\(grouped(Double(asked))) others, moved in all eight directions.")
    let all = try NamedDataset.fashionMNIST.load(.train).slice(0..<count).inMargin(margin)
    let test = try NamedDataset.fashionMNIST.load(.test).slice(0..<asked).inMargin(margin)
    let normalization = try Normalization(of: all)
    let moved = try Self.shifts.map { try Self.moved(test, by: $0) }
    var trained: [Module] = []
    var results: [[Evaluation]] = []
    for model in models {
      let (network, _) = try lesson.train(model, on: all, normalization, epochs: epochs, lr: Self.lr)
      let answers = try moved.map { try lesson.evaluate(network, on: $0, normalization) }
      lesson.keep("accuracy of \(model.rawValue) by shift", answers.map(\.accuracy))
      lesson.keep("loss of \(model.rawValue) by shift", answers.map(\.loss))
      trained.append(network)
      results.append(answers)
    }
    let names = models.map(\.rawValue)
    func show(_ what: String, _ text: (Evaluation) -> String) {
      lesson.show(
        columns: ["\(what), moved by"] + names,
        rows: Self.shifts.map { shift in ["\(shift)"] + results.map { text($0[shift]) } })
    }
    show("accuracy") { percent($0.accuracy) }
    show("loss") { fixed($0.loss, 3) }
    for (name, answers) in zip(names, results) {
      let (still, away) = (answers[0], answers[margin])
      lesson.say(
        "\(name), moved by \(margin) pixels: \(fixed(100 * (still.accuracy - away.accuracy), 1)) points of accuracy "
          + "lost, the loss grows by \(fixed(away.loss - still.loss, 2)).")
    }
    let labels = try test.labels.scalars(as: Int.self)
    // The first picture of each class.
    let shown = test.classes.indices.compactMap { labels.firstIndex(of: $0) }
    let rows = try results.flatMap { answers in
      try Self.shifts.map { shift in
        try shown.map { index in
          let picture = try moved[shift].picture(index)
          return (picture, answers[shift].predictions[index] == labels[index])
        }
      }
    }
    try lesson.picture(
      answersPicture(rows, scale: 1), "moved",
      "moved to the right by 0 to 4 pixels from row to row, five rows each for \(names.joined(separator: ", "))"
    )
    try lesson.picture(
      curvePicture(results.prefix(2).map { $0.map { 100 * $0.accuracy } }), "accuracy",
      "percent right when moved by 0 to 4 pixels; blue \(names[0]), orange \(names[1])")
    return trained
  }

  /// The pictures moved in each direction, one direction after the other.
  private static func moved(_ data: ImageDataset, by shift: Int) throws -> ImageDataset {
    guard shift > 0 else { return data }
    let parts = try directions.map { try data.shifted(x: shift * $0.0, y: shift * $0.1) }
    return ImageDataset(
      images: try cat(parts.map(\.images)), labels: try cat(parts.map(\.labels)), classes: data.classes)
  }

  /// Feeds the trained networks pictures of other sizes.
  func showSizes(_ trained: [Module]) throws {
    lesson.say(
      "Last, pictures of other sizes, blank ones, into the trained networks: the shape of the answer.")
    var refusal = ""
    let rows = try [[20, 20], [28, 28], [28, 44], [64, 64]].map { size in
      let blank = try Tensor.zeros([1, 1] + size).to(lesson.device)
      return ["\(size[0])×\(size[1])"]
        + trained.map { network in
          do {
            return try noGrad { try network(blank).shape.map(String.init).joined(separator: "×") }
          } catch {
            refusal = "\(error)"
            return "refused"
          }
        }
    }
    lesson.show(columns: ["picture"] + models.map(\.rawValue), rows: rows)
    lesson.say("What the dense head says: \(refusal.split(separator: " (arguments").first ?? "").")
  }
}
