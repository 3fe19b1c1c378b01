import Reference
import SwiftTorchLayers

/// Dropout of channels in one and three dimensions, alpha dropout, and the embedding table.

let dropoutOperations: [Operation] = [
  masked("dropout1d", "Dropout1d", dimensions: 3) { Dropout1d(p: $0) },
  masked("dropout3d", "Dropout3d", dimensions: 5) { Dropout3d(p: $0) },
  masked("alpha_dropout", "AlphaDropout", dimensions: nil) { SwiftTorchLayers.AlphaDropout(p: $0) },
  masked("feature_alpha_dropout", "FeatureAlphaDropout", dimensions: 4) { FeatureAlphaDropout(p: $0) },
]

/// The mask is read from what libtorch does with ones from the same seed; how many it keeps is judged, too.
/// - Parameter dimensions: the input's number of dimensions where whole channels are dropped.
private func masked(
  _ name: String, _ type: String, dimensions: Int?, _ make: @escaping @Sendable (Double) -> DropoutNd
) -> Operation {
  Operation(name: name, covers: [type]) { draws, comparison in
    let shape = (0..<(dimensions ?? draws.int(1...4))).map { _ in draws.int(1...6) }
    let p = draws.one(of: [0.5, 0.1, 0.4, 0.9])
    let training = !draws.oneIn(4)
    let module = make(p)
    module.train(training)
    let seed = draws.seed()
    var kept: [Bool] = []
    let isAlpha = name.contains("alpha")
    let mask: () -> [Bool]? = { training ? kept : nil }
    try comparison.compare(
      isAlpha ? AlphaDropout(p: p, kept: mask()) : Reference.Dropout(p: p, kept: mask()),
      "p \(p), \(training ? "training" : "evaluation")", module: module, input: shape,
      draws.one(of: Values.finite), draws: &draws
    ) { x in
      try Torch.manualSeed(seed)
      // What is dropped becomes zero, or with alpha a negative number.
      kept = try noGrad { try module(Tensor.onesLike(x)) }.to(.float64).scalars(as: Double.self).map {
        $0 > 0
      }
      try Torch.manualSeed(seed)
      return try module(x)
    }
    if training, !kept.isEmpty {
      // Six standard deviations of a binomial distribution.
      let count = Double(dimensions == nil ? kept.count : shape[0] * shape[1])
      let share = Double(kept.lazy.filter { $0 }.count) / Double(kept.count)
      comparison.judge([share], [1 - p], [6 * (p * (1 - p) / count).squareRoot()], "share of kept elements")
    }
  }
}

/// The table takes the place of the input: its gradient is compared.
let embedding = Operation(name: "embedding", covers: ["Embedding"]) { draws, comparison in
  let (rows, width) = (draws.int(1...12), draws.int(1...8))
  let count = draws.int(1...20)
  let padding = draws.oneIn(3) ? draws.int(0...rows - 1) : nil
  let norm: (limit: Double, type: Double)? =
    draws.oneIn(3) ? (draws.one(of: [0.75, 1.5]), draws.one(of: [2, 1])) : nil
  let byFrequency = draws.oneIn(3)
  let module = SwiftTorchLayers.Embedding(
    numEmbeddings: rows, embeddingDim: width, paddingIdx: padding, maxNorm: norm?.limit,
    normType: norm?.type ?? 2, scaleGradByFreq: byFrequency)
  try module.to(comparison.device).to(comparison.format.dtype)
  let indices = draws.integers(count, 0..<rows)
  let reference = Embedding(
    indices: indices, paddingIndex: padding, maxNorm: norm, scaleGradByFreq: byFrequency)
  comparison.describe("\(module), \(count) indices")
  let numbers = draws.numbers([rows, width], draws.one(of: [.plain, .normal, .wide]), comparison.format)
  try noGrad { _ = try module.weight.copy_(comparison.tensor(numbers, [rows, width])) }
  let table = comparison.array(numbers, [rows, width])
  let output = try module(Tensor(indices).to(comparison.device))
  let run = reference.evaluate(table)
  try comparison.expect(output, run.output, "output")
  try comparison.expect(module.weight, reference.shortened(table), "table")
  let seed = draws.numbers([count, width], .plain, comparison.format)
  try output.backward(gradient: comparison.tensor(seed, [count, width]))
  let gradient = run.backward(comparison.array(seed, [count, width])).input
  try comparison.expect(module.weight.grad, gradient, "weight gradient")
}
