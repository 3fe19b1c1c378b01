import Formats
import SwiftTorchLayers

// Training on pictures that were made in memory, and moving them about.

extension Lesson {
  /// Trains a ready-made network with Adam, its rate falling as half a cosine wave, on the device that was chosen.
  ///
  /// Nothing is written: for trainings of a minute or two.
  /// - Throws: `CancellationError` when the person wants it to end.
  func train(
    _ model: Models, on data: ImageDataset, _ normalization: Normalization, epochs: Int, lr: Double,
    batchSize: Int = 100
  ) throws -> (model: Module, seconds: Double) {
    listener.note("training \(model.rawValue) on \(data.count) pictures, \(epochs) epochs")
    try Torch.manualSeed(settings.seed)
    let network = try model.make(inputShape: data.imageShape, classes: data.classes.count)
    try network.to(device)
    let optimizer = Adam(network.parameters(), lr: lr, fused: true)
    let loader = try DataLoader(
      data, batchSize: batchSize, shuffle: true, normalization: normalization, device: device)
    let trainer = try Trainer(
      network, optimizer: optimizer, loader: loader, withoutTape: true,
      schedule: CosineAnnealingLR(optimizer, tMax: epochs))
    let outcome = try trainer.fit(
      epochs: epochs, observe: listener.observe,
      epochEnded: { try self.listener.epochEnded($0, epochs) }, shouldStop: listener.shouldStop)
    if outcome == .interrupted { throw CancellationError() }
    return (network, trainer.history.reduce(0) { $0 + $1.seconds })
  }

  /// How a network does on pictures that were made.
  func evaluate(_ model: Module, on data: ImageDataset, _ normalization: Normalization) throws -> Evaluation {
    let loader = try DataLoader(data, batchSize: 250, normalization: normalization, device: device)
    return try SwiftTorchLayers.evaluate(model, loader, frozen: true, shouldStop: listener.shouldStop)
  }

  /// The one that was chosen.
  var device: Device { Device(settings.device) ?? .cpu }
}

extension ImageDataset {
  /// The pictures moved to the right and down by whole pixels; black comes in at the edges.
  func shifted(x: Int, y: Int) throws -> ImageDataset {
    ImageDataset(images: try images.pad([x, -x, y, -y], value: 0), labels: labels, classes: classes)
  }

  /// Smaller pictures with a black margin all around, as large as they were.
  /// - Parameter margin: in pixels, less than half the picture.
  func inMargin(_ margin: Int) throws -> ImageDataset {
    let small = imageShape.dropFirst().map { Optional($0 - 2 * margin) }
    // A thousand at a time: as floats they are four times as large.
    let parts = try noGrad {
      try images.split(1000).map { part in
        try AdaptiveAvgPool2d(outputSize: small)(try part.to(.float32)).round().to(.uint8)
      }
    }
    let framed = try cat(parts).pad([margin, margin, margin, margin], value: 0)
    return ImageDataset(images: framed, labels: labels, classes: classes)
  }
}

/// Pictures in rows, each in a frame: blue where the answer was right, red where it was wrong.
func answersPicture(_ rows: [[(picture: Picture, isRight: Bool)]], scale: Int) -> Picture {
  let (frame, gap) = (3, 3)
  let sample = rows[0][0].picture
  let (width, height) = (sample.width * scale + 2 * frame, sample.height * scale + 2 * frame)
  let most = rows.reduce(1) { max($0, $1.count) }
  var canvas = Canvas(width: most * (width + gap) + gap, height: rows.count * (height + gap) + gap)
  for (row, answers) in rows.enumerated() {
    for (column, answer) in answers.enumerated() {
      let (x, y) = (gap + column * (width + gap), gap + row * (height + gap))
      let color = answer.isRight ? Canvas.Color(33, 102, 172) : Canvas.Color(214, 39, 40)
      canvas.fill(x: x, y: y, width: width, height: height, color)
      canvas.draw(answer.picture, x: x + frame, y: y + frame, scale: scale)
    }
  }
  return canvas.picture
}
