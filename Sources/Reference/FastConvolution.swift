/// `Convolution` by matrix products: the input's patches become the columns of a matrix (im2col), so that one
/// product with the weights does an image. The same sums as the loops, much faster.
public enum FastConvolution {
  /// The patches of one group of channels of one image: row `(c, k)`, column p; zero in the padding.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private static func columns<Scalar: Real>(
    _ x: NDArray<Scalar>, firstChannel: Int, channels: Int, _ taps: [Int], area: Int, kernel: Int
  ) -> [Scalar] {
    let positions = taps.count / max(1, kernel)
    var result = [Scalar](repeating: Scalar(0), count: channels * taps.count)
    x.values.withUnsafeBufferPointer { x in
      result.withUnsafeMutableBufferPointer { result in
        taps.withUnsafeBufferPointer { taps in
          for c in 0..<channels {
            for k in 0..<kernel {
              for p in 0..<positions {
                let tap = taps[p * kernel + k]
                guard tap >= 0 else { continue }
                result[(c * kernel + k) * positions + p] = x[(firstChannel + c) * area + tap]
              }
            }
          }
        }
      }
    }
    return result
  }

  /// Adds each element of the columns' gradient to the input it was taken from.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private static func scatter<Scalar: Real>(
    _ columns: [Scalar], into x: inout [Scalar], firstChannel: Int, channels: Int, _ taps: [Int], area: Int,
    kernel: Int
  ) {
    let positions = taps.count / max(1, kernel)
    columns.withUnsafeBufferPointer { columns in
      x.withUnsafeMutableBufferPointer { x in
        taps.withUnsafeBufferPointer { taps in
          for c in 0..<channels {
            for k in 0..<kernel {
              for p in 0..<positions {
                let tap = taps[p * kernel + k]
                guard tap >= 0 else { continue }
                let place = (firstChannel + c) * area + tap
                x[place] = x[place] + columns[(c * kernel + k) * positions + p]
              }
            }
          }
        }
      }
    }
  }

  /// Adds `b` to `a`, element by element.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Running)
  private static func add<Scalar: Real>(_ b: [Scalar], to a: inout [Scalar], at start: Int) {
    for place in b.indices { a[start + place] = a[start + place] + b[place] }
  }

  /// The output, and the columns of each image and group for the way back.
  public static func forward<Scalar: Real>(
    _ x: NDArray<Scalar>, weight w: NDArray<Scalar>, bias: NDArray<Scalar>?, _ geometry: ConvolutionGeometry
  ) -> (output: NDArray<Scalar>, columns: [[Scalar]]) {
    let (spatial, kernelShape) = (Array(x.shape.dropFirst(2)), Array(w.shape.dropFirst(2)))
    let output = geometry.outputSize(input: spatial, kernel: kernelShape)
    let (area, kernel, positions) = (
      spatial.reduce(1, *), kernelShape.reduce(1, *), output.reduce(1, *)
    )
    let taps = geometry.taps(input: spatial, kernel: kernelShape)
    let (channels, outputs) = (w.shape[1], w.shape[0] / geometry.groups)
    var (values, kept) = ([Scalar](), [[Scalar]]())
    values.reserveCapacity(x.shape[0] * w.shape[0] * positions)
    for n in 0..<x.shape[0] {
      for group in 0..<geometry.groups {
        let columns = columns(
          x, firstChannel: n * x.shape[1] + group * channels, channels: channels, taps, area: area,
          kernel: kernel)
        let start = group * outputs * channels * kernel
        values += Scalar.gemm(
          outputs, positions, channels * kernel,
          Array(w.values[start..<start + outputs * channels * kernel]),
          transposeA: false, columns, transposeB: false, roundings: 1, terms: channels * kernel + 1)
        kept.append(columns)
      }
    }
    if let bias {
      for place in values.indices {
        values[place] = values[place].adding(
          bias.values[place / positions % w.shape[0]], terms: channels * kernel)
      }
    }
    return (NDArray(values, shape: [x.shape[0], w.shape[0]] + output), kept)
  }

  /// As `Convolution.backward`, from the columns that `forward` kept.
  public static func backward<Scalar: Real>(
    _ shape: [Int], columns: [[Scalar]], weight w: NDArray<Scalar>, gradient: NDArray<Scalar>,
    _ geometry: ConvolutionGeometry
  ) -> (input: NDArray<Scalar>, weight: NDArray<Scalar>, bias: NDArray<Scalar>) {
    let (spatial, kernelShape) = (Array(shape.dropFirst(2)), Array(w.shape.dropFirst(2)))
    let (area, kernel) = (spatial.reduce(1, *), kernelShape.reduce(1, *))
    let positions = gradient.shape.dropFirst(2).reduce(1, *)
    let taps = geometry.taps(input: spatial, kernel: kernelShape)
    let (channels, outputs) = (w.shape[1], w.shape[0] / geometry.groups)
    let rows = channels * kernel
    var dx = [Scalar](repeating: Scalar(0), count: shape.reduce(1, *))
    var dw = [Scalar](repeating: Scalar(0), count: w.count)
    let roundings = ConvolutionRoundings(shape, w.shape, geometry)
    for n in 0..<shape[0] {
      for group in 0..<geometry.groups {
        let start = (n * w.shape[0] + group * outputs) * positions
        let g = Array(gradient.values[start..<start + outputs * positions])
        let weights = Array(w.values[group * outputs * rows..<(group + 1) * outputs * rows])
        let columnGradient = Scalar.gemm(
          rows, positions, outputs, weights, transposeA: true, g, transposeB: false,
          roundings: roundings.input, terms: outputs * kernel)
        scatter(
          columnGradient, into: &dx, firstChannel: n * shape[1] + group * channels, channels: channels, taps,
          area: area, kernel: kernel)
        let part = Scalar.gemm(
          outputs, rows, positions, g, transposeA: false, columns[n * geometry.groups + group],
          transposeB: true, roundings: roundings.weight, terms: shape[0] * positions)
        add(part, to: &dw, at: group * outputs * rows)
      }
    }
    return (
      NDArray(dx, shape: shape), NDArray(dw, shape: w.shape), Convolution.biasGradient(gradient)
    )
  }
}
