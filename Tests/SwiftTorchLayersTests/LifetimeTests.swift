import Foundation
import SwiftTorchLayers
import Testing

/// Handles and memory of the whole process: needs the tests to run one after the other (`--no-parallel`, as
/// `make test` does).
@Suite("Lifetimes", .serialized)
struct LifetimeTests {
  private static func makeStep() throws -> (Module, () throws -> Void) {
    let model = Sequential {
      Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3)
      BatchNorm2d(numFeatures: 4)
      ReLU()
      MaxPool2d(kernelSize: 2)
      Dropout()
      Flatten()
      Linear(inFeatures: 4 * 3 * 3, outFeatures: 5)
    }
    let images = try Tensor.randn([8, 1, 8, 8])
    let labels = try Tensor.randint(0, 5, [8])
    let optimizers: [any AnyOptimizer] = [
      Adam(model.parameters(), amsgrad: true), SGD(model.parameters(), momentum: 0.9),
      AdamW(model.parameters(), fused: true),
    ]
    return (
      model,
      {
        for optimizer in optimizers {
          let loss = try crossEntropy(model(images), labels)
          try optimizer.zeroGrad(setToNone: true)
          try loss.backward()
          try optimizer.step()
        }
      }
    )
  }

  /// Resident memory of this process in bytes.
  private static func residentBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    return try #require(Int(text.split(separator: " ")[1])) * 4096
  }

  @Test("a thousand training steps leave the handle count where it was, and memory flat")
  func steps() throws {
    let (model, step) = try Self.makeStep()
    for _ in 0..<50 { try step() }
    let handles = try Shim.liveHandles
    let memory = try Self.residentBytes()
    for _ in 0..<1000 { try step() }
    #expect(try Shim.liveHandles == handles)
    #expect(try Self.residentBytes() - memory < 4 << 20, "more than 4 MiB were kept over 1000 steps")
    withExtendedLifetime(model) {}
  }

  @Test("in inference mode nothing is recorded, and what was made there cannot take part later")
  func inference() throws {
    let weight = try Tensor([2] as [Float]).requiresGrad(true)
    let made = try inferenceMode { try weight * weight }
    #expect(!made.requiresGrad)
    #expect(try made.item(as: Float.self) == 4)
    // Where a recorded computation would have to keep it, libtorch refuses.
    let error = #expect(throws: TorchError.self) { try weight * made }
    #expect(error.map { "\($0)".contains("Inference tensors cannot be saved for backward") } == true)
    #expect(throws: TorchError.self) { try inferenceMode { throw TorchError("out") } }
    let after = try weight * weight
    #expect(after.requiresGrad)
  }

  @Test("libtorch's own words about its build name the compiler and the instruction set")
  func build() throws {
    let words = try Shim.buildConfiguration
    #expect(words.contains("PyTorch built with") && words.contains("CPU capability usage"), "\(words)")
  }

  @Test("a thousand caught errors of every kind leave the handle count where it was")
  func errors() throws {
    let (model, _) = try Self.makeStep()
    let a = try Tensor.ones([2, 3])
    let index = try Tensor([7])
    let failing: [() throws -> Void] = [
      { _ = try a.matmul(a) },
      { _ = try model(a) },
      { _ = try Tensor([1, 2, 3] as [Float], shape: [2, 2]) },
      { try a.backward() },
      { _ = try grad(outputs: [a.sum()], inputs: [a]) },
      { _ = try Tensor.call("aten::cat", [a, try Tensor.ones([5])], 0) },
      { _ = try Tensor.call("aten::no_such_operator", a) },
      { _ = try a[index] },
      { _ = try crossEntropy(a, try Tensor([0, 9])) },
      { _ = try ScriptModule(path: "/nonexistent.pt") },
      { try model.loadStateDict(["x": a]) },
      { _ = try a.to(.cuda(99)) },
    ]
    for body in failing { #expect(throws: (any Error).self) { try body() } }
    let handles = try Shim.liveHandles
    for _ in 0..<1000 { for body in failing { do { try body() } catch {} } }
    #expect(try Shim.liveHandles == handles)
  }

  @Test("when the model, its optimizer and its export go, all their handles go")
  func release() throws {
    let handles = try Shim.liveHandles
    do {
      let (model, step) = try Self.makeStep()
      try step()
      _ = try ScriptModule(model)
      #expect(try Shim.liveHandles > handles)
    }
    #expect(try Shim.liveHandles == handles)
  }
}
