import Formats
import SwiftTorchLayers

/// How often each class was taken for each: `counts[true class][given class]`.
struct Confusion {
  private(set) var counts: [[Int]]

  init(classes: Int) { counts = Array(repeating: Array(repeating: 0, count: classes), count: classes) }

  mutating func add(truth: [UInt8], given: [UInt8]) {
    for (row, column) in zip(truth, given) { counts[Int(row)][Int(column)] += 1 }
  }

  /// The share of right answers.
  var accuracy: Double {
    let right = counts.indices.reduce(0) { $0 + counts[$1][$1] }
    return Double(right) / Double(max(1, counts.joined().reduce(0, +)))
  }

  /// For each class, of the pixels that are of the class or were taken for it, the share that are both.
  var iou: [Double] {
    counts.indices.map { index in
      let either = counts[index].reduce(0, +) + counts.reduce(0) { $0 + $1[index] } - counts[index][index]
      return either == 0 ? 0 : Double(counts[index][index]) / Double(either)
    }
  }
}

extension Lesson {
  /// The third part of C21.
  func segmentation() throws {
    say(
      """
      3. Segmentation: what is each pixel? The encoder makes the maps of the same scenes smaller, so that a unit
      sees more; the decoder's transposed convolutions make them large again, and every pixel gets one of four
      classes, the background among them.
      """)
    let shape = Models.segmenter.inputShape
    let model = try Models.segmenter.make(inputShape: shape, classes: 4).to(device)
    try heInitialize(model)
    try fit(model, "segmentation", steps: quick ? 400 : 1500, lr: 8e-3) { step in
      let scenes = [Scene](seed: settings.seed, from: 8 * step, count: 8)
      return try crossEntropy(
        try model(scenes.images(on: device)), scenes.masks(on: device))
    }
    let scenes = heldOutScenes()
    let area = Scene.size * Scene.size
    let given = try predictions(model, scenes) { output in
      let classes = try output.argmax(dim: 1).to(.uint8).scalars(as: UInt8.self)
      return stride(from: 0, to: classes.count, by: area).map { Array(classes[$0..<$0 + area]) }
    }
    report(given, scenes)
    let pictures = (0..<4).flatMap { index in
      [scenes[index].picture, drawn(scenes[index].mask), drawn(given[index])]
    }
    try picture(
      Canvas.grid(pictures, columns: 6, scale: 2, gap: 4), "segmentation",
      "four times a scene, its true classes, and the classes that the network gives (red: disc, blue: square, "
        + "green: triangle)")
  }

  private func report(_ given: [[UInt8]], _ scenes: [Scene]) {
    var confusion = Confusion(classes: 4)
    for (scene, given) in zip(scenes, given) { confusion.add(truth: scene.mask, given: given) }
    let background = confusion.counts[0].reduce(0, +)
    let share = percent(Double(background) / Double(confusion.counts.joined().reduce(0, +)))
    say(
      """
      \(scenes.count) scenes that were not trained on. Whoever calls everything background is right for \(share) of
      the pixels, so accuracy says little. The IoU of a class does not reward that: the pixels where truth and
      answer both have the class, by the pixels where either has it.
      """)
    let names = ["background"] + Scene.Shape.allCases.map { "\($0)" }
    show(columns: ["class", "IoU"], rows: zip(names, confusion.iou).map { [$0, fixed($1, 3)] })
    keep("segmentation IoU", confusion.iou)
    show("segmentation pixel accuracy", confusion.accuracy, as: percent(confusion.accuracy))
    let mean = confusion.iou.reduce(0, +) / 4
    show("segmentation mean IoU", mean, as: fixed(mean, 3))
  }

  /// A class for every pixel in the classes' colours.
  private func drawn(_ mask: [UInt8]) -> Picture {
    let pixels = mask.flatMap { number -> [UInt8] in
      let color = number == 0 ? Canvas.Color(235, 235, 235) : Scene.Shape.allCases[Int(number) - 1].color
      return [color.red, color.green, color.blue]
    }
    return Picture(width: Scene.size, height: Scene.size, channels: 3, pixels: pixels)
  }
}
