import Formats

extension Picture {
  /// The picture as uint8 `[1, channels, height, width]` of the size that a model wants: made grey or colour,
  /// resized bilinearly with antialiasing (as torchvision's `Resize`), light and dark exchanged on demand.
  /// - Parameter shape: `[channels, height, width]`, with 1 or 3 channels.
  public func resized(to shape: [Int], invert: Bool = false) throws -> Tensor {
    guard shape.count == 3, shape[0] == 1 || shape[0] == 3 else {
      throw TorchError("pictures have 1 or 3 channels, the model wants \(shape)")
    }
    let picture = shape[0] == 1 ? grayscale() : rgb()
    var pixels = picture.pixels
    if invert { for index in pixels.indices { pixels[index] = 255 - pixels[index] } }
    let stored = try Tensor(pixels, shape: [1, picture.height, picture.width, shape[0]])
    let planes = try stored.permute([0, 3, 1, 2]).contiguous()
    guard picture.height != shape[1] || picture.width != shape[2] else { return planes }
    let resized = try Aten.upsampleBilinearAntialiased(
      try planes.to(.float32), [shape[1], shape[2]], false, nil as Double?, nil as Double?)
    return try resized.round().clamp(min: 0, max: 255).to(.uint8)
  }
}

extension Aten {
  static let upsampleBilinearAntialiased = Operator("aten::_upsample_bilinear2d_aa")
}
