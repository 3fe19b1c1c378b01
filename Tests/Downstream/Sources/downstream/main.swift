import SwiftTorchLayers

do {
  try Torch.manualSeed(1)
  let model = Sequential {
    Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3)
    ReLU()
    Flatten()
    Linear(inFeatures: 4 * 6 * 6, outFeatures: 2)
  }
  let optimizer = SGD(model.parameters(), lr: 0.1)
  let images = try Tensor.randn([8, 1, 8, 8])
  let labels = try Tensor([0, 1, 0, 1, 0, 1, 0, 1])
  let first = try crossEntropy(model(images), labels).item(as: Float.self)
  for _ in 0..<20 {
    let loss = try crossEntropy(model(images), labels)
    try optimizer.zeroGrad()
    try loss.backward()
    try optimizer.step()
  }
  let last = try crossEntropy(model(images), labels).item(as: Float.self)
  print(last < first ? "the loss fell" : "the loss did not fall: \(first), \(last)")
} catch {
  print("error: \(error)")
}
