import Formats
import SwiftTorchLayers

extension CourseRow {
  static let pooling = CourseRow(
    "C7", "pooling: max, average, N-max",
    notice: "each 2×2 field becomes one number; N-max lies between the average and the largest."
  ) { lesson in
    lesson.say(
      """
      Pooling makes a map smaller. Each field of 2×2 becomes one number: its largest (max), its mean
      (average), or the mean of its n largest (N-max). Nothing is learned.
      """)
    let x = try firstOutput()
    try lesson.show("map, the output of C1", x)
    try lesson.show("max", try MaxPool2d(kernelSize: 2)(x))
    try lesson.show("average", try AvgPool2d(kernelSize: 2)(x))
    try lesson.show("2-max", try NMaxPool2d(kernelSize: 2, n: 2)(x))

    lesson.say("With n = 1, N-max is max pooling; with n = 4, all of the field, it is average pooling:")
    let second = try Tensor(rows: [[1, 5, 2, 4], [2, 8, 2, 6]])
    try lesson.show("second map", second)
    for n in 1...4 { try lesson.show("second map, \(n)-max", try NMaxPool2d(kernelSize: 2, n: n)(second)) }
    try lesson.show("second map, max", try MaxPool2d(kernelSize: 2)(second))
    try lesson.show("second map, average", try AvgPool2d(kernelSize: 2)(second))

    lesson.say(
      """
      Backwards each number's gradient goes to the values that made it. For the gradients 12 and 6:
      """)
    for (name, layer) in [
      ("max", MaxPool2d(kernelSize: 2)), ("2-max", NMaxPool2d(kernelSize: 2, n: 2)),
      ("average", AvgPool2d(kernelSize: 2)),
    ] as [(String, Module)] {
      let input = try second.clone().requiresGrad(true)
      try layer(input).backward(gradient: Tensor([12, 6] as [Float], shape: [1, 1, 1, 2]))
      try lesson.show("gradient through \(name)", input.grad!)
    }
  }

  static let globalAverage = CourseRow(
    "C8", "global average pooling",
    notice: "one number for each map, and nothing to learn, whatever the size of the maps."
  ) { lesson in
    lesson.say(
      """
      h×w×d becomes 1×1×d: of each map only its mean is left. Three maps of 2×4:
      """)
    let maps = try Tensor(
      [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 0, 0, 1, 0, -2, -2, -2, -2, -2, -2, -2, -2] as [Float],
      shape: [1, 3, 2, 4])
    let layer = AdaptiveAvgPool2d(outputSize: 1)
    try lesson.show("maps", maps)
    try lesson.show("means, \(shape([1, 1, 3]))", try layer(maps).flatten())
    lesson.show("parameters", Double(layer.parameters().count))
    lesson.say(
      """

      At the end of a network it takes the place of dense layers. From 128 maps of 7×7 to ten classes,
      a dense layer on all values, or one on the means:
      """)
    let heads: [(name: String, layers: [LayerSummary])] = try [
      ("dense head", Sequential([Flatten(), Linear(inFeatures: 128 * 49, outFeatures: 10)])),
      (
        "pooled head",
        Sequential([AdaptiveAvgPool2d(outputSize: 1), Flatten(), Linear(inFeatures: 128, outFeatures: 10)])
      ),
    ].map { ($0, try summarize($1, inputShape: [128, 7, 7])) }
    for (name, layers) in heads {
      lesson.say("\(name):")
      lesson.show(layers)
      lesson.keep("parameters of the \(name)", [Double(layers.parameters)])
    }
  }
}
