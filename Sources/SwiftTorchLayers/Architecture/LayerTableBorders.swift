// Layers that change a picture's size by a border or a factor, in the table of layers.
extension LayerEntry {
  /// One amount for all sides, or four: left, right, top, bottom.
  private static let border: [Label] = [.sizes("padding", 4, nil, Label.border)]

  static let borders: [LayerEntry] = [
    LayerEntry("ZeroPad2d", border) { ZeroPad2d(padding: $0.sizes("padding")) },
    LayerEntry("ReflectionPad2d", border) { ReflectionPad2d(padding: $0.sizes("padding")) },
    LayerEntry("ReplicationPad2d", border) { ReplicationPad2d(padding: $0.sizes("padding")) },
    LayerEntry("CircularPad2d", border) { CircularPad2d(padding: $0.sizes("padding")) },
    LayerEntry("MeanPad2d", border) { MeanPad2d(padding: $0.sizes("padding")) },
    LayerEntry("ConstantPad2d", border + [.number("value", nil)]) {
      ConstantPad2d(padding: $0.sizes("padding"), value: $0.number("value"))
    },
    LayerEntry("WeightedPad2d", border + [.numbers("weights")]) {
      WeightedPad2d(padding: $0.sizes("padding"), weights: $0.numbers("weights"))
    },
    LayerEntry(
      "Upsample",
      [
        .optional("size", 2), .optionalFactors("scaleFactor", 2),
        .word("mode", InterpolationMode.allCases.map(\.rawValue), "nearest"), .optionalFlag("alignCorners"),
        .optionalFlag("recomputeScaleFactor"),
      ],
      conflict: {
        let given = ($0.optionalSizes("size") != nil, $0.optionalNumbers("scaleFactor") != nil)
        return given.0 != given.1 ? nil : "it needs either size or scaleFactor"
      }
    ) {
      Upsample(
        size: $0.optionalSizes("size"), scaleFactor: $0.optionalNumbers("scaleFactor"),
        mode: InterpolationMode(rawValue: $0.word("mode"))!, alignCorners: $0.optionalFlag("alignCorners"),
        recomputeScaleFactor: $0.optionalFlag("recomputeScaleFactor"))
    },
  ]
}
