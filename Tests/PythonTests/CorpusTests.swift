import SwiftTorchLayers
import Testing

@Suite(.serialized)
struct CorpusTests {
  @Test("every module of PyTorch's own tests that is here is compared")
  func complete() throws {
    let (corpus, _) = try Corpus.peer.get()
    for name in corpus.tested where Corpus.isHere(name) && !Corpus.names.contains(name) {
      Issue.record("\(name) is a layer here, but not in the tables of Corpus")
    }
    for name in Corpus.names { #expect(Corpus.isHere(name), "\(name) is not found by its name") }
    let refused = corpus.entries.filter(\.refused).count
    print("of PyTorch's own module tests: \(corpus.entries.count) inputs of \(Corpus.names.count) classes,")
    print("\(refused) of them refused by PyTorch; skipped: \(corpus.skipped.count)")
    for line in corpus.skipped { print("skipped \(line)") }
  }

  @Test("output, gradients and state are Python's bit for bit", arguments: Corpus.names)
  func sameAsPython(_ name: String) throws {
    try Peer.singleThreaded()
    let (corpus, peer) = try Corpus.peer.get()
    let entries = corpus.entries.filter { $0.module == name }
    #expect(!entries.isEmpty, "PyTorch's tests have no input for \(name)")
    let kind: ExactnessTable.Kind = Corpus.losses[name] == nil ? .layer : .loss
    for entry in entries {
      do { try ExactnessTable.row(kind, name) { try compare(entry, peer) } } catch {
        Issue.record("\(entry.key) failed: \(error)")
      }
    }
  }

  private func compare(_ entry: Corpus.Entry, _ peer: StateDict) throws {
    let arguments = CorpusArguments(entry.arguments, peer)
    let module = try Corpus.modules[entry.module]?(arguments)
    let loss = try Corpus.losses[entry.module]?(arguments)
    for name in arguments.unread where Corpus.withoutCounterpart["\(entry.module).\(name)"] == nil {
      Issue.record("\(entry.key): \(entry.module) here has no argument \(name)")
    }
    let inputs = try entry.recorded.enumerated().map { index, recorded in
      try #require(peer["\(entry.key)/input/\(index)"]).requiresGrad(recorded)
    }
    if let module {
      try module.loadStateDict(part(peer, "\(entry.key)/state/"))
      module.train(entry.training)
    }
    func forward() throws -> Tensor {
      if let module { return try module(inputs[0]) }
      let loss = try #require(loss)
      return try loss(inputs[0], inputs[1])
    }
    if entry.refused {
      #expect(throws: TorchError.self, "\(entry.key): PyTorch refuses it") { _ = try forward() }
      return
    }
    let output = try forward()
    try expectEqual(output, peer, "\(entry.key)/output")
    try output.backward(gradient: peer["\(entry.key)/seed"])
    for (index, input) in inputs.enumerated() where entry.recorded[index] {
      try expectEqual(input.grad, peer, "\(entry.key)/gradient/\(index)")
    }
    guard let module else { return }
    for (key, tensor) in module.namedParameters() {
      try expectEqual(tensor.grad, peer, "\(entry.key)/parameter/\(key)")
    }
    for (key, tensor) in module.stateDict() { try expectEqual(tensor, peer, "\(entry.key)/after/\(key)") }
  }

  private func part(_ tensors: StateDict, _ prefix: String) -> StateDict {
    var part = StateDict()
    for (key, tensor) in tensors where key.hasPrefix(prefix) {
      part["\(key.dropFirst(prefix.count))"] = tensor
    }
    return part
  }
}
