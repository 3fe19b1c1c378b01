import Formats

/// The result of a parity run as a page.
public struct ParityPage {
  let suite: ParitySuite
  let libtorch: String
  let reports: [OperationReport]
  let seconds: Double

  public init(suite: ParitySuite, libtorch: String, reports: [OperationReport], seconds: Double) {
    self.suite = suite
    self.libtorch = libtorch
    self.reports = reports
    self.seconds = seconds
  }

  public func write(to path: String) throws {
    try FileIO.writeAtomically(Array("".utf8), to: path)
  }
}
