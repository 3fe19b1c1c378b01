import Reference
import SwiftTorchLayers

extension Format {
  /// The element type of tensors in this format.
  var dtype: DType {
    switch self {
    case .float64, .exact: .float64
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float32, .tf32: .float32
    }
  }

  /// The nearest number that the format can keep.
  func rounded(_ value: Double) -> Double {
    switch self {
    case .float64, .exact: return value
    case .float32, .tf32: return Double(Float(value))
    case .bfloat16: return Double(BFloat16(Float(value)).floatValue)
    case .float16:
      // 11 bits, or a multiple of 2⁻²⁴ below 2⁻¹⁴.
      let spacing = Swift.max(0x1p-24, value.binade.magnitude * 0x1p-10)
      return (value / spacing).rounded(.toNearestOrEven) * spacing
    }
  }

  /// A size whose products and sums stay finite.
  var someLarge: Double {
    switch self {
    case .float16: 16
    case .float64, .exact: 1e100
    default: 1e12
    }
  }

  /// What `--dtype` calls it.
  public var name: String { "\(self)" }

  /// The formats that a case can be in; tf32 is for NVIDIA GPUs.
  public static var named: [Format] { [.float32, .float64, .float16, .bfloat16, .tf32] }
}

/// How a tensor lies in memory.
enum Layout: String {
  case contiguous
  /// Channels fastest (of 4 or 5 dimensions).
  case channelsLast = "channels_last"
  /// The first two dimensions exchanged.
  case strided

  static func choices(dimensions: Int) -> [Layout] {
    switch dimensions {
    case 4, 5: [.contiguous, .channelsLast, .strided]
    case 2, 3: [.contiguous, .strided]
    default: [.contiguous]
    }
  }

  /// A copy that lies so. `contiguous` alone would keep other strides where a size is 1.
  func apply(_ tensor: Tensor) throws -> Tensor {
    switch self {
    case .contiguous: tensor
    case .channelsLast: try tensor.clone(tensor.ndim == 5 ? .channelsLast3d : .channelsLast)
    case .strided: try tensor.transpose(0, 1).contiguous().transpose(0, 1)
    }
  }
}
