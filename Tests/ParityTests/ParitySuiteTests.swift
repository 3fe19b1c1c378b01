import Parity
import Testing

@Suite("libtorch against the reference")
struct ParitySuiteTests {
  @Test("every operation is inside its computed bound", arguments: ParitySuite.names)
  func within(_ name: String) throws {
    let report = try #require(try ParitySuite(cases: 4, seed: 1, steps: 2).run(only: name).first)
    #expect(!report.failed, "\(report.worst) of the bound at \(report.worstCase)")
  }

  // Those of whole networks take minutes without optimisation; `torchlayers parity --self-test` has them.
  @Test(
    "a number of libtorch's side that is moved is noticed, for every operation",
    arguments: ParitySuite.names.filter { !$0.contains("+") })
  func caught(_ name: String) throws {
    let suite = ParitySuite(cases: 12, seed: 1, steps: 1, selfTest: true)
    let report = try #require(try suite.run(only: name).first)
    #expect(report.caught && report.caughtTensors > 0, "\(report.missed.prefix(3))")
  }
}
