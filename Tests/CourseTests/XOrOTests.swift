import SwiftTorchLayers
import Testing

@testable import Course

@Suite("C14: X or O")
struct XOrOTests {
  @Test("the worked numbers of the three maps, step by step; quickly trained, it tells the drawings apart")
  func numbers() throws {
    let numbers = try taught("C14").numbers
    let responses = try #require(numbers["responses, divided by 9"])
    let firstRow = [0.7778, -0.1111, 0.1111, 0.3333, 0.5556, -0.1111, 0.3333]
    #expect(responses.count == 3 * 49 && close(Array(responses.prefix(7)), firstRow, within: 5e-5))
    #expect(close(numbers["after ReLU"], responses.map { max(0, $0) }))
    let maps: [[Double]] = [
      [1, 0.3333, 0.5556, 0.3333], [0.3333, 1, 0.3333, 0.5556],
      [0.5556, 0.3333, 1, 0.1111], [0.3333, 0.5556, 0.1111, 0.7778],
      [0.5556, 0.3333, 0.5556, 0.3333], [0.3333, 1, 0.5556, 0.1111],
      [0.5556, 0.5556, 0.5556, 0.1111], [0.3333, 0.1111, 0.1111, 0.3333],
      [0.3333, 0.5556, 1, 0.7778], [0.5556, 0.5556, 1, 0.3333],
      [1, 1, 0.1111, 0.5556], [0.7778, 0.3333, 0.5556, 0.3333],
    ]
    #expect(close(numbers["after pooling"], maps.flatMap { $0 }, within: 5e-5))
    // Each 2×2 of those maps pooled again.
    let list = [1, 0.5556, 0.5556, 1, 1, 0.5556, 0.5556, 0.5556, 0.5556, 1, 1, 0.5556]
    #expect(close(numbers["after the second stack"], list, within: 5e-5))
    #expect(close(numbers["list of the X"], list, within: 5e-5))
    #expect(close(numbers["votes for X and for O, of the X"], [1, 0.5556], within: 5e-5))
    #expect(close(numbers["votes for X and for O, of the O"], [0.5556, 1], within: 5e-5))

    for kind in Disturbance.allCases {
      let accuracy = try #require(numbers["\(kind.rawValue), learned"]?.first)
      #expect(accuracy >= (kind == .together ? 0.9 : 0.95), "\(kind.rawValue): \(accuracy)")
    }
    // Filters for the upright X do not know one that moves.
    #expect(try #require(numbers["shifted, by hand"]?.first) < 0.9)
  }

  @Test("equal seeds give equal drawings, others give others")
  func seeds() throws {
    func bytes(_ seed: UInt64) throws -> [UInt8] {
      try DrawnLetters.make(60, Disturbance.allCases, seed: seed).images.bytes()
    }
    #expect(try bytes(3) == bytes(3))
    #expect(try bytes(3) != bytes(4))
  }

  @Test("the plain X is the worked example's, up to smoothed edges; the O differs from it")
  func plainLetters() {
    var numbers = SeededNumbers(seed: 0)
    let (x, o) = (
      DrawnLetter(isX: true).pixels(using: &numbers), DrawnLetter(isX: false).pixels(using: &numbers)
    )
    for row in 0..<9 {
      for column in 0..<9 where (1..<8).contains(row) && (row == column || row == 8 - column) {
        #expect(x[row * 9 + column] == 1, "row \(row), column \(column)")
      }
    }
    #expect(x[4] == -1 && o[4 * 9 + 4] == -1 && o[4 * 9 + 1] == 1)
    let apart = zip(x, o).filter { abs($0 - $1) > 1 }.count
    #expect(apart >= 20)
  }

  @Test(
    "every drawing is in -1…1, and moving it cuts nothing off",
    arguments: Disturbance.allCases)
  func bounds(_ disturbance: Disturbance) {
    var numbers = SeededNumbers(seed: 7)
    for index in 0..<200 {
      let letter = disturbance.letter(isX: index % 2 == 0, using: &numbers)
      var still = letter
      still.noise = 0
      let (pixels, clean) = (letter.pixels(using: &numbers), still.pixels(using: &numbers))
      #expect((pixels + clean).allSatisfy { (-1...1).contains($0) })
      let ink = clean.reduce(0) { $0 + ($1 + 1) / 2 }
      // What is cut off at an edge would be missing. Between pixels, smoothing takes up to an eighth of thin strokes.
      var middle = still
      middle.place = (0, 0)
      let all = middle.pixels(using: &numbers).reduce(0) { $0 + ($1 + 1) / 2 }
      #expect(ink > 5 && abs(ink - all) < 0.125 * all, "\(letter): \(ink) of \(all)")
    }
  }

  @Test("as many X as O of each disturbance")
  func balance() throws {
    let labels = try DrawnLetters.make(120, Disturbance.allCases, seed: 1).labels.scalars(as: Int.self)
    for kind in Disturbance.allCases.indices {
      let own = stride(from: kind, to: 120, by: Disturbance.allCases.count).map { labels[$0] }
      #expect(own.reduce(0, +) == own.count / 2)
    }
  }
}
