import Formats

extension StateDict {
  /// Reads a safetensors file.
  /// - Throws: `FormatError` saying where the file is damaged; `TorchError` for an element type that libtorch
  ///   lacks.
  public init(safetensors path: String) throws {
    self = try StateDict(try Safetensors.read(path: path))
  }

  /// Reads a safetensors file together with its metadata.
  static func read(safetensors path: String) throws -> (tensors: StateDict, metadata: [String: String]) {
    let file = try Safetensors.read(path: path)
    return (try StateDict(file), file.metadata)
  }

  init(_ file: Safetensors) throws {
    self.init()
    for entry in file.entries {
      guard let dtype = DType(safetensors: entry.dtype) else {
        throw TorchError(
          "tensor \(entry.name) has the element type \(entry.dtype.rawValue), which is not supported")
      }
      self[entry.name] = try entry.bytes.withUnsafeBytes {
        try Tensor(bytes: $0, shape: entry.shape, dtype: dtype)
      }
    }
  }

  /// Writes a safetensors file beside `path` and renames it. Equal content gives equal bytes.
  public func save(safetensors path: String, metadata: [String: String] = [:]) throws {
    try file(metadata: metadata).write(to: path)
  }

  func file(metadata: [String: String]) throws -> Safetensors {
    let entries = try map { name, tensor in
      Safetensors.Entry(
        name: name, dtype: tensor.dtype.safetensors, shape: tensor.shape, bytes: try tensor.bytes())
    }
    return Safetensors(entries: entries, metadata: metadata)
  }
}

extension DType {
  fileprivate var safetensors: Safetensors.DType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .float16: .float16
    case .float32: .float32
    case .float64: .float64
    case .bool: .bool
    case .bfloat16: .bfloat16
    }
  }

  fileprivate init?(safetensors: Safetensors.DType) {
    guard let match = DType.allCases.first(where: { $0.safetensors == safetensors }) else { return nil }
    self = match
  }
}
