/// The base of all optimizers: `torch.optim.Optimizer`.
///
/// Parameters come in groups with settings of their own, which may be added, removed and changed at any time: what an
/// optimizer remembers of a parameter (moments, step count) stays with the parameter. It can be saved and loaded, by the
/// parameter's position.
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

  public var groups: [Group] {
    didSet { isArranged = false }
  }
  /// What is remembered of each parameter, groups in order: `state[i]["exp_avg"]`.
  var state: [[String: Tensor]]
  public var scheduleMemory: [String: [Double]] = [:]
  /// Learning rates that a recorded step reads.
  var rates = DeviceRates()
  /// In a step that a `GradScaler` makes: 1 where a gradient was infinite and nothing may change, else 0.
  var infinite: Tensor?

  /// The parameters that `state` is of.
  private var arranged: [Tensor] = []
  private var isArranged = false
  /// What was assigned to settings in another number than there are groups; the next step throws it.
  private var misfits: [String: Int] = [:]

  init(groups: [Group]) {
    self.groups = groups
    state = groups.flatMap(\.parameters).map { _ in [:] }
    arranged = groups.flatMap(\.parameters)
  }

  /// Brings `state` into the order of the groups' parameters, which may have changed.
  /// - Throws: `TorchError` when a setting is out of range, there is no parameter, one is there twice, or one is no leaf.
  final func arrange() throws {
    if let (name, count) = misfits.first {
      throw TorchError(
        "\(name) need a value for each of the optimizer's \(groups.count) groups, not \(count)")
    }
    guard !isArranged else { return }
    for group in groups {
      if let problem = problem(group.settings) { throw TorchError(problem) }
    }
    let parameters = groups.flatMap(\.parameters)
    guard !parameters.isEmpty else { throw TorchError("the optimizer has no parameters") }
    var places: [ObjectIdentifier: Int] = [:]
    for (index, parameter) in parameters.enumerated() {
      if let other = places.updateValue(index, forKey: ObjectIdentifier(parameter.handle)) {
        throw TorchError(
          "parameters \(other) and \(index) of the optimizer, \(parameter.summary), are the same tensor")
      }
      guard parameter.isLeaf else {
        throw TorchError(
          "parameter \(index) of the optimizer, \(parameter.summary), is no leaf: it is computed from other tensors, and "
            + "backward() leaves no gradient at it")
      }
    }
    if !parameters.elementsEqual(arranged, by: { $0.handle === $1.handle }) {
      var known: [ObjectIdentifier: [String: Tensor]] = [:]
      for (parameter, memory) in zip(arranged, state) { known[ObjectIdentifier(parameter.handle)] = memory }
      state = parameters.map { known[ObjectIdentifier($0.handle)] ?? [:] }
      arranged = parameters
      rates = DeviceRates()
    }
    isArranged = true
  }

  /// Sets a setting of each group.
  final func set(_ setting: WritableKeyPath<Settings, Double>, _ values: [Double], _ name: String) {
    misfits[name] = values.count == groups.count ? nil : values.count
    guard misfits[name] == nil else { return }
    for (index, value) in values.enumerated() { groups[index].settings[keyPath: setting] = value }
  }

  /// Changes every parameter that has a gradient.
  /// - Throws: `TorchError` when a setting is out of range, there is no parameter, one is there twice or is no leaf, as
  ///   many values as groups were not assigned, or a gradient's shape differs.
  public func step() throws {
    try arrange()
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

  /// What is wrong with a group's settings: initialisers do not throw, the next step does.
  func problem(_ settings: Settings) -> String? { nil }

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
    try? arrange()
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
    try arrange()
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

/// What is wrong with the settings that Adam and its relatives share.
func betaProblem(lr: Double, eps: Double, weightDecay: Double, betas: (Double, Double)) -> String? {
  if !(lr >= 0 && eps >= 0 && weightDecay >= 0) { return "lr, eps and weightDecay must not be negative" }
  return (0..<1).contains(betas.0) && (0..<1).contains(betas.1) ? nil : "betas must be in 0..<1"
}

/// Settings with a learning rate, as those of every optimizer here have.
public protocol OptimizerSettings: Sendable {
  var lr: Double { get set }
}

extension Optimizer where Settings: OptimizerSettings {
  /// The learning rate of each group. As many as there are groups can be assigned; else the next step throws.
  public var learningRates: [Double] {
    get { groups.map(\.settings.lr) }
    set { set(\.lr, newValue, "the learning rates") }
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
