import SwiftTorchLayers
import Testing

@Suite("Data sets and models that are not what a loader or a trainer needs")
struct DatasetCheckTests {
  private static let normalization = Normalization(mean: [0.5], std: [0.25])

  private func dataset(_ images: Tensor, labels: [Int64]) throws -> ImageDataset {
    ImageDataset(images: images, labels: try Tensor(labels), classes: ["a", "b"])
  }
  private func bytes(_ shape: [Int]) throws -> Tensor {
    try Tensor([UInt8](repeating: 9, count: shape.reduce(1, *)), shape: shape)
  }
  private func message(_ body: () throws -> Void) throws -> String {
    try #require(throws: TorchError.self, performing: body).message
  }

  @Test(
    "images that are no bytes, labels that are no classes, other counts, nothing, and no batch left are refused"
  )
  func refused() throws {
    let labels: [Int64] = [0, 1, 0, 1]
    func loader(
      _ data: ImageDataset, size: Int = 2, dropLast: Bool = false,
      _ normalization: Normalization = Self.normalization
    )
      throws -> String
    {
      try message {
        _ = try DataLoader(data, batchSize: size, dropLast: dropLast, normalization: normalization)
      }
    }
    #expect(
      try loader(dataset(Tensor.rand([4, 1, 3, 3]), labels: labels))
        == "the images of a data set must be uint8 [count, channels, height, width], not float32[4, 1, 3, 3]; numbers of "
        + "0…1 become bytes by (images * 255).round().to(.uint8)")
    #expect(
      try loader(dataset(bytes([4, 3, 3]), labels: labels))
        == "the images of a data set must be uint8 [count, channels, height, width], not uint8[4, 3, 3]")
    #expect(
      try message { _ = try Normalization(of: dataset(bytes([4, 3, 3]), labels: labels)) }.contains(
        "uint8[4, 3, 3]"))
    let masks = ImageDataset(
      images: try bytes([4, 1, 3, 3]), labels: try bytes([4, 3, 3]), classes: ["a", "b"])
    #expect(
      try loader(masks)
        == "the labels of a data set must be int64 [count], a class for each image, not uint8[4, 3, 3]")
    #expect(
      try loader(dataset(bytes([3, 1, 3, 3]), labels: labels)) == "the data set has 3 images and 4 labels")
    #expect(
      try loader(dataset(bytes([0, 1, 3, 3]), labels: [])).hasPrefix("there is nothing in the data set"))
    let good = try dataset(bytes([4, 1, 3, 3]), labels: labels)
    #expect(
      try loader(good, size: 5, dropLast: true)
        == "no batch is left: the data set has 4 images, and dropLast leaves out the rest of fewer than 5")
    #expect(
      try loader(good, Normalization(mean: [0, 0, 0], std: [1, 1, 1])).hasSuffix("the images have 1 channels")
    )
    #expect(try DataLoader(good, batchSize: 4, dropLast: true, normalization: Self.normalization).count == 1)
  }

  @Test("a trainer and evaluate reject a model that is not a classifier")
  func noClassifier() throws {
    struct Square: Loss {
      func callAsFunction(_ logits: Tensor, _ labels: Tensor) throws -> Tensor { try logits.square().mean() }
    }
    let loader = try DataLoader(
      dataset(bytes([4, 1, 3, 3]), labels: [0, 1, 0, 1]), batchSize: 4, normalization: Self.normalization)
    let maps = Conv2d(inChannels: 1, outChannels: 2, kernelSize: 3, padding: 1)
    let number = Sequential {
      Flatten(); Linear(inFeatures: 9, outFeatures: 1)
    }
    for (model, summary) in [(maps, "float32[4, 2, 3, 3]"), (number, "float32[4, 1]")] as [(Module, String)] {
      let trainer = try Trainer(
        model, optimizer: SGD(model.parameters(), lr: 0), loader: loader, loss: Square())
      let expected = "the model gives \(summary) for 4 images; what is counted here is classes"
      #expect(try message { try trainer.fit(epochs: 1) }.hasPrefix(expected))
      #expect(try message { _ = try evaluate(model, loader, loss: Square()) }.hasPrefix(expected))
    }
  }
}
