// The activations as TorchScript. Numbers are written with all their digits.

/// A call that overwrites its input or does not.
private func call(_ name: String, inplace: Bool, _ arguments: Double...) -> String {
  let list = ["input"] + arguments.map { "\($0)" }
  return "return torch.\(name)\(inplace ? "_" : "")(\(list.joined(separator: ", ")))"
}

extension LeakyReLU: ScriptedModule {
  var torchScript: String { call("leaky_relu", inplace: inplace, negativeSlope) }
}
extension PReLU: ScriptedModule {
  var torchScript: String { "return torch.prelu(input, self.weight)" }
}
extension RReLU: ScriptedModule {
  var torchScript: String {
    "return torch.rrelu\(inplace ? "_" : "")(input, \(lower), \(upper), self.training, None)"
  }
}
extension ELU: ScriptedModule {
  var torchScript: String { call("elu", inplace: inplace, alpha, 1, 1) }
}
extension SELU: ScriptedModule {
  var torchScript: String { call("selu", inplace: inplace) }
}
extension CELU: ScriptedModule {
  var torchScript: String { call("celu", inplace: inplace, alpha) }
}
extension GELU: ScriptedModule {
  var torchScript: String { "return torch.gelu(input, approximate=\"\(approximate.rawValue)\")" }
}
extension SiLU: ScriptedModule {
  var torchScript: String { call("silu", inplace: inplace) }
}
extension Mish: ScriptedModule {
  var torchScript: String { call("mish", inplace: inplace) }
}
extension Softplus: ScriptedModule {
  var torchScript: String { call("softplus", inplace: false, beta, threshold) }
}
extension Softsign: ScriptedModule {
  var torchScript: String { "return torch.div(input, torch.add(torch.abs(input), 1))" }
}
extension Tanhshrink: ScriptedModule {
  var torchScript: String { "return torch.sub(input, torch.tanh(input))" }
}
extension LogSigmoid: ScriptedModule {
  var torchScript: String { call("log_sigmoid", inplace: false) }
}
extension GLU: ScriptedModule {
  var torchScript: String { "return torch.glu(input, \(dim))" }
}
extension Hardtanh: ScriptedModule {
  var torchScript: String { call("hardtanh", inplace: inplace, minVal, maxVal) }
}
extension ReLU6: ScriptedModule {
  var torchScript: String { call("hardtanh", inplace: inplace, 0, 6) }
}
extension Hardsigmoid: ScriptedModule {
  var torchScript: String { call("hardsigmoid", inplace: inplace) }
}
extension Hardswish: ScriptedModule {
  var torchScript: String { call("hardswish", inplace: inplace) }
}
extension Softshrink: ScriptedModule {
  var torchScript: String { call("softshrink", inplace: false, lambd) }
}
extension Hardshrink: ScriptedModule {
  var torchScript: String { call("hardshrink", inplace: false, lambd) }
}
extension Threshold: ScriptedModule {
  var torchScript: String { call("threshold", inplace: inplace, threshold, value) }
}
extension Softmin: ScriptedModule {
  var torchScript: String {
    let choice = "1 if input.dim() == 2 or input.dim() > 3 else 0"
    return "return torch.softmax(torch.neg(input), \(dim.map(String.init) ?? choice), None)"
  }
}
extension Softmax2d: ScriptedModule {
  var torchScript: String { "return torch.softmax(input, -3, None)" }
}
