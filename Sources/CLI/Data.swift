import ArgumentParser
import Formats
import SwiftTorchLayers

/// `torchlayers data`.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Lists data sets, writes one of their pictures as PNG, downloads them.",
    subcommands: [List.self, Image.self, Download.self], defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the data sets known by name.")
    func run() { for data in NamedDataset.allCases { print(data.rawValue.padded(to: 16) + data.summary) } }
  }

  struct Image: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Writes one picture of a data set as PNG.")
    @Argument(help: "The data set.") var data: String
    @Argument(help: "The picture's number, from 0.") var index: Int
    @Option(help: "train or test.") var split = "test"
    @Option(help: "The folder of the data set's files.") var dataDir: String?
    @Option(help: "The file to write.") var output: String

    func run() throws {
      let name = try require(data, oneOf: NamedDataset.allCases.map(\.rawValue), "data set")
      let part = try require(split, oneOf: ["train", "test"], "split")
      try Shim.load()
      let dataset = try NamedDataset(rawValue: name)!.load(.init(rawValue: part)!, folder: dataDir)
      guard (0..<dataset.count).contains(index) else {
        throw TorchError("\(name) has \(dataset.count) \(part) images, numbered from 0; there is no \(index)")
      }
      let one = try dataset.slice(index..<index + 1)
      let shape = dataset.imageShape
      let pixels = try one.images.permute([0, 2, 3, 1]).bytes()
      try Picture(width: shape[2], height: shape[1], channels: shape[0], pixels: pixels).writePNG(to: output)
      print("\(output): \(dataset.classes[try one.labels.item(as: Int.self)])")
    }
  }

  struct Download: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Downloads a data set into the user's cache.")
    @Argument(help: "The data set: mnist.") var data: String

    func run() throws {
      let name = try require(data, oneOf: NamedDataset.allCases.map(\.rawValue), "data set")
      let folder = try NamedDataset(rawValue: name)!.download { Terminal.note($0) }
      print(folder)
    }
  }
}
