import Formats
import SwiftTorchLayers

extension CourseRow {
  static let digitsCNN = CourseRow(
    "C16", "the digits CNN, layer by layer",
    notice:
      "nearly all parameters are in the first dense layer, most of the work is in the second convolution."
  ) { lesson in
    let network = try Models.cnn.make(inputShape: [1, 28, 28], classes: 10)
    lesson.say(
      "A digit of 28×28 pixels becomes 32 maps, then 64 smaller ones, then 1024 values, then 10 votes. "
        + "A padding of\n(5 − 1) / 2 = 2, `same`, keeps the size; each pooling halves it.")
    let layers = try summarize(network, inputShape: [1, 28, 28])
    lesson.show(layers)
    lesson.keep("output shapes", layers.flatMap { $0.outputShape.map(Double.init) })
    lesson.show("parameters", Double(layers.parameters), as: grouped(Double(layers.parameters)))
    lesson.show(
      "multiply-adds for one digit", Double(layers.multiplyAdds), as: grouped(Double(layers.multiplyAdds)))
    lesson.listener.say("")
    lesson.say(
      "By hand: a convolution has outputs·(inputs·5·5 + 1) parameters, 32·(1·25 + 1) = 832 and "
        + "64·(32·25 + 1) = 51 264;\na dense layer outputs·(inputs + 1), 1024·(3136 + 1) = 3 212 288 and "
        + "10·(1024 + 1) = 10 250.")
    try lesson.trainDigitsCNN()
  }
}

extension Lesson {
  fileprivate func trainDigitsCNN() throws {
    let data = try digits()
    let configuration = configuration(model: .cnn, data: data, epochs: quick ? 2 : data == .mnist ? 3 : 5)
    say(
      "Trained with softmax cross-entropy, Adam 0.003, batches of 100. The course multiplies the mean loss of a "
        + "batch by\n100, which makes it the batch's sum. That changes what is printed, not what Adam does: it "
        + "divides each gradient\nby its own size.\n\n    \(command(configuration))")
    let (run, test) = try train(configuration, as: data.rawValue)
    show(
      columns: ["epoch", "mean loss", "times 100", "training accuracy"],
      rows: run.trainer.history.map {
        ["\($0.epoch)", fixed($0.trainLoss, 4), fixed($0.trainLoss * 100, 2), percent($0.trainAccuracy)]
      })
    keep("loss times 100", run.trainer.history.map { $0.trainLoss * 100 })
    show(
      "test accuracy", test.accuracy, as: "\(percent(test.accuracy)) of \(grouped(Double(test.count))) digits"
    )
    listener.say("")
    try followDigit(run)
  }

  /// Draws what a test digit becomes.
  private func followDigit(_ run: TrainingRun) throws {
    let loader = try run.configuration.testLoader(device: .cpu)
    let digit = try loader.dataset.slice(4..<5)
    let model = try run.folder.loadModel(run.configuration)
    let outputs = try layerOutputs(model, try loader.normalization(digit.images))
    let kind = digit.classes[try digit.labels.item(as: Int.self)]
    for (layer, words) in [
      (1, "32 maps of 28×28 after the first convolution and ReLU"),
      (4, "64 maps of 14×14 after the second"),
    ] {
      guard let maps = try mapsPicture(outputs[layer].output)?.picture else { continue }
      try picture(maps, "maps-\(layer)", "a \(kind) becomes \(words); black is 0")
    }
  }
}
