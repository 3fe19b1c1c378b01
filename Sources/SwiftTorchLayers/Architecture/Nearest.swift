/// The nearest of `words` to a mistyped one; nil when none is near.
package func nearest(_ word: String, in words: [String]) -> String? {
  // Nobody mistypes a word into a page of text.
  let typed = Array(word.prefix(64).lowercased())
  func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = above
      }
    }
    return row[b.count]
  }
  let scored = words.map { ($0, distance(typed, Array($0.lowercased()))) }
  guard let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= max(2, word.count / 2) else { return nil }
  return best.0
}
