#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Whole files in and out.
public enum FileIO {
  /// The bytes of a file.
  /// - Throws: `FormatError` with the system's reason.
  public static func read(_ path: String) throws(FormatError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw systemError(path, "cannot be opened") }
    defer { close(file) }
    var information = stat()
    guard fstat(file, &information) == 0 else { throw systemError(path, "cannot be read") }
    guard information.st_mode & S_IFMT != S_IFDIR else {
      throw FormatError(source: path, message: "it is a folder, a file is needed")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(max(Int(information.st_size), 0) + 1)
    let chunkSize = max(Int(information.st_size) + 1, 1 << 16)
    while true {
      var failed = false
      let chunk = [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, count in
        let got = readBytes(file, buffer.baseAddress!, chunkSize)
        failed = got < 0
        count = max(got, 0)
      }
      guard !failed else { throw systemError(path, "cannot be read") }
      if chunk.isEmpty { return bytes }
      if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
    }
  }

  /// Writes beside `path`, waits until the disk has it, and renames: the old file or the new one is there,
  /// never half of one.
  /// - Throws: `FormatError` with the system's reason; nothing is left behind.
  public static func writeAtomically(_ bytes: [UInt8], to path: String) throws(FormatError) {
    try requireReplaceable(path)
    let temporary = "\(path).\(getpid()).partial"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw systemError(path, "cannot be written") }
    var done = 0
    while done < bytes.count {
      let wrote = bytes.withUnsafeBytes { write(file, $0.baseAddress! + done, $0.count - done) }
      if wrote < 0, errno == EINTR { continue }
      guard wrote > 0 else {
        let error = systemError(path, "cannot be written")
        close(file)
        unlink(temporary)
        throw error
      }
      done += wrote
    }
    let synced = fsync(file) == 0 && close(file) == 0
    guard synced, rename(temporary, path) == 0 else {
      let error = systemError(path, "cannot be written")
      unlink(temporary)
      throw error
    }
  }

  /// The size of a file in bytes.
  /// - Throws: `FormatError` with the system's reason.
  public static func size(_ path: String) throws(FormatError) -> Int {
    var information = stat()
    guard stat(path, &information) == 0 else { throw systemError(path, "cannot be read") }
    return Int(information.st_size)
  }

  /// Renaming over a device or a pipe would replace it by a file.
  /// - Throws: `FormatError` when something is at `path` that is no regular file.
  public static func requireReplaceable(_ path: String) throws(FormatError) {
    var information = stat()
    guard stat(path, &information) == 0, information.st_mode & S_IFMT != S_IFREG else { return }
    let what = information.st_mode & S_IFMT == S_IFDIR ? "a folder" : "no regular file"
    throw FormatError(source: path, message: "cannot be written: it is \(what)")
  }

  private static func systemError(_ path: String, _ what: String) -> FormatError {
    FormatError(source: path, message: "\(what): \(String(cString: strerror(errno)))")
  }
}

/// `read(2)`, which `FileIO.read` hides by its own name; tried again when a signal interrupts it.
private func readBytes(_ file: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
  while true {
    let got = read(file, buffer, count)
    if got >= 0 || errno != EINTR { return got }
  }
}
