/// What went wrong, in a sentence for a person: in which layer, in which operator, with which shapes.
public struct TorchError: Error, CustomStringConvertible, Sendable {
  /// What kind of failure it is, for programs that react to it.
  public enum Kind: Sendable {
    /// libtorch refused the call, or an argument does not fit.
    case invalid
    /// Host or device memory ran out.
    case outOfMemory
    /// There is no such operator, entry, device or file.
    case notFound
    /// No usable shim, or no libtorch behind it.
    case libtorchMissing
  }

  public var kind: Kind
  /// The sentence, without the place.
  public var message: String
  /// The operator that refused, for example `aten::conv2d`.
  public var operatorName: String?
  /// The tensors that the operator was given, for example `float32[2, 3]`.
  public var shapes: [String]
  /// Names of the layers from the outermost to the one that failed, as in a state-dict key.
  public var path: [String] = []
  /// The failing layer as it prints itself, for example `Linear(in_features=10, out_features=2, bias=True)`.
  public var layer: String?
  /// The innermost module that failed, so that its parents can find its name.
  var module: ObjectIdentifier?

  public init(
    _ message: String, kind: Kind = .invalid, operatorName: String? = nil, shapes: [String] = []
  ) {
    self.kind = kind
    self.message = message
    self.operatorName = operatorName
    self.shapes = shapes
  }

  public var description: String {
    var text = ""
    if let layer {
      text += path.isEmpty ? "in \(layer): " : "in layer \(path.joined(separator: ".")), \(layer): "
    }
    if let operatorName { text += "\(operatorName): " }
    text += message
    if !shapes.isEmpty { text += " (arguments: \(shapes.joined(separator: ", ")))" }
    return text
  }
}
