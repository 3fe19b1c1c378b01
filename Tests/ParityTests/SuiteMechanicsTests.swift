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
      let comparison = Comparison(device: .cpu, format: .float32, steps: 1)
      comparison.judge([own], [exact], [bound], "made")
      return comparison.result.fraction
    }
    #expect(fraction(.nan, .nan, 0) == 0 && fraction(.infinity, .infinity, .nan) == 0)
    #expect(fraction(.nan, 1, 10) == .infinity && fraction(1, .nan, 10) == .infinity)
    #expect(fraction(.infinity, -.infinity, 10) == .infinity && fraction(.infinity, 1, 10) == .infinity)
    #expect(fraction(1, 1, 0) == 0 && fraction(1.5, 1, 0) == .infinity && fraction(1.5, 1, 1) == 0.5)
    // Beyond the largest float32 an infinity is right.
    #expect(fraction(.infinity, 1e39, 1) == 0)
    // Without a bound any finite number passes, but neither NaN nor infinity.
    #expect(fraction(5, 1, .infinity) == 0 && fraction(5, 1, .nan) == 0)
    #expect(fraction(.nan, 1, .infinity) == .infinity && fraction(.infinity, 1, .infinity) == .infinity)
    #expect(fraction(-.infinity, 1, .nan) == .infinity)
  }

  @Test("only an error that says so is a missing kernel")
  func missingKernels() {
    let comparison = Comparison(device: .cpu, format: .float16, steps: 1)
    #expect(comparison.isUnsupported("\"avg_pool3d_out_frame\" not implemented for 'Half'"))
    #expect(!comparison.isUnsupported("Expected 4-dimensional input, but got 3-dimensional input"))
    #expect(
      !comparison.isUnsupported("unable to find an engine to execute this computation"), "cuDNN's, on a CPU")
  }

  @Test("numbers with and without a bound are counted, equal or not")
  func counting() {
    let comparison = Comparison(device: .cpu, format: .float32, steps: 1)
    comparison.judge([1, 2, 3, .nan], [1, 2, 4, .nan], [0, .infinity, .nan, 1], "made")
    #expect(comparison.result.bounded == 1 && comparison.result.unbounded == 2)
    #expect(comparison.result.elements == 4 && !comparison.result.failed)
  }

  // MARK: the checker checks itself

  /// A convolution's parity with one thing left out of the comparison, as a change of the checker would.
  private func checked(_ spoil: @escaping @Sendable (Comparison, Int) throws -> Void) throws
    -> OperationReport
  {
    let operation = Operation(name: "made", covers: [], formats: [.float32]) { draws, comparison in
      let shape = [draws.int(2...5), draws.int(1...5)]
      let (x, w) = (
        draws.numbers(shape, .plain, .float32), draws.numbers([shape[1]], .plain, .float32)
      )
      comparison.trial?.promise(["output", "weight gradient"])
      let weight = try comparison.tensor(w, [shape[1]], requiresGrad: true)
      let y = try comparison.tensor(x, shape) * weight
      let exact = (0..<x.count).map {
        Running(x[$0], format: .float32) * Running(w[$0 % shape[1]], format: .float32)
      }
      try comparison.expect(y, NDArray(exact, shape: shape), "output")
      try y.sum().backward()
      try spoil(comparison, shape[0])
      guard comparison.result.text != "no gradient" else { return }
      let sums = (0..<shape[1]).map { column -> Running in
        var sum = RunningSum()
        for row in 0..<shape[0] { sum.add(Running(x[row * shape[1] + column], format: .float32)) }
        let total = sum.total()
        return comparison.result.text == "no bound"
          ? Running(total.value, error: .infinity, format: .float32) : total
      }
      try comparison.expect(weight.grad, NDArray(sums, shape: [shape[1]]), "weight gradient")
    }
    let suite = ParitySuite(cases: 30, seed: 5, selfTest: true)
    return try suite.report(operation) { number, _ in
      operation.test(seed: suite.seed, case: number, device: .cpu, steps: 1)
    }
  }

  @Test("the self-test passes a whole comparison, and catches what each tensor shows of a moved number")
  func wholeComparison() throws {
    let report = try checked { _, _ in }
    #expect(report.caught && report.caughtTensors >= 30, "\(report.missed)")
  }

  @Test("the self-test notices a gradient that is not compared")
  func notCompared() throws {
    let report = try checked { comparison, _ in comparison.describe("no gradient") }
    #expect(!report.caught && report.missed.contains("float32: weight gradient was not compared"))
  }

  @Test("the self-test notices bounds that are infinite")
  func noBounds() throws {
    let report = try checked { comparison, _ in comparison.describe("no bound") }
    #expect(
      report.missed
        == ["float32: of 30 times weight gradient, no moved number brought one outside of its bound"])
  }

  @Test("too little of anything is a shortfall with its sentence", arguments: 0..<7)
  func shortfalls(_ which: Int) {
    let expected = Expectation(
      cases: 40, tensors: 100, numbers: 1000, unbounded: 5, unsupported: 3, known: 2, worst: 0.8)
    var found = FormatReport()
    (found.cases, found.tensors, found.numbers) = (30, 75, 750)
    (found.unbounded, found.unsupported, found.known, found.worst) = (5, 3, 2, 0.41)
    #expect(expected.shortfalls(found) == [])
    var sentence = ""
    switch which {
    case 0: (found.cases, sentence) = (29, "29 cases compared where at least 30 are expected")
    case 1: (found.tensors, sentence) = (74, "74 tensors with a bound where at least 75 are expected")
    case 2: (found.numbers, sentence) = (749, "749 numbers with a bound where at least 750 are expected")
    case 3: (found.unbounded, sentence) = (6, "6 numbers without a bound where at most 5 are expected")
    case 4:
      (found.unsupported, sentence) = (4, "4 cases without a kernel in libtorch where at most 3 are expected")
    case 5: (found.known, sentence) = (3, "3 cases left out as known defects where at most 2 are expected")
    default:
      (found.worst, sentence) = (0.39, "no error above 0.39 of its bound where one above 0.4 is expected")
    }
    #expect(expected.shortfalls(found) == [sentence])
  }

  @Test("an operation of which nothing was compared has failed, unless libtorch has no kernel in that format")
  func nothingCompared() {
    let table = Expectation.parse("made float16 0 0 0 0 9 0 0\nmade float32 9 9 9 0 0 0 0.5\n")
    func shortfalls(_ format: String, unsupported: Int, cases: Int = 0) -> [String] {
      var (report, found) = (OperationReport(name: "made"), FormatReport())
      (found.unsupported, found.cases, report.cases) = (unsupported, cases, cases)
      report.formats[format] = found
      return ParitySuite(cases: 4, seed: 1).shortfalls(of: report, table: table)
    }
    #expect(shortfalls("float16", unsupported: 4) == [])
    #expect(shortfalls("float32", unsupported: 0, cases: 4) == [])
    #expect(
      shortfalls("float32", unsupported: 4) == [
        "float32: 4 cases without a kernel in libtorch, which should have one", "no case was compared",
      ])
    #expect(shortfalls("float64", unsupported: 0, cases: 2).count == 1)
    #expect(ParitySuite(cases: 4).shortfalls(of: OperationReport(name: "made"), table: table).count == 1)
  }

  @Test("the table has a line for each operation and format, and no other")
  func table() {
    let lines = Expectation.all.map { ($0.key, Set($0.value.keys)) }
    let formats = Dictionary(uniqueKeysWithValues: lines)
    #expect(
      formats
        == Dictionary(
          uniqueKeysWithValues: ParitySuite.operations.map { ($0.name, Set($0.formats.map(\.name))) }))
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
