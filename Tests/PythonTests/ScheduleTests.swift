import Foundation
import SwiftTorchLayers
import Testing

@Suite(.serialized)
struct ScheduleTests {
  /// Learning rate and momentum of both groups, as the script writes them.
  private static func settings(_ optimizer: any AnyOptimizer) -> [Double] {
    zip(optimizer.learningRates, optimizer.momentums ?? []).flatMap { [$0, $1] }
  }

  @Test(
    "40 steps: learning rates and momentums, and weights after 25, are Python's bit for bit",
    arguments: ScheduleCase.all.indices)
  func sameAsPython(_ index: Int) throws {
    try ExactnessTable.row(.schedule, ScheduleCase.all[index].type) { try compare(index) }
  }

  private func compare(_ index: Int) throws {
    try Peer.singleThreaded()
    let peer = try ScheduleCase.peer.get()
    let item = ScheduleCase.all[index]
    try Torch.manualSeed(7)
    let first = Linear(inFeatures: 12, outFeatures: 9)
    let second = Linear(inFeatures: 9, outFeatures: 4)
    let model = Sequential([first, Tanh(), second])
    let x = try Tensor.randn([20, 12])
    let target = try Tensor.randint(0, 4, [20])
    let optimizer = item.optimizer(first.parameters(), second.parameters())
    let schedule = item.make(optimizer)
    var settings = Self.settings(optimizer)
    var last = schedule.lastLR
    for i in 0..<40 {
      let loss = try crossEntropy(model(x), target)
      try optimizer.zeroGrad(setToNone: true)
      try loss.backward()
      try optimizer.step()
      try item.step(schedule, i)
      settings += Self.settings(optimizer)
      last += schedule.lastLR
      guard i == 24 else { continue }
      for (key, tensor) in model.stateDict() { try expectEqual(tensor, peer, "\(index)/\(key)") }
    }
    try expectEqual(Tensor(settings, shape: [41, 2, 2]), peer, "\(index)/settings")
    try expectEqual(Tensor(last, shape: [41, 2]), peer, "\(index)/last")
  }

  @Test("a state saved at step 13 as JSON goes on to Python's rates", arguments: ScheduleCase.all.indices)
  func resumes(_ index: Int) throws {
    let item = ScheduleCase.all[index]
    let parameters = [try Tensor.zeros([2])]
    let whole = item.make(item.optimizer(parameters, parameters))
    for i in 0..<13 { try item.step(whole, i) }
    let saved = try JSONEncoder().encode(whole.stateDict())

    let optimizer = item.optimizer(parameters, parameters)
    let schedule = item.make(optimizer)
    optimizer.learningRates = [7, 8]
    try schedule.loadStateDict(JSONDecoder().decode([String: [Double]].self, from: saved))
    #expect(schedule.stateDict() == whole.stateDict())
    #expect(schedule.lastLR == whole.lastLR && schedule.lastEpoch == whole.lastEpoch)
    var settings = Self.settings(optimizer)
    for i in 13..<40 {
      try item.step(schedule, i)
      settings += Self.settings(optimizer)
    }
    let peer = try #require(try ScheduleCase.peer.get()["\(index)/settings"])
    try expectEqual(Tensor(settings, shape: [28, 2, 2]), ["rest": peer[13...].contiguous()], "rest")
  }

  @Test("a step that does not exist and a state that does not fit are errors, and nothing changes")
  func errors() throws {
    let parameters = [try Tensor.zeros([2])]
    let optimizer = SGD(parameters, lr: 0.1, momentum: 0.9)
    let cycle = OneCycleLR(optimizer, maxLR: 0.5, totalSteps: 3)
    for _ in 0..<3 { try cycle.step() }
    let lowest = optimizer.learningRates
    #expect(throws: TorchError.self) { try cycle.step() }
    #expect(optimizer.learningRates == lowest)
    #expect(throws: TorchError.self) { try ReduceLROnPlateau(optimizer).step() }
    #expect(throws: TorchError.self) { try CosineAnnealingWarmRestarts(optimizer, t0: 3).step(-1) }

    let step = StepLR(optimizer, stepSize: 2)
    let state = step.stateDict()
    var missing = state
    missing["last_lr"] = nil
    let others = [
      missing, cycle.stateDict(), state.merging(["last_lr": [1, 2]]) { $1 },
      state.merging(["last_epoch": [.nan]]) { $1 }, state.merging(["group.lr": [0.1, 0.2]]) { $1 },
    ]
    for other in others { #expect(throws: TorchError.self) { try step.loadStateDict(other) } }
    #expect(step.stateDict() == state)
  }

  @Test("a schedule of one's own")
  func ownSchedule() throws {
    final class Halving: LRScheduler {
      override func getLR() -> [Double] { isInitial ? baseLRs : lastLR.map { $0 / 2 } }
    }
    let optimizer = Adam([try Tensor.zeros([2])], lr: 0.8)
    let schedule = Halving(optimizer)
    for _ in 0..<2 { try schedule.step() }
    #expect(optimizer.learningRates == [0.2] && schedule.lastEpoch == 2)
  }
}
