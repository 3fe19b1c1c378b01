// swift-tools-version: 6.2

import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let package = Package(
  name: "SwiftTorchLayers",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "SwiftTorchLayers", targets: ["SwiftTorchLayers"]),
    .executable(name: "torchlayers", targets: ["CLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
  ],
  targets: [
    // The contract with libtorch: one C header, and the few lines that load the shim at run time.
    .target(name: "CTorchShim", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    // Tensors, layers, losses, optimizers, data, training, export.
    .target(
      name: "SwiftTorchLayers",
      dependencies: [
        "CTorchShim", "CYAML", "Formats", .product(name: "OrderedCollections", package: "swift-collections"),
      ], swiftSettings: strict),
    // Bytes in, bytes out; knows nothing of torch.
    .target(
      name: "Formats", dependencies: ["CZlib", "CPNG", "CTurboJPEG"], swiftSettings: strict),
    // The from-scratch implementation; imports neither the library nor the shim.
    .target(name: "Reference", dependencies: ["COpenBLAS"], swiftSettings: strict),
    // Runs the library and the reference on the same inputs and compares.
    .target(
      name: "Parity", dependencies: ["SwiftTorchLayers", "Reference", "Formats"], swiftSettings: strict),
    // The rows of the course: what each computes, trains and draws.
    .target(
      name: "Course",
      dependencies: [
        "SwiftTorchLayers", "Formats", .product(name: "OrderedCollections", package: "swift-collections"),
      ], swiftSettings: strict),
    // The command `torchlayers`.
    .executableTarget(
      name: "CLI",
      dependencies: [
        "SwiftTorchLayers", "Parity", "Reference", "Formats", "Course",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),

    .systemLibrary(name: "CZlib", path: "Sources/System/CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CPNG", path: "Sources/System/CPNG", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", path: "Sources/System/CTurboJPEG",
      providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CYAML", path: "Sources/System/CYAML", providers: [.apt(["libyaml-dev"])]),
    // Loads OpenBLAS privately, so that its symbols never mix with libtorch's.
    .target(
      name: "COpenBLAS", path: "Sources/System/COpenBLAS",
      linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),

    // What tests share: the list of the library's public types.
    .target(name: "TestSupport", path: "Tests/Support", swiftSettings: strict),
    // Bit for bit against Python's PyTorch.
    .testTarget(
      name: "PythonTests", dependencies: ["SwiftTorchLayers", "Parity", "TestSupport"], exclude: ["peer"],
      swiftSettings: strict),
    // The built program, run as a user runs it.
    .testTarget(name: "CLITests", dependencies: ["Formats"], swiftSettings: strict),
    .testTarget(
      name: "CourseTests", dependencies: ["Course", "Formats", "SwiftTorchLayers"],
      swiftSettings: strict),
    .testTarget(name: "FormatsTests", dependencies: ["Formats"], swiftSettings: strict),
    .testTarget(name: "ReferenceTests", dependencies: ["Reference"], swiftSettings: strict),
    .testTarget(
      name: "SwiftTorchLayersTests", dependencies: ["SwiftTorchLayers", "Formats"],
      swiftSettings: strict),
    .testTarget(
      name: "ParityTests", dependencies: ["Parity", "Reference", "SwiftTorchLayers", "TestSupport"],
      swiftSettings: strict),
  ]
)
