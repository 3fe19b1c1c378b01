/// A deep residual network of basic blocks, as `torchvision.models.resnet18` and `resnet34`: the same layers,
/// keys and first weights.
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

  /// - Parameter blocks: how many blocks have 64, 128, 256 and 512 maps.
  init(blocks: [Int], channels: Int, classes: Int) {
    func layer(_ inputs: Int, _ outputs: Int, blocks: Int, stride: Int) -> Sequential {
      Sequential {
        BasicBlock(inputs, outputs, stride: stride)
        for _ in 1..<blocks { BasicBlock(outputs, outputs, stride: 1) }
      }
    }
    conv1 = Conv2d(
      inChannels: channels, outChannels: 64, kernelSize: 7, stride: 2, padding: 3, bias: false)
    layer1 = layer(64, 64, blocks: blocks[0], stride: 1)
    layer2 = layer(64, 128, blocks: blocks[1], stride: 2)
    layer3 = layer(128, 256, blocks: blocks[2], stride: 2)
    layer4 = layer(256, 512, blocks: blocks[3], stride: 2)
    fc = Linear(inFeatures: 512, outFeatures: classes)
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
    downsample =
      inputs == outputs && stride == 1
      ? nil
      : Sequential {
        Conv2d(inChannels: inputs, outChannels: outputs, kernelSize: 1, stride: stride, bias: false)
        BatchNorm2d(numFeatures: outputs)
      }
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

  var main: [Module] { [conv1, bn1, relu, conv2, bn2] }
  var shortcut: [Module] { downsample.map { [$0] } ?? [] }

  var torchScript: String {
    """
    residual = self.relu.forward(self.bn1.forward(self.conv1.forward(input)))
    residual = self.bn2.forward(self.conv2.forward(residual))
    return self.relu.forward(residual.add_(\(downsample == nil ? "input" : "self.downsample.forward(input)")))
    """
  }
}
