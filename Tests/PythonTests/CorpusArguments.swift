import SwiftTorchLayers

/// The arguments of a call of a PyTorch constructor, by name. Those left out have PyTorch's default.
final class CorpusArguments {
  indirect enum Value: Decodable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case list([Value])
    /// The key of a tensor that Python wrote.
    case tensor(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let value = try? container.decode(Bool.self) {
        self = .bool(value)
      } else if let value = try? container.decode(Double.self) {
        self = .number(value)
      } else if let value = try? container.decode(String.self) {
        self = .string(value)
      } else if let value = try? container.decode([Value].self) {
        self = .list(value)
      } else {
        self = .tensor(try container.decode([String: String].self)["tensor", default: ""])
      }
    }

    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var double: Double? { if case .number(let value) = self { value } else { nil } }
    var int: Int? { double.flatMap(Int.init(exactly:)) }
    var string: String? { if case .string(let value) = self { value } else { nil } }
    var list: [Value]? { if case .list(let values) = self { values } else { nil } }
    var isNull: Bool { if case .null = self { true } else { false } }
    var numbers: [Int]? {
      guard let numbers = list?.map(\.int), !numbers.contains(nil) else { return nil }
      return numbers.compactMap { $0 }
    }
    var sizes: (any SizeConvertible)? { int ?? numbers }
    var padding: (any PaddingConvertible)? {
      switch string {
      case "same": Padding.same
      case "valid": Padding.valid
      default: int ?? numbers
      }
    }
  }

  private let values: [String: Value]
  private let tensors: StateDict
  /// The names of the arguments that nothing has asked for.
  private(set) var unread: Set<String>

  init(_ values: [String: Value], _ tensors: StateDict) {
    self.values = values
    self.tensors = tensors
    unread = Set(values.keys)
  }

  /// The argument as `convert` reads it, or the default.
  /// - Throws: `Peer.Failure` when a needed argument is missing or one is of another kind.
  private func read<Result>(_ name: String, _ standard: Result?, _ convert: (Value) -> Result?) throws
    -> Result
  {
    unread.remove(name)
    guard let value = values[name] else {
      guard let standard else { throw Peer.Failure(description: "the argument \(name) is missing") }
      return standard
    }
    guard let result = convert(value) else {
      throw Peer.Failure(description: "the argument \(name) is \(value), which the layer does not take")
    }
    return result
  }

  /// As `read`, for an argument that may be `None`.
  private func optional<Result>(
    _ name: String, _ standard: Result?, _ convert: (Value) -> Result?
  ) throws -> Result? {
    unread.remove(name)
    guard let value = values[name] else { return standard }
    return value.isNull ? nil : try read(name, nil, convert)
  }

  func bool(_ name: String, _ standard: Bool) throws -> Bool { try read(name, standard, \.bool) }
  func int(_ name: String, _ standard: Int? = nil) throws -> Int { try read(name, standard, \.int) }
  func optionalInt(_ name: String) throws -> Int? { try optional(name, nil, \.int) }
  func double(_ name: String, _ standard: Double) throws -> Double { try read(name, standard, \.double) }
  func optionalDouble(_ name: String, _ standard: Double) throws -> Double? {
    try optional(name, standard, \.double)
  }
  func sizes(_ name: String, _ standard: Int? = nil) throws -> any SizeConvertible {
    try read(name, standard, \.sizes)
  }
  func optionalSizes(_ name: String) throws -> (any SizeConvertible)? { try optional(name, nil, \.sizes) }
  func padding() throws -> any PaddingConvertible { try read("padding", 0, \.padding) }
  func paddingMode() throws -> PaddingMode {
    try read("padding_mode", .zeros) { $0.string.flatMap(PaddingMode.init(rawValue:)) }
  }
  func tensor(_ name: String) throws -> Tensor? {
    try optional(name, nil) { if case .tensor(let key) = $0 { tensors[key] } else { nil } }
  }
  /// The output size of an adaptive pool: a number for all dimensions, or a number or nothing for each.
  func outputSize(_ dimensions: Int) throws -> [Int?] {
    try read("output_size", nil) { value in
      value.list?.map(\.int) ?? [Int?](repeating: value.int, count: dimensions)
    }
  }
  /// One size or ratio for all dimensions, or a list of them; nil when it is not given.
  func optionalRatios(_ name: String) throws -> (any ScaleConvertible)? {
    try optional(name, nil) { value in
      if let number = value.double { return number }
      guard let numbers = value.list?.map(\.double), !numbers.contains(nil) else { return nil }
      return numbers.compactMap { $0 }
    }
  }
  func approximation() throws -> GELU.Approximation {
    try read("approximate", GELU.Approximation.none) { $0.string.flatMap(GELU.Approximation.init(rawValue:)) }
  }
  func reduction() throws -> Reduction {
    try read("reduction", .mean) {
      ["none": Reduction.none, "mean": .mean, "sum": .sum, "batchmean": .batchmean][$0.string ?? ""]
    }
  }
}
