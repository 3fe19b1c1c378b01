import Foundation

/// A layer, loss, optimizer or schedule that the library offers, as found in its source text.
public struct PublicType: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case layer
    case loss
    case optimizer
    case schedule
  }

  public let name: String
  public let kind: Kind

  /// The types from which the others inherit, directly or not.
  private static let roots: [String: Kind] = [
    "Module": .layer, "Loss": .loss, "Optimizer": .optimizer, "AnyOptimizer": .optimizer,
    "LRScheduler": .schedule,
  ]

  /// Modules that compute nothing, and so have nothing to compare.
  private static let holders: Set = ["ParameterList", "ParameterDict"]

  /// All that a user can make, by kind and name. Bases without a public initialiser are left out.
  public static func all() throws -> [PublicType] {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources/SwiftTorchLayers").standardizedFileURL.path
    let files = FileManager.default.enumerator(atPath: sources)?.compactMap { $0 as? String } ?? []
    let texts = try files.filter { $0.hasSuffix(".swift") }.map {
      try String(contentsOfFile: "\(sources)/\($0)", encoding: .utf8)
    }
    return all(in: texts)
  }

  /// The same of other sources.
  public static func all(in texts: [String]) -> [PublicType] {
    var types: [String: Declaration] = [:]
    for declaration in texts.flatMap(Declaration.all) {
      types[declaration.name, default: Declaration(name: declaration.name)].merge(declaration)
    }
    func kind(_ name: String) -> Kind? {
      roots[name] ?? types[name]?.parents.lazy.compactMap(kind).first
    }
    // A class without an initialiser of its own has its superclass's.
    func canBeMade(_ type: Declaration) -> Bool {
      if type.hasPublicInit { return true }
      return type.isClass && !type.hasInit && type.parents.contains { types[$0].map(canBeMade) == true }
    }
    return types.values.compactMap { type in
      guard roots[type.name] == nil, !holders.contains(type.name), type.isConcrete, type.isPublic,
        canBeMade(type)
      else { return nil }
      return kind(type.name).map { PublicType(name: type.name, kind: $0) }
    }.sorted { ($0.kind.rawValue, $0.name) < ($1.kind.rawValue, $1.name) }
  }
}

/// What the source says of a type, its extensions included.
private struct Declaration {
  let name: String
  var parents: [String] = []
  var isPublic = false
  var isClass = false
  /// Whether it is a class, structure, actor or enumeration: neither protocol nor extension.
  var isConcrete = false
  var hasInit = false
  var hasPublicInit = false

  mutating func merge(_ other: Declaration) {
    parents += other.parents
    isPublic = isPublic || other.isPublic
    isClass = isClass || other.isClass
    isConcrete = isConcrete || other.isConcrete
    hasInit = hasInit || other.hasInit
    hasPublicInit = hasPublicInit || other.hasPublicInit
  }

  /// The declarations in a formatted source text: a body ends at a brace that is as far in as its declaration.
  static func all(in text: String) -> [Declaration] {
    let head =
      /^(?<indent> *)(?<words>(?:@?\w+ )*)(?<kind>class|struct|actor|enum|protocol|extension) (?<path>[\w.]+)(?<parents>[^{}]*)\{(?<rest>.*)$/
      .anchorsMatchLineEndings()
    return text.matches(of: head).map { match in
      let isExtension = match.kind == "extension"
      let words = match.words.split(separator: " ")
      var type = Declaration(name: match.path.split(separator: ".").last.map(String.init) ?? "")
      type.parents = parents(String(match.parents))
      type.isPublic = !isExtension && words.contains { $0 == "public" || $0 == "open" }
      type.isClass = match.kind == "class"
      type.isConcrete = !isExtension && match.kind != "protocol"
      let body: Substring
      if match.rest.contains("}") {
        body = match.rest
      } else {
        let after = text[match.range.upperBound...]
        body = after.range(of: "\n\(match.indent)}").map { after[..<$0.lowerBound] } ?? after
      }
      for line in body.split(separator: "\n") {
        // Initialisers of nested types are further in.
        guard line.prefix(while: { $0 == " " }).count <= match.indent.count + 2,
          let initializer = line.firstMatch(of: /^ *(?<words>(?:@?\w+ )*)init[?!]?[(<]/)
        else { continue }
        type.hasInit = true
        let words = initializer.words.split(separator: " ")
        if words.contains(where: { $0 == "public" || $0 == "open" }) { type.hasPublicInit = true }
      }
      return type
    }
  }

  /// The names after the colon, without modules and type arguments.
  private static func parents(_ text: String) -> [String] {
    var plain = text
    while let arguments = plain.firstMatch(of: /<[^<>]*>/) { plain.removeSubrange(arguments.range) }
    guard let colon = plain.firstIndex(of: ":") else { return [] }
    let list = plain[plain.index(after: colon)...].firstMatch(of: /^(.*?)(\bwhere\b|$)/.dotMatchesNewlines())
    return (list?.1 ?? "").split { ",&".contains($0) }.compactMap { name in
      name.split { ". \n".contains($0) }.last.map(String.init)
    }
  }
}
