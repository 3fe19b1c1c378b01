import SwiftTorchLayers
import Testing

@testable import Course

@Suite("C17 and C18: two networks side by side")
struct PairTests {
  private func parameters(_ model: Models, _ shape: [Int]) throws -> Int {
    try model.make(inputShape: shape, classes: 10).parameters().reduce(0) { $0 + $1.numel }
  }

  @Test("C17: about 9 M dense parameters against about 2 M convolutional ones on 3×32×32; both on 1×28×28")
  func pair() throws {
    #expect(try parameters(.cifarMLP, [3, 32, 32]) == 8_921_610)
    #expect(try parameters(.cifarCNN, [3, 32, 32]) == 2_168_362)
    #expect(try parameters(.cifarMLP, [1, 28, 28]) == 8_921_610 - (3072 - 784) * 2048)
    #expect(try parameters(.cifarCNN, [1, 28, 28]) == 2_168_362 - 2 * 9 * 32 - 64 * (64 - 49) * 512)
  }

  @Test("C18: the pooled head has no weights for places, and the trunk's are the same")
  func heads() throws {
    for shape in [[1, 28, 28], [1, 64, 40]] {
      #expect(try parameters(.headPooling, shape) == 320 + 18_496 + 73_856 + 1290)
    }
    #expect(try parameters(.headDense, [1, 28, 28]) == 320 + 18_496 + 73_856 + 6272 * 128 + 128 + 1290)
  }

  @Test("the pooled head takes any size of picture, the dense head only its own")
  func sizes() throws {
    let shape = [1, 28, 28]
    let (dense, pooled) = (
      try Models.headDense.make(inputShape: shape, classes: 10),
      try Models.headPooling.make(inputShape: shape, classes: 10)
    )
    let picture = try Tensor.zeros([2, 1, 20, 44])
    #expect(try pooled(picture).shape == [2, 10])
    #expect(throws: TorchError.self) { try dense(picture) }
  }

  /// Two pictures 4×4, the numbers 1 to 32.
  private func pictures() throws -> ImageDataset {
    ImageDataset(
      images: try Tensor((1...32).map(UInt8.init), shape: [2, 1, 4, 4]),
      labels: try Tensor([0, 1] as [Int64]), classes: ["a", "b"])
  }

  @Test("moving to the right and down brings black in at the left and above; back brings what is left")
  func shifts() throws {
    let moved = try pictures().shifted(x: 1, y: 2)
    let first: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 5, 6, 7]
    #expect(try Array(moved.images.contiguous().bytes().prefix(16)) == first)
    let back = try moved.shifted(x: -1, y: -2).images.contiguous().bytes()
    #expect(Array(back.suffix(16)) == [17, 18, 19, 0, 21, 22, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test("a margin makes the picture smaller by means, and black around")
  func margin() throws {
    let framed = try pictures().inMargin(1)
    #expect(framed.imageShape == [1, 4, 4])
    // Means of 2×2 of 1…16: 3.5, 5.5, 11.5, 13.5, halves to even.
    let first: [UInt8] = [0, 0, 0, 0, 0, 4, 6, 0, 0, 12, 14, 0, 0, 0, 0, 0]
    #expect(try Array(framed.images.bytes().prefix(16)) == first)
  }
}
