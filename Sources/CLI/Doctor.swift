import ArgumentParser
import Reference
import Formats
import SwiftTorchLayers

/// `torchlayers doctor`.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what was found of libtorch, CUDA and data, and what is missing.")
  @Flag(help: "Print the result as one JSON object.") var json = false

  private struct Report: Encodable {
    struct GPU: Encodable {
      let name: String
      let memory: Int?
      let capability: String
    }
    let torchlayers: String
    let shim: String
    let libtorch: String
    let builtAgainst: String
    let cpuCapability: String
    let threads: Int
    let cudaBuilt: Bool
    let cudaDevices: [GPU]
    let cudaProblem: String?
    let gemm: [String: String]
    let data: [String: Bool]
  }

  func run() throws {
    do {
      try Shim.load()
    } catch {
      print("torchlayers   \(torchlayersVersion)")
      print("libtorch      not usable")
      throw error
    }
    let devices = try (0..<CUDA.deviceCount).map { try CUDA.properties(of: $0) }
    var data: [String: Bool] = [:]
    for set in NamedDataset.allCases { data[set.rawValue] = (try? set.load(.test)) != nil }
    let report = Report(
      torchlayers: torchlayersVersion, shim: try Shim.path, libtorch: try Shim.runningVersion,
      builtAgainst: "\(try Shim.builtVersion)-\(try Shim.builtVariant)",
      cpuCapability: try Shim.cpuCapability,
      threads: try Torch.numThreads, cudaBuilt: try CUDA.isBuilt,
      cudaDevices: devices.map {
        .init(
          name: $0.name, memory: $0.totalMemory, capability: "\($0.capability.major).\($0.capability.minor)")
      }, cudaProblem: devices.isEmpty ? try CUDA.problem : nil,
      gemm: [
        "libtorch": try Shim.library(of: "sgemm_") ?? "inside", "reference": Gemm.library ?? "loops",
      ], data: data)
    if json { return try Terminal.printJSON(report) }
    print("torchlayers   \(report.torchlayers)")
    print("shim          \(report.shim)")
    print("libtorch      \(report.libtorch), the shim was built against \(report.builtAgainst)")
    print("CPU           \(report.cpuCapability) kernels, \(report.threads) threads")
    print(
      "gemm          libtorch's is from \(base(report.gemm["libtorch"])), the reference's from "
        + base(report.gemm["reference"]))
    if let problem = Gemm.problem {
      print("              (loops of its own, several times as slow: \(problem))")
    }
    if let problem = report.cudaProblem { print("CUDA          no device: \(problem)") }
    for (index, gpu) in report.cudaDevices.enumerated() {
      let memory = gpu.memory.map { "\(fixed(Double($0) / Double(1 << 30), 1)) GiB" } ?? "memory unknown"
      print("cuda:\(index)        \(gpu.name), \(memory), compute capability \(gpu.capability)")
      do {
        try Device.cuda(index).requireAvailable()
      } catch {
        print("              \(error)")
      }
    }
    for set in NamedDataset.allCases {
      let there = report.data[set.rawValue] == true
      print("data          \(set.rawValue): \(there ? "found" : "not found; \(set.summary)")")
    }
    for place in [Device.cpu] + devices.indices.map({ Device.cuda($0) }) {
      let ones = try Tensor.ones([2, 2]).to(place)
      let sum = try (ones + ones).sum().item(as: Float.self)
      let what = place.isCUDA ? "2x2 ones added on \(place)" : "2x2 ones added"
      print("check         \(what): sum \(sum) \(sum == 8 ? "(right)" : "(WRONG: 8 is right)")")
      if sum != 8 { throw ExitCode.failure }
    }
  }

  private func base(_ path: String?) -> String { path?.split(separator: "/").last.map(String.init) ?? "?" }
}
