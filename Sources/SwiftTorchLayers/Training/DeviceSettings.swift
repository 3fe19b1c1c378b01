extension RunConfiguration {
  /// Faster kernels than Python PyTorch's default path, on a CUDA device.
  var isFastOnCUDA: Bool { !exact && Device(device)?.isCUDA == true }

  var isDeterministic: Bool { deterministic == true }

  /// Whether the step is to be recorded as a CUDA graph. A run that goes on begins with some steps that are not, and
  /// nobody promises that a recorded step has the same bits.
  var wantsCUDAGraph: Bool { isFastOnCUDA && !isDeterministic && cudaGraph != .off }

  /// How the run differs from Python PyTorch's default path on its device, for the reader of `config.json`.
  var fastChanges: [String] {
    let onCUDA = Device(device)?.isCUDA == true
    let order =
      onCUDA && !isDeterministic
      ? ["sums of cuDNN in an order that may differ from run to run, as Python's"] : []
    if exact {
      return onCUDA ? ["optimizer by single tensors (Python's default on CUDA is foreach=True)"] + order : []
    }
    guard onCUDA else {
      return [
        "fused optimizer", "no tape where the layers allow it", "frozen, rearranged weights for evaluation",
      ]
    }
    return ["fused optimizer"]
      + (wantsCUDAGraph ? ["the step as a CUDA graph where it can be recorded"] : [])
      + ["TF32 in float32 convolutions and matrix products", "weights of convolutions channels_last"]
      + (isDeterministic ? [] : ["cuDNN's algorithms chosen by measuring"]) + order
  }

  /// Makes libtorch ready to compute as the run does: sets the number of threads and every setting of its devices.
  /// Exact is what PyTorch has by default: on CUDA TF32 in convolutions alone. Call it before anything is computed.
  /// - Returns: the device that the configuration names.
  /// - Throws: `TorchError` when it is not there.
  public func prepareDevice() throws -> Device {
    guard let place = Device(device) else {
      throw TorchError("there is no device \(device)", kind: .notFound)
    }
    // First, since cuBLAS looks at the environment when it begins.
    try Torch.useDeterministicAlgorithms(isDeterministic)
    do {
      try place.requireAvailable()
    } catch var error as TorchError {
      error.message += "; --device cpu does without"
      throw error
    }
    try Torch.setNumThreads(threads)
    guard place.isCUDA else { return place }
    try Torch.setAllowTF32(matrixProducts: !exact, convolutions: true)
    try Torch.setBenchmarkCuDNN(!exact && !isDeterministic)
    return place
  }
}
