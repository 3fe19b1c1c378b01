import SwiftTorchLayers

/// What `torchlayers bench` measures instead of a network.
enum BenchLimits {
  /// Nanoseconds of a call of each operator on tensors of one element, what a call costs beside the computation, and of
  /// `parameters()` of ResNet-18. Benchmarks/operations.py does the same, Benchmarks/cpp_frontend.cpp the operators alone.
  static func operations() throws -> [String: Double] {
    let (x, y) = (try Tensor.ones([1]), try Tensor.ones([1]))
    let image = try Tensor.ones([1, 1, 1, 1])
    let conv = Conv2d(inChannels: 1, outChannels: 1, kernelSize: 1)
    conv.weight.requiresGrad = false
    conv.bias?.requiresGrad = false
    let leaf = try Tensor.ones([1]).requiresGrad(true)
    let network = try Models.resnet18.make(
      inputShape: Models.resnet18.inputShape, classes: Models.resnet18.classes)
    return [
      "relu": try nanoseconds { _ = try x.relu() },
      "add": try nanoseconds { _ = try x + y },
      "conv2d": try nanoseconds { _ = try conv(image) },
      // Ten operators and the way back through them.
      "chain": try nanoseconds {
        var z = leaf
        for _ in 0..<5 { z = try z.relu() + leaf }
        try z.backward()
      },
      "parameters": try nanoseconds { _ = network.parameters() },
    ]
  }

  /// The fastest of 30 samples of about 10 ms each.
  private static func nanoseconds(_ body: () throws -> Void) throws -> Double {
    func sample(_ samples: Int, _ calls: Int) throws -> Double {
      var best = Double.infinity
      for _ in 0..<samples {
        let time = try ContinuousClock().measure { for _ in 0..<calls { try body() } }
        best = min(best, time / .nanoseconds(1) / Double(calls))
      }
      return best
    }
    let first = try sample(5, 2000)
    return try sample(30, max(1, Int(1e7 / first)))
  }

  /// Images per second of the data loader alone: 60 000 pictures of 28×28, shuffled, made float, normalised.
  static func loader(batchSize: Int, epochs: Int) throws -> Double {
    let count = 60000
    let dataset = ImageDataset(
      images: try Tensor.randint(0, 256, [count, 1, 28, 28]).to(.uint8),
      labels: try Tensor.randint(0, 10, [count]), classes: (0..<10).map(String.init))
    let loader = try DataLoader(
      dataset, batchSize: batchSize, shuffle: true,
      normalization: Normalization(mean: [0.2860], std: [0.3530]))
    func pass() throws {
      let epoch = try loader.epoch()
      while let batch = try epoch.next() { precondition(batch.images.ndim == 4) }
    }
    try pass()
    let time = try ContinuousClock().measure { for _ in 0..<epochs { try pass() } }
    return Double(count * epochs) / (time / .seconds(1))
  }

  /// What the machine can do at most, through libtorch's own kernels: each the fastest of several tries.
  struct Peak: Encodable {
    /// 2·n³ / seconds of a product of two float32 matrices, n = 3072: the faster of the next two.
    let sgemmGflops: Double
    /// With libtorch's BLAS, as `mm` calls it, and with oneDNN. MKL is not at its best on every processor.
    let blasGflops: Double
    let onednnGflops: Double
    /// Bytes read and written per second of `b.copy_(a)` and of `a + 2·b` into a third, each of 128 MiB.
    let copyGbPerSecond: Double
    let triadGbPerSecond: Double
  }

  static func peak() throws -> Peak {
    func fastest(_ tries: Int, _ body: () throws -> Void) throws -> Double {
      try body()
      return try (0..<tries).map { _ in try ContinuousClock().measure(body) / .seconds(1) }.min()!
    }
    return try inferenceMode {
      let n = 3072
      let (a, b, c) = (try Tensor.randn([n, n]), try Tensor.randn([n, n]), try Tensor.zeros([n, n]))
      let blas = try fastest(12) { try Tensor.call("aten::mm.out", a, b, c) }
      let blocked = try [a, b].map { tensor -> Tensor in
        guard case .tensor(let made)? = try Tensor.call("aten::to_mkldnn", tensor).first else {
          return tensor
        }
        return made
      }
      let onednn = try fastest(12) { try Tensor.call("aten::mkldnn_linear", blocked[0], blocked[1]) }
      let count = 1 << 25
      let (x, y, z) = (try Tensor.ones([count]), try Tensor.ones([count]), try Tensor.zeros([count]))
      let copy = try fastest(20) { try Tensor.call("aten::copy_", z, x) }
      let triad = try fastest(20) { try Tensor.call("aten::add.out", x, y, 2, z) }
      let bytes = Double(count * 4)
      let operations = 2 * Double(n * n) * Double(n)
      return Peak(
        sgemmGflops: operations / min(blas, onednn) / 1e9, blasGflops: operations / blas / 1e9,
        onednnGflops: operations / onednn / 1e9, copyGbPerSecond: 2 * bytes / copy / 1e9,
        triadGbPerSecond: 3 * bytes / triad / 1e9)
    }
  }
}
