import CTorchShim

/// The type of a tensor's elements, named as in PyTorch.
public enum DType: Int32, Sendable, CaseIterable, CustomStringConvertible {
  case uint8 = 0
  case int8 = 1
  case int16 = 2
  case int32 = 3
  case int64 = 4
  case float16 = 5
  case float32 = 6
  case float64 = 7
  case bool = 11
  case bfloat16 = 15

  /// Bytes an element takes.
  public var size: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .int16, .float16, .bfloat16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }

  public var description: String {
    switch self {
    case .uint8: "uint8"
    case .int8: "int8"
    case .int16: "int16"
    case .int32: "int32"
    case .int64: "int64"
    case .float16: "float16"
    case .float32: "float32"
    case .float64: "float64"
    case .bool: "bool"
    case .bfloat16: "bfloat16"
    }
  }
}

/// A Swift type whose values can be a tensor's elements, bit for bit.
public protocol TensorScalar: BitwiseCopyable, Sendable {
  static var dtype: DType { get }
}

extension Bool: TensorScalar { public static var dtype: DType { .bool } }
extension UInt8: TensorScalar { public static var dtype: DType { .uint8 } }
extension Int8: TensorScalar { public static var dtype: DType { .int8 } }
extension Int16: TensorScalar { public static var dtype: DType { .int16 } }
extension Int32: TensorScalar { public static var dtype: DType { .int32 } }
extension Int64: TensorScalar { public static var dtype: DType { .int64 } }
extension Int: TensorScalar { public static var dtype: DType { .int64 } }
#if !(os(macOS) && arch(x86_64))
  extension Float16: TensorScalar { public static var dtype: DType { .float16 } }
#endif
extension Float: TensorScalar { public static var dtype: DType { .float32 } }
extension Double: TensorScalar { public static var dtype: DType { .float64 } }

/// The upper half of a float32: 1 sign, 8 exponent and 7 fraction bits.
public struct BFloat16: TensorScalar, Equatable, CustomStringConvertible {
  public var bitPattern: UInt16
  public static var dtype: DType { .bfloat16 }

  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// Rounds to nearest, ties to even, as PyTorch does; every NaN becomes 0x7FC0.
  public init(_ value: Float) {
    if value.isNaN {
      bitPattern = 0x7FC0
    } else {
      let bits = value.bitPattern
      bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }
  }

  /// The same value; exact.
  public var floatValue: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
  public var description: String { floatValue.description }
}
