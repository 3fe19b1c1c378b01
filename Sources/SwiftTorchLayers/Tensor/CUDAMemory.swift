import CTorchShim

extension CUDA {
  /// What libtorch's allocator holds of a device's memory, in bytes: `torch.cuda.memory_stats`.
  public struct Memory: Codable, Equatable, Sendable {
    /// In use by tensors.
    public let allocated: Int
    /// Taken from the device: in use, or kept for the next tensors.
    public let reserved: Int
    /// The most that was in use at once, since the start or `resetPeakMemory(of:)`.
    public let peakAllocated: Int
    public let peakReserved: Int
  }

  /// - Parameter index: the device's number, 0 for `cuda`.
  /// - Throws: `TorchError` when there is no such device.
  public static func memory(of index: Int = 0) throws -> Memory {
    var raw = shim_memory()
    try Shim.check(try Shim.table.cuda_memory(Int32(index), &raw))
    return Memory(
      allocated: Int(raw.allocated), reserved: Int(raw.reserved), peakAllocated: Int(raw.peak_allocated),
      peakReserved: Int(raw.peak_reserved))
  }

  /// Counts the peaks from now on: `torch.cuda.reset_peak_memory_stats`.
  public static func resetPeakMemory(of index: Int = 0) throws {
    try Shim.check(try Shim.table.cuda_reset_peak_memory(Int32(index)))
  }

  /// Gives memory that no tensor uses back to the devices: `torch.cuda.empty_cache`.
  public static func emptyCache() throws { try Shim.check(try Shim.table.cuda_empty_cache()) }
}
