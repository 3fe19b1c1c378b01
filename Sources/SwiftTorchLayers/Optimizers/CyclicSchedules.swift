#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Half a cosine wave down to `etaMin` in `tMax` steps, and up again:
/// `torch.optim.lr_scheduler.CosineAnnealingLR`.
///
///     lr = etaMin + (lr − etaMin)·(1 + cos(π·t / tMax)) / (1 + cos(π·(t − 1) / tMax))
/// - Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983
public final class CosineAnnealingLR: LRScheduler {
  public let tMax: Int
  public let etaMin: Double

  /// - Precondition: `tMax > 0`.
  public init(_ optimizer: any AnyOptimizer, tMax: Int, etaMin: Double = 0, lastEpoch: Int = -1) {
    self.tMax = tMax
    self.etaMin = etaMin
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  override func problem() -> String? { tMax > 0 ? nil : "tMax must be positive, not \(tMax)" }

  override public func getLR() -> [Double] {
    let rates = optimizer.learningRates
    let (t, length) = (Double(lastEpoch), Double(tMax))
    if isInitial { return rates }
    // At the lowest point the last rate says nothing of the first.
    if (lastEpoch - 1 - tMax) % (2 * tMax) == 0 {
      let rise = 1 - cos(Double.pi / length)
      return zip(rates, baseLRs).map { rate, base in rate + (base - etaMin) * rise / 2 }
    }
    let ratio = (1 + cos(Double.pi * t / length)) / (1 + cos(Double.pi * (t - 1) / length))
    return rates.map { ratio * ($0 - etaMin) + etaMin }
  }

  override func restartLR() -> [Double] { baseLRs.map { etaMin + ($0 - etaMin) } }
}

/// Half a cosine wave down to `etaMin`, again and again; each is `tMult` times as long as the one before:
/// `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.
///
///     lr = etaMin + (lr₀ − etaMin)·(1 + cos(π·tCur / tI)) / 2
/// - Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983
public final class CosineAnnealingWarmRestarts: LRScheduler {
  public let t0: Int
  public let tMult: Int
  public let etaMin: Double
  /// The length of the wave, and the place in it.
  private var tI: Double
  private var tCur: Double

  /// - Precondition: `t0 > 0`, `tMult ≥ 1`.
  public init(
    _ optimizer: any AnyOptimizer, t0: Int, tMult: Int = 1, etaMin: Double = 0, lastEpoch: Int = -1
  ) {
    self.t0 = t0
    self.tMult = tMult
    self.etaMin = etaMin
    tI = Double(t0)
    tCur = Double(lastEpoch)
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  override func problem() -> String? {
    if t0 <= 0 { return "t0 must be positive, not \(t0)" }
    return tMult >= 1 ? nil : "tMult must be 1 or more, not \(tMult)"
  }

  override public func getLR() -> [Double] {
    let wave = 1 + cos(Double.pi * tCur / tI)
    return baseLRs.map { etaMin + ($0 - etaMin) * wave / 2 }
  }

  override public func step() throws {
    guard lastEpoch >= 0 else { return try step(0) }
    try checkArguments()
    tCur += 1
    if tCur >= tI {
      tCur = tCur.truncatingRemainder(dividingBy: tI)
      tI *= Double(tMult)
    }
    lastEpoch += 1
    try set(getLR())
  }

  /// Goes to an epoch, which may be a fraction: `epoch + batch / batches` changes the rate at each batch.
  /// - Throws: `TorchError` when the epoch is negative or not finite.
  public func step(_ epoch: Double) throws {
    try checkArguments()
    guard epoch >= 0 && epoch < 0x1p53 else {
      throw TorchError("an epoch must be a number that is not negative, not \(epoch)")
    }
    let (first, factor) = (Double(t0), Double(tMult))
    if epoch < first {
      tI = first
      tCur = epoch
    } else if tMult == 1 {
      tCur = epoch.truncatingRemainder(dividingBy: first)
    } else {
      let restarts = (log(epoch / first * (factor - 1) + 1) / log(factor)).rounded(.towardZero)
      let growth = pow(factor, restarts)
      tCur = epoch - first * (growth - 1) / (factor - 1)
      tI = first * growth
    }
    lastEpoch = Int(epoch.rounded(.down))
    try set(getLR())
  }

  override var memory: [String: [Double]] {
    super.memory.merging(["T_i": [tI], "T_cur": [tCur]]) { $1 }
  }

  override func load(_ memory: [String: [Double]]) {
    super.load(memory)
    tI = memory["T_i"]![0]
    tCur = memory["T_cur"]![0]
  }
}

/// From `maxLR / divFactor` up to `maxLR` and down to `maxLR / divFactor / finalDivFactor`, one step for each
/// batch: `torch.optim.lr_scheduler.OneCycleLR`. The momentum goes the other way, with `cycleMomentum`.
///
///     cos:     x = end + (start − end) / 2·(1 + cos(π·part))
///     linear:  x = start + (end − start)·part
/// - Source: Smith & Topin 2018, https://arxiv.org/abs/1708.07120
public final class OneCycleLR: LRScheduler {
  /// The way from one rate to the next.
  public enum AnnealStrategy: String, Sendable {
    case cos
    case linear
  }

  /// A part of the cycle; `lr` and `momentum` name what it starts with and ends with in `scheduleMemory`.
  private struct Phase {
    let end: Double
    let lr: (String, String)
    let momentum: (String, String)
  }

  public let totalSteps: Int
  public let annealStrategy: AnnealStrategy
  public let cycleMomentum: Bool
  private let phases: [Phase]
  private let found: String?

  /// - Parameters:
  ///   - maxLR: the highest rate, one number or one for each group.
  ///   - totalSteps: the length of the cycle, or nil: then it is `epochs · stepsPerEpoch`.
  ///   - pctStart: the share of the steps in which the rate rises.
  ///   - threePhase: the rate falls as it rose, and goes to the lowest in a third phase.
  /// - Precondition: the cycle has a positive length, `0 ≤ pctStart ≤ 1`, factors are not 0, a phase that is
  ///   entered is not empty; with `cycleMomentum` the optimizer has `momentums`.
  public init(
    _ optimizer: any AnyOptimizer, maxLR: some GroupConvertible, totalSteps: Int? = nil, epochs: Int? = nil,
    stepsPerEpoch: Int? = nil, pctStart: Double = 0.3, annealStrategy: AnnealStrategy = .cos,
    cycleMomentum: Bool = true, baseMomentum: some GroupConvertible = 0.85,
    maxMomentum: some GroupConvertible = 0.95, divFactor: Double = 25, finalDivFactor: Double = 1e4,
    threePhase: Bool = false, lastEpoch: Int = -1
  ) {
    let product = max(0, epochs ?? 0).multipliedReportingOverflow(by: max(0, stepsPerEpoch ?? 0))
    let steps = totalSteps ?? (product.overflow ? 0 : product.partialValue)
    self.totalSteps = steps
    self.annealStrategy = annealStrategy
    self.cycleMomentum = cycleMomentum

    let last = Double(steps) - 1
    let momentumDown = ("max_momentum", "base_momentum")
    let momentumUp = ("base_momentum", "max_momentum")
    let rise = Phase(
      end: pctStart * Double(steps) - 1, lr: ("initial_lr", "max_lr"), momentum: momentumDown)
    phases =
      threePhase
      ? [
        rise,
        Phase(
          end: 2 * pctStart * Double(steps) - 2, lr: ("max_lr", "initial_lr"), momentum: momentumUp),
        Phase(end: last, lr: ("initial_lr", "min_lr"), momentum: ("max_momentum", "max_momentum")),
      ] : [rise, Phase(end: last, lr: ("max_lr", "min_lr"), momentum: momentumUp)]

    let count = optimizer.learningRates.count
    let (highest, momentumLow) = (maxLR.values(count), baseMomentum.values(count))
    let momentumHigh = maxMomentum.values(count)
    found =
      if steps <= 0 {
        "totalSteps must be positive, or epochs and stepsPerEpoch"
      } else if !(0...1).contains(pctStart) {
        "pctStart must be between 0 and 1, not \(pctStart)"
      } else if divFactor == 0 || finalDivFactor == 0 {
        "divFactor and finalDivFactor must not be 0"
      } else if cycleMomentum && optimizer.momentums == nil {
        "cycleMomentum needs an optimizer with momentum"
      } else {
        SwiftTorchLayers.problem("maxLR", highest.count, of: optimizer)
          ?? SwiftTorchLayers.problem("baseMomentum", momentumLow.count, of: optimizer)
          ?? SwiftTorchLayers.problem("maxMomentum", momentumHigh.count, of: optimizer)
      }
    if lastEpoch == -1, found == nil {
      let initial = highest.map { $0 / divFactor }
      optimizer.scheduleMemory["initial_lr"] = initial
      optimizer.scheduleMemory["max_lr"] = highest
      optimizer.scheduleMemory["min_lr"] = initial.map { $0 / finalDivFactor }
      if cycleMomentum {
        optimizer.momentums = momentumHigh
        optimizer.scheduleMemory["max_momentum"] = momentumHigh
        optimizer.scheduleMemory["base_momentum"] = momentumLow
      }
    }
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  override func problem() -> String? { found }

  /// - Throws: `TorchError` after the last step, or in a phase without length.
  override public func getLR() throws -> [Double] {
    guard lastEpoch <= totalSteps else {
      throw TorchError("OneCycleLR has \(totalSteps) steps, there is no step \(lastEpoch)")
    }
    let step = Double(lastEpoch)
    let index = phases.firstIndex { step <= $0.end } ?? phases.count - 1
    let start = index == 0 ? 0 : phases[index - 1].end
    guard phases[index].end != start else {
      throw TorchError("phase \(index + 1) of OneCycleLR has no length: choose another pctStart")
    }
    let part = (step - start) / (phases[index].end - start)
    if cycleMomentum { optimizer.momentums = try anneal(phases[index].momentum, part) }
    return try anneal(phases[index].lr, part)
  }

  private func anneal(_ names: (String, String), _ part: Double) throws -> [Double] {
    let memory = optimizer.scheduleMemory
    guard let starts = memory[names.0], let ends = memory[names.1] else {
      throw TorchError("scheduleMemory of the optimizer has no \(names.0) or no \(names.1)")
    }
    let wave = cos(Double.pi * part) + 1
    return zip(starts, ends).map { start, end in
      annealStrategy == .cos ? end + (start - end) / 2 * wave : (end - start) * part + start
    }
  }

  override var memory: [String: [Double]] {
    var memory = super.memory
    if cycleMomentum { memory["momentum"] = optimizer.momentums }
    return memory
  }

  override func load(_ memory: [String: [Double]]) {
    super.load(memory)
    if cycleMomentum { optimizer.momentums = memory["momentum"] }
  }
}
