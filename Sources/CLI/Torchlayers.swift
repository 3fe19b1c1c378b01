import ArgumentParser
import SwiftTorchLayers

/// The command `torchlayers`.
@main
struct Torchlayers: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "torchlayers",
    abstract: "Trains, evaluates and exports convolutional networks on PyTorch's engine.",
    version: torchlayersVersion,
    subcommands: [
      Train.self, Evaluate.self, Predict.self, Export.self, Summary.self, ModelsCommand.self,
      DataCommand.self, Filter.self, Inspect.self, CourseCommand.self, ParityCommand.self, Bench.self,
      Doctor.self,
    ])
}

/// The version of this package.
let torchlayersVersion = "0.1.0"
