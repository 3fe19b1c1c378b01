import Formats

/// Images with their classes, kept in memory as bytes. A `DataLoader` checks that they are what is said here.
public struct ImageDataset: Sendable {
  /// uint8 `[count, channels, height, width]`, 0 black to 255 white.
  public let images: Tensor
  /// int64 `[count]`.
  public let labels: Tensor
  /// The name of each class.
  public let classes: [String]

  public init(images: Tensor, labels: Tensor, classes: [String]) {
    self.images = images
    self.labels = labels
    self.classes = classes
  }

  public var count: Int { labels.numel }
  /// `[channels, height, width]`.
  public var imageShape: [Int] { Array(images.shape.dropFirst()) }

  /// - Throws: `TorchError` saying what the tensors are and what is needed.
  func check() throws {
    guard images.dtype == .uint8, images.ndim == 4 else {
      let hint =
        images.dtype.isFloatingPoint
        ? "; numbers of 0…1 become bytes by (images * 255).round().to(.uint8)" : ""
      throw TorchError(
        "the images of a data set must be uint8 [count, channels, height, width], not \(images.summary)\(hint)"
      )
    }
    guard labels.dtype == .int64, labels.ndim == 1 else {
      throw TorchError(
        "the labels of a data set must be int64 [count], a class for each image, not \(labels.summary)")
    }
    guard images.shape[0] == labels.numel else {
      throw TorchError("the data set has \(images.shape[0]) images and \(labels.numel) labels")
    }
    guard images.numel > 0 else {
      throw TorchError("there is nothing in the data set: its images are \(images.summary)")
    }
  }

  /// The images from `range` on.
  public func slice(_ range: Range<Int>) throws -> ImageDataset {
    func part(_ tensor: Tensor) throws -> Tensor {
      try Aten.slice(tensor, 0, range.lowerBound, range.upperBound, 1)
    }
    return ImageDataset(images: try part(images), labels: try part(labels), classes: classes)
  }

  /// The images with these numbers, in their order; the data set itself for all of them as they are.
  public func selecting(_ images: [Int]) throws -> ImageDataset {
    if images == Array(0..<count) { return self }
    let index = try Tensor(images).to(self.images.device)
    return ImageDataset(
      images: try self.images.indexSelect(dim: 0, index), labels: try labels.indexSelect(dim: 0, index),
      classes: classes)
  }

  /// Images that were read before.
  public init(_ raw: RawImages) throws {
    images = try Tensor(raw.pixels, shape: [raw.count] + raw.imageShape)
    labels = try Tensor(raw.labels, shape: [raw.count]).to(.int64)
    classes = raw.classes
  }

  /// Reads an IDX file of images and one of labels, gzipped or not.
  /// - Throws: `FormatError` for a damaged file; `TorchError` when the two do not belong together.
  public init(imagesPath: String, labelsPath: String, classes: [String]) throws {
    try self.init(RawImages(imagesPath: imagesPath, labelsPath: labelsPath, classes: classes))
  }
}

/// Mean and standard deviation of each channel, of pixels scaled to 0…1.
public struct Normalization: Codable, Equatable, Sendable {
  public var mean: [Double]
  public var std: [Double]

  public init(mean: [Double], std: [Double]) {
    self.mean = mean
    self.std = std
  }

  /// The statistics of a data set, exact from its histogram. A channel of one value has deviation 1.
  /// - Throws: `TorchError` when the data set is not one of bytes as `ImageDataset` says.
  public init(of dataset: ImageDataset) throws {
    try dataset.check()
    self.init(bytes: try dataset.images.bytes(), imageShape: dataset.imageShape)
  }

  /// The statistics of images, exact from their histogram. A channel of one value has deviation 1.
  public init(of raw: RawImages) { self.init(bytes: raw.pixels, imageShape: raw.imageShape) }

  private init(bytes: [UInt8], imageShape: [Int]) {
    let (channels, area) = (imageShape[0], imageShape[1] * imageShape[2])
    var histogram = [Int](repeating: 0, count: channels * 256)
    bytes.withUnsafeBufferPointer { bytes in
      histogram.withUnsafeMutableBufferPointer { histogram in
        for start in stride(from: 0, to: bytes.count, by: area) {
          let base = start / area % channels * 256
          for index in start..<start + area { histogram[base + Int(bytes[index])] += 1 }
        }
      }
    }
    mean = []
    std = []
    for channel in 0..<channels {
      let counts = histogram[channel * 256..<(channel + 1) * 256]
      let total = Double(counts.reduce(0, +))
      let sum = zip(counts, 0...).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      let mean = sum / total
      let squares = zip(counts, 0...).reduce(0.0) {
        $0 + Double($1.0) * (Double($1.1) - mean) * (Double($1.1) - mean)
      }
      let deviation = (squares / total).squareRoot() / 255
      self.mean.append(mean / 255)
      self.std.append(deviation > 0 ? deviation : 1)
    }
  }

  /// float32 images `(x / 255 − mean) / std` of uint8 images `[N, C, H, W]`: torchvision's `ToTensor` and
  /// `Normalize`, in the same order of operations.
  public func callAsFunction(_ images: Tensor) throws -> Tensor {
    try constants(on: images.device)(images)
  }

  /// The formula's numbers on a device, for many batches.
  struct Constants: Sendable {
    fileprivate let offset: Tensor
    fileprivate let scale: Tensor

    func callAsFunction(_ images: Tensor) throws -> Tensor {
      let scaled = try Aten.divScalar(try images.to(.float32), 255.0)
      try Aten.subInPlace(scaled, offset, 1)
      return try Aten.divInPlace(scaled, scale)
    }
  }

  func constants(on device: Device) throws -> Constants {
    func constant(_ values: [Double]) throws -> Tensor {
      try Tensor(values.map(Float.init), shape: [1, values.count, 1, 1]).to(device)
    }
    return Constants(offset: try constant(mean), scale: try constant(std))
  }
}
