/// AlexNet in one column, as `torchvision.models.alexnet`: the same layers, keys and first weights.
///
/// Input `[N, channels, H, W]` with H and W of 63 or more, 224 in the paper; output `[N, classes]`.
/// - Source: Krizhevsky, Sutskever & Hinton 2012; in one column Krizhevsky 2014,
///   https://arxiv.org/abs/1404.5997
final class AlexNet: Module, ScriptedModule, Stack {
  let features: Sequential
  let avgpool = AdaptiveAvgPool2d(outputSize: [6, 6])
  let classifier: Sequential

  init(channels: Int, classes: Int, dropout: Double = 0.5) {
    features = Sequential {
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
    }
    classifier = Sequential {
      Dropout(p: dropout)
      Linear(inFeatures: 256 * 6 * 6, outFeatures: 4096)
      ReLU(inplace: true)
      Dropout(p: dropout)
      Linear(inFeatures: 4096, outFeatures: 4096)
      ReLU(inplace: true)
      Linear(inFeatures: 4096, outFeatures: classes)
    }
  }

  override func forward(_ input: Tensor) throws -> Tensor {
    try classifier(avgpool(features(input)).flatten(startDim: 1))
  }

  var stack: [Module] { [features, avgpool, Flatten(), classifier] }

  let torchScript = """
    input = self.avgpool.forward(self.features.forward(input))
    return self.classifier.forward(torch.flatten(input, 1, -1))
    """
}
