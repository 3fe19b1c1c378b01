/// The schedule of a run's learning rate as a person writes it: a name, and settings behind a colon.
///
///     cosine      step:size=10,gamma=0.5      multistep:milestones=30+60
///
/// Every schedule takes a step after each epoch, except `onecycle`, which takes one after each batch.
public struct RunSchedule: Codable, Equatable, Sendable, CustomStringConvertible {
  public enum Name: String, CaseIterable, Sendable {
    case constant
    case step
    case multistep
    case exponential
    case linear
    case polynomial
    case cosine
    case cosineRestarts = "cosine-restarts"
    case onecycle
    case plateau
  }

  public let name: Name
  /// As it was written.
  public let description: String
  private let values: [String: [Double]]

  /// - Throws: `TorchError` that names what is wrong and the nearest word.
  public init(_ text: String) throws {
    description = text
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let head = parts.first ?? ""
    guard let name = Name(rawValue: head) else {
      let names = Name.allCases.map(\.rawValue)
      throw TorchError("there is no schedule '\(head.prefix(64))'\(Self.hint(head, names))")
    }
    self.name = name
    var values: [String: [Double]] = [:]
    if parts.count > 1 {
      for part in parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
        let (setting, value) = try Self.read(part, of: name)
        guard values.updateValue(value, forKey: setting) == nil else {
          throw TorchError("the schedule \(name.rawValue) has \(setting) twice")
        }
      }
    }
    for setting in name.settings where values[setting.name] == nil {
      switch setting.standard {
      case .value(let value): values[setting.name] = [value]
      case .ofRun: break
      case .needed:
        throw TorchError(
          "the schedule \(name.rawValue) needs \(setting.name): \(name.rawValue):\(setting.name)=\(setting.example)"
        )
      }
    }
    self.values = values
  }

  public init(from decoder: any Decoder) throws {
    try self.init(try decoder.singleValueContainer().decode(String.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  private static func hint(_ word: String, _ words: [String]) -> String {
    (nearest(word, in: words).map { "; did you mean \($0)?" } ?? ".")
      + " The choices are \(words.joined(separator: ", "))"
  }

  /// Reads `size=10`.
  private static func read(_ text: String, of name: Name) throws -> (String, [Double]) {
    let shown = text.prefix(64)
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else {
      throw TorchError("settings of a schedule look like step:size=10,gamma=0.5, not '\(shown)'")
    }
    let names = name.settings.map(\.name)
    guard !names.isEmpty else { throw TorchError("the schedule \(name.rawValue) has no settings") }
    guard let setting = name.settings.first(where: { $0.name == parts[0] }) else {
      throw TorchError(
        "the schedule \(name.rawValue) has no setting '\(parts[0].prefix(64))'\(hint(parts[0], names))")
    }
    let words = parts[1].split(separator: "+", omittingEmptySubsequences: false)
    let values = words.compactMap { Double($0) }.filter(setting.kind.allows)
    guard values.count == words.count, setting.kind == .counts || values.count == 1 else {
      throw TorchError("\(name.rawValue):\(shown) is wrong: \(setting.name) must be \(setting.kind.words)")
    }
    return (setting.name, values)
  }

  // MARK: Making it

  /// Whether it ends with the run: more epochs would change what it has been.
  public var endsWithRun: Bool {
    switch name {
    case .onecycle: true
    case .cosine, .polynomial: values["length"] == nil
    default: false
    }
  }

  /// The schedule of an optimizer; nil for a constant rate.
  /// - Parameters:
  ///   - epochs: the length of the run.
  ///   - batches: the batches of an epoch.
  /// - Throws: `TorchError` when the run is too short for it.
  public func make(_ optimizer: any AnyOptimizer, epochs: Int, batches: Int) throws -> LRScheduler? {
    func value(_ name: String) -> Double { values[name]?.first ?? 0 }
    func count(_ name: String) -> Int { Int(value(name)) }
    let length = values["length"]?.first.map { Int($0) } ?? epochs
    switch name {
    case .constant: return nil
    case .step: return StepLR(optimizer, stepSize: count("size"), gamma: value("gamma"))
    case .multistep:
      let milestones = (values["milestones"] ?? []).map { Int($0) }
      return MultiStepLR(optimizer, milestones: milestones, gamma: value("gamma"))
    case .exponential: return ExponentialLR(optimizer, gamma: value("gamma"))
    case .linear:
      return LinearLR(optimizer, startFactor: value("start"), endFactor: value("end"), totalIters: length)
    case .polynomial: return PolynomialLR(optimizer, totalIters: length, power: value("power"))
    case .cosine: return CosineAnnealingLR(optimizer, tMax: length, etaMin: value("min"))
    case .cosineRestarts:
      return CosineAnnealingWarmRestarts(
        optimizer, t0: length, tMult: count("mult"), etaMin: value("min"))
    case .onecycle: return try oneCycle(optimizer, steps: epochs * batches)
    case .plateau:
      return ReduceLROnPlateau(
        optimizer, factor: value("factor"), patience: count("patience"), threshold: value("threshold"),
        cooldown: count("cooldown"), minLR: value("min"))
    }
  }

  private func oneCycle(_ optimizer: any AnyOptimizer, steps: Int) throws -> LRScheduler {
    let start = values["warmup"]?.first ?? 0
    // Where the rise would end at the first step it has no length.
    guard start * Double(steps) != 1 else {
      throw TorchError(
        "the schedule onecycle has \(steps) steps, of which a warmup of \(start) is none: choose another warmup"
      )
    }
    return OneCycleLR(
      optimizer, maxLR: values["max"]?.first ?? optimizer.learningRates.first ?? 0, totalSteps: steps,
      pctStart: start, cycleMomentum: optimizer.momentums != nil, divFactor: values["div"]?.first ?? 1,
      finalDivFactor: values["final"]?.first ?? 1)
  }
}

extension RunSchedule {
  /// What a setting may be.
  fileprivate enum Kind {
    case count, countOrZero, counts, positive, notNegative, share, positiveShare, inside

    private static let most = 1_000_000.0

    func allows(_ value: Double) -> Bool {
      guard value.isFinite else { return false }
      let isWhole = value.rounded() == value && value <= Self.most
      return switch self {
      case .count, .counts: isWhole && value >= 1
      case .countOrZero: isWhole && value >= 0
      case .positive: value > 0
      case .notNegative: value >= 0
      case .share: (0...1).contains(value)
      case .positiveShare: value > 0 && value <= 1
      case .inside: value > 0 && value < 1
      }
    }

    var words: String {
      switch self {
      case .count: "a whole number from 1 to a million"
      case .countOrZero: "a whole number from 0 to a million"
      case .counts: "whole numbers with a + between them, as 30+60"
      case .positive: "a number above 0"
      case .notNegative: "a number that is not negative"
      case .share: "between 0 and 1"
      case .positiveShare: "above 0 and at most 1"
      case .inside: "between 0 and 1, neither of them"
      }
    }
  }

  /// What a setting is when it is not given.
  fileprivate enum Standard {
    case value(Double)
    /// The run's number of epochs, or its learning rate.
    case ofRun
    case needed
  }

  fileprivate struct Setting {
    let name: String
    let kind: Kind
    let standard: Standard
    var example = "10"
  }
}

extension RunSchedule.Name {
  fileprivate var settings: [RunSchedule.Setting] {
    switch self {
    case .constant: return []
    case .step: return [.init(name: "size", kind: .count, standard: .needed), Self.gamma(.value(0.1))]
    case .multistep:
      return [
        .init(name: "milestones", kind: .counts, standard: .needed, example: "30+60"),
        Self.gamma(.value(0.1)),
      ]
    case .exponential: return [Self.gamma(.needed)]
    case .linear:
      return [
        .init(name: "start", kind: .positiveShare, standard: .value(1.0 / 3)),
        .init(name: "end", kind: .share, standard: .value(1)),
        .init(name: "length", kind: .count, standard: .value(5)),
      ]
    case .polynomial:
      return [
        .init(name: "power", kind: .notNegative, standard: .value(1)),
        .init(name: "length", kind: .count, standard: .ofRun),
      ]
    case .cosine: return [.init(name: "length", kind: .count, standard: .ofRun), Self.min]
    case .cosineRestarts:
      return [
        .init(name: "length", kind: .count, standard: .needed),
        .init(name: "mult", kind: .count, standard: .value(1)), Self.min,
      ]
    case .onecycle:
      return [
        .init(name: "max", kind: .positive, standard: .ofRun),
        .init(name: "warmup", kind: .inside, standard: .value(0.3)),
        .init(name: "div", kind: .positive, standard: .value(25)),
        .init(name: "final", kind: .positive, standard: .value(1e4)),
      ]
    case .plateau:
      return [
        .init(name: "factor", kind: .inside, standard: .value(0.1)),
        .init(name: "patience", kind: .countOrZero, standard: .value(10)),
        .init(name: "threshold", kind: .notNegative, standard: .value(1e-4)),
        .init(name: "cooldown", kind: .countOrZero, standard: .value(0)), Self.min,
      ]
    }
  }

  private static func gamma(_ standard: RunSchedule.Standard) -> RunSchedule.Setting {
    .init(name: "gamma", kind: .positive, standard: standard, example: "0.9")
  }

  private static var min: RunSchedule.Setting { .init(name: "min", kind: .notNegative, standard: .value(0)) }

  /// What it does, and its settings with what they are when not given, in lines for a help text.
  public var summary: [String] {
    switch self {
    case .constant: ["the rate of --lr"]
    case .step: ["times gamma (0.1) every size epochs"]
    case .multistep: ["times gamma (0.1) after each of the milestones, as 30+60"]
    case .exponential: ["times gamma after every epoch"]
    case .linear: ["from start (1/3) to end (1) times --lr in length (5) epochs"]
    case .polynomial: ["down to 0 in length (all) epochs, with a power (1)"]
    case .cosine: ["half a cosine wave down to min (0) in length (all) epochs"]
    case .cosineRestarts:
      ["waves down to min (0), the first of length epochs,", "each mult (1) times as long as the one before"]
    case .onecycle:
      [
        "up to max (--lr) in a share warmup (0.3) of all batches,",
        "then down; from max / div (25), to that / final (10000);",
        "momentum goes the other way",
      ]
    case .plateau:
      [
        "times factor (0.1), not below min (0), when the validation",
        "loss (without validation the training loss) has not improved",
        "by a share threshold (0.0001) in more than patience (10)",
        "epochs; then it rests for cooldown (0) epochs",
      ]
    }
  }
}
