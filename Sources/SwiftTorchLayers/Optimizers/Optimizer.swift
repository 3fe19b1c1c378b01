/// The base of all optimizers: `torch.optim.Optimizer`.
///
/// Parameters come in groups with settings of their own; what an optimizer remembers of a parameter (moments,
/// step count) is kept by the parameter's position and can be saved and loaded.
open class Optimizer<Settings> {
  /// Parameters that share settings.
  public struct Group {
    public var parameters: [Tensor]
    public var settings: Settings
    public init(_ parameters: [Tensor], _ settings: Settings) {
      self.parameters = parameters
      self.settings = settings
    }
  }

  public var groups: [Group]
  /// What is remembered of each parameter, groups in order: `state[i]["exp_avg"]`.
  var state: [[String: Tensor]]
  public var scheduleMemory: [String: [Double]] = [:]
  /// Learning rates that a recorded step reads.
  var rates = DeviceRates()
  /// In a step that a `GradScaler` makes: 1 where a gradient was infinite and nothing may change, else 0.
  var infinite: Tensor?

  init(groups: [Group]) {
    self.groups = groups
    state = groups.flatMap(\.parameters).map { _ in [:] }
  }

  /// Changes every parameter that has a gradient.
  /// - Throws: `TorchError`, for example when a gradient's shape differs.
  public func step() throws {
    try noGrad {
      var index = 0
      for group in groups {
        let range = index..<index + group.parameters.count
        try update(group, range)
        index = range.upperBound
      }
    }
  }

  /// Changes the parameters of one group; `range` is where their `state` is.
  func update(_ group: Group, _ range: Range<Int>) throws {}

  /// The names that the state of a parameter has after a step.
  func stateNames(_ settings: Settings) -> [String] { [] }

  /// Names of single numbers in the state, which PyTorch keeps on the CPU; the others are moments.
  var numberNames: Set<String> { ["step"] }

  /// Whether a tensor can be what is remembered of a parameter under a name.
  func fits(_ name: String, _ tensor: Tensor, _ parameter: Tensor) -> Bool {
    numberNames.contains(name) ? tensor.numel == 1 : tensor.shape == parameter.shape
  }

  /// What is remembered of a parameter; at its first step a count of 0, and zeros under each of `moments`.
  final func memory(_ index: Int, _ parameter: Tensor, _ moments: [String]) throws -> [String: Tensor] {
    if state[index].isEmpty {
      state[index]["step"] = try Tensor(0 as Float)
      for name in moments { state[index][name] = try Aten.zerosLike(parameter) }
    }
    return state[index]
  }

  /// Adds 1 to a count and reads it.
  final func count(_ memory: [String: Tensor]) throws -> Double {
    let count = memory["step"]!
    try Aten.addScalarInPlace(count, 1, 1)
    return try count.item(as: Double.self)
  }

  /// Forgets the gradients of all parameters, or sets them to zero.
  public func zeroGrad(setToNone: Bool = true) throws {
    for parameter in groups.lazy.flatMap(\.parameters) {
      if setToNone {
        parameter.grad = nil
      } else if let gradient = parameter.grad {
        try noGrad { try Aten.zeroInPlace(gradient.detach()) }
      }
    }
  }

  /// What is remembered, by `state.<parameter>.<name>`. Settings are not part of it.
  public func stateDict() -> StateDict {
    var dict = StateDict()
    for (index, entry) in state.enumerated() {
      for (name, tensor) in entry.sorted(by: { $0.key < $1.key }) { dict["state.\(index).\(name)"] = tensor }
    }
    return dict
  }

  /// Goes on from what `stateDict()` gave.
  /// - Throws: `TorchError` when a key names no parameter here, one is missing or a shape differs; then nothing
  ///   has been changed.
  public func loadStateDict(_ dict: StateDict) throws {
    let parameters = groups.flatMap(\.parameters)
    var fresh: [[String: Tensor]] = parameters.map { _ in [:] }
    for (key, tensor) in dict {
      let parts = key.split(separator: ".", maxSplits: 2)
      guard parts.count == 3, parts[0] == "state", let index = Int(parts[1]), parameters.indices ~= index
      else { throw TorchError("the optimizer state has the key \(key), which fits no parameter") }
      let name = String(parts[2])
      guard fits(name, tensor, parameters[index]) else {
        throw TorchError(
          "\(key) is \(tensor.shape) in the optimizer state, its parameter is \(parameters[index].shape)")
      }
      fresh[index][name] = try noGrad {
        let device = numberNames.contains(name) ? .cpu : parameters[index].device
        guard tensor.shape == parameters[index].shape, !numberNames.contains(name) else {
          return try tensor.detach().clone().to(device)
        }
        // In the parameter's order of elements, as the fused operators want it.
        return try Aten.emptyLike(parameters[index]).detach().copy_(tensor.detach())
      }
    }
    let names = groups.flatMap { group in group.parameters.map { _ in stateNames(group.settings) } }
    for (index, entry) in fresh.enumerated() where !entry.isEmpty {
      if let missing = names[index].first(where: { entry[$0] == nil }) {
        throw TorchError("the optimizer state lacks state.\(index).\(missing)")
      }
    }
    state = fresh
  }
}

/// Settings with a learning rate, as those of every optimizer here have.
public protocol OptimizerSettings: Sendable {
  var lr: Double { get set }
}

extension Optimizer where Settings: OptimizerSettings {
  public var learningRates: [Double] {
    get { groups.map(\.settings.lr) }
    set { for (index, lr) in newValue.enumerated() { groups[index].settings.lr = lr } }
  }
}

/// An optimizer whatever its settings, as a trainer holds it.
public protocol AnyOptimizer: AnyObject {
  func step() throws
  func zeroGrad(setToNone: Bool) throws
  func stateDict() -> StateDict
  func loadStateDict(_ dict: StateDict) throws
  /// The learning rate of each group.
  var learningRates: [Double] { get set }
  /// The momentum of each group, Adam's first beta; nil when the optimizer has none.
  var momentums: [Double]? { get set }
  /// What schedules keep of each group, by PyTorch's names: `initial_lr`, and `max_lr` and others of `OneCycleLR`.
  var scheduleMemory: [String: [Double]] { get set }
}

extension AnyOptimizer {
  public var momentums: [Double]? {
    get { nil }
    set {}
  }
}
