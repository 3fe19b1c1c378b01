import SwiftTorchLayers

/// The sentence of the error that `body` throws; "no error" when it throws none.
func message<Result>(_ body: () throws -> Result) -> String {
  do {
    _ = try body()
    return "no error"
  } catch let error as TorchError {
    return error.message
  } catch {
    return "\(error)"
  }
}
