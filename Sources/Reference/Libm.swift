#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

private func cExp(_ x: Double) -> Double { exp(x) }
private func cExp(_ x: Float) -> Float { exp(x) }
private func cLog(_ x: Double) -> Double { log(x) }
private func cLog(_ x: Float) -> Float { log(x) }
private func cExpm1(_ x: Double) -> Double { expm1(x) }
private func cLog1p(_ x: Double) -> Double { log1p(x) }
private func cErf(_ x: Double) -> Double { erf(x) }
private func cPow(_ x: Double, _ y: Double) -> Double { pow(x, y) }
private func cTanh(_ x: Double) -> Double { tanh(x) }
private func cTanh(_ x: Float) -> Float { tanh(x) }

/// The C library's functions, where a method of the same name would hide them.
enum Libm {
  static func exp(_ x: Double) -> Double { cExp(x) }
  static func exp(_ x: Float) -> Float { cExp(x) }
  static func log(_ x: Double) -> Double { cLog(x) }
  static func log(_ x: Float) -> Float { cLog(x) }
  static func expm1(_ x: Double) -> Double { cExpm1(x) }
  static func log1p(_ x: Double) -> Double { cLog1p(x) }
  static func erf(_ x: Double) -> Double { cErf(x) }
  static func pow(_ x: Double, _ y: Double) -> Double { cPow(x, y) }
  static func tanh(_ x: Double) -> Double { cTanh(x) }
  static func tanh(_ x: Float) -> Float { cTanh(x) }
}
