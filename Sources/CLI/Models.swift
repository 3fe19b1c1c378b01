import ArgumentParser
import Formats
import SwiftTorchLayers

/// `torchlayers models`.
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Lists the networks known by name, prints one as a YAML file.",
    subcommands: [List.self, Show.self], defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the networks known by name.")
    @Flag(help: "Print the result as one JSON object.") var json = false

    private struct Report: Encodable {
      struct Model: Encodable {
        let name: String
        let summary: String
        let inputShape: [Int]
        let classes: Int
      }
      let models: [Model]
    }

    func run() throws {
      if json {
        let models = Models.allCases.map {
          Report.Model(name: $0.rawValue, summary: $0.summary, inputShape: $0.inputShape, classes: $0.classes)
        }
        return try Terminal.printJSON(Report(models: models))
      }
      for model in Models.allCases { print(model.rawValue.padded(to: 15) + model.summary) }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints a network as a YAML file, to start from with a network of one's own.",
      discussion: """
        torchlayers models show cnn > my-net.yaml
        torchlayers train --model my-net.yaml
        """)
    @Argument(help: "The network's name.") var model: String
    @Option(help: ArgumentHelp("The size of an image. (default: the network's own)", valueName: "C,H,W"))
    var input: String?
    @Option(help: "The number of classes. (default: the network's own)") var classes: Int?

    func run() throws {
      let name = try require(model, oneOf: Models.allCases.map(\.rawValue), "model")
      let network = Models(rawValue: name)!
      let shape = try input.map(imageShape) ?? network.inputShape
      let classes = try classCount(classes) ?? network.classes
      try Shim.load()
      let made = try network.make(inputShape: shape, classes: classes)
      let text: String
      do {
        text = try Architecture.yaml(of: made, inputShape: shape, classes: classes)
      } catch let error as TorchError {
        throw TorchError("\(name) cannot be written as YAML: \(error.message)")
      }
      print("# \(name): \(network.summary)\n" + text, terminator: "")
    }
  }
}

/// The sizes that `--input` gives.
func imageShape(_ text: String) throws -> [Int] {
  let sizes = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
  guard sizes.count == 3, sizes.allSatisfy({ (1...1 << 16).contains($0) }) else {
    throw ValidationError("--input must look like 3,32,32 (channels, height, width), not '\(text)'.")
  }
  return sizes
}

/// Checks what `--classes` gives.
func classCount(_ count: Int?) throws -> Int? {
  if let count, !(1...1 << 16).contains(count) {
    throw ValidationError("--classes must be between 1 and 65536, not \(count).")
  }
  return count
}
