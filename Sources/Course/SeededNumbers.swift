import SwiftTorchLayers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Random numbers that a seed determines on every machine, evenly and normally distributed.
struct SeededNumbers: RandomNumberGenerator {
  private var source: SplitMix

  init(seed: UInt64) { source = SplitMix(seed: seed) }

  mutating func next() -> UInt64 { source.next() }

  /// From 0 to below 1.
  mutating func unit() -> Double { Double(next() >> 11) / Double(1 << 53) }

  mutating func between(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }

  /// Mean 0, deviation 1, by Box and Muller.
  mutating func normal() -> Double {
    let size = (-2 * log(1 - unit())).squareRoot()
    return size * cos(2 * Double.pi * unit())
  }
}
