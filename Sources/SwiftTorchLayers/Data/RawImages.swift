import Formats

/// Images with their classes as they are in files: bytes, without libtorch.
public struct RawImages: Sendable {
  /// Bytes of `[count, channels, height, width]`, 0 black to 255 white.
  public let pixels: [UInt8]
  /// The class of each image.
  public let labels: [UInt8]
  /// `[channels, height, width]`.
  public let imageShape: [Int]
  /// The name of each class.
  public let classes: [String]

  public var count: Int { labels.count }

  /// Reads an IDX file of images and one of labels, gzipped or not.
  /// - Throws: `FormatError` for a damaged file; `TorchError` when the two do not belong together.
  public init(imagesPath: String, labelsPath: String, classes: [String]) throws {
    let images = try IDX.read(path: imagesPath)
    guard images.elementType == .uint8, images.shape.count == 3, !images.shape.contains(0) else {
      throw TorchError(
        "\(imagesPath) does not hold images: it is \(images.elementType) \(images.shape), uint8 [count, "
          + "height, width] is needed")
    }
    let numbers = try IDX.read(path: labelsPath)
    guard numbers.elementType == .uint8, numbers.shape.count == 1 else {
      throw TorchError(
        "\(labelsPath) does not hold labels: it is \(numbers.elementType) \(numbers.shape), uint8 [count] "
          + "is needed")
    }
    guard images.shape[0] == numbers.shape[0] else {
      throw TorchError(
        "\(imagesPath) has \(images.shape[0]) images but \(labelsPath) has \(numbers.shape[0]) labels")
    }
    if let wrong = numbers.bytes.firstIndex(where: { $0 >= classes.count }) {
      throw TorchError(
        "\(labelsPath): label \(numbers.bytes[wrong]) of image \(wrong) is not one of the \(classes.count) "
          + "classes (0 to \(classes.count - 1))")
    }
    pixels = images.bytes
    labels = numbers.bytes
    imageShape = [1, images.shape[1], images.shape[2]]
    self.classes = classes
  }

  /// A part of a table in which a row holds the pixels of an image and then its class.
  ///
  /// Of each class the last `test` rows are the test part, the others the training part; the classes come in turn.
  /// - Parameters:
  ///   - source: the file, for messages.
  ///   - each: how many rows a class has.
  /// - Throws: `TorchError` when the table is not of such images.
  init(
    _ table: ByteTable, source: String, _ split: NamedDataset.Split, imageShape: [Int], classes: [String],
    each: Int, test: Int
  ) throws {
    let size = imageShape.reduce(1, *)
    guard table.columns == size + 1 else {
      throw TorchError(
        "\(source) does not hold images of \(imageShape): its rows have \(table.columns) numbers, \(size) pixels and "
          + "a class are needed")
    }
    var rows = [[Int]](repeating: [], count: classes.count)
    for row in 0..<table.rows {
      let label = Int(table.row(row).last!)
      guard label < classes.count else {
        throw TorchError(
          "\(source): label \(label) in line \(row + 1) is not one of the \(classes.count) classes (0 to "
            + "\(classes.count - 1))")
      }
      rows[label].append(row)
    }
    if let label = rows.firstIndex(where: { $0.count != each }) {
      throw TorchError(
        "\(source) has \(rows[label].count) images of class \(classes[label]), \(each) of each are needed")
    }
    let places = split == .train ? 0..<each - test : each - test..<each
    let taken = places.flatMap { place in rows.map { $0[place] } }
    pixels = taken.flatMap { table.row($0).dropLast() }
    labels = taken.map { table.row($0).last! }
    self.imageShape = imageShape
    self.classes = classes
  }
}
