import ArgumentParser
import SwiftTorchLayers

/// `torchlayers bench`.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures images per second of training and inference on made data.")
  @Option(help: "The network to measure: one of those that models lists.") var workload = "cnn"
  @Option(parsing: .unconditional, help: "Images of a step.") var batchSize = 100
  @Option(help: "Threads on the CPU. (default: the number of cores)") var threads: Int?
  @Option(parsing: .unconditional, help: "Steps that are timed, after five that are not.") var steps = 50
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "cpu"
  @Flag(help: "The same bits as Python PyTorch's default path, instead of faster kernels.") var exact = false
  @Flag(help: "Print the result as one JSON object.") var json = false

  private struct Report: Encodable {
    struct Part: Encodable { let imagesPerSecond: Double }
    let workload: String
    let batchSize: Int
    let threads: Int
    let device: String
    let steps: Int
    let exact: Bool
    let train: Part
    let infer: Part
  }

  func validate() throws {
    _ = try require(workload, oneOf: Models.allCases.filter(\.isClassifier).map(\.rawValue), "workload")
    guard batchSize > 0, batchSize <= 1 << 16 else {
      throw ValidationError("--batch-size must be between 1 and 65536, not \(batchSize).")
    }
    if device != "auto" { _ = try chosenDevice(device) }
    guard steps > 0 else { throw ValidationError("--steps must be positive, not \(steps).") }
  }

  func run() throws {
    keepFreedMemory()
    try Shim.load()
    let count = try threads ?? Torch.numThreads
    try Torch.setNumThreads(count)
    let place = Device(try chosenDevice(device))!
    try place.requireAvailable()
    try Torch.manualSeed(0)
    let network = Models(rawValue: workload)!
    let (shape, classes) = (network.inputShape, network.classes)
    let model = try network.make(inputShape: shape, classes: classes).to(place)
    let images = try Tensor.randn([batchSize] + shape).to(place)
    let labels = try Tensor.randint(0, classes, [batchSize]).to(place)
    let optimizer = network.optimizer(model.parameters(), fused: !exact)
    let plan = exact ? nil : try StepPlan(model)
    let train = try speed(on: place) {
      if let plan {
        _ = try plan.step(images, labels)
      } else {
        let loss = try crossEntropy(model(images), labels)
        try optimizer.zeroGrad(setToNone: true)
        try loss.backward()
      }
      try optimizer.step()
    }
    model.eval()
    let frozen = exact ? nil : try FrozenModel(model, example: images)
    let infer = try inferenceMode {
      try speed(on: place) { _ = try frozen?(images) ?? model(images) }
    }
    let report = Report(
      workload: workload, batchSize: batchSize, threads: count, device: place.description,
      steps: steps, exact: exact,
      train: .init(imagesPerSecond: train), infer: .init(imagesPerSecond: infer))
    if json { return try Terminal.printJSON(report) }
    print(
      "\(workload), batch \(batchSize), \(place), \(count) threads, \(exact ? "exact" : "fast"), \(steps) steps"
    )
    print("training   \(grouped(train)) images/s")
    print("inference  \(grouped(infer)) images/s")
  }

  private func speed(on device: Device, _ step: () throws -> Void) throws -> Double {
    for _ in 0..<5 { try step() }
    try device.synchronize()
    let seconds =
      try ContinuousClock().measure {
        for _ in 0..<steps { try step() }
        try device.synchronize()
      } / .seconds(1)
    return Double(batchSize * steps) / seconds
  }
}

extension Models {
  /// The optimizer that the network is measured with.
  fileprivate func optimizer(_ parameters: [Tensor], fused: Bool) -> any AnyOptimizer {
    self == .tiny ? SGD(parameters, lr: 0.01, fused: fused) : Adam(parameters, lr: 3e-3, fused: fused)
  }
}
