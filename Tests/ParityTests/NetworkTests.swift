import SwiftTorchLayers
import Testing

@testable import Parity

@Suite("Random networks", .serialized)
struct NetworkTests {
  private func draw(_ seed: UInt64, _ number: Int, choices: [Int]? = nil) throws -> RandomNetwork {
    var draws = Draws(seed: seed, case: number, choices: choices)
    _ = draws.one(of: randomNetworks.formats)
    return try RandomNetwork(&draws)
  }

  @Test("the grammar has every layer that YAML can name, and blocks, layers used twice and frozen ones")
  func grammar() throws {
    var missing = Set(
      LayerEntry.all.map(\.name) + ["Residual", "Parallel", "Sequential", "use", "frozen: true"])
    var number = 0
    while !missing.isEmpty, number < 3000 {
      let text = try draw(5, number).text
      missing = missing.filter {
        !text.contains("- \($0):") && !text.contains($0 + "}") && !text.contains("frozen: true,")
      }
      number += 1
    }
    #expect(missing.isEmpty, "not in \(number) networks: \(missing.sorted())")
  }

  @Test("the same seed draws the same network, and no choice at all the simplest")
  func repeats() throws {
    #expect(try draw(3, 7).text == draw(3, 7).text)
    let simplest = try draw(3, 7, choices: [])
    #expect(simplest.text == "input: [1, 5, 5]\nlayers:\n  - Flatten\n  - Linear: {outFeatures: classes}\n")
    #expect(simplest.batch == 2)
  }

  @Test("thirty networks are the same in every way, and every way is taken")
  func everyWay() throws {
    #expect(try ParitySuite.python() != nil, "run the tests with `make test`")
    let suite = ParitySuite(cases: 30, seed: 1)
    var ways: [String: Int] = [:]
    for number in 0..<suite.cases {
      let result = try suite.run(ParitySuite.networkName, case: number)
      #expect(!result.failed, "\(result.text)\n\(result.place)")
      ways.merge(result.ways, uniquingKeysWith: +)
    }
    for way in [
      "YAML", "plan, float64", "frozen, float64", "frozen", "frozen, exact sums",
      "frozen, another batch size",
      "frozen, channels last", "frozen, transposed images", "frozen, several threads",
      "plan, float32, against the reference", "frozen, float32, against the reference", "trained to its end",
      "interrupted and resumed", "a recorded step (stand-in)", "the trainer on the tape",
      "TorchScript, evaluation",
      "TorchScript, training", "TorchScript in Python, evaluation", "TorchScript in Python, a training step",
    ] {
      #expect(ways[way, default: 0] > 0, "\(way) was never compared: \(ways)")
    }
  }
}
