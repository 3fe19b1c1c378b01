import Formats

/// A network described in YAML: a stack of layers under PyTorch's names with the labels of this library's
/// initialisers, residual and parallel blocks.
///
///     input: [1, 28, 28]
///     layers:
///       - Conv2d: {outChannels: 32, kernelSize: 5, padding: same}
///       - ReLU
///       - Flatten
///       - Linear: {outFeatures: classes}
///
/// `inChannels`, `inFeatures` and `numFeatures` are worked out; `classes` is the number of the data's classes. A file
/// may `include` the layers of another; the texts of all of them are kept, so that the network can be built
/// again when the files are gone.
public struct Architecture: Sendable {
  /// A file and its text.
  public struct File: Codable, Equatable, Sendable {
    /// The path, as it was given.
    public let name: String
    public let text: String

    public init(name: String, text: String) {
      self.name = name
      self.text = text
    }
  }

  /// The file that was named, then those that it includes.
  public let files: [File]
  /// `[channels, height, width]` of the images that the file declares, if it does.
  public let inputShape: [Int]?
  private let inputPlace: Place?
  private let layers: [LayerDescription]

  /// File and line of the last layer, which gives the output.
  var lastPlace: Place { layers.last!.place }

  /// Whether a model's name means such a file.
  public static func isFile(_ name: String) -> Bool { name.hasSuffix(".yaml") || name.hasSuffix(".yml") }

  /// Reads a file and those that it includes.
  /// - Throws: `FormatError` when one cannot be read; `TorchError` with file, line and the nearest word for what
  ///   describes no network.
  public init(path: String) throws {
    try self.init(path) { name in
      let bytes = try FileIO.read(name, most: 1 << 20)
      guard let text = String(validating: bytes, as: UTF8.self) else {
        let good = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\u{FFFD}" }
        let line = good.count { $0.isNewline } + 1
        throw Place(file: name, line: line).error("this is no UTF-8 text")
      }
      return text
    }
  }

  /// The same from texts that were kept.
  public init(files: [File]) throws {
    guard let first = files.first else { throw TorchError("an architecture needs a file") }
    try self.init(first.name) { name in
      guard let file = files.first(where: { $0.name == name }) else {
        throw TorchError("the text of \(name) was not kept", kind: .notFound)
      }
      return file.text
    }
  }

  private init(_ name: String, _ text: @escaping (String) throws -> String) throws {
    var reader = ArchitectureReader(text: text)
    let root = try reader.read(name)
    files = reader.files
    layers = root.layers
    inputShape = root.input?.shape
    inputPlace = root.input?.place
  }

  /// Builds the network with fresh weights, drawn in the order of the layers.
  /// - Parameters:
  ///   - inputShape: `[channels, height, width]` of the data's images; nil takes the declared one.
  ///   - classes: what the word `classes` stands for.
  /// - Throws: `TorchError` with file and line of the first layer that does not fit what arrives there.
  public func make(inputShape: [Int]?, classes: Int) throws -> Module {
    if let inputShape, let inputPlace, let declared = self.inputShape, declared != inputShape {
      throw inputPlace.error(
        "the file is for images of \(declared), these are \(inputShape): change the line or take it away")
    }
    guard let shape = inputShape ?? self.inputShape else {
      throw TorchError(
        "\(files[0].name) does not say how large an image is: give --input C,H,W or add a line like input: "
          + "[1, 28, 28]")
    }
    guard shape.count == 3, shape.allSatisfy({ (1...1 << 16).contains($0) }),
      shape.reduce(1, *) <= ArchitectureBuilder.mostValues, (1...1 << 16).contains(classes)
    else { throw TorchError("images of \(shape) with \(classes) classes are too large") }
    // A layer that draws numbers in its forward must not shift those of the weights.
    let random = try Generator.default().state()
    var builder = ArchitectureBuilder(classes: classes)
    let plan = try builder.stack(layers, from: shape)
    try Generator.default().setState(random)
    return plan.make()
  }
}
