import Formats
import SwiftTorchLayers

// Summaries of networks, as rows print them.

extension Lesson {
  /// Prints what `torchlayers summary` prints: what each layer gives, costs and sees, and what does not fit.
  func show(_ layers: [LayerSummary]) {
    /// One number when both dimensions agree.
    func side(_ sizes: [Int]?) -> String {
      guard let sizes else { return "" }
      return Set(sizes).count == 1 ? "\(sizes[0])" : shape(sizes)
    }
    show(
      columns: ["key", "layer", "output", "parameters", "multiply-adds", "field", "jump"],
      rows: layers.map { layer in
        [
          layer.name, layer.kind, shape(layer.outputShape), grouped(Double(layer.parameters)),
          grouped(Double(layer.multiplyAdds)),
          layer.jump == nil && layer.receptiveField != nil ? "all" : side(layer.receptiveField),
          side(layer.jump),
        ]
      })
    for layer in layers {
      if let warning = layer.warning { say("warning: \(layer.name), \(layer.kind): \(warning)") }
    }
  }
}

extension LayerSummary {
  /// The layer's type alone.
  var kind: String { String(layer.prefix { $0 != "(" }) }
}

extension [LayerSummary] {
  var parameters: Int { reduce(0) { $0 + $1.parameters } }
  var multiplyAdds: Int { reduce(0) { $0 + $1.multiplyAdds } }
}

/// `3×32×32`
func shape(_ sizes: [Int]) -> String { sizes.map(String.init).joined(separator: "×") }
