import CTorchShim

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension CUDA {
  /// The GPUs that a libtorch has kernels for.
  struct Architectures {
    /// Machine code: for the same major compute capability with at least this minor one; with a letter behind the
    /// number for this one alone.
    private(set) var binary: [(number: Int, alone: Bool)] = []
    /// PTX, which the driver translates for newer GPUs.
    private(set) var portable: [Int] = []

    /// - Parameter configuration: libtorch's words about its build, among them nvcc's flags, each as
    ///   `-gencode;arch=compute_90,code=sm_90`.
    init(_ configuration: String) {
      let words = configuration.split { !($0.isLetter || $0.isNumber || $0 == "_") }
      for (word, before) in zip(words.dropFirst(), words) where before == "code" {
        let parts = word.split(separator: "_")
        guard parts.count == 2, let number = Int(parts[1].prefix { $0.isNumber }) else { continue }
        switch parts[0] {
        case "sm": binary.append((number, parts[1].last == "a"))
        case "compute": portable.append(number)
        default: continue
        }
      }
    }

    /// Why a GPU of a compute capability cannot be used and what to do; nil when it can, or nothing is known.
    func problem(with capability: (major: Int, minor: Int)) -> String? {
      let own = capability.major * 10 + capability.minor
      func serves(_ code: (number: Int, alone: Bool)) -> Bool {
        code.alone ? code.number == own : code.number / 10 == capability.major && code.number <= own
      }
      guard !binary.isEmpty || !portable.isEmpty, !binary.contains(where: serves),
        !portable.contains(where: { $0 <= own })
      else { return nil }
      let all = Set(binary.map(\.number) + portable).sorted().map { "\($0 / 10).\($0 % 10)" }
      return
        "it has compute capability \(capability.major).\(capability.minor), and this libtorch has kernels for "
        + "\(all.joined(separator: ", ")) only; install a torch that was built for it"
    }
  }

  /// What there is of CUDA on a machine, and why it may not be usable.
  struct State {
    /// libtorch and the shim have CUDA code.
    var isBuilt: Bool
    /// libtorch's version and build, `2.11.0-cu130`.
    var libtorch: String
    /// A kernel module of NVIDIA's is loaded.
    var hasDriver: Bool
    /// The newest CUDA that the driver serves, 13000 for 13.0; 0 when none answers.
    var driver = 0
    /// libtorch's CUDA.
    var runtime = 0
    /// What CUDA's runtime says; empty when it found a device.
    var error = ""

    /// Why no device can be used and what to do; nil when one can.
    var problem: String? {
      func version(_ number: Int) -> String { "\(number / 1000).\(number % 1000 / 10)" }
      guard isBuilt else {
        if libtorch.contains("-cu") {
          return "this libtorch (\(libtorch)) has CUDA, but the shim was built without it: "
            + (hasDriver
              ? "not all of libtorch's CUDA libraries, or not CUDA's headers, were there; install torch with pip, which "
                + "brings them, and build the shim anew"
              : "this machine has no NVIDIA driver; install one and build the shim anew")
        }
        return "this libtorch (\(libtorch)) was built without CUDA"
          + (hasDriver ? "; this machine has an NVIDIA driver: install a CUDA build of torch" : "")
      }
      guard !error.isEmpty else { return nil }
      if driver == 0 {
        return hasDriver
          ? "the NVIDIA driver is loaded, but its library libcuda.so.1 does not answer (\(error)): install the "
            + "driver's user-space part of the same version, in a container with the NVIDIA container toolkit"
          : "no NVIDIA driver was found; install one for CUDA \(version(runtime)) or newer"
      }
      if driver / 1000 < runtime / 1000 {
        return
          "the NVIDIA driver serves CUDA up to \(version(driver)), this libtorch needs \(version(runtime)) "
          + "(\(error)); install a newer driver, or a torch that was built for CUDA \(driver / 1000)"
      }
      return "the NVIDIA driver (CUDA \(version(driver))) offers no device: \(error); look at nvidia-smi and "
        + "CUDA_VISIBLE_DEVICES"
    }
  }

  /// Why no CUDA device can be used here, in a sentence that says what to do; nil when one can.
  public static var problem: String? {
    get throws {
      var raw = shim_cuda_state()
      try Shim.table.cuda_state(&raw)
      let error = withUnsafeBytes(of: raw.error) { bytes in
        String(decoding: bytes.prefix(while: { $0 != 0 }), as: UTF8.self)
      }
      return State(
        isBuilt: try isBuilt && raw.runtime > 0,
        libtorch: "\(try Shim.builtVersion)-\(try Shim.builtVariant)",
        hasDriver: access("/proc/driver/nvidia/version", F_OK) == 0, driver: Int(raw.driver),
        runtime: Int(raw.runtime), error: error
      ).problem
    }
  }
}
