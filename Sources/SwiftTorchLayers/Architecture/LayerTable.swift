/// A layer that a YAML file can name: the labels of its initialiser with types and defaults, and the call.
package struct LayerEntry: Sendable {
  package let name: String
  package let labels: [Label]
  /// A sentence for values that do not go together, which the initialiser would trap on.
  let conflict: @Sendable (LabelValues) -> String?
  let make: @Sendable (LabelValues) -> Module

  init(
    _ name: String, _ labels: [Label] = [],
    conflict: @escaping @Sendable (LabelValues) -> String? = { _ in nil },
    make: @escaping @Sendable (LabelValues) -> Module
  ) {
    self.name = name
    self.labels = labels
    self.conflict = conflict
    self.make = make
  }

  /// All layers, a line each. A new layer is a line more.
  package static let all: [LayerEntry] =
    convolutions + pools + activations + dropouts + norms + borders + [
      LayerEntry("Linear", [.inferred("inFeatures", .features), .count("outFeatures"), .flag("bias", true)]) {
        Linear(
          inFeatures: $0.integer("inFeatures"), outFeatures: $0.integer("outFeatures"), bias: $0.flag("bias"))
      },
      // From dimension 0 on it would join the images of a batch.
      LayerEntry("Flatten", [.integer("startDim", 1...8, 1), .integer("endDim", dimension, -1)]) {
        Flatten(startDim: $0.integer("startDim"), endDim: $0.integer("endDim"))
      },
      LayerEntry("Identity") { _ in Identity() },
      LayerEntry("BatchNorm1d", batchNorm) {
        BatchNorm1d(
          numFeatures: $0.integer("numFeatures"), eps: $0.number("eps"),
          momentum: $0.optionalNumber("momentum"),
          affine: $0.flag("affine"), trackRunningStats: $0.flag("trackRunningStats"), bias: $0.flag("bias"))
      },
      LayerEntry("BatchNorm2d", batchNorm) {
        BatchNorm2d(
          numFeatures: $0.integer("numFeatures"), eps: $0.number("eps"),
          momentum: $0.optionalNumber("momentum"),
          affine: $0.flag("affine"), trackRunningStats: $0.flag("trackRunningStats"), bias: $0.flag("bias"))
      },
      LayerEntry(
        "LocalResponseNorm",
        [.integer("size", Label.extent), .number("alpha", 1e-4), .number("beta", 0.75), .number("k", 1)]
      ) {
        LocalResponseNorm(
          size: $0.integer("size"), alpha: $0.number("alpha"), beta: $0.number("beta"), k: $0.number("k"))
      },
    ]

  private static let convolutions: [LayerEntry] = [
    LayerEntry("Conv1d", convolution(1), conflict: convolutionConflict) {
      Conv1d(
        inChannels: $0.integer("inChannels"), outChannels: $0.integer("outChannels"),
        kernelSize: $0.sizes("kernelSize"), stride: $0.sizes("stride"), padding: $0.padding(),
        dilation: $0.sizes("dilation"), groups: $0.integer("groups"), bias: $0.flag("bias"),
        paddingMode: PaddingMode(rawValue: $0.word("paddingMode"))!)
    },
    LayerEntry("Conv2d", convolution(2), conflict: convolutionConflict) {
      Conv2d(
        inChannels: $0.integer("inChannels"), outChannels: $0.integer("outChannels"),
        kernelSize: $0.sizes("kernelSize"), stride: $0.sizes("stride"), padding: $0.padding(),
        dilation: $0.sizes("dilation"), groups: $0.integer("groups"), bias: $0.flag("bias"),
        paddingMode: PaddingMode(rawValue: $0.word("paddingMode"))!)
    },
    LayerEntry("Conv3d", convolution(3), conflict: convolutionConflict) {
      Conv3d(
        inChannels: $0.integer("inChannels"), outChannels: $0.integer("outChannels"),
        kernelSize: $0.sizes("kernelSize"), stride: $0.sizes("stride"), padding: $0.padding(),
        dilation: $0.sizes("dilation"), groups: $0.integer("groups"), bias: $0.flag("bias"),
        paddingMode: PaddingMode(rawValue: $0.word("paddingMode"))!)
    },
    LayerEntry("ConvTranspose1d", transposed(1), conflict: transposedConflict) {
      ConvTranspose1d(
        inChannels: $0.integer("inChannels"), outChannels: $0.integer("outChannels"),
        kernelSize: $0.sizes("kernelSize"), stride: $0.sizes("stride"), padding: $0.sizes("padding"),
        outputPadding: $0.sizes("outputPadding"), groups: $0.integer("groups"), bias: $0.flag("bias"),
        dilation: $0.sizes("dilation"))
    },
    LayerEntry("ConvTranspose2d", transposed(2), conflict: transposedConflict) {
      ConvTranspose2d(
        inChannels: $0.integer("inChannels"), outChannels: $0.integer("outChannels"),
        kernelSize: $0.sizes("kernelSize"), stride: $0.sizes("stride"), padding: $0.sizes("padding"),
        outputPadding: $0.sizes("outputPadding"), groups: $0.integer("groups"), bias: $0.flag("bias"),
        dilation: $0.sizes("dilation"))
    },
    LayerEntry("ConvTranspose3d", transposed(3), conflict: transposedConflict) {
      ConvTranspose3d(
        inChannels: $0.integer("inChannels"), outChannels: $0.integer("outChannels"),
        kernelSize: $0.sizes("kernelSize"), stride: $0.sizes("stride"), padding: $0.sizes("padding"),
        outputPadding: $0.sizes("outputPadding"), groups: $0.integer("groups"), bias: $0.flag("bias"),
        dilation: $0.sizes("dilation"))
    },
  ]

  private static let pools: [LayerEntry] = [
    LayerEntry("MaxPool1d", maxPool(1)) {
      MaxPool1d(
        kernelSize: $0.sizes("kernelSize"), stride: $0.optionalSizes("stride"), padding: $0.sizes("padding"),
        dilation: $0.sizes("dilation"), ceilMode: $0.flag("ceilMode"))
    },
    LayerEntry("MaxPool2d", maxPool(2)) {
      MaxPool2d(
        kernelSize: $0.sizes("kernelSize"), stride: $0.optionalSizes("stride"), padding: $0.sizes("padding"),
        dilation: $0.sizes("dilation"), ceilMode: $0.flag("ceilMode"))
    },
    LayerEntry("MaxPool3d", maxPool(3)) {
      MaxPool3d(
        kernelSize: $0.sizes("kernelSize"), stride: $0.optionalSizes("stride"), padding: $0.sizes("padding"),
        dilation: $0.sizes("dilation"), ceilMode: $0.flag("ceilMode"))
    },
    LayerEntry("NMaxPool2d", [.count("n")] + maxPool(2)) {
      NMaxPool2d(
        kernelSize: $0.sizes("kernelSize"), n: $0.integer("n"), stride: $0.optionalSizes("stride"),
        padding: $0.sizes("padding"), dilation: $0.sizes("dilation"), ceilMode: $0.flag("ceilMode"))
    },
    LayerEntry("AvgPool1d", avgPool(1)) {
      AvgPool1d(
        kernelSize: $0.sizes("kernelSize"), stride: $0.optionalSizes("stride"), padding: $0.sizes("padding"),
        ceilMode: $0.flag("ceilMode"), countIncludePad: $0.flag("countIncludePad"))
    },
    LayerEntry("AvgPool2d", avgPool(2) + [.optionalInteger("divisorOverride", 1...1 << 20)]) {
      AvgPool2d(
        kernelSize: $0.sizes("kernelSize"), stride: $0.optionalSizes("stride"), padding: $0.sizes("padding"),
        ceilMode: $0.flag("ceilMode"), countIncludePad: $0.flag("countIncludePad"),
        divisorOverride: $0.optionalInteger("divisorOverride"))
    },
    LayerEntry("AvgPool3d", avgPool(3) + [.optionalInteger("divisorOverride", 1...1 << 20)]) {
      AvgPool3d(
        kernelSize: $0.sizes("kernelSize"), stride: $0.optionalSizes("stride"), padding: $0.sizes("padding"),
        ceilMode: $0.flag("ceilMode"), countIncludePad: $0.flag("countIncludePad"),
        divisorOverride: $0.optionalInteger("divisorOverride"))
    },
    LayerEntry("LPPool1d", powerPool(1)) {
      LPPool1d(
        normType: $0.number("normType"), kernelSize: $0.sizes("kernelSize"),
        stride: $0.optionalSizes("stride"), ceilMode: $0.flag("ceilMode"))
    },
    LayerEntry("LPPool2d", powerPool(2)) {
      LPPool2d(
        normType: $0.number("normType"), kernelSize: $0.sizes("kernelSize"),
        stride: $0.optionalSizes("stride"), ceilMode: $0.flag("ceilMode"))
    },
    LayerEntry("LPPool3d", powerPool(3)) {
      LPPool3d(
        normType: $0.number("normType"), kernelSize: $0.sizes("kernelSize"),
        stride: $0.optionalSizes("stride"), ceilMode: $0.flag("ceilMode"))
    },
    LayerEntry("AdaptiveAvgPool1d", [.sizes("outputSize", 1)]) {
      AdaptiveAvgPool1d(outputSize: $0.sizes("outputSize")[0])
    },
    LayerEntry("AdaptiveAvgPool2d", [.outputSize(2)]) { AdaptiveAvgPool2d(outputSize: $0.outputSize()) },
    LayerEntry("AdaptiveAvgPool3d", [.outputSize(3)]) { AdaptiveAvgPool3d(outputSize: $0.outputSize()) },
    LayerEntry("AdaptiveMaxPool1d", [.sizes("outputSize", 1)]) {
      AdaptiveMaxPool1d(outputSize: $0.sizes("outputSize")[0])
    },
    LayerEntry("AdaptiveMaxPool2d", [.outputSize(2)]) { AdaptiveMaxPool2d(outputSize: $0.outputSize()) },
    LayerEntry("AdaptiveMaxPool3d", [.outputSize(3)]) { AdaptiveMaxPool3d(outputSize: $0.outputSize()) },
  ]

  private static let norms: [LayerEntry] = [
    LayerEntry(
      "GroupNorm",
      [
        .count("numGroups"), .inferred("numChannels", .channels), .number("eps", 1e-5), .flag("affine", true),
        .flag("bias", true),
      ],
      conflict: {
        let (groups, channels) = ($0.integer("numGroups"), $0.integer("numChannels"))
        return channels % groups == 0 ? nil : "\(channels) channels do not divide into \(groups) groups"
      }
    ) {
      GroupNorm(
        numGroups: $0.integer("numGroups"), numChannels: $0.integer("numChannels"), eps: $0.number("eps"),
        affine: $0.flag("affine"), bias: $0.flag("bias"))
    },
    LayerEntry("InstanceNorm1d", instanceNorm) {
      InstanceNorm1d(
        numFeatures: $0.integer("numFeatures"), eps: $0.number("eps"),
        momentum: $0.optionalNumber("momentum"), affine: $0.flag("affine"),
        trackRunningStats: $0.flag("trackRunningStats"), bias: $0.flag("bias"))
    },
    LayerEntry("InstanceNorm2d", instanceNorm) {
      InstanceNorm2d(
        numFeatures: $0.integer("numFeatures"), eps: $0.number("eps"),
        momentum: $0.optionalNumber("momentum"), affine: $0.flag("affine"),
        trackRunningStats: $0.flag("trackRunningStats"), bias: $0.flag("bias"))
    },
    LayerEntry("InstanceNorm3d", instanceNorm) {
      InstanceNorm3d(
        numFeatures: $0.integer("numFeatures"), eps: $0.number("eps"),
        momentum: $0.optionalNumber("momentum"), affine: $0.flag("affine"),
        trackRunningStats: $0.flag("trackRunningStats"), bias: $0.flag("bias"))
    },
    LayerEntry(
      "LayerNorm",
      [
        .list("normalizedShape"), .number("eps", 1e-5), .flag("elementwiseAffine", true), .flag("bias", true),
      ]
    ) {
      LayerNorm(
        normalizedShape: $0.sizes("normalizedShape"), eps: $0.number("eps"),
        elementwiseAffine: $0.flag("elementwiseAffine"), bias: $0.flag("bias"))
    },
  ]

  // MARK: Labels that several layers share

  static let dimension = -8...8
  private static let batchNorm: [Label] = [
    .inferred("numFeatures", .channels), .number("eps", 1e-5), .optionalNumber("momentum", 0.1),
    .flag("affine", true), .flag("trackRunningStats", true), .flag("bias", true),
  ]

  private static let instanceNorm: [Label] = [
    .inferred("numFeatures", .channels), .number("eps", 1e-5), .optionalNumber("momentum", 0.1),
    .flag("affine", false), .flag("trackRunningStats", false), .flag("bias", true),
  ]

  private static func transposed(_ dimensions: Int) -> [Label] {
    [
      .inferred("inChannels", .channels), .count("outChannels"), .sizes("kernelSize", dimensions),
      .sizes("stride", dimensions, 1), .sizes("padding", dimensions, 0, Label.gap),
      .sizes("outputPadding", dimensions, 0, Label.gap), .integer("groups", Label.count, 1),
      .flag("bias", true), .sizes("dilation", dimensions, 1),
    ]
  }

  private static func powerPool(_ dimensions: Int) -> [Label] {
    [
      .number("normType", nil), .sizes("kernelSize", dimensions), .optional("stride", dimensions),
      .flag("ceilMode", false),
    ]
  }

  private static func convolution(_ dimensions: Int) -> [Label] {
    [
      .inferred("inChannels", .channels), .count("outChannels"), .sizes("kernelSize", dimensions),
      .sizes("stride", dimensions, 1), .padding(dimensions), .sizes("dilation", dimensions, 1),
      .integer("groups", Label.count, 1), .flag("bias", true),
      .word("paddingMode", PaddingMode.allCases.map(\.rawValue), "zeros"),
    ]
  }

  @Sendable private static func groupsConflict(_ values: LabelValues) -> String? {
    let (inputs, outputs) = (values.integer("inChannels"), values.integer("outChannels"))
    let groups = values.integer("groups")
    guard inputs % groups != 0 || outputs % groups != 0 else { return nil }
    return "groups (\(groups)) must divide inChannels (\(inputs)) and outChannels (\(outputs))"
  }

  @Sendable private static func transposedConflict(_ values: LabelValues) -> String? {
    if let conflict = groupsConflict(values) { return conflict }
    // libtorch says it only of an image, not when shapes are tried without one.
    let (stride, dilation) = (values.sizes("stride"), values.sizes("dilation"))
    let extra = values.sizes("outputPadding")
    guard zip(extra, zip(stride, dilation)).contains(where: { $0 >= max($1.0, $1.1) }) else { return nil }
    return "outputPadding \(extra) must be below stride \(stride) or dilation \(dilation)"
  }

  @Sendable private static func convolutionConflict(_ values: LabelValues) -> String? {
    if let conflict = groupsConflict(values) { return conflict }
    let stride = values.sizes("stride")
    guard values.padding() != .same || stride.allSatisfy({ $0 == 1 }) else {
      return "padding same needs stride 1, not \(stride)"
    }
    return nil
  }

  private static func maxPool(_ dimensions: Int) -> [Label] {
    [
      .sizes("kernelSize", dimensions), .optional("stride", dimensions),
      .sizes("padding", dimensions, 0, Label.gap), .sizes("dilation", dimensions, 1),
      .flag("ceilMode", false),
    ]
  }

  private static func avgPool(_ dimensions: Int) -> [Label] {
    [
      .sizes("kernelSize", dimensions), .optional("stride", dimensions),
      .sizes("padding", dimensions, 0, Label.gap), .flag("ceilMode", false), .flag("countIncludePad", true),
    ]
  }
}
