import Foundation
import Reference
import SwiftTorchLayers
import Testing

@Suite("The reference and libtorch have nothing in common")
struct IndependenceTests {
  /// The folder of what was built: three up from the test bundle or beside the test program.
  private var products: URL {
    URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
  }

  private func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(program) \(arguments)")
    return text
  }

  @Test("Reference's object files have no symbol of libtorch, of the shim or of the library")
  func objects() throws {
    let folder = products.appendingPathComponent("Reference.build")
    let objects = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "o" }
    #expect(objects.count >= 10, "\(folder.path)")
    let symbols = try run("/usr/bin/nm", ["--demangle"] + objects.map(\.path))
    #expect(symbols.contains("openblas_load"))
    for foreign in ["torch", "shim", "c10::", "at::", "SwiftTorchLayers", "_ZN2at", "_ZN3c10"] {
      let found = symbols.split(separator: "\n").filter { $0.contains(foreign) }
      #expect(found.isEmpty, "\(foreign): \(found.prefix(3))")
    }
  }

  @Test("in the tests, the reference's gemm is OpenBLAS's and libtorch's is its own")
  func gemm() throws {
    try Shim.load()
    _ = try Tensor.ones([8, 8]).matmul(Tensor.ones([8, 8]))
    let own = try #require(Gemm.library)
    #expect(own.contains("libopenblas"), "\(own)")
    for symbol in ["sgemm_", "dgemm_", "cblas_sgemm", "cblas_dgemm"] {
      let theirs = try Shim.library(of: symbol)
      #expect(theirs.map { $0.contains("libtorch") } ?? true, "\(symbol) is from \(theirs ?? "")")
    }
    #expect(try Shim.library(of: "sgemm_") != nil)
  }

  @Test("in the program torchlayers, too")
  func program() throws {
    struct Doctor: Decodable { let gemm: [String: String] }
    let program = products.appendingPathComponent("torchlayers").path
    let doctor = try JSONDecoder().decode(Doctor.self, from: Data(run(program, ["doctor", "--json"]).utf8))
    #expect(doctor.gemm["reference"]?.contains("libopenblas") == true, "\(doctor.gemm)")
    #expect(doctor.gemm["libtorch"]?.contains("libtorch_cpu") == true, "\(doctor.gemm)")
  }
}
