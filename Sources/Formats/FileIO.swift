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
  /// - Parameter most: how many bytes it may have.
  /// - Throws: `FormatError` with the system's reason, for a folder, and for a file larger than memory or `most`.
  public static func read(_ path: String, most: Int = .max) throws(FormatError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw systemError(path, "cannot be opened") }
    defer { close(file) }
    var information = stat()
    guard fstat(file, &information) == 0 else { throw systemError(path, "cannot be read") }
    guard information.st_mode & S_IFMT != S_IFDIR else {
      throw FormatError(source: path, message: "it is a folder, a file is needed")
    }
    // One byte more than the size, so that a file that does not grow is read in one go.
    let size = max(Int(information.st_size), 0)
    // An Array for which there is no memory would end the program, and a sparse file can claim any size.
    guard size < sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) else {
      throw FormatError(source: path, message: "its \(size) bytes do not fit into memory")
    }
    func requireFit(_ size: Int) throws(FormatError) {
      guard size <= most else {
        throw FormatError(source: path, message: "it has more than the \(most) bytes that are read here")
      }
    }
    try requireFit(size)
    var bytes: [UInt8] = []
    var chunkSize = size + 1
    while true {
      var got = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, count in
        got = readBytes(file, buffer.baseAddress!, chunkSize)
        count = max(got, 0)
      }
      guard got >= 0 else { throw systemError(path, "cannot be read") }
      if chunk.isEmpty { return bytes }
      if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
      try requireFit(bytes.count)
      chunkSize = 1 << 16
    }
  }

  /// Writes beside `path`, waits until the disk has it, and renames: the old file or the new one is there,
  /// never half of one.
  /// - Throws: `FormatError` with the system's reason; nothing is left behind.
  public static func writeAtomically(_ bytes: [UInt8], to path: String) throws(FormatError) {
    let (file, temporary) = try openBeside(path)
    var failure: FormatError?
    if !writeAll(bytes, to: file) || fsync(file) != 0 { failure = systemError(path, "cannot be written") }
    if close(file) != 0, failure == nil { failure = systemError(path, "cannot be written") }
    if failure == nil, rename(temporary, path) != 0 { failure = systemError(path, "cannot be written") }
    if let failure {
      unlink(temporary)
      throw failure
    }
  }

  /// As `writeAtomically`, for a library that writes the file itself: `write` gets the path of an empty file
  /// beside `path`.
  /// - Throws: what `write` throws, or `FormatError` with the system's reason; nothing is left behind.
  public static func replace(_ path: String, by write: (_ temporary: String) throws -> Void) throws {
    let (file, temporary) = try openBeside(path)
    defer { close(file) }
    do {
      try write(temporary)
      guard fsync(file) == 0, rename(temporary, path) == 0 else {
        throw systemError(path, "cannot be written")
      }
    } catch {
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

  /// Makes a file beside `path` under a name that no other process or thread has.
  private static func openBeside(_ path: String) throws(FormatError) -> (file: Int32, name: String) {
    try requireReplaceable(path)
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    for attempt in 0..<1000 {
      // The name does not grow with that of `path`, which may be as long as a name can be.
      let name = "\(folder).writing-\(getpid())-\(attempt)"
      let file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      if file >= 0 { return (file, name) }
      guard errno == EEXIST else { break }
    }
    throw systemError(path, "cannot be written")
  }

  private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
    var done = 0
    while done < bytes.count {
      let wrote = bytes.withUnsafeBytes { write(file, $0.baseAddress! + done, $0.count - done) }
      if wrote < 0, errno == EINTR { continue }
      guard wrote > 0 else { return false }
      done += wrote
    }
    return true
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
