import Formats
import Testing

@Suite("Numbers as text")
struct NumberTextTests {
  @Test("numbers are rounded to the nearest, with their sign, and grouped in thousands")
  func rounding() {
    #expect(fixed(0.98999, 3) == "0.990" && fixed(-1.25, 1) == "-1.3" && fixed(-0.001, 2) == "0.00")
    #expect(fixed(2.5, 0) == "3" && fixed(.nan, 2) == "nan")
    #expect(percent(0.98996) == "99.00 %" && percent(1) == "100.00 %")
    #expect(plain(0.30004) == "0.3" && plain(-2) == "-2")
    #expect(grouped(1_234_567) == "1 234 567" && grouped(-123_456) == "-123 456" && grouped(999) == "999")
  }

  @Test("a duration is seconds below a minute, then minutes and two digits")
  func durations() {
    #expect(duration(59.94) == "59.9 s" && duration(65) == "1:05" && duration(600) == "10:00")
  }
}
