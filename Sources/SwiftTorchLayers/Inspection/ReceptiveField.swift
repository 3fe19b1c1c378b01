/// Which part of the input a value of a feature map comes from.
///
/// Value i along a dimension sees the input from `start + i · jump` on, `size` pixels; where that is outside
/// the picture it sees padding. Through a window of k values with stride s, padding p and dilation d:
/// `size += d·(k − 1)·jump`, `start −= p·jump`, `jump *= s`.
/// - Source: Araujo, Norris & Sim 2019, https://distill.pub/2019/computing-receptive-fields
public struct ReceptiveField: Equatable, Sendable {
  /// Pixels seen, for each dimension, height first.
  public private(set) var size: [Int]
  /// How far apart in the input two neighbouring values look.
  public private(set) var jump: [Int]
  /// Where the first value begins to look; negative in the padding.
  public private(set) var start: [Int]

  /// That of the input itself: each pixel sees itself.
  public init(dimensions: Int) {
    size = [Int](repeating: 1, count: dimensions)
    jump = size
    start = [Int](repeating: 0, count: dimensions)
  }

  /// The field after a layer that moves a window over the values.
  /// - Parameter padding: how much stands before the first value.
  public func through(kernelSize: [Int], stride: [Int], padding: [Int], dilation: [Int]) -> ReceptiveField {
    var next = self
    for index in size.indices {
      let reach = product(product(dilation[index], kernelSize[index] - 1), jump[index])
      next.size[index] = sum(size[index], reach)
      next.start[index] = sum(start[index], -product(padding[index], jump[index]))
      next.jump[index] = product(jump[index], stride[index])
    }
    return next
  }

  /// Sizes come from files and may be absurd: far beyond any picture is far enough.
  private static let limit = 1 << 40
  private func product(_ a: Int, _ b: Int) -> Int {
    let (value, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? Self.limit : min(max(value, -Self.limit), Self.limit)
  }
  private func sum(_ a: Int, _ b: Int) -> Int { min(max(a + b, -Self.limit), Self.limit) }
}

/// The receptive field of each layer's output, by key path, as far as it is known: through convolutions,
/// pooling and layers that keep the size of the maps, one after the other.
///
/// A layer is missing when each of its values sees the whole input (after flattening), and when it is not
/// known what it is given: in a module with a `forward` of its own only what that calls first is followed.
/// - Parameter inputShape: `[channels, height, width]`.
public func receptiveFields(of model: Module, inputShape: [Int]) throws -> [String: ReceptiveField] {
  var calls: [(name: String, shape: [Int])] = []
  try model.observing { name, _, output in
    calls.append((name, output.shape))
  } during: {
    try noGrad { try model.evaluating { _ = try model(Tensor.zeros([1] + inputShape)) } }
  }
  var walk = FieldWalk(calls: calls, shape: [1] + inputShape)
  _ = walk.visit(model, "", ReceptiveField(dimensions: inputShape.count - 1))
  return walk.fields
}

/// Follows the layers in the order in which they were called.
private struct FieldWalk {
  let calls: [(name: String, shape: [Int])]
  /// Of what the next layer is given.
  var shape: [Int]
  var fields: [String: ReceptiveField] = [:]

  mutating func visit(_ module: Module, _ name: String, _ field: ReceptiveField?) -> ReceptiveField? {
    if module.isLayer {
      let output = calls.first { $0.name == name }?.shape
      let next = field.flatMap { after(module, $0, output) }
      fields[name] = next
      shape = output ?? shape
      return next
    }
    let prefix = name.isEmpty ? "" : "\(name)."
    let called = calls.map(\.name).filter { $0.hasPrefix(prefix) }
    var reached = field
    for (index, (child, inner)) in module.childModules.enumerated() {
      let layers = inner.namedModules(prefix: prefix + child).filter(\.module.isLayer).map(\.name)
      // What a module with a forward of its own calls first is given the module's input; of the rest one
      // cannot know whether it comes after or beside.
      if !(module is Sequential), index > 0 || !called.starts(with: layers) { reached = nil }
      reached = visit(inner, prefix + child, reached)
    }
    return module is Sequential ? reached : nil
  }

  private func after(_ module: Module, _ field: ReceptiveField, _ output: [Int]?) -> ReceptiveField? {
    guard let output, !(module is Flatten) else { return nil }
    return field.after(module, inputShape: shape, outputShape: output)
  }
}

/// A window that a layer moves over its input.
struct Window {
  let kernelSize: [Int]
  let stride: [Int]
  /// Before and after each dimension.
  let padding: [(before: Int, after: Int)]
  let dilation: [Int]
  var ceilMode = false

  /// The window of a layer on an input of this shape, with the batch; nil for a layer without one.
  init?(of module: Module, inputShape: [Int]) {
    func even(_ padding: [Int]) -> [(Int, Int)] { padding.map { ($0, $0) } }
    switch module {
    case let layer as ConvNd:
      (kernelSize, stride, dilation) = (layer.kernelSize, layer.stride, layer.dilation)
      let amounts = layer.paddingForPad
      // There the last dimension comes first.
      padding = layer.kernelSize.indices.reversed().map { (amounts[2 * $0], amounts[2 * $0 + 1]) }
    case let layer as MaxPoolNd:
      (kernelSize, stride, dilation) = (layer.kernelSize, layer.stride, layer.dilation)
      padding = even(layer.padding)
      ceilMode = layer.ceilMode
    case let layer as AvgPoolNd:
      (kernelSize, stride) = (layer.kernelSize, layer.stride)
      dilation = layer.kernelSize.map { _ in 1 }
      padding = even(layer.padding)
      ceilMode = layer.ceilMode
    case let layer as AdaptivePoolNd:
      // The windows of adaptive pooling are alike only where the sizes divide.
      let sizes = zip(layer.outputSize, inputShape.suffix(layer.outputSize.count)).map { ($0 ?? $1, $1) }
      guard sizes.allSatisfy({ $1 > 0 && $1 % $0 == 0 }) else { return nil }
      kernelSize = sizes.map { $1 / $0 }
      stride = kernelSize
      dilation = sizes.map { _ in 1 }
      padding = even(sizes.map { _ in 0 })
    default: return nil
    }
    guard inputShape.count >= kernelSize.count else { return nil }
  }

  /// A sentence when the stride does not fit the input's size and PyTorch drops the rest without a word.
  func misfit(_ inputShape: [Int]) -> String? {
    guard !ceilMode else { return nil }
    for (index, size) in inputShape.suffix(kernelSize.count).enumerated() {
      let reach = dilation[index] * (kernelSize[index] - 1) + 1
      let whole = size + padding[index].before + padding[index].after
      let rest = whole - reach
      guard rest >= 0, rest % stride[index] != 0 else { continue }
      let positions = Double(rest) / Double(stride[index]) + 1
      let rounded = (positions * 100).rounded() / 100
      let sum = whole == size ? "\(size)" : "\(size) + \(whole - size)"
      return "stride \(stride[index]) does not fit: (\(sum) − \(reach))/\(stride[index]) + 1 = \(rounded), "
        + "PyTorch takes \(rest / stride[index] + 1)"
    }
    return nil
  }
}

extension ReceptiveField {
  /// The field of what a layer gives; nil when its windows are not all alike.
  func after(_ module: Module, inputShape: [Int], outputShape: [Int]) -> ReceptiveField? {
    if let window = Window(of: module, inputShape: inputShape), window.kernelSize.count == size.count {
      return through(
        kernelSize: window.kernelSize, stride: window.stride, padding: window.padding.map(\.before),
        dilation: window.dilation)
    }
    return module is Flatten || inputShape == outputShape ? self : nil
  }
}
