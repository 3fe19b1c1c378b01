import CTorchShim

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The loaded shim: the one door to libtorch.
///
/// It is looked for, in this order, in the file or folder that `TORCHLAYERS_SHIM` names, beside the program,
/// in the user's cache where `make setup` puts it, and in the installation prefix.
public enum Shim {
  static let fileName = "libtorchshim.so"

  /// A shim that was found and opened.
  struct Loaded: @unchecked Sendable {  // the table is constant once the shim is open
    let table: UnsafePointer<torch_shim>
    let path: String
  }

  static let loaded: Result<Loaded, TorchError> = open()

  /// The table of entries.
  /// - Throws: `TorchError` of kind `libtorchMissing` with the places that were tried and what to do.
  static var table: torch_shim {
    @inline(__always) get throws {
      if let table = torch_shim_current() { return table.pointee }
      return try loaded.get().table.pointee
    }
  }

  /// Opens the shim now, so that what is missing is said before work begins.
  /// - Throws: `TorchError` of kind `libtorchMissing`.
  public static func load() throws { _ = try loaded.get() }

  /// The file that was loaded.
  public static var path: String { get throws { try loaded.get().path } }
  /// The libtorch that the shim was compiled against, for example `2.13.0`.
  public static var builtVersion: String { get throws { String(cString: try table.built_version) } }
  /// The build of libtorch that the shim was compiled against: `cpu`, `cu130`, …
  public static var builtVariant: String { get throws { String(cString: try table.built_variant) } }
  /// The libtorch that was loaded with the shim, for example `2.13.0`.
  public static var runningVersion: String { get throws { String(cString: try table.running_version) } }
  /// libtorch's own words about its build: compiler, BLAS, flags.
  public static var buildConfiguration: String {
    get throws { String(cString: try table.build_configuration()) }
  }
  /// The instruction set that libtorch's CPU kernels use: `DEFAULT`, `AVX2` or `AVX512`.
  public static var cpuCapability: String { get throws { String(cString: try table.cpu_capability()) } }
  /// The file that libtorch's own calls of a C function lead to, for example of `sgemm_`.
  public static func library(of symbol: String) throws -> String? {
    try table.symbol_library(symbol).map { String(cString: $0) }
  }

  /// How many handles (tensors, generators, script modules) Swift holds at this moment.
  public static var liveHandles: Int { get throws { Int(try table.live_handles()) } }

  /// The places where the shim is looked for, in order.
  public static var searchPlaces: [String] {
    if let chosen = environment("TORCHLAYERS_SHIM") {
      return [chosen.hasSuffix(".so") ? chosen : chosen + "/" + fileName]
    }
    var places: [String] = []
    if let program = programFolder {
      places.append(program + "/" + fileName)
      places.append(program + "/../lib/torchlayers/" + fileName)
    }
    places.append(cacheFolder + "/shim/default/" + fileName)
    places.append("/usr/local/lib/torchlayers/" + fileName)
    return places
  }

  /// The user's cache: `$XDG_CACHE_HOME/torchlayers`, or `~/.cache/torchlayers`.
  public static var cacheFolder: String {
    if let cache = environment("XDG_CACHE_HOME") { return cache + "/torchlayers" }
    let home = environment("HOME") ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? ""
    return home + "/.cache/torchlayers"
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  /// The file of the running program.
  public static var program: String? {
    #if os(Linux)
      var buffer = [UInt8](repeating: 0, count: 4096)
      let length = readlink("/proc/self/exe", &buffer, buffer.count)
      return length > 0 ? String(decoding: buffer[..<length], as: UTF8.self) : nil
    #else
      return CommandLine.arguments.first
    #endif
  }

  static var programFolder: String? {
    guard let program, let slash = program.lastIndex(of: "/") else { return nil }
    return String(program[..<slash])
  }

  /// What builds a shim: the bundle's script where the program lies in a bundle.
  private static var setup: String {
    guard let folder = programFolder?.split(separator: "/").dropLast().joined(separator: "/"),
      access("/\(folder)/setup.sh", X_OK) == 0
    else { return "`make setup` in SwiftTorchLayers" }
    return "/\(folder)/setup.sh"
  }

  private static func open() -> Result<Loaded, TorchError> {
    var tried: [String] = []
    for place in searchPlaces {
      guard access(place, F_OK) == 0 else {
        tried.append("\(place) (no such file)")
        continue
      }
      var message = [CChar](repeating: 0, count: 2048)
      guard let table = torch_shim_load(place, &message, message.count) else {
        let text = message.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        return .failure(
          TorchError(
            "the shim \(place) cannot be used: \(text); build it anew with \(setup)",
            kind: .libtorchMissing))
      }
      let built = String(cString: table.pointee.built_version)
      let running = String(cString: table.pointee.running_version)
      guard built == running.prefix(while: { $0 != "+" }) else {
        return .failure(
          TorchError(
            """
            the shim \(place) was built against libtorch \(built) but libtorch \(running) was loaded with it; \
            build it anew with \(setup)
            """, kind: .libtorchMissing))
      }
      torch_shim_set_current(table)
      return .success(Loaded(table: table, path: place))
    }
    return .failure(
      TorchError(
        """
        libtorch is not set up: run \(setup), or set TORCHLAYERS_SHIM to a built \
        \(fileName); tried \(tried.joined(separator: ", "))
        """, kind: .libtorchMissing))
  }

  /// Throws the thread's last error of the shim if `status` is not OK.
  @inline(__always)
  static func check(_ status: shim_status) throws {
    if status != SHIM_OK { throw error(status) }
  }

  /// The thread's last error of the shim as a value.
  static func error(_ status: shim_status) -> TorchError {
    guard case .success(let loaded) = loaded else { return TorchError("the shim is not loaded") }
    let text = String(cString: loaded.table.pointee.last_error())
    let kind: TorchError.Kind =
      switch Int(status) {
      case Int(SHIM_OUT_OF_MEMORY): .outOfMemory
      case Int(SHIM_NOT_FOUND): .notFound
      default: .invalid
      }
    return TorchError(sentence(text), kind: kind)
  }

  /// libtorch's text without what is of no use to a person: where in its sources it was raised, empty lines, advice
  /// that is Python's.
  static func sentence(_ text: String) -> String {
    if text.contains("no kernel image is available for execution on the device") {
      return
        "this libtorch has no kernels for this GPU, which is older or newer than those it was built for; install a "
        + "torch that was built for it, or use the CPU"
    }
    let refusal = " does not have a deterministic implementation"
    if let found = text.firstRange(of: refusal) {
      return text[..<found.upperBound] + " here, and only such may run (--deterministic, "
        + "Torch.useDeterministicAlgorithms): do without, or replace the layer"
    }
    var lines = text.split(separator: "\n").map(String.init)
    if let cut = lines.firstIndex(where: {
      $0.hasPrefix("Exception raised from") || $0.hasPrefix("C++ CapturedTraceback")
    }) {
      lines.removeSubrange(cut...)
    }
    return lines.joined(separator: "\n")
  }
}
