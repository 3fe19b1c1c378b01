import CTorchShim

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension CUDA {
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
