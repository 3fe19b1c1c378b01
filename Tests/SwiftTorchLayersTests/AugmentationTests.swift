import Formats
import Foundation
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
    "affine is a turn by up to 10°, a scale and a shift: every pixel, worked out again from the same numbers")
  func affinePixels() throws {
    let (count, height, width) = (24, 9, 12)
    let images = try Self.images(count, channels: 1, height: height, width: width)
    let pixels = try images.bytes().map(Double.init)
    try Torch.manualSeed(8)
    let varied = try Augmentation.affine(images).scalars(as: Double.self)
    // The same draws: angles, scales, and shifts to both sides.
    try Torch.manualSeed(8)
    let draws = try (0..<4).map { _ in try Tensor.rand([count]).scalars(as: Double.self) }
    let limit = 10 * Double.pi / 180
    var farthest = 0.0
    for index in 0..<count {
      let angle = (2 * draws[0][index] - 1) * limit
      let scale = 0.9 + 0.2 * draws[1][index]
      let shift = (0.4 * draws[2][index] - 0.2, 0.4 * draws[3][index] - 0.2)
      farthest = max(farthest, angle.magnitude)
      for place in 0..<height * width {
        // The pixel's middle, in units of half the picture; where it is taken from, in pixels.
        let x = (2 * Double(place % width) + 1) / Double(width) - 1
        let y = (2 * Double(place / width) + 1) / Double(height) - 1
        let column = ((x * cos(angle) - y * sin(angle)) / scale + shift.0 + 1) * Double(width) / 2 - 0.5
        let row = ((x * sin(angle) + y * cos(angle)) / scale + shift.1 + 1) * Double(height) / 2 - 0.5
        var expected = 0.0
        for (r, c) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
          let (i, j) = (Int(row.rounded(.down)) + r, Int(column.rounded(.down)) + c)
          guard (0..<height).contains(i), (0..<width).contains(j) else { continue }
          let weight = (1 - (row - Double(i)).magnitude) * (1 - (column - Double(j)).magnitude)
          expected += weight * pixels[(index * height + i) * width + j]
        }
        // Places are rounded in float32, and from one pixel to the next there are up to 250 steps.
        let own = varied[index * height * width + place]
        #expect((own - expected).magnitude < 0.01, "image \(index), pixel \(place): \(own), not \(expected)")
      }
    }
    #expect(farthest > 0.8 * limit && farthest <= limit)
  }

  @Test("the mean and the standard deviation of a data set's pixels, by n, worked by hand")
  func normalization() throws {
    // Two images of two channels: 0 and 255 in the first, so that both are a half; in the other one value.
    let bytes: [UInt8] = [0, 255, 51, 51, 255, 0, 51, 51]
    let dataset = ImageDataset(
      images: try Tensor(bytes, shape: [2, 2, 1, 2]), labels: try Tensor([0, 1] as [Int64]),
      classes: ["a", "b"])
    let found = try Normalization(of: dataset)
    #expect(found == Normalization(mean: [0.5, 0.2], std: [0.5, 1]))
    // 0 0 0 1 of 255: mean ¼, variance ¼ · ¾.
    let four = ImageDataset(
      images: try Tensor([0, 0, 0, 255] as [UInt8], shape: [1, 1, 2, 2]), labels: try Tensor([0] as [Int64]),
      classes: ["a"])
    let deviation = try Normalization(of: four).std[0]
    #expect((deviation - (3.0 / 16).squareRoot()).magnitude < 1e-15)
  }

  @Test("pictures and labels are read from two IDX files, gzipped or not, which must belong together")
  func files() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("images-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ name: String, _ idx: IDX) throws -> String {
      let path = folder.appendingPathComponent(name).path
      try FileIO.writeAtomically(idx.serialized(), to: path)
      return path
    }
    let images = try write(
      "images", IDX(elementType: .uint8, shape: [2, 2, 3], bytes: (0..<12).map { UInt8(20 * $0) }))
    let labels = try write("labels", IDX(elementType: .uint8, shape: [2], bytes: [1, 0]))
    let dataset = try ImageDataset(imagesPath: images, labelsPath: labels, classes: ["a", "b"])
    #expect(dataset.count == 2 && dataset.imageShape == [1, 2, 3] && dataset.classes == ["a", "b"])
    #expect(try dataset.images.bytes() == (0..<12).map { UInt8(20 * $0) })
    #expect(try dataset.labels.scalars(as: Int.self) == [1, 0])
    let more = try write("more", IDX(elementType: .uint8, shape: [3], bytes: [1, 0, 1]))
    #expect(throws: TorchError.self) {
      try ImageDataset(imagesPath: images, labelsPath: more, classes: ["a", "b"])
    }
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
