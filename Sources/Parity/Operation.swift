import Reference
import SwiftTorchLayers

/// Something of libtorch's that is compared: how a case of it is made and judged.
struct Operation: Sendable {
  /// PyTorch's name for it.
  let name: String
  /// The public types here that it covers.
  let covers: [String]
  /// The formats a case can be in.
  var formats: [Format] = [.float32, .float64, .float16, .bfloat16]
  /// The most cases that are worth running; nil for as many as asked for.
  var mostCases: Int?
  /// Makes a case, describes it and compares.
  let body: @Sendable (inout Draws, Comparison) throws -> Void
}

/// A case in which libtorch is wrong, found before it runs.
struct KnownDefect: Error {
  let text: String
}

extension Operation {
  /// Runs one case.
  /// - Parameter judgedAs: the device whose bounds hold, for tests; nil for that of the tensors.
  func run(
    seed: UInt64, case number: Int, choices: [Int]? = nil, format: Format? = nil, device: Device,
    steps: Int, disturb: Bool = false, judgedAs: Device? = nil,
    announce: @escaping (String) -> Void = { _ in }
  ) -> CaseResult {
    var draws = Draws(seed: seed, case: number, choices: choices)
    // Half of all cases are in float32.
    let mixed = formats + [Format](repeating: .float32, count: formats.count - 1)
    let drawn = draws.one(of: mixed)
    let format = format ?? drawn
    let comparison = Comparison(
      device: device, format: format, steps: steps, disturb: disturb,
      transforms: hasProducts || mostCases != nil, judgedAs: judgedAs, announce: announce)
    do {
      try ReciprocalRoot.$assumed.withValue(comparison.onCUDA ? .dividedOrFunction : .divided) {
        try body(&draws, comparison)
      }
    } catch let error as KnownDefect {
      comparison.result.known = error.text
    } catch let error as TorchError where comparison.isUnsupported(error.message) {
      comparison.result.unsupported = error.message
    } catch {
      comparison.fail("\(error)")
    }
    comparison.result.format = format.name
    comparison.result.choices = draws.choices
    return comparison.result
  }
}

extension Operation {
  /// Whether tensor cores may round its factors.
  var hasProducts: Bool { name.hasPrefix("conv") || name == "linear" }
}
