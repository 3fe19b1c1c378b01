// The five steps of the digits course, each `[N, channels, height, width]` → `[N, classes]`.

/// Step a: one dense layer; its outputs are the logits of a softmax. 7 850 parameters on 28×28 and 10 classes.
func softmaxNet(_ image: ImageSize, classes: Int) -> Sequential {
  Sequential {
    Flatten()
    Linear(inFeatures: image.count, outFeatures: classes)
  }
}

/// Steps b, c and d: dense layers 200-100-60-30, each followed by `activation` and, in step d, by dropout.
func digitsMLP(
  _ image: ImageSize, classes: Int, dropout: Double? = nil, activation: () -> Module
) -> Sequential {
  let sizes = [image.count, 200, 100, 60, 30]
  return Sequential {
    Flatten()
    for (input, output) in zip(sizes, sizes.dropFirst()) {
      Linear(inFeatures: input, outFeatures: output)
      activation()
      if let dropout { Dropout(p: dropout) }
    }
    Linear(inFeatures: 30, outFeatures: classes)
  }
}

/// The digits CNN: two 5×5 convolutions with pooling, then two dense layers with dropout. 3 274 634 parameters
/// on 28×28 and 10 classes.
func digitsCNN(_ image: ImageSize, classes: Int) -> Sequential {
  Sequential {
    Conv2d(inChannels: image.channels, outChannels: 32, kernelSize: 5, padding: .same)
    ReLU()
    MaxPool2d(kernelSize: 2)
    Conv2d(inChannels: 32, outChannels: 64, kernelSize: 5, padding: .same)
    ReLU()
    MaxPool2d(kernelSize: 2)
    Flatten()
    Linear(inFeatures: 64 * (image.height / 2 / 2) * (image.width / 2 / 2), outFeatures: 1024)
    ReLU()
    Dropout(p: 0.4)
    Linear(inFeatures: 1024, outFeatures: classes)
  }
}

/// Step e: pairs of 3×3 convolutions with 32 and 64 maps, batch normalisation after each, then two dense
/// layers with dropout. Normalised layers need no bias.
func digitsBatchNormCNN(_ image: ImageSize, classes: Int) -> Sequential {
  func block(_ inputs: Int, _ outputs: Int) -> [Module] {
    [
      Conv2d(inChannels: inputs, outChannels: outputs, kernelSize: 3, padding: 1, bias: false),
      BatchNorm2d(numFeatures: outputs), ReLU(),
    ]
  }
  return Sequential {
    block(image.channels, 32)
    block(32, 32)
    MaxPool2d(kernelSize: 2)
    block(32, 64)
    block(64, 64)
    MaxPool2d(kernelSize: 2)
    Flatten()
    Dropout(p: 0.4)
    Linear(inFeatures: 64 * (image.height / 2 / 2) * (image.width / 2 / 2), outFeatures: 200, bias: false)
    BatchNorm1d(numFeatures: 200)
    ReLU()
    Dropout(p: 0.4)
    Linear(inFeatures: 200, outFeatures: classes)
  }
}

/// LeNet-5 of 1998: tanh and average pooling. Images below 32×32 are padded by 2: 28×28 become the paper's size.
/// - Source: LeCun et al. 1998, http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf
func lenet(_ image: ImageSize, classes: Int) -> Sequential {
  let padding = image.height < 32 || image.width < 32 ? 2 : 0
  func after(_ size: Int) -> Int { ((size + 2 * padding - 4) / 2 - 4) / 2 }
  return Sequential {
    Conv2d(inChannels: image.channels, outChannels: 6, kernelSize: 5, padding: padding)
    Tanh()
    AvgPool2d(kernelSize: 2)
    Conv2d(inChannels: 6, outChannels: 16, kernelSize: 5)
    Tanh()
    AvgPool2d(kernelSize: 2)
    Flatten()
    Linear(inFeatures: 16 * after(image.height) * after(image.width), outFeatures: 120)
    Tanh()
    Linear(inFeatures: 120, outFeatures: 84)
    Tanh()
    Linear(inFeatures: 84, outFeatures: classes)
  }
}
