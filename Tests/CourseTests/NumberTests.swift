import Course
import SwiftTorchLayers
import Testing

@Suite("The course's rows give the course's numbers")
struct NumberTests {
  @Test("C1: the worked convolution with stride 1 and 3")
  func definition() throws {
    let numbers = try taught("C1").numbers
    #expect(
      close(numbers["output, stride 1"], [0.5, 0.2, 0, 0.2, 0, 0, 0.6, 0, 0, 0.4, 0, 0.2, 0, 0, 0.6, 0]))
    #expect(close(numbers["output, stride 3"], [0.5, 0.2, 0, 0]))
  }

  @Test("C2: one dimension")
  func oneDimension() throws {
    #expect(
      close(try taught("C2").numbers["y, zero padding 1"], [20, 40, 40, 30, 20, 30, 23.333], within: 5e-4))
  }
}
