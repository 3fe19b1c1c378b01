import ArgumentParser
import Formats
import SwiftTorchLayers

/// `torchlayers filter`.
struct Filter: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Moves a kernel over a picture, or over numbers: edges, blur, sharpen, or one of your own.",
    discussion: """
      torchlayers filter cat.jpg --kernel sobel-x --output edges.png
      torchlayers filter cat.jpg --kernel "0 1 0; 1 -4 1; 0 1 0" --padding same --padding-mode replicate
      torchlayers filter --input "1 0 0 .4; 0 0 .4 0; 0 0 0 .4" --kernel "0 0 .5; 0 .5 0; 0 0 .5"

      As in a network the kernel is not turned over (cross-correlation); each channel of a colour picture is \
      filtered by itself. Input and output appear side by side when standard output is a terminal.
      """)

  @Argument(help: "A PNG or JPEG file, or a text file of numbers; - reads numbers from standard input.")
  var image: String?
  @Option(parsing: .unconditional, help: "Numbers instead of a picture: \"0 0 1; 0 1 0\".") var input: String?
  @Option(parsing: .unconditional, help: "A kernel's name (see --list), or rows of numbers.")
  var kernel: String?
  @Flag(help: "List the named kernels with their numbers.") var list = false
  @Option(help: "How far the kernel moves at a time.") var stride = 1
  @Option(help: "Pixels around the picture: a number, valid (none) or same (the output keeps the size).")
  var padding = "valid"
  @Option(help: "What they are: \(PaddingMode.allCases.map(\.rawValue).joined(separator: ", ")).")
  var paddingMode = PaddingMode.zeros.rawValue
  @Option(help: "Pool afterwards: max or average.") var pool: String?
  @Option(help: "The side of a pooling window.") var poolSize = 2
  @Option(help: "How far windows are apart. (default: their size)") var poolStride: Int?
  @Flag(help: "Make a colour picture grey first.") var gray = false
  @Option(
    help: ArgumentHelp(
      "How results become 0 to 255: clamp cuts off what is outside, rescale stretches least to greatest. "
        + "(default: rescale for numbers and for kernels that sum to 0, else clamp)"))
  var scale: String?
  @Flag(help: "Print the numbers of a small input and its output.") var numbers = false
  @Option(help: ArgumentHelp("The PNG file to write.", valueName: "file")) var output: String?
  @Flag(help: "Print the result as one JSON object.") var json = false

  private struct Report: Encodable {
    let inputShape: [Int]
    let outputShape: [Int]
    let least: Double
    let greatest: Double
    let scaling: String
    let output: String?
    /// For each channel its rows; only of small results.
    let values: [[[Double]]]?
  }

  func run() throws {
    if list { return listKernels() }
    let filter = try makeFilter()
    let source = try readSource()
    try Shim.load()
    let values = try source.tensor()
    let result = try FilteredPicture(try filter(values), try scaling(source, filter.kernel))
    let isSmall = max(values.numel, result.values.numel) <= 3 * 64 * 64
    guard isSmall || !numbers else {
      throw TorchError("--numbers prints pictures of up to 64×64, this one is \(shape(values))")
    }
    if let output { try result.picture().writePNG(to: output) }
    if json {
      return try Terminal.printJSON(
        Report(
          inputShape: Array(values.shape.dropFirst()), outputShape: Array(result.values.shape.dropFirst()),
          least: result.least, greatest: result.greatest, scaling: result.scaling.rawValue, output: output,
          values: isSmall ? try planes(result.values) : nil))
    }
    if isSmall, numbers || source.isNumbers {
      if let kernel = filter.kernel { print("kernel\n\(table([kernel.rows]))\n") }
      print("input\n\(table(try planes(values)))\n\noutput\n\(table(try planes(result.values)))")
    } else if let size = Terminal.pictureSize {
      try print(sideBySide(source.picture(), result.picture(), columns: size.columns, rows: size.rows))
    }
    if !source.isNumbers || output != nil {
      print("size    \(shape(values)) becomes \(shape(result.values))")
      print("values  \(result.summary)")
    }
    if let output { print("file    \(output)") }
  }

  private func shape(_ tensor: Tensor) -> String {
    tensor.shape.dropFirst().map(String.init).joined(separator: "×")
  }

  private func listKernels() {
    for named in NamedKernel.allCases {
      let other = NamedKernel.aliases.filter { $0.value == named }.keys.sorted()
      let also = other.isEmpty ? "" : " (also \(other.joined(separator: ", ")))"
      print(named.rawValue.padded(to: 15) + named.summary + also)
      let divisor = named.divisor == 1 ? "" : ", divided by \(Int(named.divisor))"
      print("\(table([named.rows], indent: 4))\(divisor)\n")
    }
  }

  private func makeFilter() throws -> ImageFilter {
    var filter = ImageFilter()
    guard kernel != nil || pool != nil else {
      throw ValidationError("give --kernel with a name (see --list) or numbers, or --pool.")
    }
    if let kernel { filter.kernel = try chosenKernel(kernel) }
    guard kernel != nil || (padding == "valid" && stride == 1 && paddingMode == "zeros") else {
      throw ValidationError("--stride and --padding belong to a kernel: give --kernel.")
    }
    filter.stride = stride
    switch padding {
    case "valid": filter.padding = .valid
    case "same": filter.padding = .same
    default:
      guard let amount = Int(padding) else {
        throw ValidationError("--padding must be a number, valid or same, not '\(padding)'.")
      }
      filter.padding = .explicit([amount, amount])
    }
    let modes = PaddingMode.allCases.map(\.rawValue)
    filter.paddingMode = PaddingMode(rawValue: try require(paddingMode, oneOf: modes, "padding mode"))!
    guard filter.paddingMode == .zeros || ![.valid, .explicit([0, 0])].contains(filter.padding) else {
      throw ValidationError("--padding-mode \(paddingMode) needs --padding: there is no border to fill.")
    }
    if let pool {
      let kinds = ImageFilter.Pooling.allCases.map(\.rawValue)
      filter.pooling = ImageFilter.Pooling(rawValue: try require(pool, oneOf: kinds, "pooling"))!
    }
    filter.poolSize = poolSize
    filter.poolStride = poolStride
    return filter
  }

  private func chosenKernel(_ text: String) throws -> NumberGrid {
    if let named = NamedKernel(rawValue: text) ?? NamedKernel.aliases[text] { return named.grid }
    // A name has letters that no number has.
    if text.contains(where: { $0.isLetter && !"eE".contains($0) }) {
      let names = NamedKernel.allCases.map(\.rawValue) + NamedKernel.aliases.keys.sorted()
      if !text.contains(where: { $0.isWhitespace || $0 == ";" }) {
        _ = try require(text, oneOf: names, "kernel")
      }
    }
    return try NumberGrid(parsing: text, "the kernel")
  }

  private func readSource() throws -> FilterSource {
    switch (image, input) {
    case (nil, nil): throw ValidationError("give a picture, or numbers with --input.")
    case (_?, _?): throw ValidationError("give a picture or --input, not both.")
    case (nil, let text?): return .numbers(try NumberGrid(parsing: text, "--input"))
    case ("-", nil):
      var text = ""
      while text.utf8.count < Self.longestText, let line = readLine(strippingNewline: false) { text += line }
      return .numbers(try NumberGrid(parsing: text, "standard input"))
    case (let path?, nil):
      let bytes = try FileIO.read(path)
      guard Picture.isText(bytes) else {
        let picture = try Picture.decode(bytes, source: path)
        let pixels = picture.width * picture.height
        guard pixels <= Self.mostPixels else {
          throw TorchError(
            "\(path) has \(picture.width)×\(picture.height) pixels; more than "
              + "\(Self.mostPixels / 1_000_000) million are too many to filter, make it smaller first")
        }
        return .picture(gray ? picture.grayscale() : picture)
      }
      do {
        let text = String(decoding: bytes.prefix(Self.longestText), as: UTF8.self)
        return .numbers(try NumberGrid(parsing: text, "the file"))
      } catch let error as TorchError {
        throw TorchError(
          "\(path) is no PNG or JPEG picture, and read as numbers it does not fit: \(error.message)")
      }
    }
  }

  /// Float copies of a larger picture, its border and the result would take gigabytes.
  private static let mostPixels = 40_000_000
  private static let longestText = 1 << 22

  private func scaling(_ source: FilterSource, _ kernel: NumberGrid?) throws -> FilteredPicture.Scaling {
    if let scale {
      let kinds = FilteredPicture.Scaling.allCases.map(\.rawValue)
      return FilteredPicture.Scaling(rawValue: try require(scale, oneOf: kinds, "scale"))!
    }
    if case .numbers = source { return .rescale }
    return .usual(for: kernel)
  }
}
