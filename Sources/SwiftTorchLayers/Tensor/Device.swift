import CTorchShim

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where a tensor lives and its operators run: `cpu`, `cuda`, `cuda:1`.
public struct Device: Hashable, Sendable, CustomStringConvertible {
  /// libtorch's number of the device type.
  let type: Int32
  /// Which of several; nil is the current one.
  public let index: Int?

  public static let cpu = Device(type: Int32(SHIM_CPU), index: nil)
  public static let cuda = Device(type: Int32(SHIM_CUDA), index: nil)
  public static func cuda(_ index: Int) -> Device { Device(type: Int32(SHIM_CUDA), index: index) }

  public var isCUDA: Bool { type == Int32(SHIM_CUDA) }

  init(type: Int32, index: Int?) {
    self.type = type
    self.index = index
  }

  init(_ device: shim_device) {
    type = device.type
    index = device.index < 0 || device.type == Int32(SHIM_CPU) ? nil : Int(device.index)
  }

  var raw: shim_device { shim_device(type: type, index: Int32(index ?? -1)) }

  /// `cpu`, `cuda` or `cuda:N`; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2 else { return nil }
    switch (parts.first ?? "", parts.count) {
    case ("cpu", 1): self = .cpu
    case ("cuda", 1): self = .cuda
    case ("cuda", 2):
      guard let index = Int(parts[1]), index >= 0, index < 128 else { return nil }
      self = .cuda(index)
    default: return nil
    }
  }

  public var description: String {
    let name =
      switch type {
      case Int32(SHIM_CPU): "cpu"
      case Int32(SHIM_CUDA): "cuda"
      case Int32(SHIM_MPS): "mps"
      default: "device\(type)"
      }
    return index.map { "\(name):\($0)" } ?? name
  }

  /// Waits until all work queued on the device is done.
  /// - Throws: `TorchError` with what a kernel that ran before reported.
  public func synchronize() throws { try Shim.check(try Shim.table.synchronize(raw)) }
}

/// The CUDA devices of this machine.
public enum CUDA {
  /// Whether the loaded libtorch has CUDA code at all.
  public static var isBuilt: Bool { get throws { try Shim.table.cuda_built() } }
  /// How many devices can be used now; 0 without a driver.
  public static var deviceCount: Int { get throws { Int(try Shim.table.cuda_device_count()) } }
  public static var isAvailable: Bool { get throws { try deviceCount > 0 } }

  /// What a device says of itself.
  public struct Properties: Sendable {
    public let name: String
    /// Bytes of device memory, nil when not known.
    public let totalMemory: Int?
    public let freeMemory: Int?
    /// Compute capability, for example (9, 0).
    public let capability: (major: Int, minor: Int)
  }

  /// - Throws: `TorchError` of kind `notFound` when there is no such device.
  public static func properties(of index: Int) throws -> Properties {
    var info = shim_device_info()
    try Shim.check(try Shim.table.cuda_device_info(Int32(index), &info))
    let name = withUnsafeBytes(of: info.name) { bytes in
      String(decoding: bytes.prefix(while: { $0 != 0 }), as: UTF8.self)
    }
    return Properties(
      name: name,
      totalMemory: info.total_bytes < 0 ? nil : Int(info.total_bytes),
      freeMemory: info.free_bytes < 0 ? nil : Int(info.free_bytes),
      capability: (Int(info.capability_major), Int(info.capability_minor)))
  }
}

/// Settings of libtorch that hold for the whole process.
public enum Torch {
  /// Threads that one operator may use on the CPU. Set it once, before the first operator.
  public static var numThreads: Int { get throws { Int(try Shim.table.get_num_threads()) } }

  public static func setNumThreads(_ count: Int) throws {
    guard count >= 1, count <= 4096 else {
      throw TorchError("the number of threads must be between 1 and 4096, not \(count)")
    }
    try Shim.check(try Shim.table.set_num_threads(Int32(count)))
  }

  /// Keeps small blocks of freed CPU tensors for tensors to come, some MiB for each thread and size. For programs whose
  /// tensors come and go at every step; a library leaves the choice to its program.
  public static func keepSmallBlocks() throws { try Shim.table.keep_small_blocks() }

  /// Whether matrix products and convolutions on NVIDIA GPUs may round their factors to 11 bits (TF32).
  public static func setAllowTF32(_ on: Bool) throws {
    try setAllowTF32(matrixProducts: on, convolutions: on)
  }

  /// As above, each by itself. PyTorch begins with convolutions alone.
  public static func setAllowTF32(matrixProducts: Bool, convolutions: Bool) throws {
    try Shim.check(try Shim.table.set_context_flag("tf32_matmul", matrixProducts))
    try Shim.check(try Shim.table.set_context_flag("tf32_cudnn", convolutions))
  }

  /// Whether cuDNN tries its algorithms at the first convolution of each shape and takes the fastest.
  public static func setBenchmarkCuDNN(_ on: Bool) throws {
    try Shim.check(try Shim.table.set_context_flag("benchmark_cudnn", on))
  }

  /// Whether operators give the same bits every time on the same device, and refuse what cannot:
  /// `torch.use_deterministic_algorithms` and `torch.backends.cudnn.deterministic`. On CUDA it also needs the workspaces
  /// of cuBLAS to be fixed (environment variable `CUBLAS_WORKSPACE_CONFIG`), which this does when no matrix product has
  /// run there yet.
  public static func useDeterministicAlgorithms(_ on: Bool) throws {
    if on { fixWorkspaces() }
    try Shim.check(try Shim.table.set_context_flag("deterministic", on))
    try Shim.check(try Shim.table.set_context_flag("deterministic_cudnn", on))
  }

  /// cuBLAS reads it when its first handle is made; of its values these two give the same bits every time.
  private static func fixWorkspaces() {
    let (name, values) = ("CUBLAS_WORKSPACE_CONFIG", [":4096:8", ":16:8"])
    guard !values.contains(getenv(name).map { String(cString: $0) } ?? "") else { return }
    setenv(name, values[0], 1)
  }

  /// A setting of libtorch's context: `deterministic`, `deterministic_cudnn`, `benchmark_cudnn`, `tf32_cudnn`,
  /// `tf32_matmul`.
  static func contextFlag(_ name: String) throws -> Bool {
    var on = false
    try Shim.check(try Shim.table.get_context_flag(name, &on))
    return on
  }

  /// Seeds the default generator of every device, as `torch.manual_seed`.
  public static func manualSeed(_ seed: UInt64) throws { try Shim.check(try Shim.table.manual_seed(seed)) }
}
