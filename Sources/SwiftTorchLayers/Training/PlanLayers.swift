import CTorchShim

/// A module whose forward pass is that of its parts, one after the other, so that a plan can look inside.
protocol Stack: Module {
  var stack: [Module] { get }
}

/// A module that computes `relu(main(x) + shortcut(x))`; an empty shortcut is x itself.
protocol ResidualBlock: Module {
  var mainPath: [Module] { get }
  var shortcutPath: [Module] { get }
}

/// A layer as the shim's plans want it described.
struct PlanLayer {
  let kind: Int
  var weight: Tensor?
  var bias: Tensor?
  var integers: [Int] = []
  var p = 0.0
  var norm: BatchNorm?

  /// The layers that `model` consists of.
  /// - Returns: nil where there is one that a plan does not know.
  static func layers(of model: Module) -> [PlanLayer]? {
    switch model {
    case is Identity: return []
    case let sequential as Sequential: return layers(of: sequential.modules)
    case let stack as any Stack: return layers(of: stack.stack)
    case let block as any ResidualBlock:
      guard let main = layers(of: block.mainPath), let shortcut = layers(of: block.shortcutPath) else {
        return nil
      }
      return [PlanLayer(kind: Int(SHIM_PLAN_RESIDUAL), integers: [main.count, shortcut.count])] + main
        + shortcut
    default: return layer(model).map { [$0] }
    }
  }

  /// The modules whose mode is part of their description, with the one that they have.
  static func modes(of model: Module) -> [(module: Module, training: Bool)] {
    model.namedModules().map(\.module).filter { $0 is BatchNorm || $0 is Dropout }.map { ($0, $0.training) }
  }

  private static func layers(of modules: [Module]) -> [PlanLayer]? {
    var layers: [PlanLayer] = []
    for module in modules {
      guard let inner = PlanLayer.layers(of: module) else { return nil }
      layers += inner
    }
    return layers
  }

  private static func layer(_ module: Module) -> PlanLayer? {
    switch module {
    case let conv as ConvNd:
      guard conv.paddingMode == .zeros, let padding = conv.symmetricPadding else { return nil }
      return PlanLayer(
        kind: Int(SHIM_PLAN_CONVOLUTION), weight: conv.weight, bias: conv.bias,
        integers: conv.stride + padding + conv.dilation + [conv.groups])
    case let linear as Linear:
      return PlanLayer(kind: Int(SHIM_PLAN_LINEAR), weight: linear.weight, bias: linear.bias)
    case let norm as BatchNorm:
      guard let momentum = norm.momentum, norm.trackRunningStats, norm.eps > 0 else { return nil }
      return PlanLayer(
        kind: Int(SHIM_PLAN_BATCH_NORM), weight: norm.weight, bias: norm.bias, p: momentum, norm: norm)
    case is ReLU: return PlanLayer(kind: Int(SHIM_PLAN_RELU))
    case is Sigmoid: return PlanLayer(kind: Int(SHIM_PLAN_SIGMOID))
    case is Tanh: return PlanLayer(kind: Int(SHIM_PLAN_TANH))
    case let pool as MaxPool2d:
      return PlanLayer(
        kind: Int(SHIM_PLAN_MAX_POOL2D),
        integers: pool.kernelSize + pool.stride + pool.padding + pool.dilation + [pool.ceilMode ? 1 : 0])
    case let pool as AvgPool2d:
      let rest = [pool.ceilMode ? 1 : 0, pool.countIncludePad ? 1 : 0, pool.divisorOverride ?? 0]
      return PlanLayer(
        kind: Int(SHIM_PLAN_AVG_POOL2D), integers: pool.kernelSize + pool.stride + pool.padding + rest)
    case let pool as AdaptiveAvgPool2d:
      let size = pool.outputSize.compactMap { $0 }
      return size.count == 2 ? PlanLayer(kind: Int(SHIM_PLAN_ADAPTIVE_AVG_POOL2D), integers: size) : nil
    case let flatten as Flatten:
      return flatten.startDim == 1 && flatten.endDim == -1 ? PlanLayer(kind: Int(SHIM_PLAN_FLATTEN)) : nil
    case let dropout as Dropout:
      let drawing = dropout.inplace ? SHIM_DROPOUT_BERNOULLI : SHIM_DROPOUT_BY_DEVICE
      return PlanLayer(
        kind: Int(SHIM_PLAN_DROPOUT), integers: [Int(drawing)], p: dropout.training ? dropout.p : 0)
    default: return nil
    }
  }

  /// A plan of the shim's, which the caller releases.
  /// - Parameter example: a batch for which the plan is frozen; nil for training.
  static func makePlan(_ layers: [PlanLayer], example: Tensor?) throws -> OpaquePointer {
    // The descriptions point into these lists for the length of the call.
    let lists = layers.map { layer in
      let list = UnsafeMutableBufferPointer<Int64>.allocate(capacity: max(1, layer.integers.count))
      _ = list.initialize(from: layer.integers.map(Int64.init))
      return list
    }
    defer { for list in lists { list.deallocate() } }
    let descriptions = try zip(layers, lists).map { layer, list in
      shim_plan_layer(
        kind: Int32(layer.kind), reserved: 0, weight: try layer.weight?.pointer,
        bias: try layer.bias?.pointer, integers: UnsafePointer(list.baseAddress!),
        count: Int64(layer.integers.count), p: layer.p, eps: layer.norm?.eps ?? 0,
        training: layer.norm?.training ?? false, running_mean: try layer.norm?.runningMean?.pointer,
        running_var: try layer.norm?.runningVar?.pointer, batches: try layer.norm?.numBatchesTracked?.pointer)
    }
    var made: OpaquePointer?
    let batch = try example?.pointer
    try Shim.check(try Shim.table.plan_new(descriptions, Int64(descriptions.count), batch, &made))
    return made!
  }
}

extension ConvNd {
  /// The zeros on each side, where both sides have as many.
  fileprivate var symmetricPadding: [Int]? {
    switch padding {
    case .explicit(let sizes): return sizes
    case .none: return kernelSize.map { _ in 0 }
    case .sameSize:
      let totals = kernelSize.indices.map { dilation[$0] * (kernelSize[$0] - 1) }
      return totals.allSatisfy { $0 % 2 == 0 } ? totals.map { $0 / 2 } : nil
    }
  }
}
