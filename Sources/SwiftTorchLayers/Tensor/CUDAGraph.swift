import CTorchShim

/// Work on a CUDA device that is recorded once and then launched with one call: `torch.cuda.CUDAGraph`.
///
///     let graph = try CUDAGraph(device: .cuda)
///     for _ in 0..<3 { try graph.warmUp(step) }
///     try optimizer.zeroGrad(setToNone: true)
///     try graph.capture(step)
///     while try next(into: input) { try graph.replay() }
///
/// A replay reads and writes the same memory as the recording: new data is copied into the tensors that `step`
/// read, and results are in the tensors that it made. What `step` did on the CPU is not repeated. Random numbers of
/// the device's default generator are new at each replay, and those that would have come without a graph.
/// - Source: https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
public final class CUDAGraph {
  private let pointer: OpaquePointer

  /// A graph that has recorded nothing yet.
  /// - Throws: `TorchError` when `device` is no CUDA device, or the shim was built without CUDA.
  public init(device: Device = .cuda) throws {
    var made: OpaquePointer?
    try Shim.check(try Shim.table.graph_new(device.raw, &made))
    pointer = made!
  }

  deinit { (try? Shim.table)?.graph_release(pointer) }

  /// Runs `work` without recording, on the stream that it will be recorded on, so that what libraries and
  /// optimizers set up at a first call is there. PyTorch advises three times.
  /// - Throws: what `work` throws.
  public func warmUp(_ work: () throws -> Void) throws {
    try perform(work) { [pointer] in try Shim.table.graph_warm_up(pointer, $0, $1) }
  }

  /// Records what `work` asks of the device; nothing of it is done.
  /// - Throws: what `work` throws, and `TorchError` when an operator cannot be recorded: one that waits for the
  ///   device, as `item(as:)` does, or copies from the CPU. Then random numbers go on where they were.
  public func capture(_ work: () throws -> Void) throws {
    try perform({ try DeviceRates.$isRecording.withValue(true, operation: work) }) { [pointer] in
      try Shim.table.graph_capture(pointer, $0, $1)
    }
  }

  /// Queues what was recorded, behind all earlier work on the device, and returns at once.
  /// - Throws: `TorchError` when nothing was recorded or the device refuses.
  public func replay() throws { try Shim.check(try Shim.table.graph_replay(pointer)) }

  /// A Swift closure on its way through C.
  private final class Errand {
    let work: () throws -> Void
    var failure: (any Error)?
    init(_ work: @escaping () throws -> Void) { self.work = work }
  }

  private func perform(
    _ work: () throws -> Void, _ call: (@escaping shim_work, UnsafeMutableRawPointer) throws -> shim_status
  ) throws {
    try withoutActuallyEscaping(work) { work in
      let errand = Errand(work)
      let status = try withExtendedLifetime(errand) {
        try call(
          { context in
            let errand = Unmanaged<Errand>.fromOpaque(context!).takeUnretainedValue()
            do {
              try errand.work()
              return 0
            } catch {
              errand.failure = error
              return 1
            }
          }, Unmanaged.passUnretained(errand).toOpaque())
      }
      if let failure = errand.failure { throw failure }
      try Shim.check(status)
    }
  }
}
