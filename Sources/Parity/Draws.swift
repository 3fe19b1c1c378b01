import Reference
import SwiftTorchLayers

/// What makes a case: a list of choices, each 0 for the simplest. They are drawn from a seed, or given, to
/// repeat a case or to try a simpler one.
struct Draws {
  /// The choices made so far.
  private(set) var choices: [Int] = []
  private let given: [Int]?
  private let number: Int
  private var random: SplitMix
  /// The numbers in tensors have a source of their own: simpler choices keep them.
  private var content: SplitMix

  init(seed: UInt64, case number: Int, choices: [Int]? = nil) {
    given = choices
    self.number = number
    random = SplitMix(seed: seed &* 0x2545_F491_4F6C_DD1D &+ UInt64(number))
    content = SplitMix(seed: random.next())
  }

  /// A number of the range; its lower end is the simplest.
  mutating func int(_ range: ClosedRange<Int>) -> Int {
    choose(range, Int.random(in: 0...(range.upperBound - range.lowerBound), using: &random))
  }

  private mutating func choose(_ range: ClosedRange<Int>, _ drawn: Int) -> Int {
    let choice = given.map { choices.count < $0.count ? $0[choices.count] : 0 } ?? drawn
    let kept = max(0, min(choice, range.upperBound - range.lowerBound))
    choices.append(kept)
    return range.lowerBound + kept
  }

  /// True once in `n` times; false is the simplest.
  mutating func oneIn(_ n: Int) -> Bool { int(0...n - 1) == n - 1 }

  /// One of the values; the first is the simplest.
  mutating func one<Value>(of values: [Value]) -> Value { values[int(0...values.count - 1)] }

  /// One of the values, a case after the other in turn.
  mutating func turn<Value>(of values: [Value]) -> Value {
    values[choose(0...values.count - 1, number % values.count)]
  }

  /// Numbers of a kind, as a format can keep them.
  mutating func numbers(_ shape: [Int], _ kind: Values, _ format: Format) -> [Double] {
    let special: [Double] = [.nan, .infinity, -.infinity]
    return (0..<shape.reduce(1, *)).map { _ in
      let uniform = Double.random(in: -1...1, using: &content)
      let which = Int.random(in: 0..<20, using: &content)
      switch kind {
      case .plain: return format.rounded(uniform)
      case .normal: return which == 0 ? 0 : format.rounded(uniform)
      case .ties: return (uniform * 3).rounded() / 2
      case .small: return format.rounded(uniform * 1e-3)
      case .tiny: return format.rounded(uniform * format.smallest * 1000)
      case .large: return format.rounded(uniform * format.someLarge)
      case .unit: return which < 2 ? Double(which) : format.rounded(uniform.magnitude)
      case .special:
        return which < 2 ? special[Int.random(in: 0...2, using: &content)] : format.rounded(uniform)
      case .wide: return which == 0 ? (uniform * 7).rounded() : format.rounded(uniform * 10)
      }
    }
  }

  /// Whole numbers in a range.
  mutating func integers(_ count: Int, _ range: Range<Int>) -> [Int] {
    (0..<count).map { _ in Int.random(in: range, using: &content) }
  }

  /// The numbers `0..<count` in random order.
  mutating func permutation(_ count: Int) -> [Int] { Array(0..<count).shuffled(using: &content) }

  /// A number to seed libtorch with.
  mutating func seed() -> UInt64 { content.next() >> 16 }
}

/// What kind of numbers a tensor holds.
enum Values: String, CaseIterable {
  /// In ±1, one in twenty zero.
  case normal
  /// In ±1, none exactly zero.
  case plain
  /// Few different ones: −1.5, −1, … 1.5.
  case ties
  case small
  /// Subnormal ones.
  case tiny
  /// Large ones whose products are still finite.
  case large
  /// Probabilities: 0 to 1, both among them.
  case unit
  /// NaN and infinities among others.
  case special
  /// In ±10, where activations have their bends; one in twenty a whole number.
  case wide

  /// Kinds whose arithmetic stays finite.
  static let finite: [Values] = [.normal, .normal, .small, .tiny, .large]
  static let all: [Values] = finite + [.ties, .special]
}
