import Reference
import SwiftTorchLayers

/// A run of a case for the self-test. It keeps what was compared, and may move one number of libtorch's side: an
/// element of an input, a parameter or a gradient that libtorch computes with, while the reference has the right one.
///
/// A number that is moved changes libtorch's results. Where they change by more than twice the bound, one of the two
/// results must be outside of the bound, whatever the exact value is: the comparison has to notice.
final class Trial {
  /// Which number is moved, and how.
  struct Move {
    /// The tensor, counted in the order in which libtorch gets them.
    let source: Int
    /// Of the random place in it.
    let seed: UInt64
    /// Its sign is turned, it is left out, or a quarter of it is.
    let kind: Int
    /// All numbers of the tensor are turned and 64 times as large: one pixel moves the loss of a whole network by less
    /// than the bound that has grown through its layers.
    var isWhole = false

    func apply(_ values: [Double], _ format: Format) -> [Double] {
      guard !values.isEmpty else { return values }
      if isWhole { return values.map { -64 * $0 } }
      var random = SplitMix(seed: seed)
      let start = Int.random(in: values.indices, using: &random)
      let places = Array(values.indices[start...]) + values.indices[..<start]
      guard let place = places.first(where: { values[$0].isFinite && values[$0] != 0 }) else { return values }
      var values = values
      // Numbers that may not be negative, such as weights of classes and probabilities, stay so.
      let hasSign = values.contains { $0 < 0 }
      switch kind % 3 {
      case 0 where hasSign: values[place] = -values[place]
      case 0, 1: values[place] = 0
      default: values[place] = format.rounded(0.75 * values[place])
      }
      return values
    }
  }

  /// A tensor of libtorch's that was compared.
  struct Compared {
    let what: String
    let values: [Double]
    let exact: [Double]
    let bounds: [Double]
    /// What the comparison found.
    let fraction: Double

    /// Its name without the numbers in it: all gradients of all steps are of one kind.
    var kind: String { String(what.filter { !$0.isNumber }).split(separator: " ").joined(separator: " ") }
  }

  let move: Move?
  private(set) var compared: [Compared] = []
  /// How many tensors libtorch was given whose numbers the reference has from elsewhere.
  private(set) var passed = 0
  private(set) var proof = Proof()
  private var promised: [String] = []

  init(move: Move?) { self.move = move }

  var isMoving: Bool { move != nil }

  /// The numbers that libtorch gets instead of these.
  func passing(_ values: [Double], _ format: Format) -> [Double] {
    defer { passed += 1 }
    guard let move, move.source == passed else { return values }
    return move.apply(values, format)
  }

  /// Names tensors that the case has to compare.
  func promise(_ names: [String]) { promised += names }

  /// Takes in what was compared, and in an undisturbed run asks for the verdict at the bound's edges.
  func note(_ tensor: Compared, by comparison: Comparison) {
    compared.append(tensor)
    guard !isMoving, !comparison.normwise else { return }
    let judged = tensor.bounds.indices.filter {
      tensor.exact[$0].isFinite && tensor.bounds[$0].isFinite
        && tensor.exact[$0].magnitude < comparison.format.largest / 2
    }
    for place in Set([judged.first, judged.last].compactMap(\.self)) {
      let (exact, bound) = (tensor.exact[place], tensor.bounds[place])
      if bound == 0, comparison.fraction(exact.nextUp, exact, bound) != .infinity {
        proof.problems.append("\(tensor.what)[\(place)] may differ from a number that is exact")
      }
      for (factor, isInside) in [(0.9, true), (-0.9, true), (1.1, false), (-1.1, false)] {
        var values = tensor.values
        values[place] = exact + factor * bound
        // In float64 there may be no number there.
        guard ((values[place] - exact) / bound - factor).magnitude < 0.05 else { continue }
        if (comparison.worst(values, tensor.exact, tensor.bounds) <= 1) != isInside {
          proof.problems.append(
            "\(tensor.what)[\(place)] at \(factor) of its bound is \(isInside ? "outside" : "inside")")
        }
      }
    }
  }

  /// What was promised and not compared.
  var missing: [String] { promised.filter { name in !compared.contains { $0.what == name } } }
}

/// What the self-test saw of a case.
struct Proof: Codable, Sendable {
  /// How many tensors of each kind were compared.
  var compared: [String: Int] = [:]
  /// Those that a moved number brought outside of their bounds, and the comparison noticed.
  var caught: [String: Int] = [:]
  /// Those that it brought outside, and the comparison did not notice.
  var missed: [String] = []
  /// What else is wrong with the comparison.
  var problems: [String] = []

  mutating func add(_ other: Proof) {
    compared.merge(other.compared, uniquingKeysWith: +)
    caught.merge(other.caught, uniquingKeysWith: +)
    missed += other.missed
    problems += other.problems
  }

  /// Adds what came of a moved number.
  mutating func add(before: Trial, after: Trial, normwise: Bool) {
    problems += before.missing.map { "\($0) was not compared" }
    guard before.compared.map(\.what) == after.compared.map(\.what) else {
      return problems.append("the disturbed case compares other tensors")
    }
    for (first, second) in zip(before.compared, after.compared) {
      compared[first.kind, default: 0] += 1
      let largest = first.bounds.lazy.filter(\.isFinite).max() ?? 0
      let mustBeCaught = first.values.indices.contains { place in
        let bound = normwise ? largest : first.bounds[place]
        guard first.exact[place].isFinite, bound.isFinite, first.values[place].isFinite,
          // The reference has not seen the move.
          second.exact[place] == first.exact[place], second.bounds[place] == first.bounds[place]
        else { return false }
        let change = (second.values[place] - first.values[place]).magnitude
        return !(change <= 2 * bound * (1 + 0x1p-20))
      }
      guard mustBeCaught else { continue }
      if second.fraction > 1 {
        caught[first.kind, default: 0] += 1
      } else {
        missed.append(second.what)
      }
    }
  }
}

extension OperationReport {
  /// How often a kind of tensor has to be compared before it must have been caught: a moved number may not reach it.
  private static let enough = 20

  /// Whether every tensor was caught that a moved number brought outside of its bound, in every format.
  public var caught: Bool { missed.isEmpty && crashes.isEmpty && (cases == 0 || caughtTensors > 0) }

  /// Takes in what the self-test saw in each format.
  mutating func conclude(_ proofs: [String: Proof]) {
    for (format, proof) in proofs.sorted(by: { $0.key < $1.key }) {
      caughtTensors += proof.caught.values.reduce(0, +)
      missed += proof.problems.map { "\(format): \($0)" }
      missed += proof.missed.map { "\(format): \($0) was outside of its bound, and passed" }
      for (kind, count) in proof.compared.sorted(by: { $0.key < $1.key })
      where count >= Self.enough && proof.caught[kind] == nil {
        missed.append(
          "\(format): of \(count) times \(kind), no moved number brought one outside of its bound")
      }
    }
  }
}
