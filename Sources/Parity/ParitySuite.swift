import Reference
import SwiftTorchLayers

/// How far one operation of libtorch is from the reference, over many cases.
public struct OperationReport: Codable, Sendable {
  public let name: String
  public let cases: Int
  /// The largest error as a fraction of its computed bound; above 1 the operation fails.
  public let worst: Double
  /// The case that gave it.
  public let worstCase: String
  public var failed: Bool { !(worst <= 1) }
}

/// Compares libtorch's results with the reference's, operation by operation, on made cases in float32.
///
/// The reference computes in Double from the same float32 inputs. Bounds are computed from the operands
/// (`ErrorBounds`), never tuned.
public struct ParitySuite {
  public var cases: Int
  public var seed: UInt64
  public var device: Device
  /// Adds 4 times its bound to one element of every result of libtorch: each operation must then fail.
  public var disturb: Bool

  public init(cases: Int = 200, seed: UInt64 = 0, device: Device = .cpu, disturb: Bool = false) {
    self.cases = cases
    self.seed = seed
    self.device = device
    self.disturb = disturb
  }

  /// The names of all operations, in the order of the report.
  public static var names: [String] { operations.map(\.name) }

  static let operations: [Operation] =
    [1, 2, 3].map(convolution) + [
      linear, maxPooling, averagePooling, relu, softmax, logSoftmax, crossEntropyLoss,
    ]

  /// Runs the operations named; nil runs all.
  /// - Parameter finished: receives each report as soon as it is there.
  public func run(only name: String? = nil, finished: (OperationReport) -> Void = { _ in }) throws
    -> [OperationReport]
  {
    try Self.operations.filter { name == nil || $0.name == name }.map { operation in
      var random = SplitMix(seed: seed)
      var worst = -1.0
      var worstCase = ""
      for number in 0..<cases {
        let comparison = Comparison(device: device, disturb: disturb)
        let shapes = try operation.body(&random, comparison)
        if comparison.worst > worst || comparison.worst.isNaN {
          worst = comparison.worst
          worstCase = "case \(number): \(shapes), \(comparison.place)"
        }
      }
      let report = OperationReport(name: operation.name, cases: cases, worst: worst, worstCase: worstCase)
      finished(report)
      return report
    }
  }
}

/// An operation and how a case of it is made and compared; the body returns the case in words.
struct Operation: Sendable {
  let name: String
  let body: @Sendable (inout SplitMix, Comparison) throws -> String
}

/// Collects the largest error of a case as a fraction of the bound.
final class Comparison {
  let device: Device
  let disturb: Bool
  private(set) var worst = 0.0
  private(set) var place = "exact"

  init(device: Device, disturb: Bool) {
    self.device = device
    self.disturb = disturb
  }

  /// The array as a float32 tensor on the device.
  func tensor(_ array: NDArray<Double>, requiresGrad: Bool = false) throws -> Tensor {
    try Tensor(array.values.map(Float.init), shape: array.shape).to(device).requiresGrad(requiresGrad)
  }

  /// Compares a result with the reference's, each element with a bound of its own.
  func expect(_ own: Tensor?, _ reference: NDArray<Double>, _ what: String, bound: (Int) -> Double) throws {
    guard let own, own.shape == reference.shape else {
      worst = .infinity
      place = "\(what) has shape \(own?.shape ?? []), the reference's is \(reference.shape)"
      return
    }
    var values = try own.scalars(as: Double.self)
    if disturb, !values.isEmpty { values[values.count / 2] += 4 * max(bound(values.count / 2), 0x1p-149) }
    for (index, (a, b)) in zip(values, reference.values).enumerated() {
      let error = abs(a - b)
      let fraction = error == 0 || (a.isNaN && b.isNaN) ? 0 : error / bound(index)
      if fraction > worst || fraction.isNaN {
        worst = fraction.isNaN ? .infinity : fraction
        place = "\(what)[\(index)]: \(a), reference \(b)"
      }
    }
  }
}

/// The repeatable source of cases: SplitMix64.
/// - Source: Steele, Lea & Flood 2014, https://doi.org/10.1145/2714064.2660195
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// Float32 values, mostly in ±1, now and then tiny, large or zero.
  mutating func array(_ shape: [Int]) -> NDArray<Double> {
    let scale = [1, 1, 1, 1e-3, 1e3, 1e-20][int(0...5)]
    return NDArray(
      (0..<shape.reduce(1, *)).map { _ in
        int(0...19) == 0 ? 0 : Double(Float(Double.random(in: -1...1, using: &self) * scale))
      }, shape: shape)
  }
}
