import Reference
import SwiftTorchLayers

/// What came of a case.
struct CaseResult: Codable, Sendable {
  /// The case in words.
  var text = ""
  var format = ""
  /// The choices that make it.
  var choices: [Int] = []
  /// The largest error as a fraction of its bound; above 1 the case fails.
  var fraction = 0.0
  /// The largest error in units in the last place of the exact value.
  var ulps = 0.0
  /// Where the largest fraction is, and both values.
  var place = "exact"
  /// How many elements had no bound, because a denominator may be zero.
  var unbounded = 0
  var elements = 0
  /// How many elements had a finite bound.
  var bounded = 0
  /// How many tensors of libtorch's had an element with a bound.
  var judged = 0
  /// What the self-test saw of the case's tensors; nil in an ordinary run.
  var proof: Proof?
  /// The comparison itself went wrong: an error, a shape, a type.
  var broken = false
  /// On a device whose library may transform (Winograd, FFT): how many tensors held only norm-wise.
  var normwise = 0
  /// There, too: elements to which NaN or an infinity of the same image spread.
  var spread = 0
  /// Why libtorch cannot compute it, for example in a type it has no kernel for.
  var unsupported: String?
  /// Of a network: how often each way to its numbers was compared.
  var ways: [String: Int] = [:]
  /// A known defect of libtorch that it would run into; it was not run.
  var known: String?

  var failed: Bool { !(fraction <= 1) }
}

/// Makes the tensors of a case and compares libtorch's with the reference's.
final class Comparison {
  let device: Device
  let format: Format
  /// The steps that a network trains.
  let steps: Int
  /// Keeps what was compared, and perhaps moves a number, for the self-test; nil in an ordinary run.
  let trial: Trial?
  /// Whether the operation has products that a library may compute by a transform.
  let transforms: Bool
  /// Whether the bounds are those of CUDA's libraries.
  let onCUDA: Bool
  /// Divides every bound; more than 1 to see how a failure looks.
  let shrink: Double
  var result = CaseResult()
  private let announce: (String) -> Void

  /// - Parameters:
  ///   - judgedAs: the device whose bounds hold, for tests; nil for `device`.
  ///   - announce: receives the case in words before it runs.
  init(
    device: Device, format: Format, steps: Int, trial: Trial? = nil, transforms: Bool = false,
    shrink: Double = 1, judgedAs: Device? = nil, announce: @escaping (String) -> Void = { _ in }
  ) {
    self.device = device
    self.format = format
    self.steps = steps
    self.trial = trial
    self.transforms = transforms
    onCUDA = (judgedAs ?? device).isCUDA
    self.shrink = shrink
    self.announce = announce
  }

  /// Says what the case is, before it runs.
  func describe(_ text: String) {
    result.text = text
    announce("\(format.name), \(text)")
  }

  /// Numbers as a tensor of the case's type on its device. In the self-test one of them may be moved.
  /// - Parameter isReadBack: the reference reads the numbers from this tensor, so that moving one says nothing.
  func tensor(
    _ values: [Double], _ shape: [Int], _ layout: Layout = .contiguous, requiresGrad: Bool = false,
    isReadBack: Bool = false
  ) throws -> Tensor {
    let values = isReadBack ? values : trial?.passing(values, format) ?? values
    return try layout.apply(Tensor(values, shape: shape).to(dtype: format.dtype, device: device)).detach()
      .requiresGrad(requiresGrad)
  }

  /// Says that libtorch goes on from a tensor whose numbers the reference has. In the self-test one may be moved.
  func passes(_ tensor: Tensor) throws {
    guard let trial else { return }
    let values = try tensor.detach().to(.float64).scalars(as: Double.self)
    let moved = trial.passing(values, format)
    guard moved != values else { return }
    try noGrad {
      _ = try tensor.copy_(Tensor(moved, shape: tensor.shape).to(dtype: tensor.dtype, device: device))
    }
  }

  /// The same numbers for the reference: exact in the format.
  func array(_ values: [Double], _ shape: [Int]) -> NDArray<Running> {
    NDArray(values.map { Running($0, format: format) }, shape: shape)
  }

  /// A tensor's numbers for the reference.
  func array(_ tensor: Tensor) throws -> NDArray<Running> {
    array(try tensor.detach().to(.float64).scalars(as: Double.self), tensor.shape)
  }

  /// Compares a tensor of libtorch's with the reference's, each element with its own bound.
  /// - Parameter reached: the places to which a transform may spread NaN and infinities of the input.
  func expect(
    _ own: Tensor?, _ reference: NDArray<Running>, _ what: String, reached: (Int) -> Bool = { _ in false }
  ) throws {
    guard let own, own.shape == reference.shape, own.dtype == format.dtype else {
      let shape = own.map(\.summary) ?? "no value"
      return fail("\(what) is \(shape), the reference's is \(format.dtype)\(reference.shape)")
    }
    let values = try own.detach().to(.float64).scalars(as: Double.self)
    let (exact, bounds) = (reference.values.map(\.value), reference.values.map(\.error))
    if reference.values.contains(where: isJudged) { result.judged += 1 }
    let fraction = judge(
      values, exact, bounds, what, ulps: true, reached: { self.normwise && reached($0) })
    trial?.note(
      Trial.Compared(what: what, values: values, exact: exact, bounds: bounds, fraction: fraction),
      by: self)
  }

  /// Whether libtorch may transform (Winograd, FFT), so that only whole tensors have a bound.
  var normwise: Bool { onCUDA && transforms }

  /// Whether an error of libtorch's says that it has no kernel for a case: none for the type, or, of the odd 16-bit
  /// convolutions, none in cuDNN.
  func isUnsupported(_ message: String) -> Bool {
    message.contains("not implemented for")
      || (onCUDA && format.isSixteenBits && message.contains("unable to find an engine"))
  }

  private func isJudged(_ number: Running) -> Bool { number.value.isFinite && number.error.isFinite }

  /// How far one number is from the exact one, as a fraction of its bound; nil where there is no bound.
  func fraction(_ own: Double, _ exact: Double, _ bound: Double) -> Double? {
    if own == exact || (own.isNaN && exact.isNaN) { return 0 }
    guard exact.isFinite else { return .infinity }
    let reach = exact.magnitude + (bound.isFinite ? bound : 0)
    if own.isInfinite, own * exact >= 0, reach >= format.largest * (1 - 0x1p-8) {
      return 0  // rounding up reaches infinity
    }
    // An infinite bound excuses any finite number, but neither NaN nor infinity.
    guard own.isFinite else { return .infinity }
    guard bound.isFinite else { return nil }
    let fraction = (own - exact).magnitude / bound
    return fraction.isNaN ? .infinity : fraction
  }

  /// Compares numbers with exact ones, each with its bound.
  /// - Parameters:
  ///   - ulps: whether the errors count in units in the last place, too.
  ///   - reached: the places where any number that is not finite is right, too.
  /// - Returns: the largest error as a fraction of its bound.
  @discardableResult
  func judge(
    _ values: [Double], _ exact: [Double], _ bounds: [Double], _ what: String, ulps counted: Bool = false,
    reached: (Int) -> Bool = { _ in false }
  ) -> Double {
    var (worst, ulps, place) = (0.0, 0.0, -1)
    var (largestError, largestBound) = (0.0, 0.0)
    for index in values.indices {
      let (a, b, bound) = (values[index], exact[index], bounds[index] / shrink)
      result.elements += 1
      if !a.isFinite, !(a.isNaN && b.isNaN), a != b, reached(index) {
        result.spread += 1
        continue
      }
      if b.isFinite {
        if bound.isFinite { result.bounded += 1 } else { result.unbounded += 1 }
      }
      guard let fraction = fraction(a, b, bound) else { continue }
      if fraction > 0, a.isFinite, b.isFinite {
        if counted { ulps = max(ulps, (a - b).magnitude / format.ulp(at: b)) }
        largestError = max(largestError, (a - b).magnitude)
        largestBound = max(largestBound, bound)
      }
      if fraction > worst { (worst, place) = (fraction, index) }
    }
    if worst > 1, worst.isFinite, normwise, largestError <= largestBound {
      result.normwise += 1
      worst = largestError / largestBound
    }
    result.ulps = max(result.ulps, ulps)
    guard worst > result.fraction, place >= 0 else { return worst }
    result.fraction = worst
    result.place = "\(what)[\(place)]: \(values[place]), reference \(exact[place]) ± \(bounds[place])"
    return worst
  }

  /// The largest error as a fraction of its bound; nothing is counted.
  func worst(_ values: [Double], _ exact: [Double], _ bounds: [Double]) -> Double {
    values.indices.reduce(0) { max($0, fraction(values[$1], exact[$1], bounds[$1]) ?? 0) }
  }

  func fail(_ text: String) {
    result.fraction = .infinity
    result.place = text
    result.broken = true
  }

  /// Compares a layer or loss: output, the input's gradient and each parameter's; and the reference's own
  /// gradient with central differences.
  ///
  /// Parameters get random numbers here. `own` is libtorch's side; `layer` and its `parameters` the
  /// reference's, in the order of `module`'s; it is made after libtorch's side has run. `defects` says what
  /// the case is, for the list of known ones.
  func compare(
    _ layer: @autoclosure () throws -> any Reference.Layer, _ description: String = "", module: Module? = nil,
    input shape: [Int], _ kind: Values, layouts: [Layout]? = nil, draws: inout Draws,
    defects: ((Layout) -> KnownDefects.Case)? = nil,
    own: (Tensor) throws -> Tensor
  ) throws {
    let layout = draws.one(of: layouts ?? Layout.choices(dimensions: shape.count))
    describe(
      "input \(shape) \(layout.rawValue), \(kind.rawValue) values" + (description.isEmpty ? "" : ", ")
        + description)
    if let defects, !onCUDA { try KnownDefects.check(defects(layout)) }
    trial?.promise(
      ["output", "input gradient"] + (module?.namedParameters() ?? []).map { "\($0.name) gradient" })
    let numbers = draws.numbers(shape, kind, format)
    let x = try tensor(numbers, shape, layout, requiresGrad: true)
    var parameters: [NDArray<Running>] = []
    try module?.to(device).to(format.dtype)
    for (_, parameter) in module?.namedParameters() ?? [] {
      let numbers = draws.numbers(
        parameter.shape, kind == .special || kind == .ties ? .normal : kind, format)
      try noGrad { _ = try parameter.copy_(tensor(numbers, parameter.shape)) }
      parameters.append(array(numbers, parameter.shape))
    }
    let y = try own(x)
    let layer = try layer()
    let reference = layer.evaluate(array(numbers, shape), parameters)
    // A transform (Winograd, FFT) makes whole tiles of an image's output of one of its numbers that is not finite, and
    // adds it to every element of the weight's gradient; that of the input knows nothing of it.
    let tainted = numbers.map { !$0.isFinite }
    let ofImage = (numbers.count / max(1, shape.first ?? 1), y.numel / max(1, y.shape.first ?? 1))
    try expect(y, reference.output, "output") { place in
      let image = place / ofImage.1
      return tainted[image * ofImage.0..<(image + 1) * ofImage.0].contains(true)
    }
    let seed = draws.numbers(y.shape, .plain, format)
    try y.backward(gradient: tensor(seed, y.shape))
    let gradients = reference.backward(array(seed, y.shape))
    try expect(x.grad, gradients.input, "input gradient")
    for (index, (name, parameter)) in (module?.namedParameters() ?? []).enumerated() {
      try expect(parameter.grad, gradients.parameters[index], "\(name) gradient") { _ in
        name == "weight" && tainted.contains(true)
      }
    }
    if trial?.isMoving == true { return }
    checkSlope(layer, shape, parameters.map(\.shape), probabilities: kind == .unit, &draws)
  }

  /// The reference's gradient along a random direction against a central difference, in float64, of
  /// `Σ s·y` with random s: `(f(x + hd) − f(x − hd)) / 2h`. Its own error is of the order h² and 2⁻⁵³ / h.
  private func checkSlope(
    _ layer: any Reference.Layer, _ shape: [Int], _ parameterShapes: [[Int]], probabilities: Bool,
    _ draws: inout Draws
  ) {
    let h = 0x1p-18
    func array(_ shape: [Int]) -> NDArray<Double> {
      NDArray(draws.numbers(shape, .plain, .float64), shape: shape)
    }
    // All different and none near zero, so that no maximum and no sign changes within h.
    let count = shape.reduce(1, *)
    let order = draws.permutation(count).map { (Double($0) + 0.5) / Double(count) * 2 - 1 }
    let places = order.map { $0 + 0.1 / Double(count) }
    // Probabilities stay away from their ends, where logarithms bend too much.
    let x = NDArray(probabilities ? places.map { 0.5 + 0.4 * $0 } : places, shape: shape)
    let parameters = parameterShapes.map { array($0) }
    let (dx, directions) = (array(shape), parameterShapes.map { array($0) })
    let middle = layer.evaluate(x, parameters)
    let s = array(middle.output.shape)
    func value(_ t: Double) -> Double {
      let y = layer.evaluate(
        x.zip(dx) { $0 + t * $1 }, zip(parameters, directions).map { $0.zip($1) { $0 + t * $1 } })
      return y.output.zip(s, *).values.reduce(0, +)
    }
    let gradients = middle.backward(s)
    let terms =
      gradients.input.zip(dx, *).values
      + zip(gradients.parameters, directions).flatMap { $0.zip($1, *).values }
    let size = terms.reduce(0) { $0 + $1.magnitude } + middle.output.values.reduce(0) { $0 + $1.magnitude }
    judge(
      [(value(h) - value(-h)) / (2 * h)], [terms.reduce(0, +)], [1e-6 * (size + 1)],
      "the reference's slope, central difference")
  }
}
