import SwiftTorchLayers
import Testing

@Suite(.serialized)
struct OrderTests {
  private static func linear() -> Linear { Linear(inFeatures: 2, outFeatures: 2, bias: false) }

  /// The module of `order.py`.
  private final class Net: Module {
    let blocks: [[Module]] = [[linear()], [linear(), BatchNorm1d(numFeatures: 2)]]
    let convBN = linear()
    let scales = try! ParameterList([Tensor.ones([2]), Tensor.ones([2])])
    let named = try! ParameterDict(["b": Tensor.ones([2]), "a": Tensor.ones([2])])
    let heads = ["left": linear(), "right": linear()]
    @Parameter var scale: Tensor
    let _stem = linear()

    override init() { scale = try! Tensor.ones([2]) }

    override func forward(_ input: Tensor) throws -> Tensor {
      var value = try _stem(input) * scale
      for block in blocks { for layer in block { value = try layer(value) } }
      value = try convBN(value) * scales[0] * scales[1] * named["a"]! * named["b"]!
      return try heads["left"]!(value) + heads["right"]!(value)
    }
  }

  @Test("parameters and state have the names and the order that Python's module has, in our export, too")
  func order() throws {
    let file = Peer.temporaryFile("order.pt")
    let net = Net()
    net.eval()
    try ScriptModule(net, example: Tensor.ones([3, 2])).save(to: file)
    let peer = try Peer.run("order.py", [file])
    func names(_ prefix: String) throws -> [String] {
      try peer.filter { $0.key.hasPrefix(prefix) }
        .map { (place: try $0.value.item(as: Int.self), name: String($0.key.dropFirst(prefix.count))) }
        .sorted { $0.place < $1.place }.map(\.name)
    }
    let parameters = net.namedParameters().map(\.name)
    #expect(try names("python.parameters.") == parameters)
    #expect(try names("export.parameters.") == parameters)
    #expect(try names("python.state.") == Array(net.stateDict().keys))
    #expect(try names("export.state.") == Array(net.stateDict().keys))
  }
}
