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
