/// What can record a training step and repeat it: a `CUDAGraph`, or a stand-in.
package protocol StepGraph: AnyObject {
  func warmUp(_ work: () throws -> Void) throws
  func capture(_ work: @escaping () throws -> Void) throws
  func replay() throws
}

extension CUDAGraph: StepGraph {}

/// Training steps by a graph. The first batches are ordinary steps, on the graph's stream; they count, so that nothing
/// has to be undone. At the next the step is recorded, with its own copies of the batch as inputs, and from then on
/// repeated.
final class CapturedStep {
  /// A step could not be recorded or repeated. Nothing of it was done.
  struct Failure: Error {
    let reason: any Error
  }

  /// Steps before the recording, as many as PyTorch advises.
  static let warmUps = 3

  private let graph: any StepGraph
  private let device: Device
  private let optimizer: any CapturableOptimizer
  /// Everything from the batch to the optimizer's step.
  private let step: (DataLoader.Selection) throws -> Void
  /// The tensors that the recorded step reads.
  private var inputs: DataLoader.Selection?
  /// Settings of the optimizer that the recorded step repeats.
  private var settings: [Double] = []
  /// The model's modes and which of its parameters are trained, as the recorded step has them.
  private var recordedFlags: [Bool] = []
  private let flags: () -> [Bool]
  private var warmUpsDone = 0
  private var isRecorded = false

  init(
    _ graph: any StepGraph, on device: Device, optimizer: any CapturableOptimizer,
    flags: @escaping () -> [Bool], step: @escaping (DataLoader.Selection) throws -> Void
  ) {
    self.graph = graph
    self.device = device
    self.optimizer = optimizer
    self.flags = flags
    self.step = step
  }

  /// Does a step with a batch of always the same size.
  /// - Throws: `Failure` when the graph fails: the step is still to be done. What the step itself throws while it is
  ///   not yet recorded.
  func callAsFunction(_ selection: DataLoader.Selection) throws {
    guard warmUpsDone == CapturedStep.warmUps else {
      try graph.warmUp { try step(selection) }
      warmUpsDone += 1
      return
    }
    do {
      let inputs = try self.inputs ?? selection.emptyCopy(on: device)
      self.inputs = inputs
      try inputs.copy(selection)
      try optimizer.refreshLearningRates()
      if !isRecorded {
        // Gradients are then made inside the recording, in the graph's memory.
        try optimizer.zeroGrad(setToNone: true)
        try graph.capture { [self] in try step(inputs) }
        settings = optimizer.recordedSettings
        recordedFlags = flags()
        isRecorded = true
      }
      guard settings == optimizer.recordedSettings else {
        throw TorchError("the optimizer's settings have changed, and not only its learning rate")
      }
      guard recordedFlags == flags() else {
        throw TorchError("a module's mode has changed, or which parameters are trained")
      }
      try graph.replay()
    } catch {
      throw Failure(reason: error)
    }
  }
}

extension Trainer {
  /// Why this trainer's steps cannot be recorded; nil when it can be tried.
  func obstacle(to optimizer: any AnyOptimizer) -> String? {
    guard (optimizer as? any CapturableOptimizer)?.isCapturable == true else {
      return "the optimizer \(type(of: optimizer)) is not a fused one"
    }
    // What a foreign forward does on the CPU would be done once and not repeated, and nobody would notice.
    let foreign = model.namedModules().first { !isOurs(type(of: $0.module)) }
    if let foreign {
      return
        "\(type(of: foreign.module)) is a module of your own, whose work on the CPU would not be repeated"
    }
    return isOurs(type(of: loss)) ? nil : "\(type(of: loss)) is a loss of your own"
  }

  private func isOurs(_ type: Any.Type) -> Bool { String(reflecting: type).hasPrefix("SwiftTorchLayers.") }
}
