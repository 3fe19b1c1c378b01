import Parity
import TestSupport
import Testing

@Suite("what the reference covers")
struct CoverageTests {
  @Test("every public layer, loss and optimizer is compared with the reference")
  func complete() throws {
    let types = try PublicType.all().filter { $0.kind != .schedule }
    for type in types where !ParitySuite.covered.contains(type.name) {
      Issue.record(
        "the \(type.kind.rawValue) \(type.name) has no reference: no operation in Sources/Parity covers \(type.name)"
      )
    }
    let unknown = ParitySuite.covered.subtracting(types.map(\.name)).sorted()
    #expect(unknown.isEmpty, "operations of Sources/Parity cover types that the library does not have")
  }

  @Test("the types are found in the sources, abstract bases and internal types left out")
  func types() {
    let text = """
      open class Module { public init() {} }
      public protocol Loss {
      }
      public class Base: Module {
        init(_ size: Int) { }
      }
      public final class Wide<Value>:
        Base
      {
        public struct Settings: Sendable {
          public init() {}
        }
        public override init() { super.init(3) }
      }
      public class Plain: Module {}
      public final class Nested: Plain {
        override func forward() {}
      }
      public final class Nowhere: Base {
        public struct Settings {
          public init() {}
        }
      }
      final class Hidden: Module { init() {} }
      public struct Squared: Sendable {
        public init(reduction: Int) {}
      }
      extension Squared: Sendable, Loss {}
      public struct Steps: Sendable { public init() {} }
      public final class Slow: Optimizer<Slow.Settings>, AnyOptimizer {
        public convenience init(_ lr: Double) {}
      }
      public final class Halving: LRScheduler {
        public init() {}
      }
      """
    let found = PublicType.all(in: [text]).map { "\($0.kind) \($0.name)" }
    #expect(
      found == [
        "layer Nested", "layer Plain", "layer Wide", "loss Squared", "optimizer Slow", "schedule Halving",
      ])
  }
}
