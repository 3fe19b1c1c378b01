/// Several schedules one after the other: `torch.optim.lr_scheduler.SequentialLR`. Schedule `i` starts at
/// `milestones[i − 1]`.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
public final class SequentialLR: CompositeSchedule {
  public let milestones: [Int]

  /// - Precondition: all schedules are of this optimizer, none is a `ReduceLROnPlateau`, only the first may be
  ///   made of others; there is a milestone between each two, in ascending order.
  public init(
    _ optimizer: any AnyOptimizer, schedulers: [LRScheduler], milestones: [Int], lastEpoch: Int = -1
  ) {
    self.milestones = milestones
    super.init(schedulers, optimizer, lastEpoch: lastEpoch &+ 1)
    takeFirstStep {
      try set(optimizer.scheduleMemory["initial_lr"] ?? lastLR)
      undo()
      try schedulers[current(0)].initialStep()
    }
    takeLastLR()
  }

  override func problem() -> String? {
    if let problem = super.problem() { return problem }
    if milestones.count != schedulers.count - 1 {
      return "\(schedulers.count) schedules need \(schedulers.count - 1) milestones, not \(milestones.count)"
    }
    if !zip(milestones, milestones.dropFirst()).allSatisfy({ $0 <= $1 }) { return "milestones must ascend" }
    return schedulers.dropFirst().contains { $0 is CompositeSchedule }
      ? "only the first schedule may be made of others" : nil
  }

  /// The schedule that has the step.
  private func current(_ epoch: Int) -> Int { milestones.count { $0 <= epoch } }

  override public func step() throws {
    try checkArguments()
    lastEpoch += 1
    let index = current(lastEpoch)
    if index > 0 && milestones[index - 1] == lastEpoch {
      try schedulers[index].restart()
    } else {
      try schedulers[index].step()
    }
    takeLastLR()
  }
}

/// Several schedules at once, each changing what the one before set:
/// `torch.optim.lr_scheduler.ChainedScheduler`.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html
public final class ChainedScheduler: CompositeSchedule {
  /// - Parameter optimizer: nil means the optimizer of the first schedule.
  /// - Precondition: all schedules are of this optimizer, none is a `ReduceLROnPlateau`.
  public init(_ schedulers: [LRScheduler], optimizer: (any AnyOptimizer)? = nil) {
    super.init(schedulers, optimizer, lastEpoch: 0)
  }

  override public func step() throws {
    try checkArguments()
    lastEpoch += 1
    for scheduler in schedulers { try scheduler.step() }
    takeLastLR()
  }
}

/// A schedule made of others.
public class CompositeSchedule: LRScheduler {
  public let schedulers: [LRScheduler]

  init(_ schedulers: [LRScheduler], _ optimizer: (any AnyOptimizer)?, lastEpoch: Int) {
    self.schedulers = schedulers
    // Without any there is a problem, and the optimizer is never asked.
    super.init(waiting: optimizer ?? schedulers.first?.optimizer ?? SGD([Tensor]()), lastEpoch: lastEpoch)
  }

  override func problem() -> String? {
    if schedulers.isEmpty { return "at least one schedule is needed" }
    if !schedulers.allSatisfy({ $0.optimizer === optimizer }) {
      return "all schedules must be of the same optimizer"
    }
    if schedulers.contains(where: { $0 is ReduceLROnPlateau }) {
      return "ReduceLROnPlateau cannot be one of several schedules: its step needs a metric"
    }
    return schedulers.lazy.compactMap(\.misuse).first
  }

  override func undo() { for scheduler in schedulers { scheduler.undo() } }

  override var memory: [String: [Double]] {
    var memory = super.memory
    for (index, scheduler) in schedulers.enumerated() {
      for (key, values) in scheduler.memory { memory["schedulers.\(index).\(key)"] = values }
    }
    return memory
  }

  override func load(_ memory: [String: [Double]]) {
    super.load(memory)
    for (index, scheduler) in schedulers.enumerated() {
      let prefix = "schedulers.\(index)."
      let part = memory.filter { $0.key.hasPrefix(prefix) }
      scheduler.load(
        Dictionary(uniqueKeysWithValues: part.map { (String($0.key.dropFirst(prefix.count)), $0.value) }))
    }
  }
}

/// `lr = max(factor·lr, minLR)` when a metric has not improved for more than `patience` steps:
/// `torch.optim.lr_scheduler.ReduceLROnPlateau`.
///
/// Lower than the best by `threshold` counts as better (`.max`: higher), as a share of the best or absolute.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
public final class ReduceLROnPlateau: LRScheduler {
  /// Which metric is better: the lower or the higher.
  public enum Mode: String, Sendable {
    case min
    case max
  }

  /// What `threshold` is: a share of the best metric, or a difference.
  public enum ThresholdMode: String, Sendable {
    case rel
    case abs
  }

  public let mode: Mode
  public let factor: Double
  public let patience: Int
  public let threshold: Double
  public let thresholdMode: ThresholdMode
  public let cooldown: Int
  public let minLRs: [Double]
  /// Smaller changes of a rate are not made.
  public let eps: Double
  /// The best metric; infinite before the first.
  public private(set) var best: Double
  public private(set) var numBadEpochs = 0
  public private(set) var cooldownCounter = 0

  /// - Precondition: `factor < 1`.
  public init(
    _ optimizer: any AnyOptimizer, mode: Mode = .min, factor: Double = 0.1, patience: Int = 10,
    threshold: Double = 1e-4, thresholdMode: ThresholdMode = .rel, cooldown: Int = 0,
    minLR: some GroupConvertible = 0.0, eps: Double = 1e-8
  ) {
    self.mode = mode
    self.factor = factor
    self.patience = patience
    self.threshold = threshold
    self.thresholdMode = thresholdMode
    self.cooldown = cooldown
    minLRs = minLR.values(optimizer.learningRates.count)
    self.eps = eps
    best = mode == .min ? .infinity : -.infinity
    super.init(waiting: optimizer, lastEpoch: 0)
  }

  override func problem() -> String? {
    factor < 1
      ? SwiftTorchLayers.problem("minLR", minLRs.count, of: optimizer)
      : "factor must be below 1, not \(factor)"
  }

  /// - Throws: `TorchError` always: `step(_:)` with a metric is the one to call.
  override public func step() throws {
    throw TorchError("ReduceLROnPlateau needs a metric: step(metric)")
  }

  /// Takes note of a metric, for example the loss of an epoch, and lowers the learning rates when it is time.
  /// - Throws: `TorchError` when the number of groups has changed, or arguments did not fit.
  public func step(_ metric: Double) throws {
    try checkArguments()
    lastEpoch += 1
    if isBetter(metric) {
      best = metric
      numBadEpochs = 0
    } else {
      numBadEpochs += 1
    }
    if cooldownCounter > 0 {
      cooldownCounter -= 1
      numBadEpochs = 0
    }
    if numBadEpochs > patience {
      let rates = optimizer.learningRates
      let fresh = zip(rates, minLRs).map { rate, least in
        let lower = max(rate * factor, least)
        return rate - lower > eps ? lower : rate
      }
      try set(fresh)
      cooldownCounter = cooldown
      numBadEpochs = 0
    }
    takeLastLR()
  }

  private func isBetter(_ metric: Double) -> Bool {
    switch (mode, thresholdMode) {
    case (.min, .rel): metric < best * (1 - threshold)
    case (.min, .abs): metric < best - threshold
    case (.max, .rel): metric > best * (threshold + 1)
    case (.max, .abs): metric > best + threshold
    }
  }

  // Before the first metric `best` is empty, so that a state is finite numbers only.
  override var memory: [String: [Double]] {
    let seen = best != (mode == .min ? .infinity : -.infinity)
    let own = [
      "best": seen ? [best] : [], "num_bad_epochs": [Double(numBadEpochs)],
      "cooldown_counter": [Double(cooldownCounter)],
    ]
    return super.memory.merging(own) { $1 }
  }

  override func load(_ memory: [String: [Double]]) {
    super.load(memory)
    best = memory["best"]!.first ?? (mode == .min ? .infinity : -.infinity)
    numBadEpochs = Int(memory["num_bad_epochs"]![0])
    cooldownCounter = Int(memory["cooldown_counter"]![0])
  }
}
