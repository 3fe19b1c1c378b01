/// A network of 3×3 convolutions alone: two of them see as far as one of 5×5, three as far as one of 7×7, with
/// fewer weights. As `torchvision.models.vgg11` and `vgg16`: the same layers, keys and first weights.
///
/// Input `[N, channels, H, W]`; the maps are halved five times, so that H and W are 32 or more; output
/// `[N, classes]`. Convolutions start normal by their fan out, dense layers normal with deviation 0.01, biases
/// at zero.
/// - Parameters:
///   - blocks: how many convolutions have 64, 128, 256, 512 and again 512 maps; pooling follows each block.
///   - dense: the size of the hidden dense layers.
/// - Source: Simonyan & Zisserman 2014, https://arxiv.org/abs/1409.1556
func vgg(blocks: [Int], channels: Int, classes: Int, dense: Int = 4096) -> Sequential {
  var inputs = channels
  var layers: [Module] = []
  for (count, outputs) in zip(blocks, [64, 128, 256, 512, 512]) {
    for _ in 0..<count {
      layers.append(Conv2d(inChannels: inputs, outChannels: outputs, kernelSize: 3, padding: 1))
      layers.append(ReLU(inplace: true))
      inputs = outputs
    }
    layers.append(MaxPool2d(kernelSize: 2, stride: 2))
  }
  let network = Sequential([
    "features": Sequential(layers),
    "avgpool": AdaptiveAvgPool2d(outputSize: 7),
    "flatten": Flatten(),
    "classifier": Sequential {
      Linear(inFeatures: 512 * 7 * 7, outFeatures: dense)
      ReLU(inplace: true)
      Dropout(p: 0.5)
      Linear(inFeatures: dense, outFeatures: dense)
      ReLU(inplace: true)
      Dropout(p: 0.5)
      Linear(inFeatures: dense, outFeatures: classes)
    },
  ])
  // It fails only where there is no libtorch; then every use of the tensors says so.
  _ = try? noGrad {
    for (_, module) in network.namedModules() {
      if let conv = module as? Conv2d {
        _ = try kaimingNormal(conv.weight, mode: .fanOut)
        try conv.bias?.fill_(0)
      } else if let linear = module as? Linear {
        try linear.weight.normal_(mean: 0, std: 0.01)
        try linear.bias?.fill_(0)
      }
    }
  }
  return network
}
