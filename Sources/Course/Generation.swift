import Formats
import SwiftTorchLayers

extension Lesson {
  /// The fourth part of C21.
  /// - Parameter classifier: says of what class a picture is, to see whether the reconstructions are recognised.
  func generation(_ classifier: Module, _ normalization: Normalization) throws {
    say(
      """
      4. Generation: pictures from numbers. An encoder makes a garment of 28x28 pixels into 16 numbers, its
      code; a decoder of transposed convolutions makes the picture again. Trained together, they keep in the
      code what tells garments apart. Then the decoder works without an encoder: it draws any code.
      """)
    // Each picture is to be had again from its own pixels, 0 to 1.
    let pixels = Normalization(mean: [0], std: [1])
    var train = try NamedDataset.fashionMNIST.load(.train)
    if quick { train = try train.slice(0..<10_000) }
    let test = try NamedDataset.fashionMNIST.load(.test)
    let shape = Models.autoencoder.inputShape
    let model = try Models.autoencoder.make(inputShape: shape, classes: 10).to(device) as! Sequential
    let loader = try DataLoader(train, batchSize: 100, shuffle: true, normalization: pixels, device: device)
    var epoch = try loader.epoch()
    try fit(model, "generation", steps: loader.count * (quick ? 2 : 8), lr: 3e-3) { _ in
      var batch = try epoch.next()
      if batch == nil {
        epoch = try loader.epoch()
        batch = try epoch.next()
      }
      return try binaryCrossEntropy(try model(batch!.images), batch!.images)
    }
    let codes = try encoded(train, by: model[0], pixels)
    try noGrad {
      try reconstruct(test, model, pixels, classifier, normalization)
      try walk(test, model, pixels)
      try draw(codes, model[1])
    }
  }

  /// The codes of all pictures, `[N, code, 1, 1]`.
  private func encoded(_ data: ImageDataset, by encoder: Module, _ pixels: Normalization) throws -> Tensor {
    let loader = try DataLoader(data, batchSize: 500, normalization: pixels, device: device)
    let epoch = try loader.epoch()
    var codes: [Tensor] = []
    try noGrad {
      while let batch = try epoch.next() { codes.append(try encoder(batch.images)) }
    }
    return try cat(codes)
  }

  private func reconstruct(
    _ test: ImageDataset, _ model: Sequential, _ pixels: Normalization, _ classifier: Module,
    _ normalization: Normalization
  ) throws {
    let loader = try DataLoader(test, batchSize: 500, normalization: pixels, device: device)
    let mean = try pixels(test.images.to(device)).mean(dim: 0, keepdim: true)
    let epoch = try loader.epoch()
    var (error, spread, same) = (0.0, 0.0, 0)
    while let batch = try epoch.next() {
      try checkInterruption()
      let made = try model(batch.images)
      error += try (made - batch.images).square().sum().item()
      spread += try (mean - batch.images).square().sum().item()
      // The classifier wants its own scale.
      let answers = try [made, batch.images].map {
        try classifier(($0 - normalization.mean[0]) / normalization.std[0]).argmax(dim: 1)
      }
      same += try (answers[0] .== answers[1]).sum().item(as: Int.self)
    }
    let count = Double(test.images.numel)
    say(
      """
      \(test.count) test pictures, 784 pixels each, from 16 numbers. The error is the mean squared difference of a
      pixel (0 black to 1 white), first of the reconstructions, then of a decoder that always draws the mean of
      all pictures. The last line: how often the network of part 1 gives the reconstruction the same class as
      the original.
      """)
    show("generation error", error / count, as: fixed(error / count, 4))
    show("generation error of the mean picture", spread / count, as: fixed(spread / count, 4))
    let share = Double(same) / Double(test.count)
    show("generation taken for the same class", share, as: percent(share))
    let first = try firstOfEachClass(test)
    let originals = try pixels(test.images.indexSelect(dim: 0, try Tensor(first)).to(device))
    try picture(
      grid([originals, try model(originals)], columns: 10), "reconstructions",
      "a test picture of each class, below it what the decoder makes of its 16 numbers")
  }

  /// The positions of the first picture of each class.
  private func firstOfEachClass(_ data: ImageDataset) throws -> [Int64] {
    let labels = try data.labels.scalars(as: Int64.self)
    return data.classes.indices.compactMap { label in labels.firstIndex(of: Int64(label)).map(Int64.init) }
  }

  private func walk(_ test: ImageDataset, _ model: Sequential, _ pixels: Normalization) throws {
    let first = try firstOfEachClass(test)
    let steps = 9
    let walks = try [(9, 7), (1, 3), (0, 8)].map { from, to in
      let pair = try Tensor([first[from], first[to]])
      let images = try pixels(try test.images.indexSelect(dim: 0, pair).to(device))
      let codes = try model[0](images)
      let share = try Tensor.linspace(0, 1, steps, device: codes.device).reshape([steps, 1, 1, 1])
      return try model[1](try codes[0..<1] + share * (codes[1..<2] - codes[0..<1]))
    }
    try picture(
      grid(walks, columns: steps), "walks",
      "from the code of one garment to that of another in eight equal steps, each drawn by the decoder: ankle boot "
        + "to sneaker, trouser to dress, T-shirt to bag")
  }

  private func draw(_ codes: Tensor, _ decoder: Module) throws {
    let mean = try codes.mean(dim: 0, keepdim: true)
    let deviation = try codes.std(dim: 0, keepdim: true)
    let noise = try Tensor.randn([20] + codes.shape.dropFirst(), generator: Generator(seed: settings.seed))
    let made = try decoder(mean + deviation * noise.to(codes.device))
    try picture(
      grid([made], columns: 10), "drawn",
      "codes by chance, each number with the mean and the deviation that it has in the training pictures' codes: "
        + "some look like garments that nobody made, many like something between")
  }

  /// Pictures of 0 to 1, `[N, 1, height, width]`, in rows of `columns`.
  private func grid(_ batches: [Tensor], columns: Int) throws -> Picture {
    let pictures = try batches.flatMap { batch in
      let bytes = try (batch * 255).round().clamp(min: 0, max: 255).to(.uint8).scalars(as: UInt8.self)
      let (height, width) = (batch.shape[2], batch.shape[3])
      return stride(from: 0, to: bytes.count, by: height * width).map {
        Picture(
          width: width, height: height, channels: 1, pixels: Array(bytes[$0..<$0 + height * width]))
      }
    }
    return Canvas.grid(pictures, columns: columns, scale: 2)
  }
}
