extension Architecture {
  /// A network as a YAML file that makes it again. Sizes that are worked out are left out, as are values that
  /// are the default; the last dense or convolutional layer with `classes` outputs is written with that word.
  /// - Parameter inputShape: `[channels, height, width]` of its images.
  /// - Throws: `TorchError` naming a module that is neither a layer of the table nor a block of such.
  public static func yaml(of model: Module, inputShape: [Int], classes: Int) throws -> String {
    guard let stack = model as? Sequential else { throw notExpressible(model) }
    let head = model.namedModules().last { _, module in
      (module as? Linear)?.outFeatures == classes || (module as? ConvNd)?.outChannels == classes
    }
    var writer = Writer(head: head?.module, classes: classes)
    return "input: \(inputShape)\nlayers:\n" + (try writer.list(stack, indent: "  "))
  }

  fileprivate static func notExpressible(_ module: Module) -> TorchError {
    TorchError("a \(module.typeName) is no layer that YAML can name: it has a forward of its own")
  }
}

private struct Writer {
  /// The layer whose outputs are the classes.
  let head: Module?
  let classes: Int
  /// The modules that `use:` can name here: those of this list and of the lists around it.
  private var scopes: [Scope] = []
  /// What the keys of the current list begin with.
  private var path = ""

  /// The modules of a list so far by their keys, and what those keys begin with.
  private struct Scope {
    let path: String
    var modules: [String: Module] = [:]
  }

  private var written: Set<ObjectIdentifier> = []

  init(head: Module?, classes: Int) {
    self.head = head
    self.classes = classes
  }

  /// The items of a stack, each beginning with a dash.
  mutating func list(_ stack: Sequential, indent: String) throws -> String {
    scopes.append(Scope(path: path))
    defer { scopes.removeLast() }
    var text = ""
    for (index, (key, module)) in zip(stack.names, stack.modules).enumerated() {
      let isNew = !written.contains(ObjectIdentifier(module))
      text += try inside(key) {
        try $0.item(module, name: key == "\(index)" ? nil : key, indent: indent)
      }
      // What is used again keeps the key of its first place.
      if isNew { scopes[scopes.count - 1].modules[key] = module }
    }
    return text
  }

  /// The text of a part of a module, whose keys begin with that part's.
  private mutating func inside(_ part: String, _ write: (inout Self) throws -> String) rethrows -> String {
    let outer = path
    path += part + "."
    defer { path = outer }
    return try write(&self)
  }

  /// What `use:` calls a module: its key, or its whole key where a nearer list has another of that key.
  private func use(_ module: Module) -> String? {
    for scope in scopes.reversed() {
      guard let key = scope.modules.first(where: { $0.value === module })?.key else { continue }
      let nearest = scopes.last { $0.modules[key] != nil }
      return nearest?.modules[key] === module ? key : scope.path + key
    }
    return nil
  }

  private mutating func item(_ module: Module, name: String?, indent: String) throws -> String {
    let label = name.map { "\(indent)    name: \($0)\n" } ?? ""
    func block(_ word: String, _ parts: String) -> String { "\(indent)- \(word):\n\(label)\(parts)" }
    let key = "\(indent)    "
    guard written.insert(ObjectIdentifier(module)).inserted else {
      guard name == nil, let used = use(module) else {
        throw TorchError(
          "the \(module.typeName) is used in two places, of which YAML can name only such as are in one list or in a "
            + "list inside it, the second without a name of its own")
      }
      return "\(indent)- use: \(used)\n"
    }
    switch module {
    case let stack as Sequential:
      return block("Sequential", "\(key)layers:\n" + (try list(stack, indent: key + "  ")))
    case let residual as Residual:
      let shortcut =
        try residual.shortcut.map { shortcut in
          try inside("shortcut") { try $0.branch(shortcut, "\(key)shortcut:\n", indent: key + "  ") }
        } ?? ""
      let body = try inside("body") { try $0.list(residual.body, indent: key + "  ") }
      return block("Residual", shortcut + "\(key)layers:\n" + body)
    case let parallel as Parallel:
      let branches = try parallel.branches.enumerated().map { index, branch in
        try inside("\(index)") { writer in
          guard let stack = branch as? Sequential else {
            return try writer.item(branch, name: nil, indent: key + "  ")
          }
          // A list in a list: its first dash stands behind that of the branch.
          let text = try writer.list(stack, indent: key + "    ")
          return "\(key)  - " + text.dropFirst(key.count + 4)
        }
      }
      return block("Parallel", "\(key)branches:\n" + branches.joined())
    default: return try layer(module, name: name, indent: indent)
    }
  }

  /// A layer as the value of a key, or a list of them.
  private mutating func branch(_ module: Module, _ key: String, indent: String) throws -> String {
    if let stack = module as? Sequential { return key + (try list(stack, indent: indent)) }
    // The item without its dash.
    let text = try item(module, name: nil, indent: indent)
    guard text.contains(":") else { return "\(key.dropLast()) \(text.dropFirst(indent.count + 2))" }
    return key + indent + text.dropFirst(indent.count + 2)
  }

  private func layer(_ module: Module, name: String?, indent: String) throws -> String {
    guard let entry = LayerEntry.all.first(where: { $0.name == module.typeName }) else {
      throw Architecture.notExpressible(module)
    }
    var labels = name.map { ["name: \($0)"] } ?? []
    for label in entry.labels where label.source == nil {
      guard let value = label.value(in: module) else {
        throw TorchError("\(entry.name) does not say its \(label.name)")
      }
      if value == label.standard || (label.allowsNull && value == module.standIn(for: label.name)) {
        continue
      }
      let isHead = module === head && value == .integer(classes) && label.name.hasPrefix("out")
      labels.append("\(label.name): \(isHead ? "classes" : text(value))")
    }
    let frozen = module.parameters().count { !$0.requiresGrad }
    if frozen > 0 {
      guard frozen == module.parameters().count else {
        throw TorchError(
          "only a part of the \(entry.name) is frozen, which YAML cannot say: it freezes whole layers")
      }
      labels.append("frozen: true")
    }
    return "\(indent)- \(entry.name)" + (labels.isEmpty ? "" : ": {\(labels.joined(separator: ", "))}") + "\n"
  }

  private func text(_ value: LabelValue) -> String {
    func sizes(_ list: [String]) -> String {
      Set(list).count == 1 && list[0] != "null" ? list[0] : "[\(list.joined(separator: ", "))]"
    }
    switch value {
    case .integer(let number): return "\(number)"
    case .sizes(let list): return sizes(list.map(String.init))
    case .optionalSizes(let list): return sizes(list.map { $0.map(String.init) ?? "null" })
    case .padding(.sameSize): return "same"
    case .padding(.none): return "valid"
    case .padding(.explicit(let list)): return sizes(list.map(String.init))
    case .number(let number): return "\(number)"
    case .numbers(let list): return "[\(list.map { "\($0)" }.joined(separator: ", "))]"
    case .flag(let flag): return "\(flag)"
    case .word(let word): return word
    case .classes: return "classes"
    case .none: return "null"
    }
  }
}

extension Module {
  /// What the initialiser takes when a label is left out: a pool's stride is its kernel's size.
  fileprivate func standIn(for label: String) -> LabelValue? {
    // An LPPool says whether it was given one.
    guard label == "stride", (self as? LPPoolNd)?.givenStride != true else { return nil }
    return Label.sizes("kernelSize", 0).value(in: self)
  }
}

extension Label {
  /// The value that a layer was made with: that of its property of the same name. A tensor counts as true.
  func value(in module: Module) -> LabelValue? {
    var next: Mirror? = Mirror(reflecting: module)
    while let mirror = next {
      for child in mirror.children where child.label == name || child.label == "_\(name)" {
        return value(of: child.value)
      }
      next = mirror.superclassMirror
    }
    return nil
  }

  private func value(of property: Any) -> LabelValue? {
    switch property {
    case let slot as any StateSlot: return .flag(slot.tensor != nil)
    case let flag as Bool: return .flag(flag)
    case let padding as Padding: return .padding(padding)
    case let sizes as [Int]:
      switch kind {
      case .padding: return .padding(.explicit(sizes))
      case .numbers: return .numbers(sizes.map(Double.init))
      default: return .sizes(sizes)
      }
    case let numbers as [Double]: return .numbers(numbers)
    case let sizes as [Int?]:
      if case .sizes = kind { return .sizes(sizes.compactMap { $0 }) }
      return .optionalSizes(sizes)
    case let number as Int: return .integer(number)
    case let number as Double: return .number(number)
    case let word as any RawRepresentable: return (word.rawValue as? String).map { .word($0) }
    case let word as String: return .word(word)
    default:
      let mirror = Mirror(reflecting: property)
      return mirror.displayStyle == .optional && mirror.children.isEmpty ? LabelValue.none : nil
    }
  }
}
