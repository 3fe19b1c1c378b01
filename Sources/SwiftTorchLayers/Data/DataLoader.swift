/// Some images and their classes, ready for a model.
public struct Batch: Sendable {
  /// float32 `[N, channels, height, width]`, normalised.
  public let images: Tensor
  /// int64 `[N]`.
  public let labels: Tensor
}

/// Cuts a data set into batches, in order or shuffled: `torch.utils.data.DataLoader`.
///
/// Images stay bytes in memory, on a CUDA device where they fit; each batch is gathered, varied and made float at once,
/// there. Random numbers are drawn as
/// Python's loader draws them, so that the same seed gives the same order *and* leaves the default generator
/// (which dropout uses) in the same state.
public struct DataLoader: Sendable {
  public let dataset: ImageDataset
  public let batchSize: Int
  public let shuffle: Bool
  public let dropLast: Bool
  public let generator: Generator?
  public let normalization: Normalization
  public let device: Device
  /// How the images of a batch are varied.
  public let augmentation: Augmentation
  private let constants: Normalization.Constants
  /// The data set where batches are gathered: on `device`, or in host memory when it does not fit there.
  private let source: ImageDataset

  /// - Throws: `TorchError` when `batchSize` is not positive, the data set's tensors are not what `ImageDataset` says, the
  ///   normalisation is for another number of channels, or `dropLast` leaves no batch.
  public init(
    _ dataset: ImageDataset, batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false,
    generator: Generator? = nil, normalization: Normalization, device: Device = .cpu,
    augmentation: Augmentation = .none
  ) throws {
    guard batchSize > 0 else { throw TorchError("the batch size must be positive, not \(batchSize)") }
    try dataset.check()
    guard !dropLast || dataset.count >= batchSize else {
      throw TorchError(
        "no batch is left: the data set has \(dataset.count) images, and dropLast leaves out the rest of fewer than "
          + "\(batchSize)")
    }
    let channels = dataset.imageShape[0]
    guard [normalization.mean.count, normalization.std.count].allSatisfy({ $0 == channels || $0 == 1 }) else {
      throw TorchError(
        "the normalisation has \(normalization.mean.count) means and \(normalization.std.count) deviations, the images "
          + "have \(channels) channels")
    }
    self.dataset = dataset
    self.batchSize = batchSize
    self.shuffle = shuffle
    self.dropLast = dropLast
    self.generator = generator
    self.normalization = normalization
    self.device = device
    self.augmentation = augmentation
    constants = try normalization.constants(on: device)
    source = try dataset.resident(on: device)
  }

  /// The number of batches of an epoch.
  public var count: Int {
    let full = dataset.count / batchSize
    return dropLast || dataset.count.isMultiple(of: batchSize) ? full : full + 1
  }

  /// The number of images of an epoch.
  public var imageCount: Int { dropLast ? dataset.count / batchSize * batchSize : dataset.count }

  /// Starts a pass over the data.
  public func epoch() throws -> Epoch {
    // Python's iterator draws a seed for its worker processes even when it has none.
    _ = try drawSeed(generator)
    return epoch(order: nil, position: 0)
  }

  /// Goes on with a pass that was interrupted after `position` batches of the order `order`.
  /// - Parameter finished: whether `next()` had already said that there are no more.
  public func epoch(order: Tensor?, position: Int, finished: Bool = false) -> Epoch {
    Epoch(self, order: order, position: position, finished: finished)
  }

  private func drawSeed(_ generator: Generator?) throws -> Int {
    try Aten.randomInPlace(try Tensor(0 as Int64), generator).item(as: Int.self)
  }

  fileprivate func drawOrder() throws -> Tensor {
    let source = try generator ?? Generator(seed: UInt64(bitPattern: Int64(try drawSeed(nil))))
    return try Aten.randperm(dataset.count, source, DType.int64, nil as Int?, nil as Device?, nil as Bool?)
  }

  /// A batch of the images at `indices` (int64, on the CPU or the loader's device).
  func batch(at indices: Tensor) throws -> Batch { try batch(try selection(at: indices)) }

  /// The batch's images, gathered, varied and normalised on the device.
  func batch(_ selection: Selection) throws -> Batch {
    let (images, labels): (Tensor, Tensor)
    switch selection {
    case .rows(let rows):
      images = try Aten.indexSelect(source.images, 0, rows)
      labels = try Aten.indexSelect(source.labels, 0, rows)
    case .images(let given, let numbers):
      images = try given.to(dtype: nil, device: device, nonBlocking: true)
      labels = try numbers.to(dtype: nil, device: device, nonBlocking: true)
    }
    return Batch(images: try constants(try augmentation(images)), labels: labels)
  }

  fileprivate func selection(at rows: Tensor) throws -> Selection {
    guard isResident else {
      return .images(
        try source.images.gatheredInPinnedMemory(rows), try source.labels.gatheredInPinnedMemory(rows))
    }
    return .rows(try rows.to(device))
  }

  fileprivate func selection(at range: Range<Int>) throws -> Selection {
    let part = try source.slice(range)
    return .images(part.images, part.labels)
  }

  /// Whether batches are gathered on the loader's device.
  var isResident: Bool { source.images.device.isCUDA == device.isCUDA }

  /// One pass over the data: call `next()` until it gives nil.
  public final class Epoch {
    private let loader: DataLoader
    /// The shuffled indices, int64 `[count]`; nil before the first batch and when not shuffling.
    public private(set) var order: Tensor?
    /// How many batches have been given.
    public private(set) var position: Int
    /// Whether `next()` has said that there are no more.
    public private(set) var finished: Bool
    /// `order` where batches are gathered.
    private var rows: Tensor?

    fileprivate init(_ loader: DataLoader, order: Tensor?, position: Int, finished: Bool) {
      self.loader = loader
      self.finished = finished
      self.order = order
      self.position = position
    }

    /// The next batch, nil at the end.
    public func next() throws -> Batch? { try nextSelection().map(loader.batch) }

    /// What the next batch is made of, nil at the end.
    func nextSelection() throws -> Selection? {
      if loader.shuffle, order == nil { order = try loader.drawOrder() }
      guard position < loader.count else {
        // With a generator of its own Python's sampler draws one more order and throws it away.
        if loader.shuffle, loader.generator != nil, !finished { _ = try loader.drawOrder() }
        finished = true
        return nil
      }
      let start = position * loader.batchSize
      let end = min(start + loader.batchSize, loader.dataset.count)
      position += 1
      guard let order else { return try loader.selection(at: start..<end) }
      let rows = try self.rows ?? (loader.isResident ? order.to(loader.device) : order)
      self.rows = rows
      return try loader.selection(at: try Aten.slice(rows, 0, start, end, 1))
    }
  }
}

extension Aten {
  static let randomInPlace = Operator("aten::random_")
}
