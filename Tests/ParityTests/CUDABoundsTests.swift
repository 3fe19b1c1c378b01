import Reference
import SwiftTorchLayers
import Testing

@testable import Parity

/// What is judged otherwise on a GPU, shown on the CPU.
@Suite("The bounds on CUDA")
struct CUDABoundsTests {
  private static func comparison(
    _ device: Device = .cuda, _ format: Format = .float32, transforms: Bool = true
  ) -> Comparison {
    Comparison(
      device: .cpu, format: format, steps: 1, transforms: transforms, judgedAs: device)
  }

  // MARK: Reciprocal square roots

  @Test(
    "a reciprocal square root that is off by two units in the last place is inside CUDA's bound, not the CPU's"
  )
  func reciprocalRoot() {
    var random = SplitMix(seed: 5)
    var (largest, outside) = (0.0, 0)
    for _ in 0..<20_000 {
      let x = Float.random(in: 0.25...4, using: &random)
      let number = Running(Double(x), format: .float32)
      let exact = number.reciprocalRoot()
      let wide = ReciprocalRoot.$assumed.withValue(.dividedOrFunction) { number.reciprocalRoot() }
      #expect(exact.value == wide.value && exact.error < wide.error)
      let own = Float(exact.value)
      // Two units beside the nearest number, on the side where that is no more than two beside the exact one.
      let off = [own.nextUp.nextUp, own.nextDown.nextDown].map { abs(Double($0) - exact.value) }.min()!
      #expect(abs(Double(1 / x.squareRoot()) - exact.value) <= exact.error)
      largest = max(largest, off / wide.error)
      outside += off > exact.error ? 1 : 0
    }
    #expect(largest <= 1 && largest > 0.9, "\(largest)")
    #expect(outside > 1000, "\(outside)")
  }

  @Test(
    "of an argument that has an error itself, the bound takes in what a root and a function make of both its ends"
  )
  func reciprocalRootOfError() {
    for (value, error) in [(1.0, 0.25), (4, 1e-3), (1e-5, 0.9e-5), (9, 0)] {
      let wide = ReciprocalRoot.$assumed.withValue(.dividedOrFunction) {
        Running(value, error: error, format: .float32).reciprocalRoot()
      }
      for x in [value - error, value + error] {
        #expect(abs(1 / x.squareRoot() - wide.value) <= wide.error)
      }
    }
    let open = ReciprocalRoot.$assumed.withValue(.dividedOrFunction) {
      Running(1, error: 1, format: .float32).reciprocalRoot()
    }
    #expect(open.error == .infinity)
  }

  @Test(
    "every normalization's cases hold with it: the same error is no larger a part of the bound",
    arguments: [
      "batch_norm1d", "batch_norm2d", "batch_norm3d", "layer_norm", "group_norm", "instance_norm1d",
      "instance_norm2d", "instance_norm3d",
    ])
  func normalisation(_ name: String) throws {
    let operation = try #require(ParitySuite.operation(name))
    for number in 0..<12 {
      let run = { (device: Device) in
        operation.run(seed: 7, case: number, format: .float32, device: .cpu, steps: 1, judgedAs: device)
      }
      let (cpu, cuda) = (run(.cpu), run(.cuda))
      #expect(!cpu.failed && !cuda.failed && cpu.ulps == cuda.ulps, "\(cpu.place) \(cuda.place)")
      #expect(cuda.fraction <= cpu.fraction)
    }
  }

  @Test(
    "every normalization's bound on CUDA is the CPU's or wider: a variance has most of it from its own sum")
  func widerBounds() {
    let layers: [any Layer] = [
      Reference.BatchNorm(eps: 1e-5), GroupNormalization(.lastDimensions(1), eps: 1e-5),
      GroupNormalization(.channels(2), eps: 1e-5), InstanceNormalization(eps: 1e-5),
    ]
    var random = SplitMix(seed: 3)
    let values = (0..<2 * 4 * 6).map { _ in
      Running(Double(Float.random(in: -1...1, using: &random)), format: .float32)
    }
    let x = NDArray(values, shape: [2, 4, 6])
    for layer in layers {
      let run = { (assumed: ReciprocalRoot) in
        ReciprocalRoot.$assumed.withValue(assumed) {
          let result = layer.evaluate(x)
          return result.output.values + result.backward(x).input.values
        }
      }
      let pairs = zip(run(.divided), run(.dividedOrFunction))
      #expect(pairs.allSatisfy { $0.value == $1.value && $0.error <= $1.error }, "\(layer)")
    }
  }

  @Test("a case is judged by the bounds of its device")
  func assumed() {
    for (device, way) in [(Device.cpu, ReciprocalRoot.divided), (.cuda, .dividedOrFunction)] {
      let operation = Operation(name: "made", covers: []) { _, _ in #expect(ReciprocalRoot.assumed == way) }
      _ = operation.run(seed: 0, case: 0, device: .cpu, steps: 1, judgedAs: device)
    }
  }

  // MARK: Transforms

  private static func judge(
    _ comparison: Comparison, _ own: [Double], _ exact: [Double], reached: [Int]
  ) -> CaseResult {
    comparison.judge(
      own, exact, exact.map { _ in 1e-6 }, "made", reached: { place in reached.contains(place) })
    return comparison.result
  }

  @Test("where a transform may spread them, NaN and infinities are right beside numbers, and only there")
  func spreading() {
    let exact = [1, 2, .nan, .infinity]
    func fraction(_ own: [Double], reached: [Int]) -> Double {
      Self.judge(Self.comparison(), own, exact, reached: reached).fraction
    }
    #expect(fraction([1, 2, .nan, .infinity], reached: []) == 0)
    #expect(fraction([.nan, -.infinity, .nan, .nan], reached: [0, 1, 2, 3]) == 0)
    #expect(Self.judge(Self.comparison(), [.nan, 2, .nan, .nan], exact, reached: [0, 3]).spread == 2)
    #expect(fraction([.nan, 2, .nan, .infinity], reached: [1]) == .infinity)
    // A number where NaN is right is wrong everywhere, as is another number.
    #expect(fraction([1, 2, 0, .infinity], reached: [0, 1, 2, 3]) == .infinity)
    #expect(fraction([1.5, 2, .nan, .infinity], reached: [0, 1, 2, 3]) > 1)
  }

  private static let geometry = ConvolutionGeometry(
    stride: [1, 1], padding: [(0, 0), (0, 0)], dilation: [1, 1], groups: 1, paddingMode: .zeros)

  /// A convolution of three images by an operator with a fault: images that `isSpoilt` become NaN altogether.
  /// - Returns: what came of it, and which images have a number that is not finite.
  private func convolve(
    _ number: Int, _ values: Values, on device: Device, isSpoilt: (_ tainted: Bool) -> Bool
  ) throws -> (result: CaseResult, tainted: [Bool]) {
    let comparison = Self.comparison(device)
    var draws = Draws(seed: 3, case: number)
    let module = Conv2d(inChannels: 1, outChannels: 1, kernelSize: 2, bias: false)
    var tainted: [Bool] = []
    try comparison.compare(
      Conv(Self.geometry), module: module, input: [3, 1, 3, 4], values, layouts: [.contiguous], draws: &draws
    ) { x in
      let numbers = try x.detach().scalars(as: Float.self)
      tainted = (0..<3).map { image in numbers[image * 12..<(image + 1) * 12].contains { !$0.isFinite } }
      let factors = tainted.map { isSpoilt($0) ? Float.nan : 1 }
      return try module(x) * Tensor(factors, shape: [3, 1, 1, 1])
    }
    return (comparison.result, tainted)
  }

  @Test("of inputs that are all finite nothing may be NaN, on any device", arguments: [Device.cpu, .cuda])
  func finiteInputs(_ device: Device) throws {
    #expect(try convolve(0, .plain, on: device) { _ in false }.result.fraction <= 1)
    let spoilt = try convolve(0, .plain, on: device) { _ in true }.result
    #expect(spoilt.fraction == .infinity && spoilt.place.hasPrefix("output") && spoilt.spread == 0)
  }

  @Test(
    "a convolution's NaN may fill its own image on CUDA, no other image, and none on the CPU",
    arguments: 0..<40)
  func ownImage(_ number: Int) throws {
    for device in [Device.cpu, .cuda] {
      #expect(try convolve(number, .special, on: device) { _ in false }.result.fraction <= 1)
    }
    let (own, tainted) = try convolve(number, .special, on: .cuda) { $0 }
    // The gradients are those of the spoilt output, so that only the output is looked at.
    if tainted.contains(true) {
      #expect(own.spread > 0 && !own.place.hasPrefix("output"), "\(own.place)")
      let onCPU = try convolve(number, .special, on: .cpu) { $0 }.result
      #expect(onCPU.spread == 0)
    }
    if tainted.contains(false) {
      let other = try convolve(number, .special, on: .cuda) { !$0 }.result
      #expect(other.fraction == .infinity && other.place.hasPrefix("output"), "\(other.place)")
    }
  }

  // MARK: What has no kernel, and how many share a GPU

  private static let noEngine = [
    "GET was unable to find an engine to execute this computation",
    "FIND was unable to find an engine to execute this computation",
  ]

  @Test(
    "a 16-bit case without an engine of cuDNN's is unsupported on CUDA; of other formats and devices it is a failure"
  )
  func unsupported() {
    for text in Self.noEngine {
      #expect(Self.comparison(.cuda, .float16).isUnsupported(text))
      #expect(Self.comparison(.cuda, .bfloat16).isUnsupported(text))
      #expect(!Self.comparison(.cuda, .float32).isUnsupported(text))
      #expect(!Self.comparison(.cpu, .float16).isUnsupported(text))
    }
    for device in [Device.cpu, .cuda] {
      #expect(Self.comparison(device).isUnsupported("\"slow_conv3d\" not implemented for 'Half'"))
      #expect(!Self.comparison(device, .float16).isUnsupported("cuDNN error: CUDNN_STATUS_BAD_PARAM"))
    }
  }

  @Test("such a case counts as unsupported in the report, and does not fail the operation")
  func reported() throws {
    let operation = Operation(name: "made", covers: [], formats: [.float16]) { _, _ in
      throw TorchError(Self.noEngine[0])
    }
    let run = { operation.run(seed: 0, case: 0, device: .cpu, steps: 1, judgedAs: $0) }
    var report = OperationReport(name: "made")
    report.add(run(.cuda), command: "")
    #expect(report.unsupported == 1 && report.cases == 0 && !report.failed)
    report.add(run(.cpu), command: "")
    #expect(report.failed)
  }

  @Test("few processes share a GPU, fewer where its memory is short; a CPU has one for each thread")
  func workers() {
    func workers(_ device: String, _ threads: Int, gigabytes: Int?) -> Int {
      ParitySuite(device: device).workers(threads: threads, freeMemory: gigabytes.map { $0 << 30 })
    }
    #expect(workers("cpu", 16, gigabytes: nil) == 16 && workers("cpu", 1, gigabytes: 80) == 1)
    #expect(workers("cuda", 16, gigabytes: 80) == 4 && workers("cuda:1", 2, gigabytes: 80) == 2)
    #expect(workers("cuda", 16, gigabytes: 12) == 3 && workers("cuda", 16, gigabytes: 8) == 2)
    #expect(workers("cuda", 16, gigabytes: 2) == 1 && workers("cuda", 16, gigabytes: nil) == 1)
  }
}
