import Formats

/// The value of a label.
package enum LabelValue: Equatable, Sendable {
  case integer(Int)
  case sizes([Int])
  case optionalSizes([Int?])
  case padding(Padding)
  case number(Double)
  case numbers([Double])
  case flag(Bool)
  case word(String)
  /// The number of classes of the data.
  case classes
  /// `null`: the initialiser's nil.
  case none
}

/// A label of a layer's initialiser: its type and default, and where its value comes from when it is not given.
package struct Label: Sendable {
  package enum Kind: Sendable {
    /// A whole number in a range.
    case integer(ClosedRange<Int>)
    /// As many numbers as there are dimensions, or one for all.
    case sizes(Int, ClosedRange<Int>)
    /// The same, where `null` keeps the input's size.
    case optionalSizes(Int)
    /// Sizes, `same` or `valid`.
    case padding(Int)
    case number(ClosedRange<Double>)
    /// One to eight whole numbers, for sizes of any number of dimensions.
    case list(ClosedRange<Int>)
    /// As many numbers as there are dimensions, or one for all; without a count one to eight.
    case numbers(Int?, ClosedRange<Double>)
    case flag
    case word([String])
  }

  /// A size that the layer's input determines.
  package enum Source: Sendable {
    /// The first dimension of an image.
    case channels
    /// The last dimension.
    case features
  }

  package let name: String
  package let kind: Kind
  package var allowsNull = false
  /// nil: the label must be given, or is worked out.
  package var standard: LabelValue?
  package var source: Source?

  /// Reads a value that was given.
  func read(_ value: YAMLValue, layer: String) throws -> LabelValue {
    if case .scalar(let text, isQuoted: false) = value.content {
      if allowsNull, ["", "~", "null"].contains(text) { return .none }
      if text == "classes", takesClasses { return .classes }
    }
    func wrong() -> TorchError {
      value.place.error("\(name) of \(layer) must be \(expectation), not \(value.summary)")
    }
    func whole(_ value: YAMLValue, _ range: ClosedRange<Int>) throws -> Int {
      guard case .scalar(let text, isQuoted: false) = value.content, let number = Int(text),
        range.contains(number)
      else { throw wrong() }
      return number
    }
    func number(_ value: YAMLValue, _ range: ClosedRange<Double>) throws -> Double {
      guard case .scalar(let text, isQuoted: false) = value.content, let number = Double(text),
        range.contains(number)
      else { throw wrong() }
      return number
    }
    func list(_ count: Int, _ range: ClosedRange<Int>) throws -> [Int] {
      guard case .list(let items) = value.content else {
        return [Int](repeating: try whole(value, range), count: count)
      }
      guard items.count == count else { throw wrong() }
      return try items.map { try whole($0, range) }
    }
    switch kind {
    case .integer(let range): return .integer(try whole(value, range))
    case .sizes(let count, let range): return .sizes(try list(count, range))
    case .optionalSizes(let count):
      guard case .list(let items) = value.content else {
        return .optionalSizes(try list(count, Label.extent))
      }
      guard items.count == count else { throw wrong() }
      return .optionalSizes(
        try items.map {
          if case .scalar("null", isQuoted: false) = $0.content { return nil }
          return try whole($0, Label.extent)
        })
    case .padding(let count):
      switch value.content {
      case .scalar("same", _): return .padding(.same)
      case .scalar("valid", _): return .padding(.valid)
      default: return .padding(.explicit(try list(count, Label.gap)))
      }
    case .number(let range): return .number(try number(value, range))
    case .list(let range):
      guard case .list(let items) = value.content else { return .sizes([try whole(value, range)]) }
      guard (1...8).contains(items.count) else { throw wrong() }
      return .sizes(try items.map { try whole($0, range) })
    case .numbers(let count, let range):
      guard case .list(let items) = value.content else {
        return .numbers([Double](repeating: try number(value, range), count: count ?? 1))
      }
      guard count.map({ $0 == items.count }) ?? (1...8).contains(items.count) else { throw wrong() }
      return .numbers(try items.map { try number($0, range) })
    case .flag:
      guard case .scalar(let text, isQuoted: false) = value.content,
        let flag = ["true": true, "True": true, "false": false, "False": false][text]
      else { throw wrong() }
      return .flag(flag)
    case .word(let words):
      guard case .scalar(let text, _) = value.content else { throw wrong() }
      guard words.contains(text) else {
        let hint = nearest(text, in: words).map { "; did you mean \($0)?" } ?? ""
        throw value.place.error(
          "\(name) of \(layer) must be \(expectation), not \(value.summary)\(hint)")
      }
      return .word(text)
    }
  }

  /// Sizes of kernels, strides and outputs; with them no product of sizes overflows.
  static let extent = 1...1024
  /// Numbers of zeros.
  static let gap = 0...1024
  /// Amounts of a border, negative ones to cut.
  static let border = -1024...1024
  /// Numbers of channels and features.
  static let count = 1...1 << 20

  /// Whether it is an output size, for which the data's number of classes can stand.
  private var takesClasses: Bool { ["outChannels", "outFeatures"].contains(name) }

  /// What the value must be, for a message.
  private var expectation: String {
    func many(_ count: Int, _ range: ClosedRange<Int>, _ what: String = "numbers") -> String {
      let one = "a whole number from \(range.lowerBound) to \(range.upperBound)"
      return count == 1 ? one : "\(one) or a list of \(count) such \(what)"
    }
    func one(_ range: ClosedRange<Double>) -> String {
      range == Label.anyNumber ? "a number" : "a number from \(range.lowerBound) to \(range.upperBound)"
    }
    let text =
      switch kind {
      case .integer(let range):
        many(1, range) + (takesClasses ? " or the word classes" : "")
      case .sizes(let count, let range): many(count, range)
      case .optionalSizes(let count): many(count, Label.extent, "numbers or null")
      case .padding(let count): "same, valid, " + many(count, Label.gap)
      case .number(let range): one(range)
      case .list(let range): many(1, range) + " or a list of up to 8 such numbers"
      case .numbers(let count, let range):
        one(range) + " or a list of \(count.map(String.init) ?? "up to 8") such numbers"
      case .flag: "true or false"
      case .word(let words): words.joined(separator: " or ")
      }
    return text + (allowsNull ? " or null" : "")
  }

  static let anyNumber = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
}

extension Label {
  /// A size that the input determines.
  static func inferred(_ name: String, _ source: Source) -> Label {
    Label(name: name, kind: .integer(1...1 << 28), source: source)
  }
  /// A number of channels or features.
  static func count(_ name: String) -> Label { Label(name: name, kind: .integer(count)) }
  static func integer(_ name: String, _ range: ClosedRange<Int>, _ standard: Int? = nil) -> Label {
    Label(name: name, kind: .integer(range), standard: standard.map { .integer($0) })
  }
  static func optionalInteger(_ name: String, _ range: ClosedRange<Int>) -> Label {
    Label(name: name, kind: .integer(range), allowsNull: true, standard: LabelValue.none)
  }
  static func sizes(
    _ name: String, _ count: Int, _ standard: Int? = nil, _ range: ClosedRange<Int> = extent
  ) -> Label {
    Label(
      name: name, kind: .sizes(count, range),
      standard: standard.map { .sizes([Int](repeating: $0, count: count)) })
  }
  /// Sizes of any number of dimensions.
  static func list(_ name: String) -> Label { Label(name: name, kind: .list(count)) }
  /// Numbers, `count` of them or any number.
  static func numbers(_ name: String, _ count: Int? = nil) -> Label {
    Label(name: name, kind: .numbers(count, anyNumber))
  }
  /// A factor for each of `count` dimensions that may be left to the initialiser.
  static func optionalFactors(_ name: String, _ count: Int) -> Label {
    Label(
      name: name, kind: .numbers(count, 1.0 / 1024...1024), allowsNull: true, standard: LabelValue.none)
  }
  static func optionalFlag(_ name: String) -> Label {
    Label(name: name, kind: .flag, allowsNull: true, standard: LabelValue.none)
  }
  /// Sizes that may be left to the initialiser.
  static func optional(_ name: String, _ count: Int) -> Label {
    Label(name: name, kind: .sizes(count, extent), allowsNull: true, standard: LabelValue.none)
  }
  static func outputSize(_ count: Int) -> Label { Label(name: "outputSize", kind: .optionalSizes(count)) }
  static func padding(_ count: Int) -> Label {
    Label(
      name: "padding", kind: .padding(count),
      standard: .padding(.explicit([Int](repeating: 0, count: count))))
  }
  static func number(_ name: String, _ standard: Double?, _ range: ClosedRange<Double> = anyNumber) -> Label {
    Label(name: name, kind: .number(range), standard: standard.map { .number($0) })
  }
  static func optionalNumber(_ name: String, _ standard: Double) -> Label {
    Label(name: name, kind: .number(anyNumber), allowsNull: true, standard: .number(standard))
  }
  static func flag(_ name: String, _ standard: Bool) -> Label {
    Label(name: name, kind: .flag, standard: .flag(standard))
  }
  static func word(_ name: String, _ words: [String], _ standard: String) -> Label {
    Label(name: name, kind: .word(words), standard: .word(standard))
  }
}

/// The values of all labels of a layer, for its initialiser.
struct LabelValues {
  var values: [String: LabelValue]

  func integer(_ name: String) -> Int {
    if case .integer(let value) = values[name] { return value }
    preconditionFailure("the table of layers has no integer \(name)")
  }
  func optionalInteger(_ name: String) -> Int? {
    if case .integer(let value) = values[name] { return value }
    return nil
  }
  func sizes(_ name: String) -> [Int] {
    if case .sizes(let value) = values[name] { return value }
    preconditionFailure("the table of layers has no sizes \(name)")
  }
  func optionalSizes(_ name: String) -> [Int]? {
    if case .sizes(let value) = values[name] { return value }
    return nil
  }
  func outputSize() -> [Int?] {
    if case .optionalSizes(let value) = values["outputSize"] { return value }
    preconditionFailure("the table of layers has no outputSize")
  }
  func padding() -> Padding {
    if case .padding(let value) = values["padding"] { return value }
    preconditionFailure("the table of layers has no padding")
  }
  func number(_ name: String) -> Double {
    if case .number(let value) = values[name] { return value }
    preconditionFailure("the table of layers has no number \(name)")
  }
  func optionalNumber(_ name: String) -> Double? {
    if case .number(let value) = values[name] { return value }
    return nil
  }
  func numbers(_ name: String) -> [Double] {
    if case .numbers(let value) = values[name] { return value }
    preconditionFailure("the table of layers has no numbers \(name)")
  }
  func optionalNumbers(_ name: String) -> [Double]? {
    if case .numbers(let value) = values[name] { return value }
    return nil
  }
  func optionalFlag(_ name: String) -> Bool? {
    if case .flag(let value) = values[name] { return value }
    return nil
  }
  func flag(_ name: String) -> Bool {
    if case .flag(let value) = values[name] { return value }
    preconditionFailure("the table of layers has no flag \(name)")
  }
  func word(_ name: String) -> String {
    if case .word(let value) = values[name] { return value }
    preconditionFailure("the table of layers has no word \(name)")
  }
}
