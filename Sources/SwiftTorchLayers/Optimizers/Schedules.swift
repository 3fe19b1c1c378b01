#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `lr = gamma·lr` every `stepSize` steps: `torch.optim.lr_scheduler.StepLR`.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
public final class StepLR: LRScheduler {
  public let stepSize: Int
  public let gamma: Double

  /// - Precondition: `stepSize > 0`.
  public init(_ optimizer: any AnyOptimizer, stepSize: Int, gamma: Double = 0.1, lastEpoch: Int = -1) {
    self.stepSize = stepSize
    self.gamma = gamma
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  override func problem() -> String? { stepSize > 0 ? nil : "stepSize must be positive, not \(stepSize)" }

  override public func getLR() -> [Double] {
    let rates = optimizer.learningRates
    return lastEpoch == 0 || lastEpoch % stepSize != 0 ? rates : rates.map { $0 * gamma }
  }

  override func restartLR() -> [Double] { baseLRs }
}

/// `lr = gamma·lr` at each milestone: `torch.optim.lr_scheduler.MultiStepLR`. A milestone given `n` times counts
/// as `gammaⁿ`.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html
public final class MultiStepLR: LRScheduler {
  public let milestones: [Int]
  public let gamma: Double

  public init(_ optimizer: any AnyOptimizer, milestones: [Int], gamma: Double = 0.1, lastEpoch: Int = -1) {
    self.milestones = milestones
    self.gamma = gamma
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  override public func getLR() -> [Double] {
    let count = milestones.count { $0 == lastEpoch }
    let rates = optimizer.learningRates
    return count == 0 ? rates : rates.map { $0 * pow(gamma, Double(count)) }
  }

  override func restartLR() -> [Double] {
    let count = milestones.count { $0 <= 0 }
    return baseLRs.map { $0 * pow(gamma, Double(count)) }
  }
}

/// `factor` times the rate during the first `totalIters` steps: `torch.optim.lr_scheduler.ConstantLR`.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ConstantLR.html
public final class ConstantLR: LRScheduler {
  public let factor: Double
  public let totalIters: Int

  /// - Precondition: `0 ≤ factor ≤ 1`.
  public init(
    _ optimizer: any AnyOptimizer, factor: Double = 1.0 / 3, totalIters: Int = 5, lastEpoch: Int = -1
  ) {
    self.factor = factor
    self.totalIters = totalIters
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  override func problem() -> String? {
    (0...1).contains(factor) ? nil : "factor must be between 0 and 1, not \(factor)"
  }

  /// - Throws: `TorchError` at the step `totalIters` when the factor is 0: there is no way back.
  override public func getLR() throws -> [Double] {
    let rates = optimizer.learningRates
    if lastEpoch == 0 { return rates.map { $0 * factor } }
    guard lastEpoch == totalIters else { return rates }
    guard factor != 0 else { throw TorchError("ConstantLR cannot end: its factor is 0") }
    return rates.map { $0 * (1 / factor) }
  }

  override func restartLR() -> [Double] {
    baseLRs.map { $0 * (factor + (totalIters <= 0 ? 1 - factor : 0)) }
  }
}

/// The factor of the rate goes in a line from `startFactor` to `endFactor` in `totalIters` steps:
/// `torch.optim.lr_scheduler.LinearLR`.
///
///     lr = lr·(1 + (end − start) / (totalIters·start + (t − 1)·(end − start)))
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html
public final class LinearLR: LRScheduler {
  public let startFactor: Double
  public let endFactor: Double
  public let totalIters: Int

  /// - Precondition: `0 < startFactor ≤ 1`, `0 ≤ endFactor ≤ 1`.
  public init(
    _ optimizer: any AnyOptimizer, startFactor: Double = 1.0 / 3, endFactor: Double = 1, totalIters: Int = 5,
    lastEpoch: Int = -1
  ) {
    self.startFactor = startFactor
    self.endFactor = endFactor
    self.totalIters = totalIters
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  override func problem() -> String? {
    if !(startFactor > 0 && startFactor <= 1) { return "startFactor must be in 0<…1, not \(startFactor)" }
    return (0...1).contains(endFactor) ? nil : "endFactor must be between 0 and 1, not \(endFactor)"
  }

  override public func getLR() -> [Double] {
    let rates = optimizer.learningRates
    if lastEpoch == 0 { return restart(rates) }
    if isInitial || lastEpoch > totalIters { return rates }
    let slope = endFactor - startFactor
    let before = Double(totalIters) * startFactor + Double(lastEpoch - 1) * slope
    return rates.map { $0 * (1 + slope / before) }
  }

  override func restartLR() -> [Double] { restart(baseLRs) }

  private func restart(_ rates: [Double]) -> [Double] { rates.map { $0 * startFactor } }
}

/// `lr = gamma·lr` at each step: `torch.optim.lr_scheduler.ExponentialLR`.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html
public final class ExponentialLR: LRScheduler {
  public let gamma: Double

  public init(_ optimizer: any AnyOptimizer, gamma: Double, lastEpoch: Int = -1) {
    self.gamma = gamma
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  override public func getLR() -> [Double] {
    let rates = optimizer.learningRates
    return isInitial ? rates : rates.map { $0 * gamma }
  }

  override func restartLR() -> [Double] { baseLRs }
}

/// The rate falls to 0 in `totalIters` steps: `torch.optim.lr_scheduler.PolynomialLR`.
///
///     lr = lr·((1 − t / totalIters) / (1 − (t − 1) / totalIters))^power
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html
public final class PolynomialLR: LRScheduler {
  public let totalIters: Int
  public let power: Double

  /// - Precondition: `power` is not negative.
  public init(_ optimizer: any AnyOptimizer, totalIters: Int = 5, power: Double = 1, lastEpoch: Int = -1) {
    self.totalIters = totalIters
    self.power = power
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  override func problem() -> String? { power >= 0 ? nil : "power must not be negative: \(power)" }

  override public func getLR() -> [Double] {
    let rates = optimizer.learningRates
    if isInitial || lastEpoch > totalIters { return rates }
    let left = 1 - Double(lastEpoch) / Double(totalIters)
    let leftBefore = 1 - Double(lastEpoch - 1) / Double(totalIters)
    let decay = pow(left / leftBefore, power)
    return rates.map { $0 * decay }
  }

  override func restartLR() -> [Double] { baseLRs }
}

/// The first rate times a function of the step: `torch.optim.lr_scheduler.LambdaLR`. The functions are not part
/// of the state.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html
public final class LambdaLR: LRScheduler {
  private let lrLambdas: [(Int) -> Double]

  /// - Precondition: there is a function for each group.
  public init(_ optimizer: any AnyOptimizer, lrLambda: [(Int) -> Double], lastEpoch: Int = -1) {
    lrLambdas = lrLambda
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  public convenience init(
    _ optimizer: any AnyOptimizer, lrLambda: @escaping (Int) -> Double, lastEpoch: Int = -1
  ) {
    let all = Array(repeating: lrLambda, count: optimizer.learningRates.count)
    self.init(optimizer, lrLambda: all, lastEpoch: lastEpoch)
  }

  override func problem() -> String? {
    SwiftTorchLayers.problem("functions", lrLambdas.count, of: optimizer)
  }

  override public func getLR() -> [Double] {
    zip(baseLRs, lrLambdas).map { rate, factor in rate * factor(lastEpoch) }
  }
}

/// The last rate times a function of the step: `torch.optim.lr_scheduler.MultiplicativeLR`. The functions are
/// not part of the state.
/// - Source: https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiplicativeLR.html
public final class MultiplicativeLR: LRScheduler {
  private let lrLambdas: [(Int) -> Double]

  /// - Precondition: there is a function for each group.
  public init(_ optimizer: any AnyOptimizer, lrLambda: [(Int) -> Double], lastEpoch: Int = -1) {
    lrLambdas = lrLambda
    super.init(optimizer, lastEpoch: lastEpoch)
  }

  public convenience init(
    _ optimizer: any AnyOptimizer, lrLambda: @escaping (Int) -> Double, lastEpoch: Int = -1
  ) {
    let all = Array(repeating: lrLambda, count: optimizer.learningRates.count)
    self.init(optimizer, lrLambda: all, lastEpoch: lastEpoch)
  }

  override func problem() -> String? {
    SwiftTorchLayers.problem("functions", lrLambdas.count, of: optimizer)
  }

  override public func getLR() -> [Double] {
    let rates = optimizer.learningRates
    return isInitial ? rates : zip(rates, lrLambdas).map { rate, factor in rate * factor(lastEpoch) }
  }
}
