extension DataLoader {
  /// What a batch is made of, before anything is computed from it.
  enum Selection: Sendable {
    /// Rows of the data set, int64 `[N]`, on the loader's device.
    case rows(Tensor)
    /// uint8 images and int64 labels, on the device or in host memory.
    case images(Tensor, Tensor)

    var count: Int {
      switch self {
      case .rows(let rows): rows.numel
      case .images(_, let labels): labels.numel
      }
    }

    /// Tensors of the same shapes on `device`, to be filled by `copy`.
    func emptyCopy(on device: Device) throws -> Selection {
      func empty(_ tensor: Tensor) throws -> Tensor {
        try .empty(tensor.shape, dtype: tensor.dtype, device: device)
      }
      switch self {
      case .rows(let rows): return .rows(try empty(rows))
      case .images(let images, let labels): return .images(try empty(images), try empty(labels))
      }
    }

    /// Overwrites these tensors with those of `other`, without waiting for it to be done.
    func copy(_ other: Selection) throws {
      switch (self, other) {
      case (.rows(let mine), .rows(let new)): try Aten.copyInPlace(mine, new, true)
      case (.images(let mine, let labels), .images(let new, let newLabels)):
        try Aten.copyInPlace(mine, new, true)
        try Aten.copyInPlace(labels, newLabels, true)
      default: throw TorchError("a batch of rows and one of images cannot take each other's place")
      }
    }
  }
}

extension ImageDataset {
  /// Bytes of all images and labels.
  var byteCount: Int { images.numel * images.dtype.size + labels.numel * labels.dtype.size }

  /// Whether a data set may lie on a device: half of the free memory is left to the model.
  static func fits(_ bytes: Int, free: Int?) -> Bool { bytes <= (free ?? 0) / 2 }

  /// The data set on `device` where it fits, else as it is.
  func resident(on device: Device) throws -> ImageDataset {
    guard device.isCUDA, !images.device.isCUDA,
      ImageDataset.fits(byteCount, free: try CUDA.properties(of: device.index ?? 0).freeMemory)
    else { return self }
    return ImageDataset(images: try images.to(device), labels: try labels.to(device), classes: classes)
  }
}

extension Tensor {
  /// The slices at positions `rows` of the first dimension, in memory that a GPU copies from while the CPU goes on.
  func gatheredInPinnedMemory(_ rows: Tensor) throws -> Tensor {
    let gathered = try Aten.emptyWithFormat(
      [rows.numel] + shape.dropFirst(), dtype, nil as Int?, Device.cpu, try CUDA.isAvailable)
    return try Aten.indexSelectInto(self, 0, rows, gathered)
  }
}

extension Aten {
  static let indexSelectInto = Operator("aten::index_select.out")
}
