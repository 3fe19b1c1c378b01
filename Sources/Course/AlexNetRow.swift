import Formats
import SwiftTorchLayers

extension CourseRow {
  static let alexnet = CourseRow(
    "C19", "AlexNet, 2012",
    notice: "most values are in the first layers, most parameters in the dense ones at the end."
  ) { lesson in
    let input = [3, 224, 224]
    lesson.say(
      """
      The network that made convolutional networks famous: five convolutions, three dense layers, ReLU,
      local response normalisation, pooling windows of 3 with a stride of 2 that overlap, dropout. Graphics
      cards were small: the maps are divided among two towers, which meet in layer 3 and at the end.
      """)
    let values = input.reduce(1, *)
    lesson.keep("inputs", [Double(values)])
    lesson.say(
      "A picture of 224×224×3 has \(grouped(Double(values))) inputs. The paper's form, layer by layer:")
    try Torch.manualSeed(lesson.settings.seed)
    let paper = try Models.alexnet2012.make(inputShape: input, classes: 1000)
    let layers = try summarize(paper, inputShape: input)
    lesson.show(layers)
    lesson.keep("parameters, 2012", [Double(layers.parameters)])
    lesson.keep("warnings", [Double(layers.filter { $0.warning != nil }.count)])
    lesson.say(
      """
      The warning is right: 55.25 positions do not exist, 55 are taken.
      \(grouped(Double(layers.parameters))) parameters; the paper says 60 million.
      """)

    try lesson.checkInterruption()
    lesson.say("Only layers with weights, beside the form of 2014 in one tower, which torchvision has:")
    let own = weighted(layers)
    let single = try Models.alexnet.make(inputShape: input, classes: 1000)
    let others = try summarize(single, inputShape: input)
    let other = weighted(others)
    lesson.show(
      columns: ["layer", "", "2012 output", "values", "parameters", "one tower", "values", "parameters"],
      rows: zip(own, other).enumerated().map { index, pair in
        ["\(index + 1)", pair.0.kind] + numbers(pair.0) + numbers(pair.1)
      } + [
        ["sum", "", "", "", grouped(Double(layers.parameters)), "", "", grouped(Double(others.parameters))]
      ])
    lesson.keep("values, 2012", own.map { Double($0.outputShape.reduce(1, *)) })
    lesson.keep("values, one tower", other.map { Double($0.outputShape.reduce(1, *)) })
    lesson.keep("parameters, one tower", [Double(others.parameters)])
    lesson.say("The paper's caption prints 253 440 for the first layer; 96·55·55 is 290 400.")

    try towers(paper, lesson)
    lesson.say(
      """
      One picture of noise, forwards and backwards, dropout off. An even guess among 1000 classes has the
      loss ln 1000 = 6.9; a network that has learned nothing has that or a little more.
      """)
    var rows: [[String]] = []
    for (name, model) in [("2012", paper), ("one tower", single)] {
      try lesson.checkInterruption()
      rows.append(try pass(model, name, input, lesson))
    }
    lesson.show(columns: ["form", "loss", "tensors", "with a gradient"], rows: rows)
  }
}

private func weighted(_ layers: [LayerSummary]) -> [LayerSummary] { layers.filter { $0.parameters > 0 } }

private func numbers(_ layer: LayerSummary) -> [String] {
  [
    shape(layer.outputShape), grouped(Double(layer.outputShape.reduce(1, *))),
    grouped(Double(layer.parameters)),
  ]
}

/// Shows which maps the first tower's part of layers 2 to 5 depends on.
private func towers(_ model: Module, _ lesson: Lesson) throws {
  lesson.say(
    """
    Two towers are two groups of a convolution: the first half of the kernels sees the first half of the
    maps only. The gradient shows which maps the first half of a layer's output depends on:
    """)
  let convolutions = model.namedModules().compactMap { $0.module as? Conv2d }
  var rows: [[String]] = []
  for (index, layer) in convolutions.enumerated().dropFirst() {
    let x = try Tensor.ones([1, layer.inChannels, 5, 5]).requiresGrad(true)
    try layer(x)[0, 0..<layer.outChannels / 2].sum().backward()
    layer.zeroGrad()
    let reached = try x.grad!.abs().sum(dim: [0, 2, 3]).scalars(as: Float.self)
    let seen = reached.indices.filter { reached[$0] != 0 }
    lesson.keep("layer \(index + 1), maps seen by the first half", [Double(seen.count)])
    rows.append([
      "\(index + 1)", "\(layer.groups)", shape(layer.weight.shape), "\(seen.count) of \(layer.inChannels)",
    ])
  }
  lesson.show(columns: ["layer", "groups", "kernels", "maps seen by the first half"], rows: rows)
}

/// One picture forwards, its loss backwards.
private func pass(_ model: Module, _ name: String, _ input: [Int], _ lesson: Lesson) throws -> [String] {
  // Dropout would make the loss a matter of chance.
  model.eval()
  let picture = try Tensor.rand([1] + input, generator: Generator(seed: lesson.settings.seed))
  let loss = try crossEntropy(model(picture), Tensor([3] as [Int64], shape: [1]))
  try loss.backward()
  let parameters = model.parameters()
  let reached = try parameters.filter { parameter in
    guard let gradient = parameter.grad else { return false }
    return try gradient.abs().sum().item(as: Float.self) > 0
  }
  model.zeroGrad()
  lesson.keep("gradients, \(name)", [Double(reached.count), Double(parameters.count)])
  let value: Double = try loss.item()
  lesson.keep("loss, \(name)", [value])
  return [name, fixed(value, 1), "\(parameters.count)", "\(reached.count)"]
}
