import Reference
import SwiftTorchLayers

/// Cases in which libtorch itself is wrong on a CPU. They are shown, not run: where it writes out of bounds, a damaged
/// heap would make every result after it worthless.
enum KnownDefects {
  struct Case {
    let operation: String
    let format: Format
    let layout: Layout
    let values: Values
    var kernel: [Int] = []
    var stride: [Int] = []
    var dilation = [1, 1]
    var channels = 0
    var batch = 0
    /// The output's size in each spatial dimension.
    var output: [Int] = []
    /// Whether no output meets anything but padding.
    var onlyPadding = false

    /// conv2d or conv3d in channels_last.
    var isChannelsLastConvolution: Bool {
      ["conv2d", "conv3d"].contains(operation) && layout == .channelsLast
    }
  }

  struct Entry: Sendable {
    let text: String
    /// The versions in which it was seen.
    let versions: [String]
    let matches: @Sendable (Case) -> Bool
  }

  static let all: [Entry] = [
    Entry(
      text:
        "conv2d's weight gradient writes out of bounds: float32, channels_last, 1×1 kernel, stride above 1, "
        + "fewer than 8 input channels", versions: ["2.13.0"]
    ) {
      $0.isChannelsLastConvolution && $0.operation == "conv2d" && $0.format == .float32
        && $0.kernel.allSatisfy { $0 == 1 } && $0.stride.contains { $0 > 1 } && $0.channels < 8
    },
    Entry(
      text:
        "conv2d and conv3d give wrong outputs (oneDNN): float32, channels_last, one input channel, batch above "
        + "1, output width 1, horizontal stride above 1, vertical stride 1", versions: ["2.11.0", "2.13.0"]
    ) {
      $0.isChannelsLastConvolution && $0.format == .float32 && $0.channels == 1 && $0.batch > 1
        && $0.output.last == 1
        && $0.stride.last! > 1 && $0.stride[$0.stride.count - 2] == 1
    },
    Entry(
      text:
        "conv2d and conv3d in channels_last end in a segmentation fault (oneDNN) when no output meets anything but padding "
        + "and the kernel is dilated", versions: ["2.11.0", "2.13.0"]
    ) { $0.isChannelsLastConvolution && $0.onlyPadding && $0.dilation.contains { $0 > 1 } },
    Entry(
      text:
        "conv2d and conv3d of small inputs (oneDNN): bfloat16, channels_last; gradients from uninitialised memory, "
        + "wrong outputs, segmentation faults", versions: ["2.11.0", "2.13.0"]
    ) { $0.isChannelsLastConvolution && $0.format == .bfloat16 },
    Entry(
      text:
        "conv_transpose2d and conv_transpose3d (oneDNN): bfloat16, channels_last; weight gradients from "
        + "uninitialised memory where a kernel position meets only padding, segmentation faults",
      versions: ["2.13.0"]
    ) {
      ["conv_transpose2d", "conv_transpose3d"].contains($0.operation) && $0.layout == .channelsLast
        && $0.format == .bfloat16
    },
    Entry(
      text:
        "max_pool3d in channels_last_3d gives the gradient of a window of nothing but −∞ to a place outside "
        + "of the window", versions: ["2.11.0", "2.13.0"]
    ) { $0.operation == "max_pool3d" && $0.layout == .channelsLast && $0.values == .special },
    Entry(
      text: "hardsigmoid's gradient in float64 has its factor 1/6 in float32", versions: ["2.11.0", "2.13.0"]
    ) { $0.operation == "hardsigmoid" && $0.format == .float64 },
    Entry(
      text: "celu's gradient in float64 has its factor 1/alpha in float32", versions: ["2.11.0", "2.13.0"]
    ) { $0.operation == "celu" && $0.format == .float64 },
    Entry(
      text:
        "binary_cross_entropy's gradient in float16 is NaN where input and target are both 0 or both 1: the "
        + "1e-12 that should keep it from dividing by zero is 0 in float16", versions: ["2.13.0"]
    ) { $0.operation == "binary_cross_entropy" && $0.format == .float16 },
  ]

  /// - Throws: `KnownDefect` when the loaded libtorch is known to be wrong in the case.
  static func check(_ candidate: Case) throws {
    let version = try Shim.runningVersion.prefix { $0 != "+" }
    if let entry = all.first(where: { $0.versions.contains(String(version)) && $0.matches(candidate) }) {
      throw KnownDefect(text: "\(entry.text) (libtorch \(version))")
    }
  }
}
