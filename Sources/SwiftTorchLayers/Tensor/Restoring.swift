/// Runs `body`. Afterwards `tensors` have the values and the default generators, that of the CPU and that of `device`,
/// the state that they had before, whether it succeeds or throws.
func restoring<Result>(_ tensors: [Tensor], on device: Device, _ body: () throws -> Result) throws -> Result {
  let generators = try ([.cpu] + (device.isCUDA ? [device] : [])).map { try Generator.default(for: $0) }
  let states = try generators.map { try $0.state() }
  let values = try noGrad { try tensors.map { try $0.detach().clone() } }
  func restore() throws {
    for (generator, state) in zip(generators, states) { try generator.setState(state) }
    try noGrad { for (tensor, value) in zip(tensors, values) { try tensor.copy_(value) } }
  }
  let result: Result
  do {
    result = try body()
  } catch {
    try restore()
    throw error
  }
  try restore()
  return result
}
