/// A class for every pixel: an encoder that halves the maps twice, and a decoder of transposed convolutions
/// that brings them back.
///
/// `[N, channels, H, W]` → `[N, classes, H, W]`, logits; H and W are multiples of 4.
/// - Source: the idea is that of Long, Shelhamer & Darrell 2015, https://arxiv.org/abs/1411.4038
func segmenter(channels: Int, classes: Int) -> Sequential {
  Sequential([
    "encoder": Sequential {
      Conv2d(inChannels: channels, outChannels: 16, kernelSize: 3, padding: 1)
      ReLU()
      MaxPool2d(kernelSize: 2)
      Conv2d(inChannels: 16, outChannels: 32, kernelSize: 3, padding: 1)
      ReLU()
      MaxPool2d(kernelSize: 2)
      Conv2d(inChannels: 32, outChannels: 64, kernelSize: 3, padding: 1)
      ReLU()
    },
    "decoder": Sequential {
      ConvTranspose2d(inChannels: 64, outChannels: 32, kernelSize: 2, stride: 2)
      ReLU()
      Conv2d(inChannels: 32, outChannels: 32, kernelSize: 3, padding: 1)
      ReLU()
      ConvTranspose2d(inChannels: 32, outChannels: 16, kernelSize: 2, stride: 2)
      ReLU()
      Conv2d(inChannels: 16, outChannels: classes, kernelSize: 1)
    },
  ])
}

/// An encoder that makes a picture into `code` numbers, and a decoder of transposed convolutions that makes
/// numbers into a picture: with numbers of one's own it generates pictures.
///
/// `[N, channels, H, W]` → `encoder` → `[N, code, 1, 1]` → `decoder` → `[N, channels, H, W]`, pixels between 0 and 1;
/// H and W are multiples of 4.
/// - Source: the decoder's form is that of Radford, Metz & Chintala 2015, https://arxiv.org/abs/1511.06434
func autoencoder(_ image: ImageSize, code: Int = 16) -> Sequential {
  let last = [image.height / 4, image.width / 4]
  return Sequential([
    "encoder": Sequential {
      Conv2d(inChannels: image.channels, outChannels: 16, kernelSize: 4, stride: 2, padding: 1)
      ReLU()
      Conv2d(inChannels: 16, outChannels: 32, kernelSize: 4, stride: 2, padding: 1)
      ReLU()
      Conv2d(inChannels: 32, outChannels: code, kernelSize: last)
    },
    "decoder": Sequential {
      ConvTranspose2d(inChannels: code, outChannels: 32, kernelSize: last)
      ReLU()
      ConvTranspose2d(inChannels: 32, outChannels: 16, kernelSize: 4, stride: 2, padding: 1)
      ReLU()
      ConvTranspose2d(inChannels: 16, outChannels: image.channels, kernelSize: 4, stride: 2, padding: 1)
      Sigmoid()
    },
  ])
}
