import SwiftTorchLayers
import Testing

private func linear() -> Linear { Linear(inFeatures: 2, outFeatures: 2, bias: false) }

/// Gives its input back: what is of interest is what its properties hold.
private class Holder: Module {
  override func forward(_ input: Tensor) throws -> Tensor { input }
}

private protocol Layer {}
extension Linear: Layer {}

private struct Pair {
  let left: Linear
  let right: Linear
}

private struct Counted: Layer {
  let inner = linear()
}

private struct Tree {
  var name = ""
  var branches: [Tree] = []
}

private enum Choice {
  case none
  case one(Linear)
}

@Suite("What a module finds among its properties")
struct ModuleLayoutTests {
  private func keys(_ module: Module) -> [String] { module.namedParameters().map(\.name) }

  private func problem(_ module: Module) throws -> String {
    let x = try Tensor.zeros([1])
    let error = try #require(throws: TorchError.self) { try module(x) }
    #expect(throws: TorchError.self) { try module.loadStateDict(module.stateDict()) }
    return error.message
  }

  @Test("lists in lists, dictionaries, optionals in both, and any value that is a module")
  func containers() throws {
    class Base: Holder {
      let first = linear()
    }
    final class Net<Head: Module>: Base {
      let blocks: [[Module]] = [[linear()], [linear(), ReLU(), linear()]]
      let heads = ["b": linear(), "a": linear()]
      let maybe: [Linear?] = [nil, linear()]
      let absent: Linear? = nil
      let optionalList: [Linear]? = [linear()]
      let deep = ["x": [linear()]]
      let layer: any Layer = linear()
      let layers: [any Layer] = [linear()]
      let any: Any = linear()
      let head: Head
      let number = 3
      let padding = Padding.same
      init(_ head: Head) { self.head = head }
    }
    let net = Net(linear())
    #expect(
      keys(net) == [
        "first.weight", "blocks.0.0.weight", "blocks.1.0.weight", "blocks.1.2.weight", "heads.a.weight",
        "heads.b.weight", "maybe.1.weight", "optional_list.0.weight", "deep.x.0.weight", "layer.weight",
        "layers.0.weight", "any.weight", "head.weight",
      ])
    _ = try net(Tensor.zeros([1]))
    try net.loadStateDict(net.stateDict())
    net.eval()
    #expect(net.namedModules().count == 15 && net.namedModules().allSatisfy { !$0.module.training })
  }

  @Test("what would not be found is an error at the first use that names the property")
  func hidden() throws {
    final class Lazy: Holder {
      lazy var conv = linear()
    }
    final class InStruct: Holder {
      let pair = Pair(left: linear(), right: linear())
    }
    final class InStructs: Holder {
      let pairs: [Pair] = []
    }
    final class InTuple: Holder {
      let both = (linear(), 3)
    }
    final class InEnumeration: Holder {
      var choice = Choice.none
    }
    final class InSlice: Holder {
      let slice: ArraySlice<Linear> = []
    }
    final class BehindProtocol: Holder {
      let layer: any Layer = Counted()
    }
    final class Listed: Holder {
      @Parameter var weight: Tensor
      let others: [Parameter<Tensor>] = []
      override init() { weight = try! Tensor.ones([2]) }
    }
    #expect(try problem(Lazy()).hasPrefix("Lazy.conv is lazy"))
    #expect(try problem(InStruct()).contains("InStruct.pair are not found inside its type, Pair"))
    #expect(try problem(InStructs()).contains("InStructs.pairs are not found"))
    #expect(try problem(InTuple()).contains("InTuple.both are not found"))
    let choice = InEnumeration()
    choice.choice = .one(linear())
    #expect(try problem(choice).contains("InEnumeration.choice are not found"))
    _ = try InEnumeration()(Tensor.zeros([1]))
    #expect(try problem(InSlice()).contains("InSlice.slice are not found"))
    #expect(try problem(BehindProtocol()).contains("BehindProtocol.layer are not found"))
    #expect(try problem(Listed()).contains("Listed.others are not found"))
    // Wherever it is in a model, the error names its place.
    let model = Sequential([Identity(), InTuple()])
    let error = try #require(throws: TorchError.self) { try model(Tensor.zeros([1])) }
    #expect(error.path == ["1"])
  }

  @Test("properties without modules are ignored")
  func others() throws {
    final class Net: Holder {
      let own = linear()
      lazy var choice = Choice.none
      lazy var words = ["a"]
      let tree = Tree(branches: [Tree()])
      let forest = ["a": [Tree()]]
      let pair = (1, "a")
      let action: (Tensor) throws -> Tensor = { $0 }
      let text: Substring? = "a"
      let range = 0..<3
      let set: Set = [1]
      let padding = [Padding.same]
      let mask: Tensor? = nil
      let kind = ReLU.self
      let bytes: ContiguousArray<UInt8> = [1]
      let error: any Error = TorchError("")
    }
    let net = Net()
    _ = try net(Tensor.zeros([1]))
    _ = net.choice
    #expect(keys(net) == ["own.weight"])
  }

  @Test("keys are the properties' names in snake case, a word for each run of capitals")
  func names() throws {
    final class Net: Holder {
      let convBN = linear()
      let bnConv2 = linear()
      // swift-format-ignore: AlwaysUseLowerCamelCase
      let BNConv = linear()
      let _convStem = linear()
      let layer1 = linear()
      let conv2dBN = linear()
      // swift-format-ignore: AlwaysUseLowerCamelCase
      let already_snake = linear()
      @Parameter var _scale: Tensor
      override init() { _scale = try! Tensor.ones([1]) }
    }
    #expect(
      keys(Net()) == [
        "_scale", "conv_bn.weight", "bn_conv2.weight", "bn_conv.weight", "_conv_stem.weight", "layer1.weight",
        "conv2d_bn.weight", "already_snake.weight",
      ])
    final class Twice: Holder {
      let convBN = linear()
      // swift-format-ignore: AlwaysUseLowerCamelCase
      let conv_bn = linear()
    }
    #expect(
      try problem(Twice()) == "Twice.convBN and Twice.conv_bn both have the key conv_bn: rename one of them")
  }

  @Test("a weak parent is not a child; a strong one is an error, not an endless loop")
  func parents() throws {
    final class Child: Holder {
      weak var parent: Module?
      let own = linear()
    }
    final class Owner: Holder {
      let child = Child()
      override init() {
        super.init()
        child.parent = self
      }
    }
    let owner = Owner()
    #expect(keys(owner) == ["child.own.weight"])
    _ = try owner(Tensor.zeros([1]))
    final class Ring: Holder {
      var next: Module?
      let own = linear()
    }
    let (ring, other) = (Ring(), Ring())
    ring.next = other
    other.next = ring
    defer { other.next = nil }
    #expect(keys(ring) == ["next.own.weight", "own.weight"])
    ring.eval()
    #expect(try problem(ring) == "Ring is among its own children: a property for the parent must be weak")
  }

  @Test("a module and a parameter that are assigned count at once, and the parameter requires a gradient")
  func assignment() throws {
    final class Net: Module {
      var fc = Linear(inFeatures: 2, outFeatures: 2)
      @Parameter var scale: Tensor
      override init() { scale = try! Tensor.ones([2]) }
      override func forward(_ input: Tensor) throws -> Tensor { try fc(input * scale) }
    }
    let net = Net()
    _ = try net(Tensor.zeros([1, 2]))
    net.fc = Linear(inFeatures: 2, outFeatures: 5, bias: false)
    net.scale = try Tensor([2, 3] as [Float])
    #expect(net.stateDict().map { "\($0.key) \($0.value.shape)" } == ["scale [2]", "fc.weight [5, 2]"])
    #expect(net.scale.requiresGrad)
    let output = try net(Tensor.ones([1, 2]))
    try output.sum().backward()
    #expect(net.parameters().allSatisfy { $0.grad != nil })
  }

  @Test("lists and dictionaries of parameters are modules, as in PyTorch")
  func parameterContainers() throws {
    final class Net: Holder {
      let scales = try! ParameterList([Tensor.ones([2]), Tensor.ones([3, 1])])
      let named = try! ParameterDict(["b": Tensor.ones([1]), "a": Tensor.ones([1])])
      @Parameter var own: Tensor
      override init() { own = try! Tensor.ones([1]) }
    }
    let net = Net()
    #expect(keys(net) == ["own", "scales.0", "scales.1", "named.b", "named.a"])
    #expect(net.parameters().allSatisfy { $0.requiresGrad })
    net.scales.append(try Tensor.ones([1]))
    net.named["b"] = nil
    #expect(keys(net) == ["own", "scales.0", "scales.1", "scales.2", "named.a"])
    #expect(
      net.scales.description == """
        ParameterList(
            (0): Parameter containing: [torch.float32 of size 2]
            (1): Parameter containing: [torch.float32 of size 3x1]
            (2): Parameter containing: [torch.float32 of size 1]
        )
        """)
  }

  @Test("an error from a layer deep inside, called from far above, has the whole path")
  func deepError() throws {
    final class Inner: Holder {
      let fc = linear()
    }
    final class Outer: Module {
      let blocks = [["x": Inner()]]
      override func forward(_ input: Tensor) throws -> Tensor { try blocks[0]["x"]!.fc(input) }
    }
    let error = try #require(throws: TorchError.self) { try Sequential([Outer()])(Tensor.zeros([1, 3])) }
    #expect(error.path.joined(separator: ".") == "0.blocks.0.x.fc")
  }
}
