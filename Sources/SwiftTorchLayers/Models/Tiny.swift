/// A 3×3 convolution to 8 maps, pooling and a dense layer.
///
/// `[N, channels, height, width]` → 8 maps of `⌊(height − 2) / 2⌋ × ⌊(width − 2) / 2⌋` → `[N, classes]`.
func tinyNet(channels: Int, height: Int, width: Int, classes: Int) -> Sequential {
  Sequential {
    Conv2d(inChannels: channels, outChannels: 8, kernelSize: 3)
    ReLU()
    MaxPool2d(kernelSize: 2)
    Flatten()
    Linear(inFeatures: 8 * ((height - 2) / 2) * ((width - 2) / 2), outFeatures: classes)
  }
}
