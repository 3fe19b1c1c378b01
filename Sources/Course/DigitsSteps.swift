import SwiftTorchLayers

/// A step of the digits course: a network and how it is trained.
enum DigitsStep: String, CaseIterable {
  case a, b, c, d, e

  /// The pictures that a step learns, and for how long.
  struct Lessons {
    let data: NamedDataset
    var steps = DigitsStep.allCases
    /// Of steps a to d.
    let denseEpochs: Int
    /// Of step e.
    let convolutionalEpochs: Int

    /// The digits: all of MNIST when its files are there, else 5 000 of them.
    static func digits(hasMNIST: Bool, quick: Bool) -> Lessons {
      if quick { return Lessons(data: .mnist5k, denseEpochs: 40, convolutionalEpochs: 4) }
      return hasMNIST
        ? Lessons(data: .mnist, denseEpochs: 20, convolutionalEpochs: 12)
        : Lessons(data: .mnist5k, denseEpochs: 40, convolutionalEpochs: 20)
    }

    static let clothes = Lessons(
      data: .fashionMNIST, steps: [.e], denseEpochs: 10, convolutionalEpochs: 10)
  }

  var model: Models {
    switch self {
    case .a: .softmax
    case .b: .mlpSigmoid
    case .c: .mlp
    case .d: .mlpDropout
    case .e: .cnnBatchNorm
    }
  }

  /// What is new in it.
  var idea: String {
    switch self {
    case .a: "one dense layer: ten sums of weighted pixels, softmax makes them probabilities; SGD"
    case .b: "four dense layers before it, with sigmoids; Adam"
    case .c: "ReLU instead of the sigmoid, He initialisation, a rate that falls as a cosine"
    case .d: "dropout: in training a quarter of the values, by chance, is 0"
    case .e: "convolutions with batch normalisation, pictures varied a little, one cycle of the rate"
    }
  }

  /// The best test evaluation of a run on MNIST that was published, in percent; step d was not.
  var published: Double? {
    switch self {
    case .a: 92.68
    case .b: 97.88
    case .c: 98.2
    case .d: nil
    case .e: 99.5
    }
  }

  /// Whether its weights begin as He et al. say, not as PyTorch does.
  var hasHeInitialization: Bool { self == .c || self == .d }

  func configuration(_ lessons: Lessons, _ lesson: Lesson) throws -> RunConfiguration {
    let epochs = self == .e ? lessons.convolutionalEpochs : lessons.denseEpochs
    var made = lesson.configuration(model: model, data: lessons.data, epochs: epochs)
    switch self {
    case .a: (made.optimizer, made.lr) = (.sgd, 0.01)
    case .b: break
    case .c, .d: made.schedule = try RunSchedule("cosine")
    case .e:
      made.schedule = try RunSchedule("onecycle")
      // A mirrored shirt is a shirt, a mirrored 2 is none.
      made.augment = lessons.data == .fashionMNIST ? .flip : .affine
    }
    return made
  }

  /// Overwrites fresh weights where the step wants other ones.
  func initialize(_ model: Module) throws {
    if hasHeInitialization { try heInitialize(model) }
  }
}
