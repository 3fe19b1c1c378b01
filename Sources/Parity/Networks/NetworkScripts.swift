import Formats
import SwiftTorchLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// A random network as TorchScript, here and in Python.
extension NetworkTrial {
  func scripts() throws {
    let model = try makeModel()
    let images = try images()
    let script: ScriptModule
    do {
      script = try ScriptModule(model)
    } catch let error as TorchError {
      // What would be exported wrongly is refused, by name.
      count("TorchScript refused")
      guard error.message.contains("layer") || error.message.contains("module") else { throw error }
      return
    }
    for training in [false, true] {
      model.train(training)
      try script.train(training)
      let before = try model.stateDict().mapValues { try $0.clone() }
      let way = "TorchScript, \(training ? "training" : "evaluation")"
      let own = outcome {
        try Torch.manualSeed(Self.stepSeed)
        return [("logits", try noGrad { try script(images.clone()) }.contiguous())]
      }
      let plain = outcome {
        try Torch.manualSeed(Self.stepSeed)
        return [("logits", try noGrad { try model(images.clone()) }.contiguous())]
      }
      try expect(own, equals: plain, way)
      try model.loadStateDict(before)
    }
    guard let python = try NetworkPeer.shared() else { return }
    try inPython(python)
  }

  /// Of what a step draws, on both sides.
  private static let stepSeed: UInt64 = 5

  /// Loaded by Python: logits in evaluation; logits, loss and gradients of a training step.
  private func inPython(_ python: NetworkPeer) throws {
    let model = try makeModel()
    let images = try images()
    let path = python.folder + "/network.pt"
    try ScriptModule(model).save(to: path)
    let answer = try python.run(
      script: path, images: images, labels: targets, seed: Self.stepSeed)
    let evaluated = outcome {
      [("logits", try noGrad { try model.evaluating { try model(images.clone()) } })]
    }
    try expect(answer.evaluation, equals: evaluated, "TorchScript in Python, evaluation")
    let trained = outcome {
      try Torch.manualSeed(Self.stepSeed)
      let logits = try model(images.clone())
      let loss = try crossEntropy(logits, targets)
      try loss.backward()
      let gradients: [(name: String, tensor: Tensor?)] = try model.namedParameters().compactMap {
        name, parameter in
        try parameter.grad.map { ("gradient of \(name)", try $0.contiguous()) }
      }
      return ([("logits", try logits.detach().contiguous()), ("loss", try loss.detach())] + gradients)
        .sorted { $0.name < $1.name }
    }
    try expect(answer.training, equals: trained, "TorchScript in Python, a training step")
  }
}

/// A Python process that opens TorchScript files, one after the other.
final class NetworkPeer {
  let folder: String
  private let process: pid_t
  private let input: Int32
  private var output: LineReader

  nonisolated(unsafe) private static var made: NetworkPeer??

  /// The Python beside libtorch; nil where there is none.
  static func shared() throws -> NetworkPeer? {
    if let made { return made }
    let peer = try ParitySuite.python().map { try NetworkPeer(python: $0) }
    made = .some(peer)
    return peer
  }

  init(python: String) throws {
    folder = FileManager.default.temporaryDirectory.path + "/torchlayers-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let (process, input, output) = try Worker.start([python, "-c", Self.program, folder])
    (self.process, self.input, self.output) = (process, input, LineReader(output))
  }

  /// What Python makes of a script.
  func run(script: String, images: Tensor, labels: Tensor, seed: UInt64) throws -> (
    evaluation: NetworkTrial.Outcome, training: NetworkTrial.Outcome
  ) {
    var dict = StateDict()
    dict["images"] = images
    dict["labels"] = labels
    try dict.save(safetensors: folder + "/batch.safetensors")
    guard send(Array("\(script) \(seed)\n".utf8), to: input),
      output.next(seconds: Worker.patience) == Array("done".utf8)
    else { throw TorchError("the Python that opens exports ended or does not answer") }
    func outcome(_ part: String) throws -> NetworkTrial.Outcome {
      let path = "\(folder)/\(part)"
      if let bytes = try? FileIO.read(path + ".txt") {
        return .error(String(decoding: bytes, as: UTF8.self))
      }
      return .values(
        try StateDict(safetensors: path + ".safetensors").map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 })
    }
    return (try outcome("evaluation"), try outcome("training"))
  }

  /// Reads a line "script seed", answers "done" when the results lie in the folder.
  private static let program = """
    import json, os, shutil, struct, sys
    import torch
    torch.set_num_threads(1)
    folder = sys.argv[1]
    types = {"F32": torch.float32, "I64": torch.int64}
    names = {torch.float32: "F32"}

    def read(path):
        raw = open(path, "rb").read()
        size = struct.unpack("<Q", raw[:8])[0]
        header = json.loads(raw[8:8 + size])
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = (8 + size + place for place in entry["data_offsets"])
            tensors[name] = torch.frombuffer(bytearray(raw[begin:end]), dtype=types[entry["dtype"]]).reshape(entry["shape"])
        return tensors

    def write(path, tensors):
        header, place, parts = {}, 0, []
        for name, tensor in tensors.items():
            data = tensor.detach().contiguous().numpy().tobytes()
            header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [place, place + len(data)]}
            place += len(data)
            parts.append(data)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))

    def attempt(part, body):
        for ending in (".txt", ".safetensors"):
            if os.path.exists(f"{folder}/{part}{ending}"):
                os.remove(f"{folder}/{part}{ending}")
        try:
            write(f"{folder}/{part}.safetensors", body())
        except Exception as error:
            open(f"{folder}/{part}.txt", "w").write(str(error))

    for line in sys.stdin:
        path, seed = line.split()
        batch = read(f"{folder}/batch.safetensors")
        module = torch.jit.load(path)

        def evaluation():
            module.eval()
            with torch.no_grad():
                return {"logits": module(batch["images"].clone())}

        def training():
            module.train()
            torch.manual_seed(int(seed))
            logits = module(batch["images"].clone())
            loss = torch.nn.functional.cross_entropy(logits, batch["labels"])
            loss.backward()
            gradients = {f"gradient of {name}": p.grad for name, p in module.named_parameters() if p.grad is not None}
            return {"logits": logits, "loss": loss, **gradients}

        attempt("evaluation", evaluation)
        attempt("training", training)
        print("done", flush=True)
    shutil.rmtree(folder)  # the program that asked has ended
    """
}
