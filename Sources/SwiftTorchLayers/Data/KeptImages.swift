/// How a run chooses the images that `limit` leaves and those that it keeps for validation.
public enum ImageChoice: String, Codable, Sendable {
  /// By the run's seed, and of each class its share. A run whose configuration names no choice is older: its limit took
  /// the images at the start of the file, its validation those at the end.
  case byClass = "by-class"
}

/// Which images of a data set a run trains on and which it validates with, by their numbers. Each list is in the file's
/// order, and no image is in both.
public struct KeptImages: Sendable {
  public let training: [Int]
  public let validation: [Int]
  /// How many of each class.
  public let counts: Counts

  /// How many images of each class are trained on and validated with, in the order of the classes.
  public struct Counts: Codable, Equatable, Sendable {
    public let training: [Int]
    public let validation: [Int]
  }

  /// - Parameters:
  ///   - labels: the class of each image.
  ///   - classes: how many classes there are.
  ///   - limit: how many images are kept in all, as far as there are so many; nil for all.
  ///   - validationSplit: the share of those that is not trained on.
  ///   - seed: chooses within each class. The default generator is not touched.
  ///   - choice: nil is the rule of older runs.
  /// - Throws: `TorchError` when a share leaves nothing to validate with, or nothing to train on.
  public init(
    labels: [Int], classes: Int, limit: Int?, validationSplit: Double, seed: UInt64, choice: ImageChoice?
  ) throws {
    let count = min(limit ?? labels.count, labels.count)
    let held = Int((Double(count) * validationSplit).rounded())
    guard held < count else {
      throw TorchError(
        "the validation split \(validationSplit) of \(count) images leaves none to train on; choose a smaller one"
      )
    }
    switch choice {
    case nil:
      training = Array(0..<count - held)
      validation = Array(count - held..<count)
    case .byClass:
      guard held > 0 || validationSplit == 0 else {
        throw TorchError(
          "the validation split \(validationSplit) of \(count) images is not one image; choose at least "
            + "\(1 / Double(count)), or leave it out")
      }
      var generator = SplitMix(seed: seed)
      var members = [[Int]](repeating: [], count: classes)
      for (image, label) in labels.enumerated() { members[label].append(image) }
      let shuffled = members.map { generator.shuffled($0) }
      // What a limit leaves is the start of each class, and of that validation is the end.
      let kept = zip(shuffled, KeptImages.shares(of: count, shuffled.map(\.count))).map { $0.prefix($1) }
      let apart = KeptImages.shares(of: held, kept.map(\.count))
      training = zip(kept, apart).flatMap { $0.dropLast($1) }.sorted()
      validation = zip(kept, apart).flatMap { $0.suffix($1) }.sorted()
    }
    func each(_ images: [Int]) -> [Int] {
      var counts = [Int](repeating: 0, count: classes)
      for image in images { counts[labels[image]] += 1 }
      return counts
    }
    counts = Counts(training: each(training), validation: each(validation))
  }

  /// `total` in proportion to `sizes`, rounded so that the sum is right: the largest remainders are rounded up, the
  /// first of equal ones first.
  static func shares(of total: Int, _ sizes: [Int]) -> [Int] {
    let all = sizes.reduce(0, +)
    guard all > 0 else { return sizes }
    let parts = sizes.map { (total * $0).quotientAndRemainder(dividingBy: all) }
    var shares = parts.map(\.quotient)
    let order = parts.indices.sorted { (-parts[$0].remainder, $0) < (-parts[$1].remainder, $1) }
    for index in order.prefix(total - shares.reduce(0, +)) { shares[index] += 1 }
    return shares
  }
}

extension KeptImages.Counts {
  /// What was kept, in a sentence for each part; then one for each part that lacks a class which is in the other.
  public func sentences(classes: [String]) -> [String] {
    func describe(_ counts: [Int]) -> String {
      let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
      if least == most { return "\(most) of each class" }
      guard counts.count <= 10 else { return "\(least) to \(most) of each of the \(counts.count) classes" }
      return zip(classes, counts).map { "\($1) of \($0)" }.joined(separator: ", ")
    }
    func sentence(_ verb: String, _ counts: [Int]) -> String {
      "\(verb) \(counts.reduce(0, +)) images: \(describe(counts))"
    }
    func missing(_ part: [Int], _ other: [Int], _ place: String) -> String? {
      let names = zip(classes, zip(part, other)).filter { $1.0 == 0 && $1.1 > 0 }.map(\.0)
      guard !names.isEmpty else { return nil }
      return "warning: no image to \(place) of \(names.count == 1 ? "the class" : "the classes") "
        + names.prefix(10).joined(separator: ", ") + (names.count > 10 ? " and \(names.count - 10) more" : "")
    }
    var lines = [sentence("training on", training)]
    guard validation.contains(where: { $0 > 0 }) else { return lines }
    lines.append(sentence("validating on", validation))
    lines += [missing(validation, training, "validate with"), missing(training, validation, "train on")]
      .compactMap { $0 }
    return lines
  }
}

extension SplitMix {
  /// The elements in another order, each order as likely as any (Fisher and Yates). Not the standard library's
  /// `shuffled(using:)`, whose order another version of Swift may change: a run that goes on needs the same images.
  fileprivate mutating func shuffled(_ elements: [Int]) -> [Int] {
    var result = elements
    for last in stride(from: result.count - 1, to: 0, by: -1) {
      result.swapAt(last, Int(next().multipliedFullWidth(by: UInt64(last + 1)).high))
    }
    return result
  }
}
