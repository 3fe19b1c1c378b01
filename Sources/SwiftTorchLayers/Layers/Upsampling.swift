/// A factor for each spatial dimension: a number for all alike, or a list of one for each.
public protocol ScaleConvertible {
  /// The factors of `count` dimensions; a list is given as it is.
  func scales(_ count: Int) -> [Double]
  /// How many a list has; nil for a number.
  var listCount: Int? { get }
}

extension Int: ScaleConvertible {
  public func scales(_ count: Int) -> [Double] { Double(self).scales(count) }
  public var listCount: Int? { nil }
}

extension Double: ScaleConvertible {
  public func scales(_ count: Int) -> [Double] { [Double](repeating: self, count: count) }
  public var listCount: Int? { nil }
}

extension Array: ScaleConvertible where Element: ScaleConvertible {
  public func scales(_ count: Int) -> [Double] { flatMap { $0.scales(1) } }
  public var listCount: Int? { count }
}

/// How the values between pixels are found.
public enum InterpolationMode: String, Sendable, CaseIterable {
  /// The pixel at `⌊i·scale⌋`, which lies up to one pixel to the left.
  case nearest
  /// The pixel whose middle is nearest: `⌊(i + ½)·scale⌋`.
  case nearestExact = "nearest-exact"
  /// Along the line between two neighbours; for `[N, C, L]`.
  case linear
  /// As `linear` in two dimensions; for `[N, C, H, W]`.
  case bilinear
  /// By cubic polynomials through 4×4 neighbours (A = −¾), which may overshoot; for `[N, C, H, W]`.
  case bicubic
  /// As `linear` in three dimensions; for `[N, C, D, H, W]`.
  case trilinear

  /// How many spatial dimensions the input must have; nil for 1 to 3.
  var dimensions: Int? {
    switch self {
    case .nearest, .nearestExact: nil
    case .linear: 1
    case .bilinear, .bicubic: 2
    case .trilinear: 3
    }
  }

  /// Whether values are mixed, which is what `alignCorners` is about.
  var mixes: Bool { dimensions != nil }
}

/// `input` with its spatial dimensions enlarged or reduced: `torch.nn.functional.interpolate`. See `Upsample`.
/// - Throws: `TorchError` when not exactly one of size and factor is given, when their number or the mode does
///   not fit the input, or `alignCorners` does not fit the mode.
public func interpolate(
  _ input: Tensor, size: (any SizeConvertible)? = nil, scaleFactor: (any ScaleConvertible)? = nil,
  mode: InterpolationMode = .nearest, alignCorners: Bool? = nil, recomputeScaleFactor: Bool? = nil
) throws -> Tensor {
  let dimensions = input.ndim - 2
  guard dimensions >= 1, dimensions <= 3 else {
    throw TorchError("only inputs of 3, 4 or 5 dimensions are interpolated, got \(input.summary)")
  }
  if let wanted = mode.dimensions, wanted != dimensions {
    throw TorchError("\(mode.rawValue) interpolation is for \(wanted + 2) dimensions, got \(input.summary)")
  }
  guard mode.mixes || alignCorners == nil else {
    throw TorchError("alignCorners is for linear, bilinear, bicubic and trilinear, not for \(mode.rawValue)")
  }
  guard (size == nil) != (scaleFactor == nil) else {
    throw TorchError("interpolation needs either a size or a scaleFactor")
  }
  var sizes: [Int]?
  var scales: [Double]?
  if let size {
    if let list = size as? [Int], list.count != dimensions {
      throw TorchError("\(input.summary) needs \(dimensions) sizes, \(list) has \(list.count)")
    }
    guard recomputeScaleFactor != true else {
      throw TorchError("recomputeScaleFactor is for a scaleFactor, not for a size")
    }
    sizes = size.sizes(dimensions)
  } else if let scaleFactor {
    if let count = scaleFactor.listCount, count != dimensions {
      throw TorchError("\(input.summary) needs \(dimensions) factors, \(scaleFactor) has \(count)")
    }
    scales = scaleFactor.scales(dimensions)
  }
  if recomputeScaleFactor == true, let factors = scales {
    sizes = try zip(input.shape.dropFirst(2), factors).map { size, factor in
      guard let whole = Int(exactly: (Double(size) * factor).rounded(.towardZero)) else {
        throw TorchError("a scaleFactor of \(factor) is too large for \(input.summary)")
      }
      return whole
    }
    scales = nil
  }
  let place = dimensions - 1
  switch mode {
  case .nearest: return try Aten.upsampleNearest[place](input, sizes, scales)
  case .nearestExact: return try Aten.upsampleNearestExact[place](input, sizes, scales)
  case .linear, .bilinear, .trilinear:
    return try Aten.upsampleLinear[place](input, sizes, alignCorners ?? false, scales)
  case .bicubic: return try Aten.upsampleBicubic(input, sizes, alignCorners ?? false, scales)
  }
}

/// Enlarges (or reduces) lines, images and volumes: `torch.nn.Upsample`.
///
/// Input `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`; each spatial size S becomes `size` or `⌊S·scaleFactor⌋`.
/// Output i takes its value from the position `(i + ½)·scale − ½` of the input, where `scale` is the input's size
/// by the output's, or 1 / scaleFactor. Exactly one of size and factor must be given.
/// - Parameters:
///   - mode: `linear`, `bilinear` (or `bicubic`) and `trilinear` are for one, two and three dimensions.
///   - alignCorners: for the modes that mix values: whether the outermost pixels keep their places, so that
///     `scale` is `(S − 1) / (S' − 1)` and output i lies at `i·scale`. nil is false.
///   - recomputeScaleFactor: whether `scale` is the ratio of the sizes although a factor is given.
/// - Source: https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html
public final class Upsample: Module {
  public let size: (any SizeConvertible)?
  public let scaleFactor: (any ScaleConvertible)?
  public let mode: InterpolationMode
  public let alignCorners: Bool?
  public let recomputeScaleFactor: Bool?

  public init(
    size: (any SizeConvertible)? = nil, scaleFactor: (any ScaleConvertible)? = nil,
    mode: InterpolationMode = .nearest, alignCorners: Bool? = nil, recomputeScaleFactor: Bool? = nil
  ) {
    self.size = size
    self.scaleFactor = scaleFactor
    self.mode = mode
    self.alignCorners = alignCorners
    self.recomputeScaleFactor = recomputeScaleFactor
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try interpolate(
      input, size: size, scaleFactor: scaleFactor, mode: mode, alignCorners: alignCorners,
      recomputeScaleFactor: recomputeScaleFactor)
  }

  public override var extraDescription: String {
    let amount: String
    if let scaleFactor {
      let factors = scaleFactor.scales(scaleFactor.listCount ?? 1).map(pythonDescription)
      let list = factors.count == 1 ? "(\(factors[0]),)" : "(\(factors.joined(separator: ", ")))"
      amount = "scale_factor=\(scaleFactor.listCount == nil ? factors[0] : list)"
    } else if let list = size as? [Int] {
      amount = "size=\(pythonDescription(list))"
    } else {
      amount = "size=\(size.map { "\($0)" } ?? "None")"
    }
    return "\(amount), mode='\(mode.rawValue)'"
  }
}

extension Aten {
  static let upsampleNearest = (1...3).map { Operator("aten::upsample_nearest\($0)d.vec") }
  static let upsampleNearestExact = (1...3).map { Operator("aten::_upsample_nearest_exact\($0)d.vec") }
  static let upsampleLinear = [
    Operator("aten::upsample_linear1d.vec"), Operator("aten::upsample_bilinear2d.vec"),
    Operator("aten::upsample_trilinear3d.vec"),
  ]
  static let upsampleBicubic = Operator("aten::upsample_bicubic2d.vec")
}
