/// A deep residual network, as `torchvision.models.resnet18` with basic blocks and `resnet50` with bottlenecks:
/// the same layers, keys and first weights.
///
/// Input `[N, channels, H, W]`; the maps are halved five times; output `[N, classes]`. Convolutions start
/// normal by their fan out, batch normalisation as the identity.
/// - Source: He et al. 2015, https://arxiv.org/abs/1512.03385
final class ResNet: Module, ScriptedModule, Stack {
  let conv1: Conv2d
  let bn1 = BatchNorm2d(numFeatures: 64)
  let relu = ReLU(inplace: true)
  let maxpool = MaxPool2d(kernelSize: 3, stride: 2, padding: 1)
  let layer1: Sequential
  let layer2: Sequential
  let layer3: Sequential
  let layer4: Sequential
  let avgpool = AdaptiveAvgPool2d(outputSize: [1, 1])
  let fc: Linear

  /// - Parameters:
  ///   - blocks: how many blocks of each of the four sizes.
  ///   - bottleneck: which kind of block; with bottlenecks 256, 512, 1024 and 2048 maps, else a quarter.
  init(blocks: [Int], bottleneck: Bool = false, channels: Int, classes: Int) {
    let expansion = bottleneck ? Bottleneck.expansion : 1
    func layer(_ inputs: Int, _ width: Int, blocks: Int, stride: Int) -> Sequential {
      func block(_ inputs: Int, stride: Int) -> Module {
        bottleneck
          ? Bottleneck(inputs, width, stride: stride) : BasicBlock(inputs, width, stride: stride)
      }
      return Sequential {
        block(inputs, stride: stride)
        for _ in 1..<blocks { block(width * expansion, stride: 1) }
      }
    }
    conv1 = Conv2d(
      inChannels: channels, outChannels: 64, kernelSize: 7, stride: 2, padding: 3, bias: false)
    layer1 = layer(64, 64, blocks: blocks[0], stride: 1)
    layer2 = layer(64 * expansion, 128, blocks: blocks[1], stride: 2)
    layer3 = layer(128 * expansion, 256, blocks: blocks[2], stride: 2)
    layer4 = layer(256 * expansion, 512, blocks: blocks[3], stride: 2)
    fc = Linear(inFeatures: 512 * expansion, outFeatures: classes)
    super.init()
    for case let conv as Conv2d in namedModules().map(\.module) {
      // It fails only where there is no libtorch; then every use of the weight says so.
      _ = try? kaimingNormal(conv.weight, mode: .fanOut)
    }
  }

  override func forward(_ input: Tensor) throws -> Tensor {
    let maps = try maxpool(relu(bn1(conv1(input))))
    return try fc(avgpool(layer4(layer3(layer2(layer1(maps))))).flatten(startDim: 1))
  }

  var stack: [Module] {
    [conv1, bn1, relu, maxpool, layer1, layer2, layer3, layer4, avgpool, Flatten(), fc]
  }

  let torchScript = """
    input = self.maxpool.forward(self.relu.forward(self.bn1.forward(self.conv1.forward(input))))
    input = self.layer2.forward(self.layer1.forward(input))
    input = self.avgpool.forward(self.layer4.forward(self.layer3.forward(input)))
    return self.fc.forward(torch.flatten(input, 1, -1))
    """
}

/// Two 3×3 convolutions whose result is added to the input: `relu(F(x) + x)`. Where the number or the size of
/// the maps changes, a 1×1 convolution brings x to the new shape.
///
/// `[N, inputs, H, W]` → `[N, outputs, ⌈H / stride⌉, ⌈W / stride⌉]`.
final class BasicBlock: Module, ScriptedModule, ResidualBlock {
  let conv1: Conv2d
  let bn1: BatchNorm2d
  let relu = ReLU(inplace: true)
  let conv2: Conv2d
  let bn2: BatchNorm2d
  let downsample: Sequential?

  init(_ inputs: Int, _ outputs: Int, stride: Int) {
    // PyTorch draws the weights of the shortcut first.
    downsample = shortcut(inputs, outputs, stride: stride)
    conv1 = Conv2d(
      inChannels: inputs, outChannels: outputs, kernelSize: 3, stride: stride, padding: 1, bias: false)
    bn1 = BatchNorm2d(numFeatures: outputs)
    conv2 = Conv2d(inChannels: outputs, outChannels: outputs, kernelSize: 3, padding: 1, bias: false)
    bn2 = BatchNorm2d(numFeatures: outputs)
  }

  override func forward(_ input: Tensor) throws -> Tensor {
    let residual = try bn2(conv2(relu(bn1(conv1(input)))))
    return try relu(residual.add_(downsample?(input) ?? input))
  }

  var mainPath: [Module] { [conv1, bn1, relu, conv2, bn2] }
  var shortcutPath: [Module] { downsample.map { [$0] } ?? [] }

  var torchScript: String {
    """
    residual = self.relu.forward(self.bn1.forward(self.conv1.forward(input)))
    residual = self.bn2.forward(self.conv2.forward(residual))
    return self.relu.forward(residual.add_(\(downsample == nil ? "input" : "self.downsample.forward(input)")))
    """
  }
}

/// A 3×3 convolution between two of 1×1, which make the maps fewer and then four times as many; the result is
/// added to the input as in `BasicBlock`. Of more layers for the same work.
///
/// `[N, inputs, H, W]` → `[N, 4·width, ⌈H / stride⌉, ⌈W / stride⌉]`.
final class Bottleneck: Module, ScriptedModule, ResidualBlock {
  static let expansion = 4
  let conv1: Conv2d
  let bn1: BatchNorm2d
  let conv2: Conv2d
  let bn2: BatchNorm2d
  let conv3: Conv2d
  let bn3: BatchNorm2d
  let relu = ReLU(inplace: true)
  let downsample: Sequential?

  init(_ inputs: Int, _ width: Int, stride: Int) {
    let outputs = width * Self.expansion
    downsample = shortcut(inputs, outputs, stride: stride)
    conv1 = Conv2d(inChannels: inputs, outChannels: width, kernelSize: 1, bias: false)
    bn1 = BatchNorm2d(numFeatures: width)
    conv2 = Conv2d(
      inChannels: width, outChannels: width, kernelSize: 3, stride: stride, padding: 1, bias: false)
    bn2 = BatchNorm2d(numFeatures: width)
    conv3 = Conv2d(inChannels: width, outChannels: outputs, kernelSize: 1, bias: false)
    bn3 = BatchNorm2d(numFeatures: outputs)
  }

  override func forward(_ input: Tensor) throws -> Tensor {
    let inner = try relu(bn2(conv2(relu(bn1(conv1(input))))))
    return try relu(bn3(conv3(inner)).add_(downsample?(input) ?? input))
  }

  var mainPath: [Module] { [conv1, bn1, relu, conv2, bn2, relu, conv3, bn3] }
  var shortcutPath: [Module] { downsample.map { [$0] } ?? [] }

  var torchScript: String {
    """
    residual = self.relu.forward(self.bn1.forward(self.conv1.forward(input)))
    residual = self.relu.forward(self.bn2.forward(self.conv2.forward(residual)))
    residual = self.bn3.forward(self.conv3.forward(residual))
    return self.relu.forward(residual.add_(\(downsample == nil ? "input" : "self.downsample.forward(input)")))
    """
  }
}

/// The 1×1 convolution that brings a block's input to the shape of its result; nil where it has it already.
private func shortcut(_ inputs: Int, _ outputs: Int, stride: Int) -> Sequential? {
  guard inputs != outputs || stride != 1 else { return nil }
  return Sequential {
    Conv2d(inChannels: inputs, outChannels: outputs, kernelSize: 1, stride: stride, bias: false)
    BatchNorm2d(numFeatures: outputs)
  }
}
