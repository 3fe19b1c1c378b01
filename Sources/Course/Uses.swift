import Formats
import SwiftTorchLayers

extension CourseRow {
  static let uses = CourseRow(
    "C21", "where it is used: classes, boxes, pixels, new pictures",
    notice:
      "the same layers answer four questions; what differs is the shape of the output (one number a class, a grid "
      + "of boxes, a class for each pixel, a picture) and the loss that compares it with the truth."
  ) { lesson in
    let run = try lesson.classification()
    try lesson.detection()
    try lesson.segmentation()
    try lesson.generation(run.trainer.model.eval(), run.configuration.normalization!)
  }
}

extension Lesson {
  /// The first part of C21.
  fileprivate func classification() throws -> TrainingRun {
    say(
      """
      1. Classification: what is it? One answer for a picture, as in the other rows: the digits CNN, here for
      ten kinds of garments.
      """)
    var given = configuration(model: .cnn, data: .fashionMNIST, epochs: quick ? 1 : 2)
    given.limit = quick ? 3000 : nil
    let (run, test) = try train(given, as: "classification")
    let labels = try NamedDataset.fashionMNIST.load(.test).labels.scalars(as: UInt8.self)
    var confusion = Confusion(classes: 10)
    confusion.add(truth: labels, given: test.predictions.map { UInt8($0) })
    let pairs = (0..<10).flatMap { row in (0..<10).map { (row, $0) } }.filter { $0 != $1 }
    let worst = pairs.max { confusion.counts[$0.0][$0.1] < confusion.counts[$1.0][$1.1] }!
    let names = run.configuration.classes
    show("classification accuracy", test.accuracy, as: percent(test.accuracy))
    say(
      "\nOf \(test.count) test pictures. The most frequent mistake: \(names[worst.0]) taken for \(names[worst.1]), "
        + "\(confusion.counts[worst.0][worst.1]) times of \(confusion.counts[worst.0].reduce(0, +)).")
    return run
  }

  /// Takes `steps` steps of Adam, the learning rate falling along a half cosine from `lr` to 0, and says how the loss
  /// falls.
  /// - Parameters:
  ///   - name: of what is learnt, for the notes; the losses are kept under it.
  ///   - loss: of a batch, given the number of the step.
  func fit(_ model: Module, _ name: String, steps: Int, lr: Double, loss: (Int) throws -> Tensor) throws {
    let optimizer = Adam(model.parameters(), lr: lr, fused: true)
    let schedule = CosineAnnealingLR(optimizer, tMax: steps)
    var sum = try Tensor.zeros([], device: device)
    var losses: [Double] = []
    let part = max(1, steps / 10)
    model.train()
    for step in 1...steps {
      try checkInterruption()
      let value = try loss(step - 1)
      try optimizer.zeroGrad()
      try value.backward()
      try optimizer.step()
      try schedule.step()
      // Reading the loss would make the device wait, so it is summed there.
      sum = try sum + value.detach()
      if step.isMultiple(of: part) {
        losses.append(try sum.item() / Double(part))
        sum = try Tensor.zeros([], device: device)
        listener.note("\(name): step \(step) of \(steps), loss \(fixed(losses.last!, 4))")
      }
    }
    keep("\(name) loss", losses)
    model.eval()
  }

  /// Scenes to measure with.
  func heldOutScenes() -> [Scene] {
    [Scene](seed: settings.seed, from: Scene.firstHeldOut, count: quick ? 100 : 500)
  }

  /// What a network makes of scenes, batch by batch.
  func predictions<Result>(
    _ model: Module, _ scenes: [Scene], _ read: (Tensor) throws -> [Result]
  ) throws -> [Result] {
    return try noGrad {
      try stride(from: 0, to: scenes.count, by: 50).flatMap { start in
        try checkInterruption()
        let batch = Array(scenes[start..<min(start + 50, scenes.count)])
        return try read(try model(batch.images(on: device)))
      }
    }
  }
}
