/// PyTorch's generator of random numbers on the CPU, so that the reference starts from the same weights and
/// takes the images in the same order as libtorch does from the same seed.
/// - Source: Matsumoto & Nishimura 1998, https://doi.org/10.1145/272991.272995. How numbers are made of its
///   words is PyTorch's.
public struct MersenneTwister: Sendable {
  private var state = [UInt32](repeating: 0, count: 624)
  private var next = 624

  public init(seed: UInt64) {
    state[0] = UInt32(truncatingIfNeeded: seed)
    for i in 1..<624 {
      state[i] = 1_812_433_253 &* (state[i - 1] ^ (state[i - 1] >> 30)) &+ UInt32(i)
    }
  }

  private mutating func refill() {
    for i in 0..<624 {
      let mixed = (state[i] & 0x8000_0000) | (state[(i + 1) % 624] & 0x7FFF_FFFF)
      state[i] = state[(i + 397) % 624] ^ (mixed >> 1) ^ (mixed & 1 == 1 ? 0x9908_B0DF : 0)
    }
    next = 0
  }

  /// 32 random bits.
  public mutating func word() -> UInt32 {
    if next == 624 { refill() }
    var y = state[next]
    next += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C_5680
    y ^= (y << 15) & 0xEFC6_0000
    return y ^ (y >> 18)
  }

  /// 64 random bits: the first word is the upper half.
  public mutating func doubleWord() -> UInt64 {
    let upper = UInt64(word())
    return upper << 32 | UInt64(word())
  }

  /// Uniform in `low..<high`: 24 bits of a word; product and sum are rounded once.
  public mutating func uniform(_ low: Float, _ high: Float) -> Float {
    low.addingProduct(Float(word() & 0xFF_FFFF) * 0x1p-24, high - low)
  }

  /// True with probability `p`: 53 bits of two words, below p.
  public mutating func bernoulli(_ p: Double) -> Bool {
    Double(doubleWord() & (1 << 53 - 1)) * 0x1p-53 < p
  }

  /// The numbers `0..<n` in random order.
  public mutating func permutation(_ n: Int) -> [Int] {
    var order = Array(0..<n)
    for i in order.indices.dropLast() { order.swapAt(i, i + Int(word()) % (n - i)) }
    return order
  }
}
