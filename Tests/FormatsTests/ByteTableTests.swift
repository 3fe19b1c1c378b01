import Formats
import Testing

@Suite("Tables of bytes as text")
struct ByteTableTests {
  private let text = "0,9,255\n17,0,3\n"

  private func parse(_ text: String) throws(FormatError) -> ByteTable {
    try ByteTable.parse(Array(text.utf8), source: "x.csv")
  }

  @Test(
    "plain and gzipped, with Unix or Windows lines, with or without the last line's end",
    arguments: ["0,9,255\n17,0,3\n", "0,9,255\r\n17,0,3\r\n", "0,9,255\n17,0,3", "000,009,255\n17,0,3\r\n"])
  func reading(_ text: String) throws {
    for file in [Array(text.utf8), Gzip.deflate(Array(text.utf8))] {
      let table = try ByteTable.parse(file, source: "x.csv")
      #expect(table.columns == 3 && table.rows == 2 && table.values == [0, 9, 255, 17, 0, 3])
      #expect(Array(table.row(1)) == [17, 0, 3])
    }
  }

  @Test(
    "what is damaged is told with its line",
    arguments: [
      ("", "x.csv: the table is empty"),
      ("\n", "x.csv: at byte 0: line 1: a number is missing"),
      ("1,2\n3\n", "x.csv: at byte 5: line 2: it has 1 numbers, line 1 has 2"),
      ("1,2\n3,4,5", "x.csv: at byte 9: line 2: it has 3 numbers, line 1 has 2"),
      ("1,2\n3,256\n", "x.csv: at byte 8: line 2: numbers are from 0 to 255, this one is larger"),
      ("1,,2\n", "x.csv: at byte 2: line 1: a number is missing"),
      ("1,2,\n", "x.csv: at byte 4: line 1: a number is missing"),
      ("1,2\n\n3,4\n", "x.csv: at byte 4: line 2: a number is missing"),
      (
        "1,-2\n",
        "x.csv: at byte 2: line 1: whole numbers from 0 to 255 with commas are needed, '-' is there"
      ),
      (
        "1,2\n3,\u{7}\n",
        "x.csv: at byte 6: line 2: whole numbers from 0 to 255 with commas are needed, '\\u{7}' is there"
      ),
      ("1,2\r3,4\n", "x.csv: at byte 4: line 1: a carriage return stands within the line"),
    ])
  func damage(_ text: String, _ expected: String) {
    #expect(failure { () throws(FormatError) in try parse(text) } == expected)
  }

  @Test("a number of a million digits, and a table packed into less than it may unpack to")
  func large() {
    let digits = [UInt8](repeating: UInt8(ascii: "9"), count: 1_000_000)
    #expect(
      failure { () throws(FormatError) in try ByteTable.parse(digits, source: "x.csv") }
        == "x.csv: at byte 2: line 1: numbers are from 0 to 255, this one is larger")
    let zeros = Gzip.deflate([UInt8](repeating: UInt8(ascii: "0"), count: 100_000))
    let message = failure { () throws(FormatError) in
      try ByteTable.parse(zeros, source: "x.csv", maximumSize: 1000)
    }
    #expect(message?.contains("more than 1000 bytes") == true)
  }

  @Test("no truncation and no changed byte ends the program")
  func fuzz() {
    for file in [Array(text.utf8), Gzip.deflate(Array(text.utf8))] {
      for place in file.indices {
        _ = try? ByteTable.parse(Array(file[..<place]), source: "x.csv")
        for value in UInt8.min...UInt8.max {
          var changed = file
          changed[place] = value
          if let table = try? ByteTable.parse(changed, source: "x.csv") {
            #expect(table.rows * table.columns == table.values.count && table.rows > 0)
          }
        }
      }
    }
  }
}
