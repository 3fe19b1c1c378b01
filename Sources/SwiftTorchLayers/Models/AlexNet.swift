/// AlexNet as in the paper: two towers that see each other's maps only in the third layer (two groups in
/// layers 2, 4 and 5), local response normalisation, overlapping pooling.
///
/// Input `[N, channels, H, W]` with H and W of 63 or more, 224 in the paper; output `[N, classes]`. With the
/// paper's 224 the stride of 4 gives 55.25 positions, of which 55 are taken. Weights start normal with deviation
/// 0.01, the biases of layers 2, 4, 5 and of the hidden dense layers at 1, so that ReLU starts on its rising
/// side, all others at 0. 60 965 224 parameters on 3×224×224 and 1000 classes.
/// - Parameter dense: the size of the hidden dense layers.
/// - Source: Krizhevsky, Sutskever & Hinton 2012,
///   https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks
func alexnet2012(channels: Int, classes: Int, dense: Int = 4096) -> Sequential {
  // The paper's α is not divided by the number of channels.
  func normalization() -> Module { LocalResponseNorm(size: 5, alpha: 5e-4, beta: 0.75, k: 2) }
  let network = Sequential([
    "features": Sequential {
      Conv2d(inChannels: channels, outChannels: 96, kernelSize: 11, stride: 4, padding: 2)
      ReLU()
      normalization()
      MaxPool2d(kernelSize: 3, stride: 2)
      Conv2d(inChannels: 96, outChannels: 256, kernelSize: 5, padding: 2, groups: 2)
      ReLU()
      normalization()
      MaxPool2d(kernelSize: 3, stride: 2)
      Conv2d(inChannels: 256, outChannels: 384, kernelSize: 3, padding: 1)
      ReLU()
      Conv2d(inChannels: 384, outChannels: 384, kernelSize: 3, padding: 1, groups: 2)
      ReLU()
      Conv2d(inChannels: 384, outChannels: 256, kernelSize: 3, padding: 1, groups: 2)
      ReLU()
      MaxPool2d(kernelSize: 3, stride: 2)
    },
    "avgpool": AdaptiveAvgPool2d(outputSize: 6),
    "flatten": Flatten(),
    "classifier": Sequential {
      Dropout(p: 0.5)
      Linear(inFeatures: 256 * 6 * 6, outFeatures: dense)
      ReLU()
      Dropout(p: 0.5)
      Linear(inFeatures: dense, outFeatures: dense)
      ReLU()
      Linear(inFeatures: dense, outFeatures: classes)
    },
  ])
  let biasOfOne = ["features.4", "features.10", "features.12", "classifier.1", "classifier.4"]
  // It fails only where there is no libtorch; then every use of the tensors says so.
  _ = try? noGrad {
    for (name, tensor) in network.namedParameters() {
      if name.hasSuffix(".weight") {
        try tensor.normal_(mean: 0, std: 0.01)
      } else {
        try tensor.fill_(biasOfOne.contains { name == "\($0).bias" } ? 1 : 0)
      }
    }
  }
  return network
}

/// AlexNet in one column, as `torchvision.models.alexnet`: the same layers, keys and first weights.
///
/// Input `[N, channels, H, W]` with H and W of 63 or more, 224 in the paper; output `[N, classes]`.
/// - Parameter dense: the size of the hidden dense layers.
/// - Source: Krizhevsky 2014, https://arxiv.org/abs/1404.5997
func alexnet(channels: Int, classes: Int, dense: Int = 4096) -> Sequential {
  Sequential([
    "features": Sequential {
      Conv2d(inChannels: channels, outChannels: 64, kernelSize: 11, stride: 4, padding: 2)
      ReLU(inplace: true)
      MaxPool2d(kernelSize: 3, stride: 2)
      Conv2d(inChannels: 64, outChannels: 192, kernelSize: 5, padding: 2)
      ReLU(inplace: true)
      MaxPool2d(kernelSize: 3, stride: 2)
      Conv2d(inChannels: 192, outChannels: 384, kernelSize: 3, padding: 1)
      ReLU(inplace: true)
      Conv2d(inChannels: 384, outChannels: 256, kernelSize: 3, padding: 1)
      ReLU(inplace: true)
      Conv2d(inChannels: 256, outChannels: 256, kernelSize: 3, padding: 1)
      ReLU(inplace: true)
      MaxPool2d(kernelSize: 3, stride: 2)
    },
    "avgpool": AdaptiveAvgPool2d(outputSize: 6),
    "flatten": Flatten(),
    "classifier": Sequential {
      Dropout(p: 0.5)
      Linear(inFeatures: 256 * 6 * 6, outFeatures: dense)
      ReLU(inplace: true)
      Dropout(p: 0.5)
      Linear(inFeatures: dense, outFeatures: dense)
      ReLU(inplace: true)
      Linear(inFeatures: dense, outFeatures: classes)
    },
  ])
}
