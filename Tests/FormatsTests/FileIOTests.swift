import Formats
import Foundation
import Testing

@Suite("Whole files in and out")
struct FileIOTests {
  /// Runs `body` in an empty folder that is removed afterwards.
  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("formats-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func names(in folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test("an atomic write replaces the file and leaves nothing beside it, with the longest name too")
  func replaces() throws {
    try withFolder { folder in
      let longest = String(repeating: "n", count: 255)
      for name in ["a", longest] {
        let path = folder.appendingPathComponent(name).path
        try FileIO.writeAtomically([1, 2], to: path)
        try FileIO.writeAtomically([3], to: path)
        #expect(try FileIO.read(path) == [3])
      }
      #expect(try names(in: folder) == ["a", longest])
    }
  }

  @Test("where a file cannot be, the error is the system's and nothing is left behind")
  func refuses() throws {
    try withFolder { folder in
      let file = folder.appendingPathComponent("file").path
      let inner = folder.appendingPathComponent("inner")
      try FileIO.writeAtomically([1], to: file)
      try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
      let bad = [
        (file + "/below", "Not a directory"), (folder.path + "/none/x", "No such file or directory"),
        (inner.path, "a folder"), (folder.path + "/" + String(repeating: "n", count: 256), "name too long"),
        ("/proc/x", "cannot be written: "),
      ]
      for (path, reason) in bad {
        let message = failure { () throws(FormatError) in try FileIO.writeAtomically([1], to: path) }
        #expect(message?.hasPrefix("\(path): cannot be written: ") == true, "\(message ?? "no error")")
        #expect(message?.contains(reason) == true, "\(message ?? "no error")")
      }
      #expect(try names(in: folder) == ["file", "inner"])
      #expect(try names(in: inner).isEmpty)
    }
  }

  @Test("a device is refused, not replaced by a file", arguments: ["/dev/full", "/dev/null"])
  func device(_ device: String) throws {
    // Through a link, so that a failure of this test would cost the link and not the device.
    try withFolder { folder in
      let link = folder.appendingPathComponent("link").path
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: device)
      let message = failure { () throws(FormatError) in try FileIO.writeAtomically([1], to: link) }
      #expect(message == "\(link): cannot be written: it is no regular file")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == device)
      #expect(try names(in: folder) == ["link"])
    }
  }

  @Test("a missing file, a folder and a file larger than memory have their sentences")
  func unreadable() throws {
    try withFolder { folder in
      let missing = folder.appendingPathComponent("none").path
      #expect(
        failure { () throws(FormatError) in try FileIO.read(missing) }
          == "\(missing): cannot be opened: No such file or directory")
      #expect(
        failure { () throws(FormatError) in try FileIO.read(folder.path) }?.contains("it is a folder") == true
      )
      let sparse = folder.appendingPathComponent("sparse").path
      try FileIO.writeAtomically([], to: sparse)
      let size = 1 << 42  // claimed, not stored
      try #require(truncate(sparse, size) == 0)
      #expect(
        failure { () throws(FormatError) in try FileIO.read(sparse) }
          == "\(sparse): its \(size) bytes do not fit into memory")
    }
  }

  @Test("a file whose size the system does not tell is read to its end")
  func sizeless() throws { #expect(try FileIO.read("/proc/self/status").count > 100) }
}
