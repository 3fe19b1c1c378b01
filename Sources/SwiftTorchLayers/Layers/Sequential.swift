/// Modules run one after the other: `torch.nn.Sequential`. Keys are `0.…`, `1.…`.
///
///     let model = Sequential {
///       Conv2d(inChannels: 1, outChannels: 8, kernelSize: 3)
///       for _ in 0..<depth { ReLU() }
///       if withPooling { MaxPool2d(kernelSize: 2) }
///     }
public final class Sequential: Module {
  public let modules: [Module]

  public init(_ modules: [Module]) { self.modules = modules }

  public convenience init(@ModuleBuilder _ modules: () -> [Module]) { self.init(modules()) }

  public subscript(index: Int) -> Module { modules[index] }
  public var count: Int { modules.count }

  public override var childModules: [(name: String, module: Module)] {
    modules.enumerated().map { ("\($0)", $1) }
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
