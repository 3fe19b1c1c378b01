/// Quasi-Newton steps from the last gradients: `torch.optim.LBFGS`. For small problems whose loss is computed
/// from all data at once.
///
///     let loss = try optimizer.step {
///       try optimizer.zeroGrad()
///       let loss = try mseLoss(model(x), y)
///       try loss.backward()
///       return loss
///     }
///
/// A step makes up to `maxIter` iterations. Each goes along `d = −H·g`, where H approximates the inverse Hessian
/// from the last `historySize` changes of the parameters and of the gradient: `lr·d`, or with `.strongWolfe` as
/// far as the strong Wolfe conditions want. Bit for bit the steps of PyTorch.
/// - Source: Nocedal & Wright 2006, Numerical Optimization, algorithms 7.4, 3.5 and 3.6
public final class LBFGS: Optimizer<LBFGS.Settings>, AnyOptimizer {
  /// How the length of a step is found.
  public enum LineSearch: String, Sendable {
    case strongWolfe = "strong_wolfe"
  }

  public struct Settings: OptimizerSettings {
    public var lr: Double
    /// Iterations of a step, and calls of the closure; nil means 5/4 of the iterations.
    public var maxIter: Int
    public var maxEval: Int?
    /// A step ends when no element of the gradient is larger.
    public var toleranceGrad: Double
    /// A step ends when parameters or loss change by less.
    public var toleranceChange: Double
    public var historySize: Int
    /// nil goes `lr·d`.
    public var lineSearchFn: LineSearch?
  }

  /// - Precondition: `lr` is not negative, `maxIter` and `historySize` are positive, there is a parameter.
  public init(
    _ parameters: [Tensor], lr: Double = 1, maxIter: Int = 20, maxEval: Int? = nil,
    toleranceGrad: Double = 1e-7, toleranceChange: Double = 1e-9, historySize: Int = 100,
    lineSearchFn: LineSearch? = nil
  ) {
    let settings = Settings(
      lr: lr, maxIter: maxIter, maxEval: maxEval, toleranceGrad: toleranceGrad,
      toleranceChange: toleranceChange, historySize: historySize, lineSearchFn: lineSearchFn)
    super.init(groups: [Group(parameters, settings)])
  }

  private var parameters: [Tensor] { groups[0].parameters }

  /// - Throws: `TorchError` always: `step(_:)` with a closure is the one to call.
  override public func step() throws {
    throw TorchError("LBFGS evaluates the loss several times in a step: step { … } needs a closure")
  }

  /// Makes a step.
  /// - Parameter closure: sets the gradients to zero, computes the loss, calls `backward()` and returns the loss.
  /// - Returns: the loss before the step.
  /// - Throws: `TorchError` when a gradient's shape differs, and what the closure throws.
  @discardableResult
  public func step(_ closure: () throws -> Tensor) throws -> Tensor {
    guard groups.count == 1 else {
      throw TorchError("LBFGS has one group of parameters, not \(groups.count)")
    }
    try arrange()
    return try noGrad {
      var memory = try LBFGSMemory(state[0])
      defer { state[0] = memory.tensors }
      return try iterate(&memory) { try enableGrad(closure) }
    }
  }

  private func iterate(_ memory: inout LBFGSMemory, _ closure: () throws -> Tensor) throws -> Tensor {
    let s = groups[0].settings
    let maxEval = s.maxEval ?? s.maxIter * 5 / 4
    func isFlat(_ gradient: Tensor) throws -> Bool {
      try (gradient.abs().max() .<= s.toleranceGrad).item(as: Bool.self)
    }
    let first = try closure()
    var loss = try first.item(as: Double.self)
    var evaluations = 1
    memory.funcEvals += 1
    var gradient = try flatGradient()
    if try isFlat(gradient) { return first }

    for iteration in 1...s.maxIter {
      memory.nIter += 1
      let direction = try memory.direction(gradient, historySize: s.historySize)
      let lossBefore = loss
      memory.prevLoss = loss
      var length = LBFGSNumber.plain(s.lr)
      if memory.nIter == 1 {
        let inverse = try 1.0 / gradient.abs().sum()
        let isBelow = try (inverse .< 1.0).item(as: Bool.self)
        length = isBelow ? .tensor(try inverse * s.lr) : .plain(s.lr)
      }
      memory.t = length
      let slope = try gradient.dot(direction)
      if try (slope .> -s.toleranceChange).item(as: Bool.self) { break }

      var spent = 0
      var isDone = false
      if s.lineSearchFn != nil {
        let start = try parameters.map { try $0.clone() }
        let found = try strongWolfe(
          from: (loss, gradient, slope), along: direction, length, maxEval: maxEval - evaluations
        ) { length in
          try move(direction, by: length)
          let loss = try closure().item(as: Double.self)
          let gradient = try flatGradient()
          for (parameter, before) in zip(parameters, start) { try parameter.copy_(before) }
          return (loss, gradient)
        }
        (loss, gradient, length, spent) = (found.loss, found.gradient, found.length, found.evaluations)
        memory.t = length
        try move(direction, by: length)
        isDone = try isFlat(gradient)
      } else {
        try move(direction, by: length)
        // What the last iteration would compute is computed again as the next step begins.
        if iteration != s.maxIter {
          loss = try closure().item(as: Double.self)
          gradient = try flatGradient()
          isDone = try isFlat(gradient)
          spent = 1
        }
      }
      evaluations += spent
      memory.funcEvals += spent
      if iteration == s.maxIter || evaluations >= maxEval || isDone { break }
      let change = try length.times(direction).abs().max()
      if try (change .<= s.toleranceChange).item(as: Bool.self) { break }
      if abs(loss - lossBefore) < s.toleranceChange { break }
    }
    return first
  }

  /// All gradients as one vector; zeros where there is none.
  private func flatGradient() throws -> Tensor {
    try cat(parameters.map { try ($0.grad ?? Aten.zerosLike($0)).reshape([-1]) })
  }

  /// Moves the parameters by a multiple of a vector.
  private func move(_ direction: Tensor, by length: LBFGSNumber) throws {
    var offset = 0
    let factor = try length.value()
    for parameter in parameters {
      let part = try direction[offset..<offset + parameter.numel].reshape(parameter.shape)
      try Aten.addInPlace(parameter, part, factor)
      offset += parameter.numel
    }
  }

  // MARK: State

  override func problem(_ s: Settings) -> String? {
    if !(s.lr >= 0) { return "lr must not be negative" }
    if !(s.maxIter > 0 && s.historySize > 0) { return "maxIter and historySize must be positive" }
    return nil
  }

  override func stateNames(_ settings: Settings) -> [String] { [] }

  /// All is kept by the first parameter, as in PyTorch: numbers, and vectors as long as all parameters.
  override func fits(_ name: String, _ tensor: Tensor, _ parameter: Tensor) -> Bool {
    let size = parameters.reduce(0) { $0 + $1.numel }
    return LBFGSMemory.isVector(name) ? tensor.shape == [size] : tensor.numel == 1
  }

  /// - Throws: as in `Optimizer`, and when the entries do not make a whole.
  override public func loadStateDict(_ dict: StateDict) throws {
    let before = state
    try super.loadStateDict(dict)
    do {
      guard state.dropFirst().allSatisfy(\.isEmpty) else {
        throw TorchError("the optimizer state is not one of LBFGS, which has all at the first parameter")
      }
      _ = try LBFGSMemory(state[0])
    } catch {
      state = before
      throw error
    }
  }
}

/// What LBFGS remembers from iteration to iteration, by PyTorch's names.
struct LBFGSMemory {
  var funcEvals = 0
  var nIter = 0
  var d: Tensor?
  /// The length of the last step along `d`.
  var t: LBFGSNumber?
  /// Changes of the gradient and of the parameters, and 1 / (their product).
  var oldDirs: [Tensor] = []
  var oldStps: [Tensor] = []
  var ro: [Tensor] = []
  /// The scale of the inverse Hessian before the history.
  var hDiag = LBFGSNumber.plain(1)
  var prevFlatGrad: Tensor?
  var prevLoss: Double?

  static func isVector(_ name: String) -> Bool {
    ["d", "prev_flat_grad"].contains(name) || name.hasPrefix("old_dirs.") || name.hasPrefix("old_stps.")
  }

  init(_ state: [String: Tensor]) throws {
    func number(_ name: String) throws -> Double? { try state[name]?.to(.float64).item(as: Double.self) }
    func list(_ name: String) -> [Tensor] {
      Array((0..<state.count).lazy.map { state["\(name).\($0)"] }.prefix { $0 != nil }.compactMap { $0 })
    }
    guard !state.isEmpty else { return }
    let counts = try [number("func_evals"), number("n_iter")].map { $0.flatMap(Int.init(exactly:)) }
    guard let funcEvals = counts[0], let nIter = counts[1], funcEvals >= 0, nIter >= 0 else {
      throw TorchError("the optimizer state lacks the counts func_evals and n_iter of LBFGS")
    }
    (self.funcEvals, self.nIter) = (funcEvals, nIter)
    guard nIter > 0 else { return }
    (oldDirs, oldStps, ro) = (list("old_dirs"), list("old_stps"), list("ro"))
    d = state["d"]
    prevFlatGrad = state["prev_flat_grad"]
    t = state["t"].map { .tensor($0) }
    prevLoss = try number("prev_loss")
    if let scale = state["H_diag"], !oldDirs.isEmpty { hDiag = .tensor(scale) }
    guard d != nil, t != nil, prevFlatGrad != nil, oldDirs.count == oldStps.count, ro.count == oldDirs.count
    else { throw TorchError("the optimizer state lacks a part of the history of LBFGS") }
  }

  var tensors: [String: Tensor] {
    var state: [String: Tensor] = [:]
    func set(_ name: String, _ value: Double) { state[name] = try? Tensor(value) }
    set("func_evals", Double(funcEvals))
    set("n_iter", Double(nIter))
    guard nIter > 0 else { return state }
    state["d"] = d
    state["t"] = try? t?.asTensor()
    state["H_diag"] = try? hDiag.asTensor()
    state["prev_flat_grad"] = prevFlatGrad
    if let prevLoss { set("prev_loss", prevLoss) }
    for index in oldDirs.indices {
      state["old_dirs.\(index)"] = oldDirs[index]
      state["old_stps.\(index)"] = oldStps[index]
      state["ro.\(index)"] = ro[index]
    }
    return state
  }

  /// Takes the last step into the history and gives the direction of the next: `−H·g`.
  mutating func direction(_ gradient: Tensor, historySize: Int) throws -> Tensor {
    guard let d, let t, let prevFlatGrad, nIter > 1 else {
      (oldDirs, oldStps, ro, hDiag) = ([], [], [], .plain(1))
      return try keep(Aten.neg(gradient), gradient)
    }
    let y = try gradient - prevFlatGrad
    let s = try t.times(d)
    let curvature = try y.dot(s)
    if try (curvature .> 1e-10).item(as: Bool.self) {
      if oldDirs.count == historySize {
        oldDirs.removeFirst()
        oldStps.removeFirst()
        ro.removeFirst()
      }
      oldDirs.append(y)
      oldStps.append(s)
      ro.append(try 1.0 / curvature)
      hDiag = .tensor(try curvature / y.dot(y))
    }
    let q = try Aten.neg(gradient)
    var factors: [Tensor] = []
    for index in oldDirs.indices.reversed() {
      let factor = try oldStps[index].dot(q) * ro[index]
      factors.append(factor)
      try Aten.addInPlace(q, oldDirs[index], try Aten.neg(factor).item(as: Double.self))
    }
    let r = try hDiag.times(q)
    for (index, factor) in zip(oldDirs.indices, factors.reversed()) {
      let other = try oldDirs[index].dot(r) * ro[index]
      try Aten.addInPlace(r, oldStps[index], try (factor - other).item(as: Double.self))
    }
    return try keep(r, gradient)
  }

  private mutating func keep(_ direction: Tensor, _ gradient: Tensor) throws -> Tensor {
    prevFlatGrad = try gradient.clone()
    d = direction
    return direction
  }
}
