import Reference
import SwiftTorchLayers
import Testing

@testable import Parity

/// How the suite makes, shrinks and judges cases, shown with operations that fail on purpose.
@Suite("The suite's own mechanics")
struct SuiteMechanicsTests {
  /// Fails from `failing` channels on, by twice the bound.
  private func operation(failing: Int) -> Operation {
    Operation(name: "made", covers: [], formats: [.float32]) { draws, comparison in
      let (size, channels) = (draws.int(1...50), draws.int(1...20))
      comparison.describe("size \(size), channels \(channels)")
      let off = channels >= failing ? 2.0 : 0.5
      comparison.judge([off], [0], [1], "made")
    }
  }

  private func report(_ operation: Operation, _ suite: ParitySuite) throws -> OperationReport {
    try suite.report(operation) { number, choices in
      operation.run(seed: suite.seed, case: number, choices: choices, device: .cpu, steps: 1)
    }
  }

  @Test("a failing case is shrunk to the simplest that still fails, and named with its choices")
  func shrinking() throws {
    let report = try report(operation(failing: 7), ParitySuite(cases: 40, seed: 2))
    #expect(report.failed && report.worst == 2)
    #expect(report.worstCase.contains("size 1, channels 7;"), "\(report.worstCase)")
    // The format, the size and the channels, as distances from the simplest.
    #expect(report.repeat.hasSuffix("--choices 0,0,6"), "\(report.repeat)")
  }

  @Test("the same seed makes the same cases, another makes others")
  func seeds() {
    func texts(_ seed: UInt64) -> [String] {
      (0..<10).map { operation(failing: 99).run(seed: seed, case: $0, device: .cpu, steps: 1).text }
    }
    #expect(texts(4) == texts(4) && texts(4) != texts(5))
  }

  @Test("a crash is a failure with the command that repeats it, and the other cases run")
  func crash() throws {
    let operation = operation(failing: 99)
    let suite = ParitySuite(cases: 12, seed: 0)
    let report = try suite.report(operation) { number, choices in
      if number == 5 { throw WorkerCrash(text: "signal 11 in case five") }
      return operation.run(seed: 0, case: number, choices: choices, device: .cpu, steps: 1)
    }
    #expect(report.failed && report.cases == 11)
    #expect(
      report.crashes == ["signal 11 in case five; repeat: torchlayers parity --only made --seed 0 --case 5"])
  }

  @Test("NaN matches only NaN, an infinity only itself, and nothing is inside a bound of zero but equality")
  func judging() {
    func fraction(_ own: Double, _ exact: Double, _ bound: Double) -> Double {
      let comparison = Comparison(device: .cpu, format: .float32, steps: 1, disturb: false)
      comparison.judge([own], [exact], [bound], "made")
      return comparison.result.fraction
    }
    #expect(fraction(.nan, .nan, 0) == 0 && fraction(.infinity, .infinity, .nan) == 0)
    #expect(fraction(.nan, 1, 10) == .infinity && fraction(1, .nan, 10) == .infinity)
    #expect(fraction(.infinity, -.infinity, 10) == .infinity && fraction(.infinity, 1, 10) == .infinity)
    #expect(fraction(1, 1, 0) == 0 && fraction(1.5, 1, 0) == .infinity && fraction(1.5, 1, 1) == 0.5)
    // Beyond the largest float32 an infinity is right.
    #expect(fraction(.infinity, 1e39, 1) == 0)
  }

  @Test("Running's bound holds for float32 arithmetic on random expressions, and is not idle")
  func running() {
    var random = SplitMix(seed: 3)
    var worst = 0.0
    for _ in 0..<20_000 {
      let (a, b) = (Float.random(in: -2...2, using: &random), Float.random(in: 0.5...2, using: &random))
      let (x, y) = (
        Running(Double(a), format: .float32), Running(Double(b), format: .float32)
      )
      for (own, exact) in [
        (a * b + a - b / (a * a + b), x * y + x - y / (x * x + y)),
        ((a * b).exp() * b.log(), (x * y).exp() * y.log()), ((a - b).tanh() / b, (x - y).tanh() / y),
        ((a * a + b).sqrt() * a, (x * x + y).sqrt() * x), ((a * b).sigmoid(), (x * y).sigmoid()),
      ] {
        let fraction = abs(Double(own) - exact.value) / exact.error
        worst = max(worst, fraction)
      }
    }
    #expect(worst <= 1 && worst > 0.3, "\(worst)")
  }

  @Test("PyTorch's generator: the reference draws the numbers, masks and order that libtorch draws")
  func generator() throws {
    for seed in [0, 1, 5489, 1 << 40 + 3] as [UInt64] {
      try Torch.manualSeed(seed)
      var own = MersenneTwister(seed: seed)
      let uniform = try Tensor.rand([1000]).scalars(as: Float.self)
      #expect(uniform == (0..<1000).map { _ in own.uniform(0, 1) })
      try Torch.manualSeed(seed)
      own = MersenneTwister(seed: seed)
      let kept = try SwiftTorchLayers.Dropout(p: 0.4)(Tensor.ones([1000])).scalars(as: Float.self)
      #expect(kept.map { $0 != 0 } == (0..<1000).map { _ in own.bernoulli(0.6) })
      let generator = try Generator(seed: seed)
      var shuffler = MersenneTwister(seed: seed)
      #expect(
        try Tensor.randperm(1003, generator: generator).scalars(as: Int.self) == shuffler.permutation(1003))
    }
  }
}
