import Formats

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Lets `write` make a file beside `path` and renames it when all went well: nobody ever sees half a file.
/// - Throws: what `write` throws, or `TorchError` with the system's reason; the temporary file is removed.
func writeBeside(_ path: String, _ write: (String) throws -> Void) throws {
  try FileIO.requireReplaceable(path)
  let temporary = "\(path).\(getpid()).partial"
  do {
    // Asking first gives the system's own reason (read-only, missing folder) instead of a library's.
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else {
      throw TorchError("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
    close(descriptor)
    try write(temporary)
    guard rename(temporary, path) == 0 else {
      throw TorchError("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
  } catch {
    unlink(temporary)
    throw error
  }
}
