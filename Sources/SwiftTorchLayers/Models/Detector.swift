/// Detection in one pass: a grid of cells, each of which says whether an object's centre lies in it, where its
/// box is and of which class it is.
///
/// Input `[N, channels, H, W]`, output `[N, 5 + classes, ⌊H / 8⌋, ⌊W / 8⌋]`. Of a cell's numbers the first is the
/// logit of "there is an object", the next two the logits of its centre's place in the cell (x, y), then the
/// logarithms of its width and height in cells, then the logits of the classes.
/// - Source: the idea is that of Redmon et al. 2016, https://arxiv.org/abs/1506.02640
func detector(channels: Int, classes: Int) -> Sequential {
  func block(_ inputs: Int, _ outputs: Int) -> [Module] {
    [
      Conv2d(inChannels: inputs, outChannels: outputs, kernelSize: 3, padding: 1, bias: false),
      BatchNorm2d(numFeatures: outputs), ReLU(),
    ]
  }
  return Sequential {
    block(channels, 16)
    MaxPool2d(kernelSize: 2)
    block(16, 32)
    MaxPool2d(kernelSize: 2)
    block(32, 64)
    MaxPool2d(kernelSize: 2)
    block(64, 64)
    Conv2d(inChannels: 64, outChannels: 5 + classes, kernelSize: 1)
  }
}
