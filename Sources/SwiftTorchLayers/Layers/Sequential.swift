/// Modules run one after the other: `torch.nn.Sequential`. Keys are `0.…`, `1.…`, or begin with names that
/// were given.
///
///     let model = Sequential {
///       Conv2d(inChannels: 1, outChannels: 8, kernelSize: 3)
///       for _ in 0..<depth { ReLU() }
///       if withPooling { MaxPool2d(kernelSize: 2) }
///     }
///     let named = Sequential(["features": model, "classifier": Linear(inFeatures: 8, outFeatures: 10)])
public final class Sequential: Module {
  public let modules: [Module]
  /// What each module's keys begin with.
  public let names: [String]

  public init(_ modules: [Module]) {
    self.modules = modules
    names = modules.indices.map(String.init)
  }

  /// Modules with names, as `Sequential(OrderedDict(…))`.
  /// The first use throws when a name is empty, contains a dot or occurs twice.
  public init(_ named: KeyValuePairs<String, Module>) {
    modules = named.map(\.value)
    names = named.map(\.key)
    super.init()
    require(
      Set(names).count == names.count && names.allSatisfy { !$0.isEmpty && !$0.contains(".") },
      "the names of modules must differ, and neither be empty nor contain a dot: \(names)")
  }

  /// - Precondition: as many names as modules, of the kind that the other initialiser takes.
  init(_ modules: [Module], names: [String]) {
    self.modules = modules
    self.names = names
  }

  public convenience init(@ModuleBuilder _ modules: () -> [Module]) { self.init(modules()) }

  public subscript(index: Int) -> Module { modules[index] }
  public var count: Int { modules.count }

  public override var childModules: [(name: String, module: Module)] {
    zip(names, modules).map { ($0, $1) }
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    var value = input
    for module in modules { value = try module(value) }
    return value
  }
}

/// Collects the modules in the braces of `Sequential { … }`.
@resultBuilder
public enum ModuleBuilder {
  public static func buildExpression(_ module: Module) -> [Module] { [module] }
  public static func buildExpression(_ modules: [Module]) -> [Module] { modules }
  public static func buildBlock(_ parts: [Module]...) -> [Module] { parts.flatMap { $0 } }
  public static func buildOptional(_ part: [Module]?) -> [Module] { part ?? [] }
  public static func buildEither(first part: [Module]) -> [Module] { part }
  public static func buildEither(second part: [Module]) -> [Module] { part }
  public static func buildArray(_ parts: [[Module]]) -> [Module] { parts.flatMap { $0 } }
}
