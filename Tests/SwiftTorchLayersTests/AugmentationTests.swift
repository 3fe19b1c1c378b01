import Testing

@testable import SwiftTorchLayers

@Suite("Augmentation of training images", .serialized)
struct AugmentationTests {
  /// Images without symmetry; no pixel is black.
  private static func images(_ count: Int = 64, channels: Int = 2, height: Int = 6, width: Int = 10) throws
    -> Tensor
  {
    try Tensor(
      (0..<count * channels * height * width).map { UInt8($0 * 89 % 251 + 1) },
      shape: [count, channels, height, width])
  }

  private static func image(_ index: Int, of images: Tensor) throws -> Tensor {
    try Aten.slice(images, 0, index, index + 1, 1)
  }

  @Test("flip gives every image as it was or mirrored left to right, and both happen")
  func flip() throws {
    try Torch.manualSeed(1)
    let images = try Self.images()
    let (varied, mirror) = (try Augmentation.flip(images), try Aten.flip(images, [3]))
    var mirrored = 0
    for index in 0..<64 {
      let one = try Self.image(index, of: varied).bytes()
      let (was, other) = (
        try Self.image(index, of: images).bytes(), try Self.image(index, of: mirror).bytes()
      )
      #expect(one == was || one == other)
      mirrored += one == other ? 1 : 0
    }
    #expect((16...48).contains(mirrored), "\(mirrored) of 64")
  }

  @Test("crop moves every image by a whole number of pixels up to an eighth of its size; black comes in")
  func crop() throws {
    try Torch.manualSeed(2)
    let images = try Self.images()
    let varied = try Augmentation.crop(images)
    #expect(varied.shape == images.shape && varied.dtype == .uint8)
    let padded = try Aten.pad(images, [2, 2, 1, 1], "constant", 0)
    var seen: Set<[Int]> = []
    for index in 0..<64 {
      let one = try Self.image(index, of: varied).bytes()
      let picture = try Self.image(index, of: padded)
      var places: [[Int]] = []
      for y in 0...2 {
        for x in 0...4 {
          let window = try Aten.slice(try Aten.slice(picture, 2, y, y + 6, 1), 3, x, x + 10, 1)
          if try window.bytes() == one { places.append([y, x]) }
        }
      }
      #expect(places.count == 1, "image \(index)")
      seen.formUnion(places)
    }
    #expect(seen.count > 10)
  }

  @Test("affine moves the weight of a spot by no more than it says, and interpolates")
  func affine() throws {
    try Torch.manualSeed(3)
    let size = 41
    var pixels = [UInt8](repeating: 0, count: size * size)
    for y in 18...22 { for x in 18...22 { pixels[y * size + x] = 200 } }
    let spot = try Tensor(pixels, shape: [1, 1, size, size]).expand([32, 1, size, size])
    let varied = try Augmentation.affine(spot)
    #expect(varied.dtype == .float32 && varied.shape == spot.shape)
    var moved = 0
    for index in 0..<32 {
      let values = try Self.image(index, of: varied).scalars(as: Double.self)
      var (total, x, y) = (0.0, 0.0, 0.0)
      for (place, value) in values.enumerated() {
        total += value
        x += value * Double(place % size - 20)
        y += value * Double(place / size - 20)
      }
      (x, y) = (x / total, y / total)
      // A tenth of 41 pixels along the picture's own axes, which are turned, and scaled by up to 1.1.
      let farthest = 4.1 * 2.0.squareRoot() * 1.1 + 0.1
      #expect(abs(y) < farthest && abs(x) < farthest)
      #expect(values.max()! <= 200.01)
      moved += abs(x) > 0.5 || abs(y) > 0.5 ? 1 : 0
    }
    #expect(moved > 16)
  }

  @Test(
    "the seed decides the pictures of an epoch; labels stay, and without augmentation so do the pictures",
    arguments: Augmentation.allCases)
  func reproducible(_ augmentation: Augmentation) throws {
    let images = try Self.images()
    let dataset = ImageDataset(
      images: images, labels: try Tensor((0..<64).map { $0 % 4 }), classes: ["a", "b", "c", "d"])
    func epoch(_ augmentation: Augmentation, seed: UInt64) throws -> (images: [[UInt8]], labels: [[UInt8]]) {
      try Torch.manualSeed(seed)
      let loader = try DataLoader(
        dataset, batchSize: 10, normalization: Normalization(of: dataset), augmentation: augmentation)
      let epoch = try loader.epoch()
      var batches: ([[UInt8]], [[UInt8]]) = ([], [])
      while let batch = try epoch.next() {
        batches.0.append(try batch.images.bytes())
        batches.1.append(try batch.labels.bytes())
      }
      return batches
    }
    let (first, again) = (try epoch(augmentation, seed: 5), try epoch(augmentation, seed: 5))
    let (other, plain) = (try epoch(augmentation, seed: 6), try epoch(.none, seed: 5))
    #expect(first == again && first.labels == plain.labels)
    #expect((first.images == other.images) == (augmentation == .none))
    #expect((first.images == plain.images) == (augmentation == .none))
  }
}
