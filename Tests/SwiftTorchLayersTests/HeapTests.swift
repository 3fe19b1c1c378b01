import SwiftTorchLayers
import Testing

#if canImport(Glibc)
  import Glibc

  /// libtorch 2.13.0 writes past the end of a buffer when it computes the weight gradient of a 1×1
  /// convolution with stride 2, fewer than 8 input channels and the channels last in memory; a later `free`
  /// ends the program: with oneDNN's kernels for AVX2, which are asked for here on newer processors too. A step
  /// plan knows where that is and keeps the ordinary layout there.
  ///
  /// glibc's checking allocator fills freed memory and looks at the end of every block that is freed. The
  /// environment chooses it before a process starts, so that the claims run in processes of their own.
  @Suite("A checked heap", .serialized)
  struct HeapTests {
    private static let settings = [
      "LD_PRELOAD": "libc_malloc_debug.so.0", "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165",
      "ONEDNN_MAX_CPU_ISA": "AVX2",
    ]

    init() { for (name, value) in Self.settings { setenv(name, value, 1) } }

    private func restore() { for name in Self.settings.keys { unsetenv(name) } }

    @Test("the check sees a byte that is written past the end of a block")
    func overflow() async {
      defer { restore() }
      await #expect(processExitsWith: .signal(SIGABRT)) {
        let block = malloc(40)!.assumingMemoryBound(to: UInt8.self)
        block[40] ^= 0xff
        free(block)
      }
    }

    @Test(
      "fast steps of a net with a 1×1 convolution of stride 2 over 3 channels leave the heap whole and learn")
    func strided() async {
      defer { restore() }
      await #expect(processExitsWith: .success) {
        try Torch.setNumThreads(1)
        try Torch.manualSeed(0)
        let model = Sequential {
          Conv2d(inChannels: 3, outChannels: 4, kernelSize: 1, stride: 2)
          ReLU()
          Flatten()
          Linear(inFeatures: 4 * 75 * 75, outFeatures: 3)
        }
        let plan = try StepPlan(model)!
        let optimizer = Adam(model.parameters(), lr: 1e-3, fused: true)
        for step in 0..<12 {
          // Batches of several sizes, so that the blocks around change; each has the 8 million products and sums
          // from which on the plan would keep channels last in memory.
          let count = 64 + step % 3 * 4
          precondition(2 * count * 4 * 75 * 75 * 3 > 8_000_000)
          let (images, labels) = (try Tensor.randn([count, 3, 150, 150]), try Tensor.randint(0, 3, [count]))
          let planned = try plan.step(images, labels)
          let gradients = try model.parameters().map { try $0.grad!.clone() }
          model.zeroGrad()
          let loss = try crossEntropy(model(images), labels)
          try loss.backward()
          for (gradient, parameter) in zip(gradients, model.parameters()) {
            let difference = try (gradient - parameter.grad!).abs().max().item(as: Double.self)
            let size = try parameter.grad!.abs().max().item(as: Double.self)
            precondition(difference <= 1e-4 * size, "a gradient differs by \(difference) of \(size)")
          }
          let (own, other) = (try planned.loss.item(as: Double.self), try loss.item(as: Double.self))
          precondition((own - other).magnitude <= 1e-5 * other, "the loss is \(own), on the tape \(other)")
          try optimizer.step()
        }
      }
    }
  }
#endif
