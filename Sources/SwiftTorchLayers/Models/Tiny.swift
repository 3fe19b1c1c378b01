/// A 3×3 convolution to 8 maps, pooling and a dense layer.
///
/// `[N, channels, height, width]` → 8 maps of `⌊(height − 2) / 2⌋ × ⌊(width − 2) / 2⌋` → `[N, classes]`.
func tinyNet(_ image: ImageSize, classes: Int) -> Sequential {
  Sequential {
    Conv2d(inChannels: image.channels, outChannels: 8, kernelSize: 3)
    ReLU()
    MaxPool2d(kernelSize: 2)
    Flatten()
    Linear(inFeatures: 8 * ((image.height - 2) / 2) * ((image.width - 2) / 2), outFeatures: classes)
  }
}

/// X or O: three filters for the two diagonals and their crossing, twice, and a dense layer with two votes.
///
/// Its picture is 9×9; pooling keeps the last row and column of an odd size: 9 → 7 → 4, then 4 → 2.
func xOrONet(_ image: ImageSize, classes: Int) -> Sequential {
  func after(_ size: Int) -> Int { ((size - 2 + 1) / 2 + 1) / 2 }
  return Sequential {
    Conv2d(inChannels: image.channels, outChannels: 3, kernelSize: 3)
    ReLU()
    MaxPool2d(kernelSize: 2, ceilMode: true)
    Conv2d(inChannels: 3, outChannels: 3, kernelSize: 3, padding: .same)
    ReLU()
    MaxPool2d(kernelSize: 2, ceilMode: true)
    Flatten()
    Linear(inFeatures: 3 * after(image.height) * after(image.width), outFeatures: classes)
  }
}
