// Pairs that differ in one thing, to be trained side by side: `[N, channels, height, width]` → `[N, classes]`.

/// Dense layers alone, 2048-1024-512: 8 921 610 parameters on 3×32×32 and 10 classes.
func cifarMLP(_ image: ImageSize, classes: Int) -> Sequential {
  let sizes = [image.count, 2048, 1024, 512]
  return Sequential {
    Flatten()
    for (input, output) in zip(sizes, sizes.dropFirst()) {
      Linear(inFeatures: input, outFeatures: output)
      ReLU()
    }
    Linear(inFeatures: 512, outFeatures: classes)
  }
}

/// Convolutions before the dense layers: 2 168 362 parameters on 3×32×32 and 10 classes.
func cifarCNN(_ image: ImageSize, classes: Int) -> Sequential {
  Sequential {
    Conv2d(inChannels: image.channels, outChannels: 32, kernelSize: 3, padding: 1)
    ReLU()
    Conv2d(inChannels: 32, outChannels: 32, kernelSize: 3, padding: 1)
    ReLU()
    MaxPool2d(kernelSize: 2)
    Conv2d(inChannels: 32, outChannels: 64, kernelSize: 3, padding: 1)
    ReLU()
    Conv2d(inChannels: 64, outChannels: 64, kernelSize: 3, padding: 1)
    ReLU()
    MaxPool2d(kernelSize: 2)
    Flatten()
    Linear(inFeatures: 64 * (image.height / 2 / 2) * (image.width / 2 / 2), outFeatures: 512)
    ReLU()
    Linear(inFeatures: 512, outFeatures: classes)
  }
}

/// The same convolutions under two heads: dense layers over all positions, or global average pooling, which
/// has no parameters, takes any size and makes each of the last maps a detector of its own.
/// - Source of the second: Lin, Chen & Yan 2013, https://arxiv.org/abs/1312.4400
func headNet(_ image: ImageSize, classes: Int, globalPooling: Bool) -> Sequential {
  Sequential {
    Conv2d(inChannels: image.channels, outChannels: 32, kernelSize: 3, padding: 1)
    ReLU()
    MaxPool2d(kernelSize: 2)
    Conv2d(inChannels: 32, outChannels: 64, kernelSize: 3, padding: 1)
    ReLU()
    MaxPool2d(kernelSize: 2)
    Conv2d(inChannels: 64, outChannels: 128, kernelSize: 3, padding: 1)
    ReLU()
    if globalPooling {
      AdaptiveAvgPool2d(outputSize: 1)
      Flatten()
      Linear(inFeatures: 128, outFeatures: classes)
    } else {
      Flatten()
      Linear(inFeatures: 128 * (image.height / 2 / 2) * (image.width / 2 / 2), outFeatures: 128)
      ReLU()
      Linear(inFeatures: 128, outFeatures: classes)
    }
  }
}
