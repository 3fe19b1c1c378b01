#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The numbers that rule how tensors print, PyTorch's defaults.
private enum Print {
  static let precision = 4
  /// Tensors of more elements are summarised…
  static let threshold = 1000
  /// …to so many at the beginning and the end of each dimension.
  static let edgeItems = 3
  static let lineWidth = 80
}

extension Tensor: CustomStringConvertible {
  /// What Python's `print(tensor)` shows, character for character, except that instead of the name of the
  /// recording operator a recorded tensor too shows `requires_grad=True`. A tensor that could not be made
  /// shows the sentence of its error.
  public var description: String {
    do { return try noGrad { try printed() } } catch { return "\(error)" }
  }

  private func printed() throws -> String {
    let info = try info()
    guard let dtype = DType(rawValue: info.dtype) else {
      throw TorchError("elements of this type have no counterpart here")
    }
    let shape = shape
    let isEmpty = info.numel == 0
    var suffixes: [String] = []
    if device != .cpu { suffixes.append("device='\(device)'") }
    if isEmpty && shape.count != 1 {
      suffixes.append("size=(\(shape.map(String.init).joined(separator: ", ")))")
    }
    // The usual types go unnamed, but without elements nothing shows an int64 or a bool.
    let isUsual = dtype == .float32 || !isEmpty && (dtype == .int64 || dtype == .bool)
    if !isUsual { suffixes.append("dtype=torch.\(dtype)") }
    if info.requires_grad { suffixes.append("requires_grad=True") }

    let prefix = "tensor("
    var text = prefix
    if isEmpty {
      text += "[]"
    } else {
      let isSummary = info.numel > Print.threshold
      let shown = isSummary ? try edges() : self
      let formatter = try Formatter(shown)
      text += formatter.text(
        of: 0, from: 0, sizes: shown.shape, isCut: shape.map { isSummary && $0 > 2 * Print.edgeItems },
        indent: prefix.utf8.count)
    }
    return text.appending(suffixes: suffixes, indent: prefix.utf8.count)
  }

  /// The elements that a summary shows.
  private func edges() throws -> Tensor {
    var edges = self
    for (dim, size) in shape.enumerated() where size > 2 * Print.edgeItems {
      edges = try cat(
        [
          edges.narrow(dim, 0, Print.edgeItems),
          edges.narrow(dim, size - Print.edgeItems, Print.edgeItems),
        ], dim: dim)
    }
    return edges
  }
}

/// Writes all elements of a tensor equally wide.
private struct Formatter {
  private let elements: [String]
  private let width: Int

  init(_ tensor: Tensor) throws {
    switch tensor.dtype {
    case .bool:
      elements = try tensor.scalars(as: Bool.self).map { $0 ? "True" : "False" }
      width = elements.map(\.utf8.count).max() ?? 1
    case let dtype where !dtype.isFloatingPoint:
      elements = try tensor.scalars(as: Int64.self).map(String.init)
      width = elements.map(\.utf8.count).max() ?? 1
    default:
      let values = try tensor.scalars(as: Double.self)
      let finite = values.filter { $0.isFinite && $0 != 0 }
      let isWhole = finite.allSatisfy { $0 == $0.rounded(.up) }
      let least = finite.map(\.magnitude).min() ?? 1
      let greatest = finite.map(\.magnitude).max() ?? 1
      let isScientific =
        !finite.isEmpty && (greatest / least > 1000 || greatest > 1e8 || least < 1e-4)
      let write: (Double) -> String =
        if isScientific {
          { $0.written("e", Print.precision) }
        } else if isWhole {
          { $0.written("f", 0) + ($0.isFinite ? "." : "") }
        } else {
          { $0.written("f", Print.precision) }
        }
      elements = values.map(write)
      // Zeros, infinities and NaN do not count for the width, as in PyTorch.
      width = finite.map { write($0).utf8.count }.max() ?? 1
    }
  }

  /// The part of the tensor below `dim` whose first element is number `start`.
  func text(of dim: Int, from start: Int, sizes: [Int], isCut: [Bool], indent: Int) -> String {
    guard dim < sizes.count else { return padded(start) }
    let size = sizes[dim]
    var parts: [String]
    let separator: String
    if dim == sizes.count - 1 {
      parts = (start..<start + size).map(padded)
      if isCut[dim] { parts.insert(" ...", at: Print.edgeItems) }
      let perLine = max(1, (Print.lineWidth - indent) / (width + 2))
      parts = Swift.stride(from: 0, to: parts.count, by: perLine).map {
        parts[$0..<min($0 + perLine, parts.count)].joined(separator: ", ")
      }
      separator = "\n"
    } else {
      let step = sizes[(dim + 1)...].reduce(1, *)
      parts = (0..<size).map {
        text(of: dim + 1, from: start + $0 * step, sizes: sizes, isCut: isCut, indent: indent + 1)
      }
      if isCut[dim] { parts.insert("...", at: Print.edgeItems) }
      separator = String(repeating: "\n", count: sizes.count - 1 - dim)
    }
    return "[" + parts.joined(separator: "," + separator + String(repeating: " ", count: indent + 1)) + "]"
  }

  private func padded(_ index: Int) -> String {
    let text = elements[index]
    return String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }
}

extension Double {
  /// The number as C's `printf` writes it, with NaN and infinity as Python does.
  fileprivate func written(_ conversion: String, _ precision: Int) -> String {
    if isNaN { return "nan" }
    if isInfinite { return self < 0 ? "-inf" : "inf" }
    var buffer = [CChar](repeating: 0, count: 400)  // the greatest double has 309 digits
    let count = withVaList([self]) { vsnprintf(&buffer, buffer.count, "%.\(precision)\(conversion)", $0) }
    return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension String {
  /// Closes the parenthesis after the suffixes, each on a new line if the last is full.
  fileprivate func appending(suffixes: [String], indent: Int) -> String {
    var text = self
    // PyTorch counts two more than the line's length when there is no line break; so do we.
    let lastLine = utf8.lastIndex(of: UInt8(ascii: "\n"))
    var length = lastLine.map { utf8.distance(from: $0, to: utf8.endIndex) + 1 } ?? utf8.count + 2
    for suffix in suffixes {
      if length + suffix.utf8.count + 2 > Print.lineWidth {
        text += ",\n" + String(repeating: " ", count: indent) + suffix
        length = indent + suffix.utf8.count
      } else {
        text += ", " + suffix
        length += suffix.utf8.count + 2
      }
    }
    return text + ")"
  }
}
