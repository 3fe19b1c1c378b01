import Reference
import SwiftTorchLayers

/// A network trained twice from the same weights on the same batches, by libtorch and by the reference in
/// float32, without ever bringing them together again. How far they drift apart says something of the
/// network, not of a fault; it is drawn, not judged.
struct FreeRun {
  let name: String
  let libtorch: [Double]
  let reference: [Double]
  /// `‖w − w'‖ / ‖w‖` after each step.
  let distance: [Double]

  init(_ model: Models, seed: UInt64, device: Device, steps: Int) throws {
    name = "\(model.rawValue), Adam, 50 steps"
    let size = model == .lenet ? 12 : 8
    let shape = [6, 1, size, size]
    var draws = Draws(seed: seed, case: 0)
    try Torch.manualSeed(draws.seed())
    let module = try model.make(inputShape: Array(shape.dropFirst()), classes: 10).to(device)
    let parameters = module.parameters()
    let optimizer = SwiftTorchLayers.Adam(parameters, lr: 3e-3)
    func weights() throws -> [[Float]] { try parameters.map { try $0.detach().scalars(as: Float.self) } }
    var classifier = Classifier<Float>(
      parameters: try zip(weights(), parameters).map { NDArray($0, shape: $1.shape) },
      optimizer: Reference.Adam(lr: 3e-3))
    // A few batches again and again, so that there is something to learn.
    let batches = (0..<5).map { _ in
      (draws.numbers(shape, .plain, .float32), draws.integers(shape[0], 0..<10))
    }
    var (own, other, distance) = ([Double](), [Double](), [Double]())
    for step in 0..<steps {
      let (pixels, targets) = batches[step % batches.count]
      let seed = draws.seed()
      let network = try ReferenceNetwork.make(module, input: shape, seed: seed, device: device)
      try Torch.manualSeed(seed)
      let images = try Tensor(pixels, shape: shape).to(dtype: .float32, device: device)
      let loss = try crossEntropy(module(images), Tensor(targets).to(device))
      try optimizer.zeroGrad(setToNone: true)
      try loss.backward()
      try optimizer.step()
      own.append(try loss.item(as: Double.self))
      other.append(
        classifier.step(network, NDArray(pixels.map(Float.init), shape: shape), targets).loss)
      var (difference, size) = (0.0, 0.0)
      for (a, b) in try zip(weights(), classifier.parameters) {
        for (x, y) in zip(a, b.values) {
          difference += Double(x - y) * Double(x - y)
          size += Double(x) * Double(x)
        }
      }
      distance.append((difference / size).squareRoot())
    }
    (libtorch, reference, self.distance) = (own, other, distance)
  }
}
