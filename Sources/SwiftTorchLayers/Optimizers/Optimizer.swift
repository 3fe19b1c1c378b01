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
      // PyTorch keeps the step count on the CPU; moments live where the parameter lives.
      let isCount = parts[2] == "step"
      guard isCount ? tensor.numel == 1 : tensor.shape == parameters[index].shape else {
        throw TorchError(
          "\(key) is \(tensor.shape) in the optimizer state, its parameter is \(parameters[index].shape)")
      }
      fresh[index][String(parts[2])] = try noGrad {
        try tensor.detach().clone().to(isCount ? .cpu : parameters[index].device)
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
