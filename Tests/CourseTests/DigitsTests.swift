import Foundation
import Formats
import Testing

@testable import Course
@testable import SwiftTorchLayers

@Suite("Digits")
struct DigitsTests {
  private func lesson() -> Lesson { Lesson(.digits, Lesson.Settings(), Lesson.Listener()) }

  @Test(
    "C15: the steps have the course's parameters",
    arguments: zip(DigitsStep.allCases, [7850, 185_300, 185_300, 185_300, 694_794]))
  func parameters(_ step: DigitsStep, _ expected: Int) throws {
    let network = try step.model.make(inputShape: [1, 28, 28], classes: 10)
    #expect(network.parameters().reduce(0) { $0 + $1.numel } == expected)
  }

  @Test("C15: steps c and d begin with He's deviations √(2 / inputs) and no bias, the others as PyTorch does")
  func initialization() throws {
    for step in DigitsStep.allCases {
      let network = try step.model.make(inputShape: [1, 28, 28], classes: 10)
      let before = try network.parameters().map { try $0.scalars(as: Double.self) }
      try step.initialize(network)
      let after = try network.parameters().map { try $0.scalars(as: Double.self) }
      guard step == .c || step == .d else {
        #expect(before == after)
        continue
      }
      for case let dense as Linear in network.namedModules().map(\.module) where dense.weight.numel > 5000 {
        let expected = (2 / Double(dense.inFeatures)).squareRoot()
        let deviation = try dense.weight.std().item(as: Double.self)
        #expect(abs(deviation / expected - 1) < 0.05)
        #expect(try dense.bias!.abs().sum().item(as: Double.self) == 0)
      }
    }
  }

  @Test("C15: batch 100 everywhere; the command that is printed says what differs from the defaults")
  func commands() throws {
    let lessons = DigitsStep.Lessons.digits(hasMNIST: false, quick: false)
    let all = try DigitsStep.allCases.map { try $0.configuration(lessons, lesson()) }
    #expect(all.allSatisfy { $0.batchSize == 100 && $0.data == "mnist-5k" })
    #expect(
      lesson().command(all[0])
        == "torchlayers train --model softmax --data mnist-5k --epochs 40 --optimizer sgd --lr 0.01")
    #expect(
      lesson().command(all[4])
        == "torchlayers train --model cnn-batchnorm --data mnist-5k --epochs 20 --optimizer adam --lr 0.003 "
        + "--schedule onecycle --augment affine")
  }

  @Test("C16: the digits CNN's shapes and parameters, layer by layer")
  func digitsCNN() throws {
    let layers = try summarize(
      try Models.cnn.make(inputShape: [1, 28, 28], classes: 10), inputShape: [1, 28, 28])
    #expect(layers.parameters == 3_274_634)
    #expect(layers.filter { $0.parameters > 0 }.map(\.parameters) == [832, 51_264, 3_212_288, 10_250])
    #expect(
      layers.map(\.outputShape) == [
        [32, 28, 28], [32, 28, 28], [32, 14, 14], [64, 14, 14], [64, 14, 14], [64, 7, 7], [3136], [1024],
        [1024],
        [1024], [10],
      ])
    #expect(
      layers.filter { $0.multiplyAdds > 0 }.map(\.multiplyAdds) == [627_200, 10_035_200, 3_211_264, 10_240])
  }

  @Test("C20: neighbours correlate in smooth kernels, not in chance, and oppose each other on a chessboard")
  func correlation() throws {
    let ramp = try Tensor((0..<49).map { Float($0 / 7) }, shape: [1, 1, 7, 7])
    #expect(try neighbourCorrelation(ramp) > 0.7)
    let chess = try Tensor((0..<49).map { Float($0 % 2) }, shape: [1, 1, 7, 7])
    #expect(abs(try neighbourCorrelation(chess) + 1) < 0.01)
    try Torch.manualSeed(3)
    #expect(abs(try neighbourCorrelation(Tensor.randn([200, 1, 7, 7]))) < 0.1)
    #expect(try neighbourCorrelation(Tensor.ones([1, 1, 3, 3])) == 0)
  }

  // MARK: The 5 000 digits

  /// Images of two pixels; the class is the last number.
  private let table = "1,11,0\n2,12,0\n3,13,0\n4,21,1\n5,22,1\n6,23,1\n"

  private func part(_ split: NamedDataset.Split, of text: String, each: Int = 3) throws -> RawImages {
    try RawImages(
      try ByteTable.parse(Array(text.utf8), source: "x.csv"), source: "x.csv", split, imageShape: [1, 1, 2],
      classes: ["zero", "one"], each: each, test: 1)
  }

  @Test("the last images of each class are the test part, and the classes come in turn")
  func split() throws {
    let train = try part(.train, of: table)
    #expect(train.labels == [0, 1, 0, 1] && train.pixels == [1, 11, 4, 21, 2, 12, 5, 22])
    let test = try part(.test, of: table)
    #expect(test.labels == [0, 1] && test.pixels == [3, 13, 6, 23])
  }

  @Test(
    "a table of other images is refused",
    arguments: [
      ("1,0\n", "its rows have 2 numbers, 2 pixels and a class are needed"),
      ("1,2,0\n1,2,2\n", "label 2 in line 2 is not one of the 2 classes (0 to 1)"),
      ("1,2,0\n1,2,1\n", "has 1 images of class zero, 3 of each are needed"),
    ])
  func otherTables(_ text: String, _ expected: String) throws {
    let error = try #require(throws: TorchError.self) { try part(.train, of: text) }
    #expect(error.message.contains(expected), "\(error.message)")
  }

  @Test("where the table is not there, the message says how it comes")
  func missing() throws {
    let error = try #require(throws: TorchError.self) {
      try NamedDataset.mnist5k.load(.train, folder: "/nowhere")
    }
    #expect(error.message.contains("`make course` fetches it") && error.message.contains("/nowhere"))
  }

  private static let folder = NamedDataset.mnist5k.folders.last!

  @Test(
    "the real table has 400 and 100 of each digit",
    .enabled(if: FileManager.default.fileExists(atPath: "\(folder)/mnist_5k.csv.gz")))
  func realTable() throws {
    for (split, each) in [(NamedDataset.Split.train, 400), (.test, 100)] {
      let digits = try NamedDataset.mnist5k.loadRaw(split)
      #expect(digits.imageShape == [1, 28, 28] && digits.pixels.count == each * 10 * 784)
      #expect(digits.labels == (0..<each).flatMap { _ in UInt8(0)...9 })
      // Pictures of pen strokes: mostly black, some white.
      #expect(digits.pixels.max() == 255 && digits.pixels.count { $0 == 0 } > digits.pixels.count / 2)
    }
  }
}
