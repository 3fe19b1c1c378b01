import Formats

/// Tries described layers one after the other, working out what arrives at each, without memory for weights;
/// what it gives then makes the network.
struct ArchitectureBuilder {
  /// What the word `classes` stands for.
  let classes: Int
  private var parameters = 0
  /// The layers that `use:` can name: those before it in its list and in the lists around it.
  private var scopes: [Scope] = []
  /// What the keys of the current list begin with: `""`, `block.body.`, ….
  private var path = ""

  /// The layers of a list so far by their keys, and what those keys begin with.
  private struct Scope {
    let path: String
    var layers: [String: Reusable] = [:]
  }

  /// A layer that may be used again: the first place makes it, the others take the same module.
  private final class Reusable {
    let description: LayerDescription
    private let make: () -> Module
    private var made: Module?

    init(_ description: LayerDescription, _ make: @escaping () -> Module) {
      self.description = description
      self.make = make
    }

    func makeAnew() -> Module {
      let module = make()
      made = module
      return module
    }

    /// The module of the first place.
    var module: Module { made ?? makeAnew() }
  }

  init(classes: Int) { self.classes = classes }

  /// The most parameters of a network: 4 GiB of float32.
  static let mostParameters = 1 << 30
  /// The most values that one image may have anywhere: 1 GiB of float32.
  static let mostValues = 1 << 28

  /// What makes a module with fresh weights, and the shape of what it gives for one image.
  typealias Plan<Made: Module> = (make: () -> Made, shape: [Int])

  mutating func stack(_ layers: [LayerDescription], from shape: [Int]) throws -> Plan<Sequential> {
    var shape = shape
    var makers: [() -> Module] = []
    var names: [String] = []
    var taken: Set<String> = []
    scopes.append(Scope(path: path))
    defer { scopes.removeLast() }
    for (index, layer) in layers.enumerated() {
      let name = layer.name ?? "\(index)"
      guard taken.insert(name).inserted else { throw layer.place.error("the name \(name) is there twice") }
      let plan = try inside(name) { try $0.plan(layer, from: shape) }
      let reusable = Reusable(layer, layer.isFrozen ? { Self.frozen(plan.make()) } : plan.make)
      if case .use = layer.kind {
        makers.append(plan.make)
      } else {
        scopes[scopes.count - 1].layers[name] = reusable
        makers.append(reusable.makeAnew)
      }
      names.append(name)
      shape = plan.shape
    }
    return ({ [makers, names] in Sequential(makers.map { $0() }, names: names) }, shape)
  }

  private static func frozen(_ module: Module) -> Module {
    for parameter in module.parameters() { parameter.requiresGrad = false }
    return module
  }

  /// What comes of a part of a layer, whose keys begin with that part's.
  private mutating func inside<Result>(_ part: String, _ make: (inout Self) throws -> Result) rethrows
    -> Result
  {
    let outer = path
    path += part + "."
    defer { path = outer }
    return try make(&self)
  }

  /// The layer that a `use:` names: by its key in the nearest list that has it, or by its whole key.
  private func reusable(_ key: String, _ place: Place) throws -> Reusable {
    for scope in scopes.reversed() {
      if let found = scope.layers[key] { return found }
    }
    for scope in scopes where key.hasPrefix(scope.path) {
      if let found = scope.layers[String(key.dropFirst(scope.path.count))] { return found }
    }
    let keys = scopes.reversed().flatMap { $0.layers.keys.sorted() }
    let hint = nearest(key, in: keys).map { "; did you mean \($0)?" } ?? ""
    throw place.error(
      "use names \(shown(key)), but no earlier layer of this list or one around it has that key\(hint)")
  }

  private mutating func plan(_ layer: LayerDescription, from shape: [Int]) throws -> Plan<Module> {
    switch layer.kind {
    case .layer(let entry, let given): return try plan(entry, given, layer, from: shape)
    case .sequential(let layers): return try stack(layers, from: shape)
    case .residual(let layers, let shortcut):
      try requireUntouched([layers[0], shortcut].compactMap { $0 })
      let other = try shortcut.map { shortcut in
        try inside("shortcut") { try $0.branch(shortcut, from: shape) }
      }
      let body = try inside("body") { try $0.stack(layers, from: shape) }
      guard body.shape == other?.shape ?? shape else {
        throw layer.place.error(
          "Residual cannot add \(body.shape) from its layers to \(other?.shape ?? shape) from its "
            + (other == nil ? "input: give a shortcut that brings the input to that shape" : "shortcut"))
      }
      // The shortcut's weights are drawn first.
      return ({ Residual(shortcut: other?.make()) { body.make().modules } }, body.shape)
    case .parallel(let branches):
      try requireUntouched(branches)
      let plans = try branches.enumerated().map { index, branch in
        try inside("\(index)") { try $0.branch(branch, from: shape) }
      }
      let shapes = plans.map(\.shape)
      guard shapes.allSatisfy({ !$0.isEmpty && $0.dropFirst() == shapes[0].dropFirst() }) else {
        throw layer.place.error(
          "Parallel cannot join \(shapes.map { "\($0)" }.joined(separator: " and ")) along the channels: all "
            + "other sizes must be the same")
      }
      let channels = shapes.reduce(0) { $0 + $1[0] }
      let joined = try checked([channels] + shapes[0].dropFirst(), layer)
      return ({ Parallel { plans.map { $0.make() } } }, joined)
    case .use(let key):
      let reusable = try reusable(key, layer.place)
      let trial = Initialization.$isTrial.withValue(true) { reusable.makeAnew() }
      return ({ reusable.module }, try outputShape(of: trial, from: shape, layer))
    }
  }

  /// A branch of a block, whose layer may be frozen.
  private mutating func branch(_ layer: LayerDescription, from shape: [Int]) throws -> Plan<Module> {
    let plan = try plan(layer, from: shape)
    return layer.isFrozen ? ({ Self.frozen(plan.make()) }, plan.shape) : plan
  }

  /// Refuses branches that would change the input for the others.
  private func requireUntouched(_ branches: [LayerDescription]) throws {
    for branch in branches {
      switch branch.kind {
      case .layer(_, let given):
        if let inplace = given["inplace"], inplace.value == .flag(true) {
          throw inplace.place.error(
            "\(branch.type) at the start of a branch must not be inplace: other branches need its input")
        }
      case .sequential(let layers): try requireUntouched([layers[0]])
      case .residual, .parallel: break
      case .use(let key): try requireUntouched([reusable(key, branch.place).description])
      }
    }
  }

  private mutating func plan(
    _ entry: LayerEntry, _ given: [String: (value: LabelValue, place: Place)], _ layer: LayerDescription,
    from shape: [Int]
  ) throws -> Plan<Module> {
    var values = LabelValues(values: [:])
    for label in entry.labels {
      let found = given[label.name]
      if let source = label.source {
        guard let size = source == .channels ? shape.first : shape.last else {
          throw layer.place.error("\(label.name) of \(entry.name) is not known: what arrives is one number")
        }
        if let found, found.value != .integer(size) {
          throw found.place.error(
            "\(label.name) of \(entry.name) must be \(size), as what arrives is \(shape); it can be left out")
        }
        values.values[label.name] = .integer(size)
      } else if found?.value == .classes {
        values.values[label.name] = .integer(classes)
      } else {
        values.values[label.name] = found?.value ?? label.standard
      }
    }
    if let conflict = entry.conflict(values) {
      throw layer.place.error("\(entry.name) cannot be made: \(conflict)")
    }
    let trial = Initialization.$isTrial.withValue(true) { entry.make(values) }
    parameters = trial.parameters().reduce(parameters) { sum, tensor in
      // A shape of more elements than can be counted makes no tensor at all.
      min(sum + (tensor.handle.pointer == nil ? .max >> 1 : tensor.numel), Self.mostParameters + 1)
    }
    guard parameters <= Self.mostParameters else {
      throw layer.place.error(
        "\(entry.name) needs too much memory: with it the network has more than \(Self.mostParameters) "
          + "parameters (what arrives is \(shape))")
    }
    let output = try outputShape(of: trial, from: shape, layer)
    return ({ [values] in entry.make(values) }, output)
  }

  /// What a layer makes of an image's shape; tried on no image at all, which costs nothing.
  private func outputShape(of module: Module, from shape: [Int], _ layer: LayerDescription) throws -> [Int] {
    func output(_ images: Int) throws -> [Int] {
      try noGrad { try module.evaluating { try module.forward(Tensor.zeros([images] + shape)).shape } }
    }
    let result: [Int]
    do {
      result = try (try? output(0)) ?? output(1)
    } catch let error as TorchError where error.kind == .invalid {
      let reason = error.message.prefix { $0 != "\n" }
      throw layer.place.error("\(layer.type) does not fit what arrives there, \(shape): \(reason)")
    }
    guard result.count > 1, result[0] <= 1 else {
      throw layer.place.error("\(layer.type) mixes the images of a batch")
    }
    return try checked(Array(result.dropFirst()), layer)
  }

  private func checked(_ shape: [Int], _ layer: LayerDescription) throws -> [Int] {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      count = overflow ? .max : product
    }
    guard count > 0 else { throw layer.place.error("\(layer.type) gives nothing: its output is \(shape)") }
    guard count <= Self.mostValues else {
      throw layer.place.error(
        "\(layer.type) needs too much memory: it gives \(shape) for one image, more than \(Self.mostValues) "
          + "values")
    }
    return shape
  }
}
