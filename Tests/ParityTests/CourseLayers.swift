import Reference
import SwiftTorchLayers

/// What no framework has, made of the library's differentiable operations, each with a formula of its own.

extension Both {
  /// A border of one pixel with the mean of the channel of that image.
  static var meanPadding: Both {
    Both(
      module: MeanPad2d(),
      layer: LinearPadding { height, width in
        let mean = (0..<height * width).map { (place: $0, weight: 1 / Double(height * width)) }
        return (-1...height).flatMap { y in
          (-1...width).map { x in
            (0..<height).contains(y) && (0..<width).contains(x) ? [(y * width + x, 1)] : mean
          }
        }
      })
  }

  /// A border of one pixel with `Σᵢ weights[i]·xᵢ` of the nearest pixels inside: first left and right of each
  /// row, then above and below each column.
  static func weightedPadding(_ weights: [Double]) -> Both {
    @Sendable func line(_ size: Int) -> [[(place: Int, weight: Double)]] {
      [weights.enumerated().map { ($0, $1) }] + (0..<size).map { [($0, 1)] }
        + [weights.enumerated().map { (size - 1 - $0, $1) }]
    }
    return Both(
      module: WeightedPad2d(weights),
      layer: LinearPadding { height, width in
        line(height).flatMap { column in
          line(width).map { row in
            column.flatMap { y in row.map { (y.place * width + $0.place, y.weight * $0.weight) } }
          }
        }
      })
  }

  /// The mean of the `n` largest values of each field.
  static func nMaxPool(_ n: Int, size: Int) -> Both {
    Both(module: NMaxPool2d(n, size), layer: NMaxPool(n: n, size: size))
  }
}

private final class MeanPad2d: Module {
  override func forward(_ input: Tensor) throws -> Tensor {
    let border = try 1 - Tensor.onesLike(input).pad([1, 1, 1, 1])
    return try input.pad([1, 1, 1, 1]) + border * input.mean(dim: [2, 3], keepdim: true)
  }
}

private final class WeightedPad2d: Module {
  let weights: [Double]
  init(_ weights: [Double]) { self.weights = weights }

  private func widen(_ x: Tensor, _ dim: Int) throws -> Tensor {
    let last = try x.size(dim) - 1
    var (before, after) = (try x.narrow(dim, 0, 1) * 0, try x.narrow(dim, last, 1) * 0)
    for (index, weight) in weights.enumerated() {
      before = try before + x.narrow(dim, index, 1) * weight
      after = try after + x.narrow(dim, last - index, 1) * weight
    }
    return try cat([before, x, after], dim: dim)
  }

  override func forward(_ input: Tensor) throws -> Tensor { try widen(widen(input, 3), 2) }
}

private final class NMaxPool2d: Module {
  let n: Int
  let size: Int
  init(_ n: Int, _ size: Int) { (self.n, self.size) = (n, size) }

  override func forward(_ input: Tensor) throws -> Tensor {
    var fields = input
    for dim in [2, 3] {
      guard case .tensor(let cut)? = try Tensor.call("aten::unfold", fields, dim, size, size).first else {
        throw TorchError("aten::unfold returned no tensor")
      }
      fields = cut
    }
    return try fields.flatten(startDim: -2).topk(n).values.mean(dim: -1)
  }
}

/// A border of one pixel whose every pixel is a weighted sum of the channel's.
private struct LinearPadding: Reference.Layer {
  /// The terms of each pixel of the wider picture, for a height and a width.
  let terms: @Sendable (Int, Int) -> [[(place: Int, weight: Double)]]

  func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>]) -> Evaluated<Scalar> {
    let (height, width) = (x.shape[2], x.shape[3])
    let (area, channels) = (height * width, x.shape[0] * x.shape[1])
    let terms = terms(height, width)
    var y = [Scalar.Sum](repeating: .init(), count: channels * terms.count)
    for channel in 0..<channels {
      for (pixel, sum) in terms.enumerated() {
        for term in sum {
          y[channel * terms.count + pixel].add(
            x.values[channel * area + term.place], times: Scalar(term.weight))
        }
      }
    }
    let shape = [x.shape[0], x.shape[1], height + 2, width + 2]
    return Evaluated(NDArray(y.map { $0.total() }, shape: shape)) { gradient in
      var dx = [Scalar.Sum](repeating: .init(), count: x.count)
      for channel in 0..<channels {
        for (pixel, sum) in terms.enumerated() {
          for term in sum {
            dx[channel * area + term.place].add(
              gradient.values[channel * terms.count + pixel], times: Scalar(term.weight))
          }
        }
      }
      return Gradients(NDArray(dx.map { $0.total() }, shape: x.shape))
    }
  }
}

/// The mean of the n largest values of each field of exact numbers; each of them gets an equal share of the
/// gradient.
private struct NMaxPool: Reference.Layer {
  let n: Int
  let size: Int

  func evaluate<Scalar: Real>(_ x: NDArray<Scalar>, _ parameters: [NDArray<Scalar>]) -> Evaluated<Scalar> {
    let geometry = PoolingGeometry(
      kernel: [size, size], stride: [size, size], padding: [0, 0], dilation: [1, 1])
    let spatial = Array(x.shape[2...])
    let area = spatial.reduce(1, *)
    let chosen = (0..<x.shape[0] * x.shape[1]).flatMap { channel in
      geometry.windows(input: spatial).map { field in
        field.places.map { channel * area + $0 }
          .sorted { x.values[$0].value > x.values[$1].value }.prefix(n)
      }
    }
    let means = chosen.map { places in
      var sum = Scalar.Sum()
      for place in places { sum.add(x.values[place]) }
      return sum.total() / Scalar(Double(n))
    }
    let shape = Array(x.shape.prefix(2)) + geometry.outputSize(input: spatial)
    return Evaluated(NDArray(means, shape: shape)) { gradient in
      var dx = [Scalar](repeating: Scalar(0), count: x.count)
      for (places, g) in zip(chosen, gradient.values) {
        for place in places { dx[place] = g / Scalar(Double(n)) }
      }
      return Gradients(NDArray(dx, shape: x.shape))
    }
  }
}
