extension RunConfiguration {
  /// Faster kernels than Python PyTorch's default path, on a CUDA device.
  var isFastOnCUDA: Bool { !exact && Device(device)?.isCUDA == true }

  /// What the fast mode changes on the run's device, for the reader of `config.json`.
  var fastChanges: [String] {
    guard !exact else { return [] }
    guard isFastOnCUDA else {
      return [
        "fused optimizer", "no tape where the layers allow it", "frozen, rearranged weights for evaluation",
      ]
    }
    return ["fused optimizer"]
      + (cudaGraph == .off ? [] : ["the step as a CUDA graph where it can be recorded"])
      + ["TF32 in float32 convolutions and matrix products", "weights of convolutions channels_last"]
      + ["cuDNN's algorithms chosen by measuring"]
  }

  /// Sets libtorch's settings for CUDA devices, all of them, as the run wants them. Exact is what PyTorch has by
  /// default: TF32 in convolutions alone.
  public func applyDeviceSettings() throws {
    guard Device(device)?.isCUDA == true else { return }
    try Torch.setAllowTF32(matrixProducts: !exact, convolutions: true)
    try Torch.setBenchmarkCuDNN(!exact)
  }
}
