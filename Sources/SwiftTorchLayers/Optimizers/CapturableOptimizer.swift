/// An optimizer whose step can be part of a `CUDAGraph`: it asks the device for nothing, and its learning rates can
/// change between replays. The fused forms of `SGD`, `Adam` and `AdamW` are.
public protocol CapturableOptimizer: AnyOptimizer {
  /// Whether its steps can be recorded: it is fused, and all parameters are on one device.
  var isCapturable: Bool { get }
  /// Settings that a recorded step repeats as they were: all but the learning rates.
  var recordedSettings: [Double] { get }
  /// Writes learning rates that have changed to the device. Call it before a replay.
  func refreshLearningRates() throws
  /// A step that changes nothing where `infinite`, a float32 scalar on the parameters' device, is 1.
  func step(unless infinite: Tensor) throws
}

/// The learning rates of an optimizer on a CUDA device, one scalar for each group.
struct DeviceRates {
  /// Whether they are used on the CPU too, where a number does as well.
  var alwaysUsed = false
  private var known: [(start: Int, value: Double, tensor: Tensor)] = []

  /// The rate of the group of parameters `range`; nil where it stays a number.
  mutating func tensor(_ range: Range<Int>, _ value: Double, on device: Device) throws -> Tensor? {
    guard device.isCUDA || alwaysUsed else { return nil }
    if let index = known.firstIndex(where: { $0.start == range.lowerBound }) {
      try write(value, to: index)
      return known[index].tensor
    }
    let tensor = try Tensor.full([], value, dtype: .float32, device: device)
    known.append((range.lowerBound, value, tensor))
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
  func value(of start: Int) -> Double? { known.first { $0.start == start }?.value }

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
