import SwiftTorchLayers
import Testing

@Suite("LBFGS")
struct LBFGSTests {
  /// Rosenbrock's valley, `(1 − x)² + 100·(y − x²)²`: lowest at (1, 1).
  private func valley(_ p: Tensor) throws -> Tensor {
    let (x, y) = (try p[0], try p[1])
    return try (1 - x).square() + 100 * (y - x.square()).square()
  }

  private func descend(_ p: Tensor, _ optimizer: LBFGS) throws -> Tensor {
    try optimizer.step {
      try optimizer.zeroGrad()
      let loss = try valley(p)
      try loss.backward()
      return loss
    }
  }

  @Test("with the line search one step finds the bottom of a curved valley in float64")
  func findsTheBottom() throws {
    let p = try Tensor([-1.2, 1] as [Double]).requiresGrad(true)
    let optimizer = LBFGS([p], maxIter: 60, lineSearchFn: .strongWolfe)
    #expect(abs(try descend(p, optimizer).item(as: Double.self) - 24.2) < 1e-9, "the loss before the step")
    #expect(try p.detach().allclose(Tensor([1, 1] as [Double]), atol: 1e-4), "\(p)")
  }

  @Test("each length that the line search accepts satisfies the strong Wolfe conditions")
  func wolfe() throws {
    let p = try Tensor([-1.2, 1] as [Double]).requiresGrad(true)
    let optimizer = LBFGS([p], maxIter: 1, maxEval: 30, lineSearchFn: .strongWolfe)
    func look() throws -> (loss: Double, gradient: Tensor) {
      p.grad = nil
      let loss = try valley(p)
      try loss.backward()
      return (try loss.item(as: Double.self), try #require(p.grad).clone())
    }
    for _ in 0..<15 {
      let before = try look()
      _ = try descend(p, optimizer)
      let after = try look()
      let state = optimizer.stateDict()
      let d = try #require(state["state.0.d"])
      let t = try #require(state["state.0.t"]).item(as: Double.self)
      let slope = try before.gradient.dot(d).item(as: Double.self)
      #expect(slope < 0 && after.loss <= before.loss + 1e-4 * t * slope)
      #expect(try abs(after.gradient.dot(d).item(as: Double.self)) <= 0.9 * abs(slope))
    }
  }

  @Test("a step needs a closure; a state that is not whole is refused and changes nothing")
  func errors() throws {
    let p = try Tensor([-1.2, 1] as [Double]).requiresGrad(true)
    let optimizer = LBFGS([p], maxIter: 4, lineSearchFn: .strongWolfe)
    #expect(message { try optimizer.step() }.contains("needs a closure"))
    _ = try descend(p, optimizer)
    let state = optimizer.stateDict()
    #expect(state["state.0.old_dirs.1"] != nil)
    for key in ["state.0.n_iter", "state.0.d", "state.0.old_stps.0", "state.0.ro.1"] {
      var damaged = state
      damaged[key] = nil
      #expect(message { try optimizer.loadStateDict(damaged) }.contains("lacks"), "\(key)")
    }
    var long = state
    long["state.0.d"] = try Tensor.zeros([3], dtype: .float64)
    #expect(message { try optimizer.loadStateDict(long) }.contains("state.0.d is [3]"))
    #expect(try optimizer.stateDict().allSatisfy { try state[$0.key]?.equal($0.value) == true })
  }

  @Test("an error of the closure comes through, and the parameters' gradients are still recorded after it")
  func closureThrows() throws {
    let p = try Tensor([-1.2, 1] as [Double]).requiresGrad(true)
    let optimizer = LBFGS([p])
    #expect(message { try optimizer.step { throw TorchError("not today") } } == "not today")
    try valley(p).backward()
    #expect(p.grad != nil)
  }
}
