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
  /// Whether what is compared depends on the numbers: a line search goes on until they are good enough.
  var dependsOnValues = false
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
    steps: Int, shrink: Double = 1, judgedAs: Device? = nil,
    announce: @escaping (String) -> Void = { _ in }
  ) -> CaseResult {
    let draws = Draws(seed: seed, case: number, choices: choices)
    return run(
      draws, format: format, device: device, steps: steps, trial: nil, shrink: shrink, judgedAs: judgedAs,
      announce: announce)
  }

  /// Runs a case as an ordinary one, and then again with a number of libtorch's side moved, and says whether that
  /// was seen.
  func test(
    seed: UInt64, case number: Int, format: Format? = nil, device: Device, steps: Int,
    announce: @escaping (String) -> Void = { _ in }
  ) -> CaseResult {
    func run(_ trial: Trial) -> CaseResult {
      self.run(
        Draws(seed: seed, case: number), format: format, device: device, steps: steps, trial: trial,
        announce: announce)
    }
    let first = Trial(move: nil)
    var result = run(first)
    guard result.known == nil, result.unsupported == nil else { return result }
    var proof = first.proof
    if result.failed { proof.problems.append("undisturbed: \(result.place)") }
    if first.passed == 0 { proof.problems.append("libtorch was given no number that could be moved") }
    // Whole networks have few cases, and so more numbers are moved in each.
    let count = min(first.passed, mostCases == nil ? 1 : 6)
    for index in 0..<count {
      let source = count == 1 ? number % first.passed : index * first.passed / count
      let second = Trial(
        move: Trial.Move(
          source: source, seed: seed &+ UInt64(number), kind: (number + index) / 2,
          isWhole: mostCases != nil && index % 2 == 0))
      let moved = run(second)
      // A line search takes other steps after a moved number, and then there is nothing to hold beside it.
      if dependsOnValues, moved.broken || first.compared.map(\.what) != second.compared.map(\.what) {
        continue
      }
      if moved.broken { proof.problems.append("disturbed: \(moved.place)") }
      proof.add(before: first, after: second, normwise: device.isCUDA && hasTransforms)
    }
    result.proof = proof
    return result
  }

  private func run(
    _ given: Draws, format: Format?, device: Device, steps: Int, trial: Trial?, shrink: Double = 1,
    judgedAs: Device? = nil, announce: @escaping (String) -> Void
  ) -> CaseResult {
    var draws = given
    // Half of all cases are in float32.
    let mixed = formats + [Format](repeating: .float32, count: formats.count - 1)
    let drawn = draws.one(of: mixed)
    let format = format ?? drawn
    let comparison = Comparison(
      device: device, format: format, steps: steps, trial: trial, transforms: hasTransforms,
      shrink: shrink, judgedAs: judgedAs, announce: announce)
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

  /// Whether a library may compute it by a transform.
  var hasTransforms: Bool { hasProducts || mostCases != nil }
}
