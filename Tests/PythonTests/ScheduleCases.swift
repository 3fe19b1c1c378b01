import Foundation
import SwiftTorchLayers
import Testing

struct ScheduleCase: Sendable, CustomTestStringConvertible {
  typealias Make = @Sendable (_ optimizer: any AnyOptimizer) -> LRScheduler
  typealias Step = @Sendable (_ schedule: LRScheduler, _ i: Int) throws -> Void

  let python: String
  let pythonStep: String
  let adam: Bool
  let make: Make
  let step: Step

  init(
    _ python: String, adam: Bool = false, pythonStep: String = "schedule.step()",
    step: @escaping Step = { schedule, _ in try schedule.step() }, _ make: @escaping Make
  ) {
    self.python = python
    self.pythonStep = pythonStep
    self.adam = adam
    self.make = make
    self.step = step
  }

  /// `ReduceLROnPlateau` with the metric that the script has too.
  private static func plateau(_ settings: String, _ make: @escaping Make) -> ScheduleCase {
    ScheduleCase(
      "ReduceLROnPlateau(optimizer, \(settings))", pythonStep: "schedule.step(metric(i))",
      step: { schedule, i in
        let metric = 1 / (1 + Double(min(i, 9))) + Double(i * 7 % 5) / 100
        try (schedule as! ReduceLROnPlateau).step(metric)
      }, make)
  }

  /// `CosineAnnealingWarmRestarts` by fractions of an epoch.
  private static func fractions(_ settings: String, _ make: @escaping Make) -> ScheduleCase {
    ScheduleCase(
      "CosineAnnealingWarmRestarts(optimizer, \(settings))", pythonStep: "schedule.step((i + 1) / 3)",
      step: { try ($0 as! CosineAnnealingWarmRestarts).step(Double($1 + 1) / 3) }, make)
  }

  var testDescription: String { adam ? "\(python) of Adam" : python }
  var pythonOptimizer: String { adam ? "optim.Adam(groups)" : "optim.SGD(groups, momentum=0.9)" }

  var type: String {
    get throws {
      let parameters = [try Tensor.zeros([2])]
      return "\(Swift.type(of: make(optimizer(parameters, parameters))))"
    }
  }

  func optimizer(_ first: [Tensor], _ second: [Tensor]) -> any AnyOptimizer {
    adam
      ? Adam([.init(first, .init(lr: 0.1)), .init(second, .init(lr: 0.03))])
      : SGD([.init(first, .init(lr: 0.1, momentum: 0.9)), .init(second, .init(lr: 0.03, momentum: 0.9))])
  }

  static let all = steps + annealing + functions + plateaus + composites

  static let peer: Result<StateDict, any Error> = Result {
    let rows = all.enumerated().map { index, item in
      let expression = item.python.replacing(/[A-Z][A-Za-z]+\(/) { "lr_scheduler.\($0.output)" }
      return ["\(index)", item.pythonOptimizer, expression, item.pythonStep]
    }
    return try Peer.run("schedules.py", [Peer.cases(rows)])
  }

  private static let steps: [ScheduleCase] = [
    ScheduleCase("StepLR(optimizer, 7)") { StepLR($0, stepSize: 7) },
    ScheduleCase("StepLR(optimizer, 1, gamma=0.93)") { StepLR($0, stepSize: 1, gamma: 0.93) },
    ScheduleCase("MultiStepLR(optimizer, [4, 20, 11])") { MultiStepLR($0, milestones: [4, 20, 11]) },
    ScheduleCase("MultiStepLR(optimizer, [0, 3, 9, 9, 9, 30], gamma=0.7)") {
      MultiStepLR($0, milestones: [0, 3, 9, 9, 9, 30], gamma: 0.7)
    },
    ScheduleCase("ConstantLR(optimizer)") { ConstantLR($0) },
    ScheduleCase("ConstantLR(optimizer, factor=0.7, total_iters=23)") {
      ConstantLR($0, factor: 0.7, totalIters: 23)
    },
    ScheduleCase("LinearLR(optimizer)") { LinearLR($0) },
    ScheduleCase("LinearLR(optimizer, start_factor=0.9, end_factor=0.05, total_iters=31)") {
      LinearLR($0, startFactor: 0.9, endFactor: 0.05, totalIters: 31)
    },
    ScheduleCase("ExponentialLR(optimizer, 0.9)") { ExponentialLR($0, gamma: 0.9) },
    ScheduleCase("ExponentialLR(optimizer, 1.03)", adam: true) { ExponentialLR($0, gamma: 1.03) },
    ScheduleCase("PolynomialLR(optimizer)") { PolynomialLR($0) },
    ScheduleCase("PolynomialLR(optimizer, total_iters=37, power=1.7)") {
      PolynomialLR($0, totalIters: 37, power: 1.7)
    },
    ScheduleCase("[ExponentialLR(optimizer, 0.5), StepLR(optimizer, 5, last_epoch=8)][1]") {
      _ = ExponentialLR($0, gamma: 0.5)
      return StepLR($0, stepSize: 5, lastEpoch: 8)
    },
  ]

  private static let annealing: [ScheduleCase] = [
    ScheduleCase("CosineAnnealingLR(optimizer, 40)") { CosineAnnealingLR($0, tMax: 40) },
    ScheduleCase("CosineAnnealingLR(optimizer, 9, eta_min=0.004)") {
      CosineAnnealingLR($0, tMax: 9, etaMin: 0.004)
    },
    ScheduleCase("[ConstantLR(optimizer), CosineAnnealingLR(optimizer, 11, last_epoch=6)][1]") {
      _ = ConstantLR($0)
      return CosineAnnealingLR($0, tMax: 11, lastEpoch: 6)
    },
    ScheduleCase("CosineAnnealingWarmRestarts(optimizer, 7)") { CosineAnnealingWarmRestarts($0, t0: 7) },
    ScheduleCase("CosineAnnealingWarmRestarts(optimizer, 5, T_mult=2, eta_min=0.001)") {
      CosineAnnealingWarmRestarts($0, t0: 5, tMult: 2, etaMin: 0.001)
    },
    ScheduleCase("[StepLR(optimizer, 3), CosineAnnealingWarmRestarts(optimizer, 6, last_epoch=4)][1]") {
      _ = StepLR($0, stepSize: 3)
      return CosineAnnealingWarmRestarts($0, t0: 6, lastEpoch: 4)
    },
    fractions("4") { CosineAnnealingWarmRestarts($0, t0: 4) },
    fractions("2, T_mult=3") { CosineAnnealingWarmRestarts($0, t0: 2, tMult: 3) },
    ScheduleCase("OneCycleLR(optimizer, 0.3, total_steps=40)") {
      OneCycleLR($0, maxLR: 0.3, totalSteps: 40)
    },
    ScheduleCase(
      "OneCycleLR(optimizer, [0.3, 0.2], epochs=9, steps_per_epoch=5, pct_start=0.4, anneal_strategy='linear', "
        + "base_momentum=[0.8, 0.7], max_momentum=0.9, div_factor=7, final_div_factor=100, three_phase=True)"
    ) {
      OneCycleLR(
        $0, maxLR: [0.3, 0.2], epochs: 9, stepsPerEpoch: 5, pctStart: 0.4, annealStrategy: .linear,
        baseMomentum: [0.8, 0.7], maxMomentum: 0.9, divFactor: 7, finalDivFactor: 100, threePhase: true)
    },
    ScheduleCase("OneCycleLR(optimizer, 0.03, total_steps=43)", adam: true) {
      OneCycleLR($0, maxLR: 0.03, totalSteps: 43)
    },
    ScheduleCase("OneCycleLR(optimizer, 1, total_steps=50, cycle_momentum=False, three_phase=True)") {
      OneCycleLR($0, maxLR: 1, totalSteps: 50, cycleMomentum: false, threePhase: true)
    },
  ]

  private static let functions: [ScheduleCase] = [
    ScheduleCase("LambdaLR(optimizer, lambda epoch: 0.95 ** epoch)") {
      LambdaLR($0) { epoch in pow(0.95, Double(epoch)) }
    },
    ScheduleCase("LambdaLR(optimizer, [lambda epoch: 1 / (1 + epoch), lambda epoch: epoch % 3 / 7])") {
      LambdaLR($0, lrLambda: [{ 1 / Double(1 + $0) }, { Double($0 % 3) / 7 }])
    },
    ScheduleCase("MultiplicativeLR(optimizer, lambda epoch: 0.97)") {
      MultiplicativeLR($0) { _ in 0.97 }
    },
    ScheduleCase("MultiplicativeLR(optimizer, [lambda epoch: 0.9, lambda epoch: epoch / (epoch + 1)])") {
      MultiplicativeLR($0, lrLambda: [{ _ in 0.9 }, { Double($0) / Double($0 + 1) }])
    },
  ]

  private static let plateaus: [ScheduleCase] = [
    plateau("factor=0.5, patience=3, cooldown=4") {
      ReduceLROnPlateau($0, factor: 0.5, patience: 3, cooldown: 4)
    },
    plateau("'max', patience=2, threshold=0.3, threshold_mode='abs', min_lr=[0.02, 0.0001]") {
      ReduceLROnPlateau(
        $0, mode: .max, patience: 2, threshold: 0.3, thresholdMode: .abs, minLR: [0.02, 0.0001])
    },
    plateau("'max', factor=0.3, patience=0, threshold=0.05, min_lr=0.001, eps=0.002") {
      ReduceLROnPlateau($0, mode: .max, factor: 0.3, patience: 0, threshold: 0.05, minLR: 0.001, eps: 0.002)
    },
    plateau("'min', factor=0.9, patience=1, threshold=0.02, threshold_mode='abs'") {
      ReduceLROnPlateau($0, mode: .min, factor: 0.9, patience: 1, threshold: 0.02, thresholdMode: .abs)
    },
  ]

  private static let composites: [ScheduleCase] = [
    ScheduleCase(
      "SequentialLR(optimizer, [LinearLR(optimizer, 0.01), CosineAnnealingLR(optimizer, 30, 0.001)], [5])"
    ) {
      let schedulers = [
        LinearLR($0, startFactor: 0.01), CosineAnnealingLR($0, tMax: 30, etaMin: 0.001),
      ]
      return SequentialLR($0, schedulers: schedulers, milestones: [5])
    },
    ScheduleCase(
      "SequentialLR(optimizer, [ConstantLR(optimizer), LinearLR(optimizer), StepLR(optimizer, 2), "
        + "MultiStepLR(optimizer, [0, 2], 0.5), ExponentialLR(optimizer, 0.9), PolynomialLR(optimizer), "
        + "ConstantLR(optimizer, 0.1)], [3, 9, 15, 20, 26, 32])"
    ) {
      SequentialLR(
        $0,
        schedulers: [
          ConstantLR($0), LinearLR($0), StepLR($0, stepSize: 2),
          MultiStepLR($0, milestones: [0, 2], gamma: 0.5), ExponentialLR($0, gamma: 0.9), PolynomialLR($0),
          ConstantLR($0, factor: 0.1),
        ], milestones: [3, 9, 15, 20, 26, 32])
    },
    ScheduleCase(
      "SequentialLR(optimizer, [MultiplicativeLR(optimizer, lambda epoch: 0.9), "
        + "LambdaLR(optimizer, lambda epoch: 1 / (2 + epoch)), "
        + "CosineAnnealingWarmRestarts(optimizer, 4, 2), OneCycleLR(optimizer, 0.2, 20), "
        + "MultiplicativeLR(optimizer, lambda epoch: 0.8)], [4, 10, 23, 37])"
    ) {
      SequentialLR(
        $0,
        schedulers: [
          MultiplicativeLR($0) { _ in 0.9 }, LambdaLR($0) { 1 / Double(2 + $0) },
          CosineAnnealingWarmRestarts($0, t0: 4, tMult: 2), OneCycleLR($0, maxLR: 0.2, totalSteps: 20),
          MultiplicativeLR($0) { _ in 0.8 },
        ], milestones: [4, 10, 23, 37])
    },
    ScheduleCase(
      "SequentialLR(optimizer, [SequentialLR(optimizer, [ExponentialLR(optimizer, 0.9), ConstantLR(optimizer)], "
        + "[4]), CosineAnnealingLR(optimizer, 15)], [12])"
    ) {
      let inner = SequentialLR(
        $0, schedulers: [ExponentialLR($0, gamma: 0.9), ConstantLR($0)], milestones: [4])
      return SequentialLR($0, schedulers: [inner, CosineAnnealingLR($0, tMax: 15)], milestones: [12])
    },
    ScheduleCase("ChainedScheduler([ConstantLR(optimizer, 0.1, 6), ExponentialLR(optimizer, 0.9)])") {
      ChainedScheduler([ConstantLR($0, factor: 0.1, totalIters: 6), ExponentialLR($0, gamma: 0.9)])
    },
    ScheduleCase(
      "ChainedScheduler([CosineAnnealingLR(optimizer, 13), StepLR(optimizer, 6, 0.8), "
        + "LinearLR(optimizer, 0.2, 0.9, 20)], optimizer=optimizer)"
    ) {
      ChainedScheduler(
        [
          CosineAnnealingLR($0, tMax: 13), StepLR($0, stepSize: 6, gamma: 0.8),
          LinearLR($0, startFactor: 0.2, endFactor: 0.9, totalIters: 20),
        ], optimizer: $0)
    },
    ScheduleCase(
      "SequentialLR(optimizer, [ChainedScheduler([LinearLR(optimizer), ExponentialLR(optimizer, 0.95)]), "
        + "PolynomialLR(optimizer, 30, 2)], [8])"
    ) {
      let chain = ChainedScheduler([LinearLR($0), ExponentialLR($0, gamma: 0.95)])
      return SequentialLR(
        $0, schedulers: [chain, PolynomialLR($0, totalIters: 30, power: 2)], milestones: [8])
    },
  ]
}
