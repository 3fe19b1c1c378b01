/// An optimizer whose step can be part of a `CUDAGraph`: it asks the device for nothing, and its learning rates can
/// change between replays. The fused forms of `SGD`, `Adam` and `AdamW` are.
///
/// A step that is recorded reads its learning rates from float32 scalars on the device, the only type that the fused
/// operators read there. Any other step has them as the numbers that they are.
public protocol CapturableOptimizer: AnyOptimizer {
  /// Whether its steps can be recorded: it is fused, and all parameters are on one device. Of parameters in float64,
  /// for which such a rate is too coarse, the recording fails.
  var isCapturable: Bool { get }
  /// Settings that a recorded step repeats as they were: all but the learning rates.
  var recordedSettings: [Double] { get }
  /// Writes learning rates that have changed to the device. Call it before a replay.
  func refreshLearningRates() throws
  /// A step that changes nothing where `infinite`, a float32 scalar on the parameters' device, is 1.
  func step(unless infinite: Tensor) throws
}

/// The learning rates that recorded steps of an optimizer read, one scalar on the device for each group.
struct DeviceRates {
  /// Whether a step that is made now is being recorded.
  @TaskLocal static var isRecording = false

  private var known: [(start: Int, value: Double, tensor: Tensor)] = []

  /// The scalar for a step of a group of parameters that is being recorded; nil for any other step.
  /// - Parameter start: the number of the group's first parameter.
  mutating func tensor(_ start: Int, _ value: Double, for parameters: [Tensor]) throws -> Tensor? {
    guard DeviceRates.isRecording else { return nil }
    guard !parameters.contains(where: { $0.dtype == .float64 }) else {
      throw TorchError(
        "a recorded step has its learning rate in float32, too coarse for parameters in float64")
    }
    if let index = known.firstIndex(where: { $0.start == start }) {
      try write(value, to: index)
      return known[index].tensor
    }
    let tensor = try Tensor.full([], value, dtype: .float32, device: parameters[0].device)
    known.append((start, value, tensor))
    return tensor
  }

  /// Writes the rates of all groups where they are new; `starts` has each group's first parameter.
  mutating func refresh(_ values: [Double], _ starts: [Int]) throws {
    for (value, start) in zip(values, starts) {
      // A group without gradients has no scalar.
      if let index = known.firstIndex(where: { $0.start == start }) { try write(value, to: index) }
    }
  }

  /// What is on the device for the group that begins with parameter `start`.
  func scalar(of start: Int) -> Tensor? { known.first { $0.start == start }?.tensor }

  private mutating func write(_ value: Double, to index: Int) throws {
    guard known[index].value != value else { return }
    try noGrad { _ = try Aten.fillInPlace(known[index].tensor, value) }
    known[index].value = value
  }
}

extension Optimizer {
  /// A step that changes nothing where `infinite` is 1.
  public func step(unless infinite: Tensor) throws {
    self.infinite = infinite
    defer { self.infinite = nil }
    try step()
  }

  /// The number of each group's first parameter.
  var starts: [Int] {
    var next = 0
    return groups.map { group in
      defer { next += group.parameters.count }
      return next
    }
  }

  var parametersShareDevice: Bool { Set(groups.lazy.flatMap(\.parameters).map(\.device)).count == 1 }
}

extension Aten {
  static let foreachAddScalar = Operator("aten::_foreach_add_.Scalar")
  static let foreachAddTensor = Operator("aten::_foreach_add_.Tensor")
}
