import Formats
import Testing

/// The sentence of the error that `body` throws; nil when it throws none.
func failure<Result>(_ body: () throws(FormatError) -> Result) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return error.description
  }
}

@Suite("IDX and gzip")
struct IDXTests {
  private let small = IDX(elementType: .uint8, shape: [2, 3], bytes: [1, 2, 3, 4, 5, 6])

  @Test(
    "what is written is read again, plain and gzipped, with every element type",
    arguments: [
      IDX.ElementType.uint8, .int8, .int16, .int32, .float32, .float64,
    ])
  func roundTrip(_ type: IDX.ElementType) throws {
    let idx = IDX(elementType: type, shape: [3, 2], bytes: (0..<UInt8(6 * type.size)).map { $0 })
    for file in [idx.serialized(), Gzip.deflate(idx.serialized())] {
      let read = try IDX.parse(file, source: "test")
      #expect(read.elementType == type && read.shape == [3, 2] && read.bytes == idx.bytes)
    }
  }

  @Test("sizes and values are big-endian in the file")
  func byteOrder() throws {
    let read = try IDX.parse([0, 0, 0x0B, 1, 0, 0, 0, 2, 0x12, 0x34, 0xFF, 0xFE], source: "test")
    #expect(read.bytes == [0x34, 0x12, 0xFE, 0xFF])
    #expect(
      small.serialized().prefix(8) == [0, 0, 8, UInt8(small.shape.count), 0, 0, 0, UInt8(small.shape[0])])
  }

  @Test("every truncation is an error that names the file")
  func truncation() {
    for file in [small.serialized(), Gzip.deflate(small.serialized())] {
      for length in 0..<file.count {
        let message = failure { () throws(FormatError) in
          try IDX.parse(Array(file[..<length]), source: "cut.idx")
        }
        #expect(message?.hasPrefix("cut.idx: ") == true, "\(length) of \(file.count) bytes")
      }
    }
  }

  @Test(
    "each broken rule has its sentence",
    arguments: [
      ([], "the file is empty"), ([1, 0, 8, 1, 0, 0, 0, 0], "two zero bytes"),
      ([0, 0, 7, 1, 0, 0, 0, 0], "element type 7 is unknown"), ([0, 0, 8, 0], "no dimensions"),
      ([0, 0, 8, 1, 0, 0, 0, 1], "is truncated: sizes [1] need 1 bytes of values, 0 are there"),
      ([0, 0, 8, 1, 0, 0, 0, 1, 5, 6], "has too many bytes"),
      ([0, 0, 0x0E, 3] + [UInt8](repeating: 255, count: 12), "more than 2^63"),
      // The zero must not hide it.
      ([0, 0, 8, 3, 0, 0, 0, 0] + [UInt8](repeating: 255, count: 8), "more than 2^63"),
    ] as [([UInt8], String)])
  func rules(_ bytes: [UInt8], _ expected: String) {
    let message = failure { () throws(FormatError) in try IDX.parse(bytes, source: "x") }
    #expect(message?.contains(expected) == true, "\(message ?? "no error")")
  }

  @Test("a damaged gzip file is told from a truncated one; members are joined")
  func gzip() throws {
    var file = Gzip.deflate(Array("hello hello hello hello".utf8))
    #expect(
      try Gzip.inflate(file + Gzip.deflate([33]) + [0, 0], source: "x")
        == Array("hello hello hello hello!".utf8))
    for garbage: [UInt8] in [[9], [1, 2, 3], [0x1F, 0, 0]] {
      #expect(
        failure { () throws(FormatError) in try Gzip.inflate(file + garbage, source: "x") }
          == "x: at byte \(file.count): \(garbage.count) bytes behind the end of the gzip data belong to nothing"
      )
    }
    #expect(
      failure { () throws(FormatError) in try Gzip.inflate([], source: "x") }?.contains("no gzip") == true)
    file[file.count - 6] ^= 1  // the checksum
    #expect(
      failure { () throws(FormatError) in try Gzip.inflate(file, source: "x") }?.contains("damaged") == true)
    let long = Gzip.deflate([UInt8](repeating: 0, count: 100_000))
    let message = failure { () throws(FormatError) in try Gzip.inflate(long, source: "x", maximumSize: 1000) }
    #expect(message?.contains("more than 1000 bytes") == true)
  }

  @Test("Fashion-MNIST's files have the sizes of their description")
  func fashionMNIST() throws {
    let folder = "/usr/share/datasets/fashion-mnist"
    let train = "\(folder)/train-images-idx3-ubyte.gz"
    let unpacked = try Gzip.inflate(try FileIO.read(train), source: train)
    #expect(unpacked.count == 47_040_016)
    #expect(try IDX.parse(unpacked, source: train).bytes == IDX.read(path: train).bytes)
    let images = try IDX.read(path: "\(folder)/t10k-images-idx3-ubyte.gz")
    #expect(images.shape == [10000, 28, 28] && images.bytes.count == 7_840_016 - 16)
    let labels = try IDX.read(path: "\(folder)/train-labels-idx1-ubyte.gz")
    #expect(labels.shape == [60000] && labels.bytes.max() == 9)
  }
}
