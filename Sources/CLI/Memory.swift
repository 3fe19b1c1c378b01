import Formats
import SwiftTorchLayers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Keeps large freed blocks instead of returning them to the system: training allocates the same sizes at every
/// step, and each return costs page faults at the next. Only the program decides this, never the library.
func keepFreedMemory() {
  // Asked for by name: glibc has it, other C libraries need not.
  guard let found = dlsym(nil, "mallopt") else { return }
  let mallopt = unsafeBitCast(found, to: (@convention(c) (Int32, Int32) -> Int32).self)
  let (mmapMax, trimThreshold): (Int32, Int32) = (-4, -1)  // M_MMAP_MAX, M_TRIM_THRESHOLD
  _ = mallopt(mmapMax, 0)
  _ = mallopt(trimThreshold, .max)
}

/// Loads libtorch and keeps small blocks of its tensors as well, unless malloc was asked to check every block: it looks
/// at a block when it is freed, and a block that is kept never is.
func loadKeepingSmallBlocks() throws {
  try Shim.load()
  if getenv("MALLOC_CHECK_") == nil { try Torch.keepSmallBlocks() }
}

/// The most memory that the program has used at once, in bytes.
struct MemoryReport: Encodable, CustomStringConvertible {
  /// Of the machine, by this process.
  let residentPeak: Int?
  /// Of the CUDA device.
  let cuda: CUDA.Memory?

  init(device: String) {
    var usage = rusage()
    // Linux counts in KiB.
    #if os(Linux)
      let unit = 1024
    #else
      let unit = 1
    #endif
    let thisProcess: Int32 = 0  // RUSAGE_SELF, which has another type in each C library
    residentPeak = getrusage(thisProcess, &usage) == 0 ? Int(usage.ru_maxrss) * unit : nil
    let place = Device(device)
    cuda = place?.isCUDA == true ? try? CUDA.memory(of: place?.index ?? 0) : nil
  }

  var description: String {
    func mebibytes(_ bytes: Int) -> String { "\(grouped(Double(bytes) / Double(1 << 20))) MiB" }
    let parts = [
      cuda.map {
        "GPU \(mebibytes($0.peakAllocated)) at most in tensors, \(mebibytes($0.peakReserved)) reserved"
      }, residentPeak.map { "\(mebibytes($0)) at most in this process" },
    ]
    return parts.compactMap(\.self).joined(separator: "; ")
  }
}
