import ArgumentParser
import Formats
import SwiftTorchLayers

/// `torchlayers bench`.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures images per second of training and inference on made data.")

  /// What else can be measured.
  enum Other: String, EnumerableFlag {
    case operations, loader, peak

    static func help(for value: Other) -> ArgumentHelp? {
      switch value {
      case .operations: "Instead: nanoseconds of single operators on tensors of one element."
      case .loader: "Instead: images per second of the data loader alone."
      case .peak: "Instead: the machine's limits, sgemm and memory bandwidth, through libtorch."
      }
    }
  }
  enum Part: String, ExpressibleByArgument, CaseIterable { case train, infer }

  @Option(help: "The network to measure: one of those that models lists.") var workload = "cnn"
  @Option(parsing: .unconditional, help: "Images of a step.") var batchSize = 100
  @Option(help: "Threads on the CPU. (default: the number of cores)") var threads: Int?
  @Option(parsing: .unconditional, help: "Steps that are timed.") var steps = 50
  @Option(parsing: .unconditional, help: "Steps before them that are not timed.") var warmup = 5
  @Option(help: "Training or inference alone: train or infer.") var only: Part?
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "cpu"
  @Option(help: "float32, bf16 or fp16, of training and inference.") var precision = "float32"
  @Option(parsing: .unconditional, help: "Height and width of the images. (default: the network's)")
  var imageSize: Int?
  @Flag(help: "The same bits as Python PyTorch's default path, instead of faster kernels.") var exact = false
  @Flag var other: Other?
  @Flag(help: "Print the result as one JSON object.") var json = false

  private struct Report: Encodable {
    struct Speed: Encodable { let imagesPerSecond: Double }
    let workload: String
    let batchSize: Int
    let threads: Int
    let device: String
    let steps: Int
    let exact: Bool
    let precision: String
    /// Whether the steps were recorded as CUDA graphs.
    let cudaGraph: Bool
    let train: Speed?
    let infer: Speed?
    let memory: MemoryReport
  }

  func validate() throws {
    _ = try require(workload, oneOf: Models.allCases.filter(\.isClassifier).map(\.rawValue), "workload")
    guard batchSize > 0, batchSize <= 1 << 16 else {
      throw ValidationError("--batch-size must be between 1 and 65536, not \(batchSize).")
    }
    if device != "auto" { _ = try chosenDevice(device) }
    _ = try require(precision, oneOf: Precision.allCases.map(\.rawValue), "precision")
    guard (1...4096).contains(imageSize ?? 1) else {
      throw ValidationError("--image-size must be between 1 and 4096, not \(imageSize ?? 0).")
    }
    guard steps > 0, warmup >= 0, steps <= 1 << 40, warmup <= 1 << 40 else {
      throw ValidationError(
        "--steps must be positive and --warmup not negative, not \(steps) and \(warmup); both at most 2^40.")
    }
  }

  func run() throws {
    keepFreedMemory()
    try loadKeepingSmallBlocks()
    let count = try threads ?? Torch.numThreads
    try Torch.setNumThreads(count)
    if let other { return try measure(other) }
    let place = Device(try chosenDevice(device))!
    var settings = RunConfiguration()
    (settings.device, settings.exact, settings.threads) = (place.description, exact, count)
    _ = try settings.prepareDevice()
    try Torch.manualSeed(0)
    let network = Models(rawValue: workload)!
    var (shape, classes) = (network.inputShape, network.classes)
    if let imageSize { shape = [shape[0], imageSize, imageSize] }
    let model = try network.make(inputShape: shape, classes: classes).to(place)
    let isFastOnCUDA = place.isCUDA && !exact
    if isFastOnCUDA { try model.to(.channelsLast) }
    let images = try Tensor.randn([batchSize] + shape).to(place)
    let labels = try Tensor.randint(0, classes, [batchSize]).to(place)
    let optimizer = network.optimizer(model.parameters(), fused: !exact)
    let type = Precision(rawValue: precision)!
    let scaler = type == .fp16 ? try GradScaler(device: place) : nil
    let isFastOnCPU = !exact && !place.isCUDA && type == .float32
    let plan = isFastOnCPU ? try StepPlan(model) : nil
    let (isRecorded, train) = try speed(.train, on: place, recorded: isFastOnCUDA) {
      if let plan {
        _ = try plan.step(images, labels)
        return try optimizer.step()
      }
      let loss = try withPrecision(type, place) { try crossEntropy(model(images), labels) }
      try optimizer.zeroGrad(setToNone: true)
      guard let scaler else {
        try loss.backward()
        return try optimizer.step()
      }
      try scaler.scale(loss).backward()
      try scaler.step(optimizer, model.parameters())
      try scaler.update()
    }
    model.eval()
    model.zeroGrad()
    let frozen = isFastOnCPU ? try FrozenModel(model, example: images) : nil
    let (_, infer) = try inferenceMode {
      try speed(.infer, on: place, recorded: isFastOnCUDA) {
        _ = try frozen?(images) ?? withPrecision(type, place) { try model(images) }
      }
    }
    let report = Report(
      workload: workload, batchSize: batchSize, threads: count, device: place.description,
      steps: steps, exact: exact, precision: precision, cudaGraph: isRecorded, train: train, infer: infer,
      memory: MemoryReport(device: place.description))
    if json { return try Terminal.printJSON(report) }
    print(
      "\(workload), batch \(batchSize), \(place), \(count) threads, \(precision), \(exact ? "exact" : "fast"), "
        + "\(steps) steps")
    if let train { print("training   \(grouped(train.imagesPerSecond)) images/s") }
    if let infer { print("inference  \(grouped(infer.imagesPerSecond)) images/s") }
    print("memory     \(report.memory)")
  }

  /// - Parameter recorded: measure the step as a CUDA graph.
  /// - Returns: whether it could be, and the speed, nil when the other part alone was asked for.
  private func speed(_ part: Part, on device: Device, recorded: Bool, _ step: () throws -> Void) throws
    -> (Bool, Report.Speed?)
  {
    guard only == nil || only == part else { return (false, nil) }
    guard recorded else { return (false, try speed(on: device, step)) }
    let graph: CUDAGraph
    do {
      graph = try CUDAGraph(device: device)
      for _ in 0..<3 { try graph.warmUp(step) }
      try graph.capture(step)
    } catch {
      Terminal.note("note: the step is not recorded as a CUDA graph: \("\(error)".prefix { $0 != "\n" })")
      return (false, try speed(on: device, step))
    }
    return (true, try speed(on: device) { try graph.replay() })
  }

  private func speed(on device: Device, _ step: () throws -> Void) throws -> Report.Speed {
    for _ in 0..<warmup { try step() }
    try device.synchronize()
    let seconds =
      try ContinuousClock().measure {
        for _ in 0..<steps { try step() }
        try device.synchronize()
      } / .seconds(1)
    return .init(imagesPerSecond: Double(batchSize * steps) / seconds)
  }

  private func measure(_ other: Other) throws {
    switch other {
    case .operations:
      let found = try BenchLimits.operations()
      if json { return try Terminal.printJSON(["operations": found]) }
      for (name, time) in found.sorted(by: { $0.key < $1.key }) {
        print("\(name + String(repeating: " ", count: max(0, 10 - name.count))) \(grouped(time)) ns")
      }
    case .loader:
      let speed = try Report.Speed(imagesPerSecond: BenchLimits.loader(batchSize: batchSize, epochs: 5))
      if json { return try Terminal.printJSON(["loader": speed]) }
      print("loader     \(grouped(speed.imagesPerSecond)) images/s")
    case .peak:
      let peak = try BenchLimits.peak()
      if json { return try Terminal.printJSON(["peak": peak]) }
      print(
        "sgemm      \(fixed(peak.sgemmGflops, 1)) GFLOP/s (BLAS \(fixed(peak.blasGflops, 1)), "
          + "oneDNN \(fixed(peak.onednnGflops, 1)))")
      print("copy       \(fixed(peak.copyGbPerSecond, 1)) GB/s")
      print("triad      \(fixed(peak.triadGbPerSecond, 1)) GB/s")
    }
  }
}

extension Models {
  /// The optimizer that the network is measured with.
  fileprivate func optimizer(_ parameters: [Tensor], fused: Bool) -> any AnyOptimizer {
    self == .tiny ? SGD(parameters, lr: 0.01, fused: fused) : Adam(parameters, lr: 3e-3, fused: fused)
  }
}
