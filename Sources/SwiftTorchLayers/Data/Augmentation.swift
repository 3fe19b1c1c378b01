/// How the training images of a batch are varied, each by chance: on the device that they are on, with numbers from its
/// default generator, so that a seed gives the same pictures.
public enum Augmentation: String, Codable, CaseIterable, Sendable {
  case none
  /// Mirrored left to right, every second image: `RandomHorizontalFlip`.
  case flip
  /// Moved by up to an eighth of the size in each direction; black comes in at the edges: `RandomCrop` with padding.
  case crop
  /// `crop`, then `flip`: the standard for photographs of 32×32 (4 pixels).
  case standard
  /// Turned by up to 10°, scaled by 0.9 to 1.1, moved by up to a tenth; black comes in: `RandomAffine`. For digits and
  /// letters, which a mirror would spoil.
  case affine

  /// One line for a list.
  public var summary: String {
    switch self {
    case .none: "images as they are"
    case .flip: "mirrored left to right, every second one"
    case .crop: "moved by up to an eighth of the size"
    case .standard: "crop and flip"
    case .affine: "turned by up to 10 degrees, scaled by 0.9 to 1.1, moved by up to a tenth"
    }
  }

  /// uint8 images `[N, C, H, W]`, varied: uint8, or float32 with values 0…255 where they were interpolated.
  func callAsFunction(_ images: Tensor) throws -> Tensor {
    try noGrad {
      switch self {
      case .none: return images
      case .flip: return try Augmentation.mirrored(images)
      case .crop: return try Augmentation.moved(images)
      case .standard: return try Augmentation.mirrored(try Augmentation.moved(images))
      case .affine: return try Augmentation.turned(images)
      }
    }
  }

  private static func mirrored(_ images: Tensor) throws -> Tensor {
    let chance = try Tensor.rand([images.shape[0], 1, 1, 1], device: images.device)
    return try Aten.where(try chance .< 0.5, try Aten.flip(images, [3]), images)
  }

  private static func moved(_ images: Tensor) throws -> Tensor {
    let (shape, device) = (images.shape, images.device)
    let (count, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
    let (marginY, marginX) = ((height + 7) / 8, (width + 7) / 8)
    let padded = try Aten.pad(images, [marginX, marginX, marginY, marginY], "constant", 0)
    /// For every image the rows (or columns) of the padded picture that are taken.
    func taken(_ size: Int, _ margin: Int, _ shape: [Int]) throws -> Tensor {
      let start = try Tensor.randint(0, 2 * margin + 1, [count, 1], device: device)
      return try (start + Tensor.arange(size, device: device)).reshape(shape)
    }
    let rows = try taken(height, marginY, [count, 1, height, 1])
    let columns = try taken(width, marginX, [count, 1, 1, width])
    let image = try Tensor.arange(count, device: device).reshape([count, 1, 1, 1])
    let channel = try Tensor.arange(channels, device: device).reshape([1, channels, 1, 1])
    return try Aten.index(padded, [image, channel, rows, columns] as [Tensor?])
  }

  private static func turned(_ images: Tensor) throws -> Tensor {
    let count = images.shape[0]
    func chance(_ low: Double, _ high: Double) throws -> Tensor {
      try Tensor.rand([count], device: images.device) * (high - low) + low
    }
    let angle = try chance(-10 * .pi / 180, 10 * .pi / 180)
    let scale = try chance(0.9, 1.1)
    // From a place in the result to one in the picture, in units of half the picture.
    let (cosine, sine) = (try angle.cos() / scale, try angle.sin() / scale)
    let (x, y) = (try chance(-0.2, 0.2), try chance(-0.2, 0.2))
    let matrix = try stack([cosine, -sine, x, sine, cosine, y], dim: 1).reshape([count, 2, 3])
    let grid = try Aten.affineGrid(matrix, images.shape, false)
    return try Aten.gridSampler(try images.to(.float32), grid, 0, 0, false)
  }
}

extension Aten {
  static let affineGrid = Operator("aten::affine_grid_generator")
  static let gridSampler = Operator("aten::grid_sampler")
}
