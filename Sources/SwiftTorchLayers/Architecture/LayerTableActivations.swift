// Activations and dropout in the table of layers.
extension LayerEntry {
  private static let inplace: [Label] = [.flag("inplace", false)]

  static let activations: [LayerEntry] =
    straight + smooth + [
      LayerEntry("Softmax", [.optionalInteger("dim", dimension)]) { Softmax(dim: $0.optionalInteger("dim")) },
      LayerEntry("LogSoftmax", [.optionalInteger("dim", dimension)]) {
        LogSoftmax(dim: $0.optionalInteger("dim"))
      },
      LayerEntry("Softmin", [.optionalInteger("dim", dimension)]) { Softmin(dim: $0.optionalInteger("dim")) },
      LayerEntry("Softmax2d") { _ in Softmax2d() },
    ]

  private static let straight: [LayerEntry] = [
    LayerEntry("ReLU", inplace) { ReLU(inplace: $0.flag("inplace")) },
    LayerEntry("ReLU6", inplace) { ReLU6(inplace: $0.flag("inplace")) },
    LayerEntry("LeakyReLU", [.number("negativeSlope", 0.01)] + inplace) {
      LeakyReLU(negativeSlope: $0.number("negativeSlope"), inplace: $0.flag("inplace"))
    },
    // The first slope is a weight like others, and comes from where they come.
    LayerEntry("PReLU", [.integer("numParameters", Label.count, 1)]) {
      PReLU(numParameters: $0.integer("numParameters"))
    },
    LayerEntry(
      "RReLU", [.number("lower", 1.0 / 8), .number("upper", 1.0 / 3)] + inplace,
      conflict: { $0.number("lower") <= $0.number("upper") ? nil : "lower must not be above upper" }
    ) {
      RReLU(lower: $0.number("lower"), upper: $0.number("upper"), inplace: $0.flag("inplace"))
    },
    LayerEntry(
      "Hardtanh", [.number("minVal", -1), .number("maxVal", 1)] + inplace,
      conflict: { $0.number("minVal") < $0.number("maxVal") ? nil : "minVal must be below maxVal" }
    ) {
      Hardtanh(minVal: $0.number("minVal"), maxVal: $0.number("maxVal"), inplace: $0.flag("inplace"))
    },
    LayerEntry("Hardsigmoid", inplace) { Hardsigmoid(inplace: $0.flag("inplace")) },
    LayerEntry("Hardswish", inplace) { Hardswish(inplace: $0.flag("inplace")) },
    LayerEntry("Softshrink", [.number("lambd", 0.5)]) { Softshrink(lambd: $0.number("lambd")) },
    LayerEntry("Hardshrink", [.number("lambd", 0.5)]) { Hardshrink(lambd: $0.number("lambd")) },
    LayerEntry("Threshold", [.number("threshold", nil), .number("value", nil)] + inplace) {
      Threshold(
        threshold: $0.number("threshold"), value: $0.number("value"), inplace: $0.flag("inplace"))
    },
  ]

  private static let smooth: [LayerEntry] = [
    LayerEntry("Sigmoid") { _ in Sigmoid() }, LayerEntry("Tanh") { _ in Tanh() },
    LayerEntry("ELU", [.number("alpha", 1)] + inplace) {
      ELU(alpha: $0.number("alpha"), inplace: $0.flag("inplace"))
    },
    LayerEntry("SELU", inplace) { SELU(inplace: $0.flag("inplace")) },
    LayerEntry("CELU", [.number("alpha", 1)] + inplace) {
      CELU(alpha: $0.number("alpha"), inplace: $0.flag("inplace"))
    },
    LayerEntry("GELU", [.word("approximate", GELU.Approximation.allCases.map(\.rawValue), "none")]) {
      GELU(approximate: GELU.Approximation(rawValue: $0.word("approximate"))!)
    },
    LayerEntry("SiLU", inplace) { SiLU(inplace: $0.flag("inplace")) },
    LayerEntry("Mish", inplace) { Mish(inplace: $0.flag("inplace")) },
    LayerEntry("Softplus", [.number("beta", 1), .number("threshold", 20)]) {
      Softplus(beta: $0.number("beta"), threshold: $0.number("threshold"))
    },
    LayerEntry("Softsign") { _ in Softsign() }, LayerEntry("Tanhshrink") { _ in Tanhshrink() },
    LayerEntry("LogSigmoid") { _ in LogSigmoid() },
    LayerEntry("GLU", [.integer("dim", dimension, -1)]) { GLU(dim: $0.integer("dim")) },
  ]

  private static let dropout: [Label] = [.number("p", 0.5, 0...1)] + inplace

  static let dropouts: [LayerEntry] = [
    LayerEntry("Dropout", dropout) { Dropout(p: $0.number("p"), inplace: $0.flag("inplace")) },
    LayerEntry("Dropout1d", dropout) { Dropout1d(p: $0.number("p"), inplace: $0.flag("inplace")) },
    LayerEntry("Dropout2d", dropout) { Dropout2d(p: $0.number("p"), inplace: $0.flag("inplace")) },
    LayerEntry("Dropout3d", dropout) { Dropout3d(p: $0.number("p"), inplace: $0.flag("inplace")) },
    LayerEntry("AlphaDropout", dropout) { AlphaDropout(p: $0.number("p"), inplace: $0.flag("inplace")) },
    LayerEntry("FeatureAlphaDropout", dropout) {
      FeatureAlphaDropout(p: $0.number("p"), inplace: $0.flag("inplace"))
    },
  ]
}
