import CTorchShim

/// Forward and backward pass of a stack of layers without autograd's tape: the structure is known, so the
/// backward pass is called operator by operator, in C++, without a graph. Faster the smaller the layers are.
///
/// The same operators compute as on the tape, in the same order, so that the gradients are the same.
public final class StepPlan {
  private let plan: OpaquePointer
  /// Keeps the parameters, whose gradients a step sets.
  private let model: Module

  /// - Returns: nil when `model` is not a `Sequential` of layers that a plan knows, or `loss` not the mean
  ///   cross-entropy.
  /// - Throws: `TorchError` without a usable shim.
  public init?(_ model: Module, loss: any Loss = CrossEntropyLoss()) throws {
    guard let entropy = loss as? CrossEntropyLoss, entropy.isPlain, let layers = StepPlan.layers(of: model)
    else { return nil }
    self.model = model
    var made: OpaquePointer?
    // The descriptions point into these lists for the length of the call.
    let lists = layers.map { layer in
      let list = UnsafeMutableBufferPointer<Int64>.allocate(capacity: max(1, layer.integers.count))
      _ = list.initialize(from: layer.integers)
      return list
    }
    defer { for list in lists { list.deallocate() } }
    let descriptions = try zip(layers, lists).map { layer, list in
      shim_plan_layer(
        kind: Int32(layer.kind), reserved: 0, weight: try layer.weight?.pointer,
        bias: try layer.bias?.pointer,
        integers: UnsafePointer(list.baseAddress!), count: Int64(layer.integers.count), p: layer.p)
    }
    try Shim.check(try Shim.table.plan_new(descriptions, Int64(descriptions.count), &made))
    plan = made!
  }

  deinit { (try? Shim.table)?.plan_release(plan) }

  /// Logits and mean cross-entropy of a batch; every parameter's gradient is set.
  /// - Throws: `TorchError` naming the layer that the batch does not fit.
  public func step(_ images: Tensor, _ labels: Tensor) throws -> (logits: Tensor, loss: Tensor) {
    var (logits, loss): (OpaquePointer?, OpaquePointer?)
    let status = try Shim.table.plan_step(plan, try images.pointer, try labels.pointer, &logits, &loss)
    guard status == SHIM_OK else {
      let error = Shim.error(status)
      // On the tape the error gains the layer's name.
      if error.kind == .invalid { _ = try noGrad { try crossEntropy(model(images), labels) } }
      throw error
    }
    return (Tensor(owning: logits!), Tensor(owning: loss!))
  }

  // MARK: Which layers

  private struct Layer {
    let kind: Int
    var weight: Tensor?
    var bias: Tensor?
    var integers: [Int64] = []
    var p = 0.0
  }

  /// Whether a model can do its steps by a plan.
  public static func supports(_ model: Module) -> Bool { layers(of: model) != nil }

  private static func layers(of model: Module) -> [Layer]? {
    guard let sequential = model as? Sequential else { return layer(model).map { [$0] } }
    var layers: [Layer] = []
    for module in sequential.modules where !(module is Identity) {
      guard let inner = StepPlan.layers(of: module) else { return nil }
      layers += inner
    }
    return layers
  }

  private static func layer(_ module: Module) -> Layer? {
    func integers(_ lists: [Int]...) -> [Int64] { lists.joined().map(Int64.init) }
    switch module {
    case let conv as ConvNd:
      guard conv.paddingMode == .zeros, let padding = conv.symmetricPadding else { return nil }
      return Layer(
        kind: Int(SHIM_PLAN_CONVOLUTION), weight: conv.weight, bias: conv.bias,
        integers: integers(conv.stride, padding, conv.dilation, [conv.groups]))
    case let linear as Linear:
      return Layer(kind: Int(SHIM_PLAN_LINEAR), weight: linear.weight, bias: linear.bias)
    case is ReLU: return Layer(kind: Int(SHIM_PLAN_RELU))
    case is Sigmoid: return Layer(kind: Int(SHIM_PLAN_SIGMOID))
    case is Tanh: return Layer(kind: Int(SHIM_PLAN_TANH))
    case let pool as MaxPool2d:
      return Layer(
        kind: Int(SHIM_PLAN_MAX_POOL2D),
        integers: integers(pool.kernelSize, pool.stride, pool.padding, pool.dilation, [pool.ceilMode ? 1 : 0])
      )
    case let pool as AvgPool2d:
      return Layer(
        kind: Int(SHIM_PLAN_AVG_POOL2D),
        integers: integers(
          pool.kernelSize, pool.stride, pool.padding,
          [pool.ceilMode ? 1 : 0, pool.countIncludePad ? 1 : 0, pool.divisorOverride ?? 0]))
    case let flatten as Flatten:
      return flatten.startDim == 1 && flatten.endDim == -1 ? Layer(kind: Int(SHIM_PLAN_FLATTEN)) : nil
    case let dropout as Dropout:
      return Layer(kind: Int(SHIM_PLAN_DROPOUT), p: dropout.training ? dropout.p : 0)
    default: return nil
    }
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

extension CrossEntropyLoss {
  /// The mean over all images, without weights and smoothing.
  fileprivate var isPlain: Bool {
    weight == nil && ignoreIndex == -100 && reduction == .mean && labelSmoothing == 0
  }
}
