import Reference
import SwiftTorchLayers

/// Each operation: a random case, libtorch's output and gradients, the reference's, and the bounds.

private func magnitude(_ array: NDArray<Double>) -> NDArray<Double> { array.map(abs) }

func convolution(_ dimensions: Int) -> Operation {
  Operation(name: "conv\(dimensions)d") { random, comparison in
    let groups = random.int(1...3)
    let kernel = (0..<dimensions).map { _ in random.int(1...4) }
    let dilation = kernel.map { _ in random.int(1...2) }
    let padding = kernel.map { _ in random.int(0...2) }
    let stride = kernel.map { _ in random.int(1...3) }
    let sizes = kernel.indices.map {
      max(1, dilation[$0] * (kernel[$0] - 1) + 1 - 2 * padding[$0]) + random.int(0...5)
    }
    let x = random.array([random.int(1...4), groups * random.int(1...3)] + sizes)
    let w = random.array([groups * random.int(1...3), x.shape[1] / groups] + kernel)
    let b = random.int(0...1) == 0 ? nil : random.array([w.shape[0]])
    let geometry = ConvolutionGeometry(
      stride: stride, padding: padding.map { ($0, $0) }, dilation: dilation, groups: groups)
    let (ownX, ownW) = try (
      comparison.tensor(x, requiresGrad: true), comparison.tensor(w, requiresGrad: true)
    )
    let ownB = try b.map { try comparison.tensor($0, requiresGrad: true) }
    guard
      case .tensor(let own)? = try Tensor.call(
        "aten::conv\(dimensions)d", ownX, ownW, ownB, stride, padding, dilation, groups
      ).first
    else { throw TorchError("aten::conv\(dimensions)d returned no tensor") }
    let y = Convolution.forward(x, weight: w, bias: b, geometry)
    let g = random.array(y.shape)
    try own.backward(gradient: comparison.tensor(g))
    let gradients = Convolution.backward(x, weight: w, gradient: g, geometry)

    let terms = ConvolutionTerms(input: x.shape, weight: w.shape, output: y.shape, bias: b != nil)
    let size = Convolution.forward(magnitude(x), weight: magnitude(w), bias: b.map(magnitude), geometry)
    let sizes2 = Convolution.backward(magnitude(x), weight: magnitude(w), gradient: magnitude(g), geometry)
    func bound(_ n: Int, _ size: NDArray<Double>) -> (Int) -> Double {
      { ErrorBounds.sumOfProducts(n, magnitude: size.values[$0]) }
    }
    try comparison.expect(own, y, "output", bound: bound(terms.output, size))
    try comparison.expect(
      ownX.grad, gradients.input, "input gradient", bound: bound(terms.input, sizes2.input))
    try comparison.expect(
      ownW.grad, gradients.weight, "weight gradient", bound: bound(terms.weight, sizes2.weight))
    if b != nil {
      try comparison.expect(
        ownB?.grad, gradients.bias, "bias gradient", bound: bound(terms.bias, sizes2.bias))
    }
    return "input \(x.shape), weight \(w.shape), stride \(stride), padding \(padding), dilation \(dilation), "
      + "groups \(groups), bias \(b != nil)"
  }
}

let linear = Operation(name: "linear") { random, comparison in
  let x = random.array([random.int(1...20), random.int(1...40)])
  let w = random.array([random.int(1...20), x.shape[1]])
  let b = random.array([w.shape[0]])
  let layer = SwiftTorchLayers.Linear(inFeatures: x.shape[1], outFeatures: w.shape[0])
  try layer.loadStateDict(["weight": comparison.tensor(w).to(.cpu), "bias": comparison.tensor(b).to(.cpu)])
  try layer.to(comparison.device)
  let ownX = try comparison.tensor(x, requiresGrad: true)
  let own = try layer(ownX)
  let g = random.array([x.shape[0], w.shape[0]])
  try own.backward(gradient: comparison.tensor(g))
  let gradients = Reference.Linear.backward(x, weight: w, gradient: g)
  let size = Reference.Linear.forward(magnitude(x), weight: magnitude(w), bias: magnitude(b))
  let sizes = Reference.Linear.backward(magnitude(x), weight: magnitude(w), gradient: magnitude(g))
  func bound(_ n: Int, _ size: NDArray<Double>) -> (Int) -> Double {
    { ErrorBounds.sumOfProducts(n, magnitude: size.values[$0]) }
  }
  let y = Reference.Linear.forward(x, weight: w, bias: b)
  try comparison.expect(own, y, "output", bound: bound(x.shape[1] + 1, size))
  try comparison.expect(ownX.grad, gradients.input, "input gradient", bound: bound(w.shape[0], sizes.input))
  try comparison.expect(
    layer.weight.grad, gradients.weight, "weight gradient", bound: bound(x.shape[0], sizes.weight))
  try comparison.expect(
    layer.bias?.grad, gradients.bias, "bias gradient", bound: bound(x.shape[0], sizes.bias))
  return "input \(x.shape), weight \(w.shape)"
}

private func poolingCase(_ random: inout SplitMix, dilated: Bool) -> (NDArray<Double>, PoolingGeometry) {
  let kernel = [random.int(1...4), random.int(1...4)]
  let geometry = PoolingGeometry(
    kernel: kernel, stride: kernel.map { _ in random.int(1...4) },
    padding: kernel.map { random.int(0...$0 / 2) },
    dilation: dilated ? [random.int(1...2), random.int(1...2)] : [1, 1], ceilMode: random.int(0...1) == 1)
  let sizes = kernel.indices.map { geometry.dilation[$0] * (kernel[$0] - 1) + 1 + random.int(0...6) }
  var x = random.array([random.int(1...3), random.int(1...3)] + sizes)
  // Few different values make many ties.
  if random.int(0...2) == 0 { x = x.map { ($0 * 2).rounded() } }
  return (x, geometry)
}

let maxPooling = Operation(name: "max_pool2d") { random, comparison in
  let (x, geometry) = poolingCase(&random, dilated: true)
  let layer = MaxPool2d(
    kernelSize: geometry.kernel, stride: geometry.stride, padding: geometry.padding,
    dilation: geometry.dilation,
    ceilMode: geometry.ceilMode)
  let ownX = try comparison.tensor(x, requiresGrad: true)
  let own = try layer(ownX)
  let (y, places) = Pooling.max(x, geometry)
  let g = random.array(y.shape)
  try own.backward(gradient: comparison.tensor(g))
  // The choice is exact; the gradient sums at most one value for each window that contains the place.
  try comparison.expect(own, y, "output") { _ in ErrorBounds.smallest }
  let windows = geometry.kernel.reduce(1, *)
  let dx = Pooling.maxBackward(shape: x.shape, places: places, gradient: g)
  let size = Pooling.maxBackward(shape: x.shape, places: places, gradient: magnitude(g))
  try comparison.expect(ownX.grad, dx, "input gradient") {
    ErrorBounds.sumOfProducts(windows, magnitude: size.values[$0])
  }
  return "input \(x.shape), \(layer)"
}

let averagePooling = Operation(name: "avg_pool2d") { random, comparison in
  let (x, geometry) = poolingCase(&random, dilated: false)
  let countIncludePad = random.int(0...1) == 1
  let divisor = random.int(0...2) == 0 ? random.int(1...5) : nil
  let layer = AvgPool2d(
    kernelSize: geometry.kernel, stride: geometry.stride, padding: geometry.padding,
    ceilMode: geometry.ceilMode,
    countIncludePad: countIncludePad, divisorOverride: divisor)
  let ownX = try comparison.tensor(x, requiresGrad: true)
  let own = try layer(ownX)
  func average(_ x: NDArray<Double>) -> NDArray<Double> {
    Pooling.average(x, geometry, countIncludePad: countIncludePad, divisorOverride: divisor)
  }
  func backward(_ g: NDArray<Double>) -> NDArray<Double> {
    Pooling.averageBackward(
      shape: x.shape, gradient: g, geometry, countIncludePad: countIncludePad, divisorOverride: divisor)
  }
  let y = average(x)
  let g = random.array(y.shape)
  try own.backward(gradient: comparison.tensor(g))
  // One rounding for each term, one for the division.
  let n = geometry.kernel.reduce(1, *) + 1
  let (size, sizeX) = (average(magnitude(x)), backward(magnitude(g)))
  try comparison.expect(own, y, "output") { ErrorBounds.sumOfProducts(n, magnitude: size.values[$0]) }
  try comparison.expect(ownX.grad, backward(g), "input gradient") {
    ErrorBounds.sumOfProducts(n, magnitude: sizeX.values[$0])
  }
  return "input \(x.shape), \(layer), count_include_pad \(countIncludePad), divisor \(divisor ?? 0)"
}

let relu = Operation(name: "relu") { random, comparison in
  let x = random.array([random.int(1...50), random.int(1...50)])
  let ownX = try comparison.tensor(x, requiresGrad: true)
  let own = try ReLU()(ownX)
  let g = random.array(x.shape)
  try own.backward(gradient: comparison.tensor(g))
  try comparison.expect(own, x.map { max($0, 0) }, "output") { _ in ErrorBounds.smallest }
  try comparison.expect(ownX.grad, x.zip(g) { $0 > 0 ? $1 : 0 }, "input gradient") { _ in ErrorBounds.smallest
  }
  return "input \(x.shape)"
}

private func logits(_ random: inout SplitMix) -> NDArray<Double> {
  random.array([random.int(1...10), random.int(1...30)]).map { max(-80, min(80, $0)) }
}

/// For each element of `[N, C]` logits: the distance to its row's maximum, and the row's `log Σ exp(x − max)`.
private func parts(_ x: NDArray<Double>, _ index: Int) -> (distance: Double, logSum: Double) {
  let width = x.shape[1]
  let row = index / width * width
  let (maximum, logSum) = Reference.Softmax.parts(x.values[row..<row + width])
  return (x.values[index] - maximum, logSum)
}

let softmax = Operation(name: "softmax") { random, comparison in
  let x = logits(&random)
  let y = Reference.Softmax.forward(x)
  try comparison.expect(try SwiftTorchLayers.Softmax(dim: 1)(comparison.tensor(x)), y, "output") {
    ErrorBounds.softmax(y: y.values[$0], distance: parts(x, $0).distance, classes: x.shape[1])
  }
  return "input \(x.shape)"
}

let logSoftmax = Operation(name: "log_softmax") { random, comparison in
  let x = logits(&random)
  let y = Reference.Softmax.logarithm(x)
  try comparison.expect(try LogSoftmax(dim: 1)(comparison.tensor(x)), y, "output") {
    let (distance, logSum) = parts(x, $0)
    return ErrorBounds.logSoftmax(y: y.values[$0], distance: distance, logSum: logSum, classes: x.shape[1])
  }
  return "input \(x.shape)"
}

let crossEntropyLoss = Operation(name: "cross_entropy") { random, comparison in
  let x = logits(&random)
  let (count, width) = (x.shape[0], x.shape[1])
  let targets = (0..<count).map { _ in random.int(0...width - 1) }
  let own = try crossEntropy(comparison.tensor(x), Tensor(targets).to(comparison.device))
  let reference = Reference.Softmax.crossEntropy(x, targets)
  // Each row's log-softmax with its bound, then a sum of `count` values and a division.
  let y = Reference.Softmax.logarithm(x)
  let rows = targets.enumerated().map { row, target -> Double in
    let index = row * width + target
    let (distance, logSum) = parts(x, index)
    return ErrorBounds.logSoftmax(y: y.values[index], distance: distance, logSum: logSum, classes: width)
  }
  let sum = rows.reduce(0, +)
  let size = targets.enumerated().reduce(0) { $0 + abs(y[$1.offset, $1.element]) } + sum
  try comparison.expect(own, NDArray([reference], shape: []), "loss") { _ in
    (sum + ErrorBounds.sumOfProducts(count + 1, magnitude: size)) / Double(count)
  }
  return "input \(x.shape)"
}
