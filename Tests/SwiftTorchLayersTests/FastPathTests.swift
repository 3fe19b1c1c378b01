import SwiftTorchLayers
import Testing

/// Networks and batches in which a plan's steps or a frozen model once differed from the tape, or could.
@Suite("The fast path against the tape", .serialized)
struct FastPathTests {
  /// The largest difference between a plan's gradients and the tape's, as a share of the gradient's largest number.
  private func difference(_ model: Module, _ images: Tensor, steps: Int = 1) throws -> Double {
    try Torch.setNumThreads(1)
    let plan = try #require(try StepPlan(model))
    var worst = 0.0
    for step in 0..<steps {
      let labels = try Tensor.randint(0, 3, [images.shape[0]])
      try Torch.manualSeed(UInt64(step))
      _ = try plan.step(images, labels)
      let planned = model.parameters().map(\.grad)
      model.zeroGrad()
      try Torch.manualSeed(UInt64(step))
      try crossEntropy(model(images.clone()), labels).backward()
      for (gradient, parameter) in zip(planned, model.parameters()) {
        guard let tape = parameter.grad else {
          #expect(gradient == nil)
          continue
        }
        let distance = try (#require(gradient) - tape).abs().max().item(as: Double.self)
        let scale = try tape.abs().max().item(as: Double.self)
        worst = max(worst, distance.isNaN ? .infinity : distance / max(scale, 1e-9))
      }
      model.zeroGrad()
    }
    return worst
  }

  private func head(_ features: Int) -> [Module] {
    [Flatten(), Linear(inFeatures: features, outFeatures: 3)]
  }

  private func frozenDifference(_ model: Module, _ images: Tensor) throws -> Double {
    try Torch.setNumThreads(1)
    model.eval()
    let frozen = try #require(try FrozenModel(model, example: images))
    return try (frozen(images) - noGrad { try model(images) }).abs().max().item(as: Double.self)
  }

  /// Batch normalisation with statistics unlike those of the start.
  private func settled(_ model: Module, _ shape: [Int]) throws -> Module {
    try Torch.manualSeed(0)
    for _ in 0..<20 { _ = try noGrad { try model(Tensor.randn(shape) * 2 + 1) } }
    return model
  }

  @Test("batch normalisation behind a ReLU is not folded into the convolution before it")
  func foldedBehindReLU() throws {
    let model = try settled(
      Sequential {
        Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3, padding: 1)
        ReLU()
        BatchNorm2d(numFeatures: 4)
      }, [8, 1, 6, 6])
    #expect(try frozenDifference(model, Tensor.randn([8, 1, 6, 6])) < 1e-5)
  }

  @Test("folding scales the convolution's own bias, too")
  func foldedBias() throws {
    let model = try settled(
      Sequential {
        Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3)
        BatchNorm2d(numFeatures: 4)
        head(144)
      }, [8, 1, 8, 8])
    #expect(try frozenDifference(model, Tensor.randn([8, 1, 8, 8])) < 1e-5)
  }

  @Test("a frozen model hands NaN on: from an image, from a bias, and from numbers too large for float32")
  func nan() throws {
    let model = Sequential {
      Conv2d(inChannels: 4, outChannels: 16, kernelSize: 3, padding: 1)
      ReLU()
      Conv2d(inChannels: 16, outChannels: 16, kernelSize: 3, padding: 1)
      ReLU()
      head(16 * 400)
      ReLU()
    }.eval()
    func same(_ images: Tensor) throws {
      let frozen = try #require(try FrozenModel(model, example: images))
      let (own, tape) = (try frozen(images).isnan(), try noGrad { try model(images) }.isnan())
      #expect(try own.sum().item(as: Int.self) > 0)
      #expect(try own.bytes() == tape.bytes())
    }
    let images = try Tensor.randn([64, 4, 20, 20])
    try images.set(3, 2, 5, 5, to: Double.nan)
    try same(images)
    try images.set(3, 2, 5, 5, to: Double.infinity)
    try same(images)
    // With weights above zero every sum of the first convolution overflows, and ∞ − ∞ is in the second.
    try noGrad { _ = try model.parameters()[0].copy_(model.parameters()[0].abs()) }
    try same(Tensor.full([64, 4, 20, 20], 3e38))
    try noGrad { try model.parameters()[1].set(0, to: Double.nan) }
    try same(Tensor.randn([64, 4, 20, 20]))
  }

  @Test("a layer that is used twice gets the sum of both gradients")
  func usedTwice() throws {
    try Torch.manualSeed(0)
    let conv = Conv2d(inChannels: 2, outChannels: 2, kernelSize: 3, padding: 1)
    let norm = BatchNorm2d(numFeatures: 2)
    let model = Sequential {
      conv
      norm
      ReLU()
      conv
      norm
      conv
      head(32)
    }
    #expect(try difference(model, Tensor.randn([4, 2, 4, 4]), steps: 2) < 1e-4)
  }

  @Test("what requires no gradient gets none, and nothing below the first trained layer is computed")
  func frozenLayers() throws {
    let model = Sequential {
      // A bias before batch normalisation has no gradient but rounding.
      Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3, bias: false)
      BatchNorm2d(numFeatures: 4)
      ReLU()
      MaxPool2d(kernelSize: 2)
      Conv2d(inChannels: 4, outChannels: 4, kernelSize: 2)
      head(16)
    }
    for frozen in [[0], [1], [0, 1], [4], [0, 1, 4], [6]] {
      try model.requiresGrad(true)
      for index in frozen { try model[index].requiresGrad(false) }
      // A gradient of earlier times is no gradient of this step.
      for parameter in model.parameters() { parameter.grad = try Tensor.onesLike(parameter.detach()) }
      #expect(try difference(model, Tensor.randn([5, 1, 8, 8])) < 1e-4, "\(frozen)")
    }
    try model.requiresGrad(true)
    model[4].parameters()[1].requiresGrad = false
    #expect(try difference(model, Tensor.randn([5, 1, 8, 8])) < 1e-4)
    try model.requiresGrad(false)
    let plan = try #require(try StepPlan(model))
    #expect(throws: TorchError.self) { try plan.step(Tensor.randn([5, 1, 8, 8]), Tensor([0, 1, 2, 0, 1])) }
  }

  @Test("a frozen layer is not trained, and batch normalisation in evaluation mode keeps its statistics")
  func fitKeepsModes() throws {
    let data = ImageDataset(
      images: try Tensor.randint(0, 255, [40, 1, 8, 8]).to(.uint8),
      labels: try Tensor((0..<40).map { Int64($0 % 4) }), classes: ["a", "b", "c", "d"])
    for withoutTape in [false, true] {
      let (conv, norm) = (
        Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3), BatchNorm2d(numFeatures: 4)
      )
      let model = Sequential {
        conv
        norm
        ReLU()
        Flatten()
        Linear(inFeatures: 144, outFeatures: 4)
      }
      try conv.requiresGrad(false)
      norm.eval()
      let before = try conv.weight.detach().clone()
      let optimizer = Adam(model.parameters(), lr: 0.01)
      // As though somebody had called backward() before it was frozen.
      conv.weight.grad = try Tensor.onesLike(before)
      let loader = try DataLoader(
        data, batchSize: 10, shuffle: true, normalization: Normalization(mean: [0.5], std: [0.25]))
      try Trainer(model, optimizer: optimizer, loader: loader, withoutTape: withoutTape).fit(epochs: 2)
      #expect(try (before - conv.weight.detach()).abs().max().item(as: Double.self) == 0)
      #expect(!norm.training && model.training)
      #expect(try norm.runningMean?.abs().max().item(as: Double.self) == 0)
      #expect(try norm.numBatchesTracked?.item(as: Int.self) == 0)
    }
  }

  @Test("a module's mode counts at each step, also where it changes between them")
  func modes() throws {
    let norm = BatchNorm2d(numFeatures: 4)
    let dropout = Dropout()
    let model = Sequential {
      Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3)
      norm
      dropout
      head(144)
    }
    let plan = try #require(try StepPlan(model))
    let (images, labels) = (try Tensor.randn([6, 1, 8, 8]), try Tensor([0, 1, 2, 0, 1, 2]))
    _ = try plan.step(images, labels)
    norm.eval()
    dropout.eval()
    let before = try norm.runningMean?.bytes()
    let logits = try plan.step(images, labels).logits
    #expect(try norm.runningMean?.bytes() == before)
    let tape = try noGrad { try model(images) }
    #expect(try (logits - tape).abs().max().item(as: Double.self) < 1e-5)
  }

  @Test("train(_:) can be overridden, and reaches every module through its parent's")
  func trainIsOpen() {
    final class Backbone: Module {
      let norm = BatchNorm2d(numFeatures: 3)
      override func train(_ mode: Bool = true) -> Self {
        super.train(mode)
        norm.train(false)
        return self
      }
    }
    let (backbone, dropout) = (Backbone(), Dropout())
    let model = Sequential {
      backbone
      dropout
    }
    model.train()
    #expect(backbone.training && dropout.training && !backbone.norm.training)
    model.eval()
    #expect(!backbone.training && !dropout.training)
  }

  @Test("dropout of everything gives zeros and draws nothing", arguments: [1.0, 0.5, 0])
  func dropoutOfAll(_ p: Double) throws {
    let model = Sequential {
      Linear(inFeatures: 6, outFeatures: 5)
      Dropout(p: p)
      Linear(inFeatures: 5, outFeatures: 3)
    }
    #expect(try difference(model, Tensor.randn([4, 6])) < 1e-5)
    try Torch.manualSeed(1)
    let before = try Generator.default().state().bytes()
    let (logits, loss) = try #require(try StepPlan(model)).step(Tensor.randn([4, 6]), Tensor([0, 1, 2, 0]))
    #expect(try logits.isfinite().all().item(as: Bool.self) && loss.item(as: Double.self).isFinite)
    let random = try Tensor.randn([4, 6])  // the step's images were drawn, too
    try Generator.default().setState(Tensor(before, shape: [before.count]))
    _ = try Tensor.randn([4, 6])
    #expect(try (random.bytes() == Tensor.randn([4, 6]).bytes()) == (p != 0.5))
  }

  @Test("dense layers take images that were not flattened, of any number of dimensions")
  func denseOnImages() throws {
    for shape in [[3, 2, 4, 6], [3, 4, 6], [3, 6]] {
      let model = Sequential {
        Linear(inFeatures: 6, outFeatures: 5)
        ReLU()
        Linear(inFeatures: 5, outFeatures: 2, bias: false)
        head(shape.dropFirst().dropLast().reduce(2, *))
      }
      let images = try Tensor.randn(shape)
      #expect(try difference(model, images) < 1e-5)
      #expect(try frozenDifference(model, images) < 1e-5)
    }
  }

  @Test("batches that a plan cannot do are done on the tape: labels of pixels, images with a gradient")
  func onTheTape() throws {
    let model = Sequential { Conv2d(inChannels: 2, outChannels: 3, kernelSize: 3, padding: 1) }
    let plan = try #require(try StepPlan(model))
    let images = try Tensor.randn([2, 2, 5, 5])
    let labels = try Tensor.randint(0, 3, [2, 5, 5])
    let loss = try plan.step(images, labels).loss
    let planned = try #require(model.parameters()[0].grad).bytes()
    model.zeroGrad()
    let tape = try crossEntropy(model(images), labels)
    try tape.backward()
    #expect(try loss.bytes() == tape.detach().bytes())
    #expect(try planned == #require(model.parameters()[0].grad).bytes())

    let classifier = Sequential { head(50) }
    try images.requiresGrad(true)
    _ = try #require(try StepPlan(classifier)).step(images, Tensor([0, 1]))
    #expect(images.grad != nil)
  }

  @Test("under autocast a plan and a frozen model refuse rather than compute half of it in 16 bits")
  func underAutocast() throws {
    let model = Sequential { head(50) }
    let images = try Tensor.randn([2, 2, 5, 5])
    let plan = try #require(try StepPlan(model))
    let frozen = try #require(try FrozenModel(model, example: images))
    try autocast(.cpu, dtype: .bfloat16) {
      #expect(throws: TorchError.self) { try plan.step(images, Tensor([0, 1])) }
      #expect(throws: TorchError.self) { try frozen(images) }
    }
    _ = try plan.step(images, Tensor([0, 1]))
  }

  @Test("the images stay as they are, whatever comes first")
  func imagesAreKept() throws {
    let images = try Tensor.randn([2, 1, 8, 8])
    let before = try images.bytes()
    for first in [ReLU(), Dropout(p: 0), Identity(), MaxPool2d(kernelSize: 1)] as [Module] {
      let model = Sequential {
        first
        ReLU()
        head(64)
      }
      _ = try #require(try StepPlan(model)).step(images, Tensor([0, 1]))
      let frozen = try #require(try FrozenModel(model, example: images))
      _ = try frozen(images)
      #expect(try images.bytes() == before)
    }
  }

  @Test("where libtorch is wrong with the channels last, a plan keeps them first, for large images too")
  func unsafeLayouts() throws {
    for (channels, kernel, stride) in [(3, 1, 2), (1, 2, 3)] {
      let model = Sequential {
        Conv2d(inChannels: channels, outChannels: 8, kernelSize: kernel, stride: stride)
        ReLU()
        AdaptiveAvgPool2d(outputSize: [3, 3])
        head(72)
      }
      #expect(try difference(model, Tensor.randn([64, channels, 150, 150]), steps: 3) < 1e-3)
    }
  }

  @Test("of equal numbers in a window the first one gets the gradient")
  func ties() throws {
    for layers in [[], [ReLU()]] as [[Module]] {
      let conv = Conv2d(inChannels: 1, outChannels: 2, kernelSize: 3)
      let model = Sequential {
        conv
        layers
        MaxPool2d(kernelSize: 2)
        head(18)
      }
      // All maps are flat.
      try noGrad {
        _ = try conv.weight.fill_(0)
        _ = try #require(conv.bias).fill_(0.5)
      }
      #expect(try difference(model, Tensor.randn([5, 1, 8, 8])) < 1e-4)
    }
  }

  @Test(
    "a number of channels that fills no vector; a last window that reaches over the edge",
    arguments: [20, 17, 1])
  func poolingTails(_ channels: Int) throws {
    for (size, ceilMode) in [(24, false), (25, false), (25, true)] {
      let model = Sequential {
        Conv2d(inChannels: 1, outChannels: channels, kernelSize: 5)
        ReLU()
        MaxPool2d(kernelSize: 2, ceilMode: ceilMode)
        AdaptiveAvgPool2d(outputSize: 5)
        head(channels * 25)
      }
      #expect(try difference(model, Tensor.randn([64, 1, size, size])) < 1e-3, "\(size) \(ceilMode)")
    }
  }

  @Test("average pooling divides by what it is told, and global pooling by the size of the map")
  func averages() throws {
    for pool in [
      AvgPool2d(kernelSize: 2, divisorOverride: 3),
      AvgPool2d(kernelSize: 2, padding: 1, countIncludePad: false),
      AdaptiveAvgPool2d(outputSize: 1), AdaptiveAvgPool2d(outputSize: [2, 3]),
    ] as [Module] {
      let features = try noGrad { try pool(Tensor.zeros([1, 4, 6, 6])).numel }
      let model = Sequential {
        Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3)
        pool
        head(features)
      }
      #expect(try difference(model, Tensor.randn([8, 1, 8, 8])) < 1e-4)
      #expect(try frozenDifference(model, Tensor.randn([8, 1, 8, 8])) < 1e-5)
    }
    // PyTorch pools a matrix of features, too: to one number.
    let ofMatrix = Sequential {
      Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3)
      Flatten()
      AdaptiveAvgPool2d(outputSize: 1)
      Linear(inFeatures: 1, outFeatures: 3)
    }
    #expect(try difference(ofMatrix, Tensor.randn([1, 1, 8, 8])) < 1e-4)
  }

  @Test("NaN in a window comes out of it")
  func nanInWindow() throws {
    let model = Sequential {
      MaxPool2d(kernelSize: 2)
      head(16)
    }
    let images = try Tensor.randn([2, 1, 8, 8])
    try images.set(0, 0, 1, 1, to: Double.nan)
    let logits = try #require(try StepPlan(model)).step(images, Tensor([0, 1])).logits
    #expect(try logits[0].isnan().all().item(as: Bool.self))
    #expect(try logits[1].isfinite().all().item(as: Bool.self))
  }
}
