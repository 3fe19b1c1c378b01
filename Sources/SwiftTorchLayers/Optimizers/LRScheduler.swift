/// The base of all schedules of learning rates: `torch.optim.lr_scheduler.LRScheduler`.
///
///     let schedule = CosineAnnealingLR(optimizer, tMax: epochs)
///     for _ in 0..<epochs {
///       // … the optimizer's steps of an epoch …
///       try schedule.step()
///     }
///
/// A schedule sets the optimizer's `learningRates` when it is made and at each `step()`. Most compute the next
/// rate from the one that the optimizer has, in PyTorch's order of operations: every rate is Python's bit for
/// bit, and several schedules can act on one optimizer. A schedule of your own overrides `getLR()`. Arguments that do not
/// fit leave the optimizer as it is, and are thrown by `step()`.
/// - Source: https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
open class LRScheduler {
  public let optimizer: any AnyOptimizer
  /// The number of steps taken after the first, which the initialiser takes.
  public internal(set) var lastEpoch: Int
  /// The learning rate of each group before any schedule.
  public private(set) var baseLRs: [Double]
  /// The learning rate of each group after the last step: PyTorch's `get_last_lr()`.
  public private(set) var lastLR: [Double]
  /// What is wrong with the initialiser's arguments; the first step is not taken then, and every other throws it.
  private(set) var misuse: String?
  /// True while the first step is taken.
  public private(set) var isInitial = false

  /// - Parameter lastEpoch: the step to go on from; −1 starts.
  /// - Precondition: from 0 on, `optimizer.scheduleMemory["initial_lr"]` has a rate for each group.
  public init(_ optimizer: any AnyOptimizer, lastEpoch: Int = -1) {
    let rates = optimizer.learningRates
    var initial = optimizer.scheduleMemory["initial_lr"] ?? []
    if lastEpoch == -1 {
      initial += rates.dropFirst(initial.count)
      optimizer.scheduleMemory["initial_lr"] = initial
    }
    self.optimizer = optimizer
    self.lastEpoch = lastEpoch
    baseLRs = initial
    lastLR = rates
    let isKnown = initial.count == rates.count
    misuse = isKnown ? problem() : "scheduleMemory needs an initial_lr for each group when lastEpoch ≥ 0"
    takeFirstStep { try initialStep() }
  }

  /// Takes a first step, if the arguments fit.
  final func takeFirstStep(_ step: () throws -> Void) {
    guard misuse == nil else { return }
    do { try step() } catch { misuse = "\(error)" }
  }

  /// What is wrong with the arguments.
  func problem() -> String? { nil }

  /// - Throws: `TorchError` saying what is wrong with the arguments.
  final func checkArguments() throws {
    if let misuse { throw TorchError("\(Self.self): \(misuse)") }
  }

  /// A schedule that takes no first step.
  init(waiting optimizer: any AnyOptimizer, lastEpoch: Int) {
    self.optimizer = optimizer
    self.lastEpoch = lastEpoch
    baseLRs = []
    lastLR = optimizer.learningRates
    misuse = problem()
  }

  /// The learning rate of each group at the step `lastEpoch`.
  open func getLR() throws -> [Double] { optimizer.learningRates }

  /// Sets the learning rates of the next step.
  /// - Throws: `TorchError` when the number of groups has changed, the schedule has no such step, or was made with
  ///   arguments that do not fit.
  open func step() throws {
    try checkArguments()
    lastEpoch += 1
    try set(getLR())
  }

  /// The first step; `SequentialLR` takes it a second time.
  final func initialStep() throws {
    isInitial = true
    defer { isInitial = false }
    try step()
  }

  /// Sets the learning rates of step 0, whatever rates the optimizer has.
  final func restart() throws {
    lastEpoch = 0
    try set(restartLR())
  }

  /// The rates of `restart()`.
  func restartLR() throws -> [Double] { try getLR() }

  /// Takes the count of the first step back.
  func undo() { lastEpoch -= 1 }

  final func set(_ rates: [Double]) throws {
    let count = optimizer.learningRates.count
    guard rates.count == count else {
      throw TorchError(
        "\(Self.self) has learning rates for \(rates.count) groups, the optimizer has \(count)")
    }
    optimizer.learningRates = rates
    lastLR = rates
  }

  final func takeLastLR() { lastLR = optimizer.learningRates }

  /// What the schedule remembers, and the learning rates of the optimizer. Settings are not part of it.
  public final func stateDict() -> [String: [Double]] {
    var dict = memory
    dict["group.lr"] = optimizer.learningRates
    for (name, values) in optimizer.scheduleMemory { dict["group.\(name)"] = values }
    return dict
  }

  /// Goes on from what `stateDict()` gave, and sets the optimizer's learning rates.
  /// - Throws: `TorchError` when it is not the state of such a schedule with as many groups.
  public final func loadStateDict(_ dict: [String: [Double]]) throws {
    let own = memory
    let groups = dict.filter { $0.key.hasPrefix("group.") }
    let rest = dict.filter { groups[$0.key] == nil }
    guard groups["group.lr"] != nil, Set(rest.keys) == Set(own.keys) else {
      throw TorchError(
        "the state is not one of \(Self.self): it has \(dict.keys.sorted().joined(separator: ", "))")
    }
    let count = optimizer.learningRates.count
    for (key, values) in dict {
      let fits = key == "best" ? values.count < 2 : values.count == (own[key]?.count ?? count)
      guard fits, values.allSatisfy({ abs($0) < 0x1p53 }) else {
        throw TorchError("\(key) of the state of \(Self.self) does not fit: \(values)")
      }
    }
    load(rest)
    for (key, values) in groups where key != "group.lr" {
      optimizer.scheduleMemory[String(key.dropFirst("group.".count))] = values
    }
    optimizer.learningRates = groups["group.lr"] ?? []
  }

  /// What this schedule itself remembers.
  var memory: [String: [Double]] {
    ["last_epoch": [Double(lastEpoch)], "last_lr": lastLR, "base_lrs": baseLRs]
  }

  /// Takes over a memory with the keys and counts of this one's.
  func load(_ memory: [String: [Double]]) {
    lastEpoch = Int(memory["last_epoch"]![0])
    lastLR = memory["last_lr"]!
    baseLRs = memory["base_lrs"]!
  }
}

/// What is wrong with numbers that are for a group each.
func problem(_ name: String, _ count: Int, of optimizer: any AnyOptimizer) -> String? {
  let groups = optimizer.learningRates.count
  return count == groups
    ? nil : "\(name) must be one for each of the optimizer's \(groups) groups, not \(count)"
}

/// A number for all groups of an optimizer, or an array with one for each.
public protocol GroupConvertible {
  /// The numbers of `count` groups; an array is given as it is.
  func values(_ count: Int) -> [Double]
}

extension Double: GroupConvertible {
  public func values(_ count: Int) -> [Double] { Array(repeating: self, count: count) }
}

extension Int: GroupConvertible {
  public func values(_ count: Int) -> [Double] { Double(self).values(count) }
}

extension [Double]: GroupConvertible {
  public func values(_ count: Int) -> [Double] { self }
}
