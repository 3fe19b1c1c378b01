import Dispatch
import Reference
import SwiftTorchLayers

/// Random networks, each run in every way that its numbers can be had.
let randomNetworks = Operation(name: "network", covers: [], formats: [.float32]) { draws, comparison in
  let network = try RandomNetwork(&draws)
  try NetworkTrial(network, &draws, comparison).run()
}

/// One random network in every way: on the tape, by a plan, frozen, as TorchScript here and in Python, from several
/// threads, trained, interrupted and resumed, recorded, and by the reference.
///
/// In float64 the tape, the plan and the frozen model must agree bit for bit. In any type an interrupted training must
/// end with the bits of an uninterrupted one, and TorchScript, here and in Python, must give the model's bits.
/// In float32 a plan adds in another order. There, stretches of up to three layers are compared with the reference, each
/// on the input that the tape gave it: over more layers the bounds compound, and a tie or a kink may fall either way.
struct NetworkTrial {
  let network: RandomNetwork
  let comparison: Comparison
  private let architecture: Architecture
  private let seed: UInt64
  private let pixels: [Double]
  private let labels: [Int]
  /// After how many batches, modulo those of the training, it is interrupted.
  let interruption: UInt64

  init(_ network: RandomNetwork, _ draws: inout Draws, _ comparison: Comparison) throws {
    self.network = network
    self.comparison = comparison
    seed = draws.seed()
    pixels = draws.numbers([network.batch] + network.inputShape, network.values, .float32)
    labels = draws.integers(network.batch, 0..<RandomNetwork.classes)
    interruption = draws.seed()
    comparison.describe(
      "a batch of \(network.batch), \(network.values.rawValue) values"
        + (network.isWhole ? ", weights that are whole numbers" : "") + "\n" + network.text)
    architecture = try Architecture(files: [Architecture.File(name: "network.yaml", text: network.text)])
  }

  func run() throws {
    try checkText()
    try stepInDouble()
    try inferInDouble()
    try inferInFloat()
    try stretches()
    try threads()
    try trainings()
    try scripts()
  }

  // MARK: Model and batch

  /// The network with the same weights each time, and running statistics unlike those of the start.
  func makeModel(_ type: DType = .float32) throws -> Module {
    try Torch.manualSeed(seed)
    let model = try architecture.make(inputShape: network.inputShape, classes: RandomNetwork.classes)
    try noGrad {
      if network.isWhole {
        for parameter in model.parameters() {
          try parameter.copy_(Tensor.randint(-1, 2, parameter.shape).to(.float32))
        }
      }
      for (name, buffer) in model.namedBuffers() where buffer.dtype.isFloatingPoint {
        let values = try Tensor.rand(buffer.shape)
        try buffer.copy_(name.hasSuffix("var") ? values + 0.5 : values - 0.5)
      }
    }
    return try model.to(type)
  }

  func images(_ type: DType = .float32) throws -> Tensor {
    try Tensor(pixels, shape: [network.batch] + network.inputShape).to(type)
  }

  var targets: Tensor { get throws { try Tensor(labels) } }

  // MARK: Judging

  /// What came of a way: named tensors, or an error's first line.
  enum Outcome {
    case values([(name: String, tensor: Tensor?)])
    case error(String)
  }

  func outcome(_ body: () throws -> [(name: String, tensor: Tensor?)]) -> Outcome {
    do {
      return .values(try body())
    } catch {
      return .error("\(error)".prefix { $0 != "\n" }.description)
    }
  }

  func count(_ way: String) { comparison.result.ways[way, default: 0] += 1 }

  /// Expects the same bits, where NaN is NaN whatever its own bits are; or an error on both sides.
  func expect(_ own: Outcome, equals other: Outcome, _ way: String, to what: String = "the tape") throws {
    if case (.error, .error) = (own, other) { count("\(way): both refuse") } else { count(way) }
    switch (own, other) {
    case (.error, .error): return
    case (.values, .error(let text)):
      // A plan and a frozen model overwrite nothing that they need.
      if text.contains("inplace operation") { return }
      comparison.fail("\(way) gives a result, \(what) an error: \(text)")
    case (.error(let text), .values): comparison.fail("\(way) fails and \(what) does not: \(text)")
    case (.values(let own), .values(let other)):
      guard own.map(\.name) == other.map(\.name) else {
        return comparison.fail("\(way) gives \(own.map(\.name)), \(what) \(other.map(\.name))")
      }
      for (mine, theirs) in zip(own, other) {
        switch (mine.tensor, theirs.tensor) {
        case (nil, nil): continue
        case (let a?, let b?): try expectEqual(a, b, "\(mine.name), \(way) and \(what)")
        default:
          comparison.fail(
            "\(mine.name): \(way) gives \(mine.tensor.map(\.summary) ?? "none"), "
              + "\(what) \(theirs.tensor.map(\.summary) ?? "none")")
        }
      }
    }
  }

  func expectEqual(_ a: Tensor, _ b: Tensor, _ what: String) throws {
    comparison.result.judged += 1
    comparison.result.elements += a.numel
    guard a.shape == b.shape, a.dtype == b.dtype else {
      return comparison.fail("\(what): \(a.summary) and \(b.summary)")
    }
    guard try a.bytes() != b.bytes() else { return }
    let (own, other) = (
      try a.detach().to(.float64).scalars(as: Double.self),
      try b.detach().to(.float64).scalars(as: Double.self)
    )
    let place = own.indices.first {
      own[$0].bitPattern != other[$0].bitPattern && !(own[$0].isNaN && other[$0].isNaN)
    }
    if let place { comparison.fail("\(what), element \(place): \(own[place]) and \(other[place])") }
  }

  // MARK: The text

  /// A network that was made of a text can be written as one, and made of that again.
  private func checkText() throws {
    count("YAML")
    let model = try makeModel()
    let text = try Architecture.yaml(
      of: model, inputShape: network.inputShape, classes: RandomNetwork.classes)
    try Torch.manualSeed(seed)
    let again = try Architecture(files: [Architecture.File(name: "again.yaml", text: text)])
      .make(inputShape: network.inputShape, classes: RandomNetwork.classes)
    let flags = { (model: Module) in model.namedParameters().map { "\($0.name) \($0.tensor.requiresGrad)" } }
    if "\(again)" != "\(model)" || flags(again) != flags(model) {
      comparison.fail("the YAML that the network writes of itself makes another network:\n\(text)")
    }
  }

  // MARK: One step

  private func result(_ logits: Tensor, _ loss: Tensor, _ model: Module) throws
    -> [(name: String, tensor: Tensor?)]
  {
    [("logits", try logits.detach().contiguous()), ("loss", try loss.detach())]
      + (try model.namedParameters().map { ("gradient of \($0.name)", try $0.tensor.grad?.contiguous()) })
      + (try model.namedBuffers().map { ($0.name, try $0.tensor.clone()) })
      + [("the random numbers after it", try Generator.default().state())]
  }

  private func stepOnTape(_ model: Module, _ images: Tensor, _ targets: Tensor) throws
    -> [(name: String, tensor: Tensor?)]
  {
    try Torch.manualSeed(seed)
    model.zeroGrad()
    let logits = try model(images.clone())
    let loss = try crossEntropy(logits, targets)
    try loss.backward()
    return try result(logits, loss, model)
  }

  /// A plan's steps in float64: a batch, and then a smaller one, so that nothing of the first stays.
  private func stepInDouble() throws {
    let model = try makeModel(.float64)
    guard let plan = try StepPlan(model) else { return }
    for size in Set([network.batch, max(1, network.batch / 2)]).sorted(by: >) {
      let (images, targets) = (
        try self.images(.float64).narrow(0, 0, size), try self.targets.narrow(0, 0, size)
      )
      let before = try model.stateDict().mapValues { try $0.clone() }
      let untouched = try images.clone()
      let planned = outcome {
        try Torch.manualSeed(seed)
        let (logits, loss) = try plan.step(images, targets)
        return try result(logits, loss, model)
      }
      try expectEqual(
        images.contiguous(), untouched.contiguous(), "the images after a plan's step and before")
      try model.loadStateDict(before)
      let taped = outcome { try stepOnTape(model, images, targets) }
      try expect(planned, equals: taped, "plan, float64")
    }
  }

  // MARK: Inference

  private func infer(_ model: Module, _ images: Tensor) -> Outcome {
    outcome { [("logits", try noGrad { try model.evaluating { try model(images.clone()) } }.contiguous())] }
  }

  private func inferFrozen(_ model: Module, example: Tensor, _ images: Tensor) throws -> Outcome? {
    let frozen: FrozenModel?
    do {
      frozen = try FrozenModel(model, example: example)
    } catch {
      return .error("\(error)")
    }
    guard let frozen else { return nil }
    let untouched = try images.clone()
    let result = outcome { [("logits", try frozen(images).contiguous())] }
    try expectEqual(images.contiguous(), untouched.contiguous(), "the images after a frozen model and before")
    return result
  }

  /// Batch normalisation that is folded into the convolution before it gives other bits.
  private func folds(_ model: Module) -> Bool {
    model.namedModules().contains { $0.module is SwiftTorchLayers.BatchNorm }
  }

  private func inferInDouble() throws {
    let model = try makeModel(.float64)
    guard !folds(model), let frozen = try inferFrozen(model, example: images(.float64), images(.float64))
    else {
      return
    }
    try expect(frozen, equals: infer(model, images(.float64)), "frozen, float64")
  }

  /// In float32: NaN where the tape has it, whatever lies between the images in memory; and where all sums are exact,
  /// equal bits.
  private func inferInFloat() throws {
    let model = try makeModel()
    let example = try images()
    let isExact = try isExact(model)
    let size = max(1, network.batch - 1)
    for (way, batch) in [
      ("frozen", example), ("frozen, another batch size", try example.narrow(0, 0, size)),
      ("frozen, channels last", try example.clone(.channelsLast)),
      ("frozen, transposed images", try example.transpose(2, 3).contiguous().transpose(2, 3)),
    ] {
      guard let frozen = try inferFrozen(model, example: example, batch) else { return }
      let plain = infer(model, batch)
      if isExact {
        try expect(frozen, equals: plain, "\(way), exact sums")
        continue
      }
      count(way)
      switch (frozen, plain) {
      case (.error, .error): continue
      case (.values(let own), .values(let other)):
        let (own, other) = (own[0].tensor!, other[0].tensor!)
        try expectEqual(
          own.isnan().to(.uint8), other.isnan().to(.uint8), "which logits are NaN, \(way) and the tape")
      case (.error(let text), _): comparison.fail("\(way) fails and the tape does not: \(text)")
      case (_, .error(let text)): comparison.fail("\(way) gives a result, the tape an error: \(text)")
      }
    }
  }

  /// Whether every sum of the forward pass is exact in float32: of whole numbers, or of halves, none of them large.
  private func isExact(_ model: Module) throws -> Bool {
    let kinds = model.namedModules().allSatisfy { _, module in
      module is ConvNd || module is SwiftTorchLayers.Linear || module is ReLU || module is MaxPoolNd
        || module is Flatten || module is SwiftTorchLayers.Dropout || module is Identity
        || module is SwiftTorchLayers.Sequential || module is SwiftTorchLayers.Residual
    }
    guard network.isWhole, kinds, network.values == .ties else { return false }
    // The largest sum of magnitudes anywhere bounds every partial sum.
    let magnitudes = try makeModel(.float64)
    try noGrad { for parameter in magnitudes.parameters() { try parameter.copy_(parameter.abs()) } }
    var largest = 0.0
    for module in leaves(magnitudes) {
      module.observer = { _, output in
        largest = max(largest, (try? output.abs().max().item(as: Double.self)) ?? .infinity)
      }
    }
    _ = try noGrad { try magnitudes.evaluating { try magnitudes(images(.float64).abs()) } }
    return largest <= 0x1p22
  }

  func leaves(_ model: Module) -> [Module] {
    var seen: Set<ObjectIdentifier> = []
    return model.namedModules().map(\.module).filter {
      $0.childModules.isEmpty && seen.insert(ObjectIdentifier($0)).inserted
    }
  }

  private func threads() throws {
    let model = try makeModel()
    let images = try images()
    guard let frozen = (try? FrozenModel(model, example: images)) ?? nil, let alone = try? frozen(images)
    else {
      return
    }
    let (others, image) = (ThreadResults(), images)
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      try? Torch.setNumThreads(1)
      for _ in 0..<3 { others.add(try? frozen(image)) }
    }
    for other in others.all {
      try expect(
        .values([("logits", other)]), equals: .values([("logits", alone)]), "frozen, several threads",
        to: "one thread")
    }
  }
}

/// What several threads computed.
private final class ThreadResults: @unchecked Sendable {  // behind the lock
  private let lock = DispatchQueue(label: "results")
  private var results: [Tensor?] = []
  func add(_ result: Tensor?) { lock.sync { results.append(result) } }
  var all: [Tensor?] { lock.sync { results } }
}
