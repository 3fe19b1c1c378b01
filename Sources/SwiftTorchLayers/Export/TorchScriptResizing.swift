// The layers that change an image's size (padding, pooling, folding, upsampling) as TorchScript.

/// A number as TorchScript reads it.
private func literal(_ number: Double) -> String { number.isFinite ? "\(number)" : "float(\"\(number)\")" }

extension PadNd: ScriptedModule {
  var torchScript: String {
    "return torch.pad(input, \(padding), \"\(mode.rawValue)\", \(mode == .constant ? literal(value) : "None"))"
  }
}

extension ComputedPadNd: ScriptedModule {
  var torchScript: String { weights.map(weighted) ?? mean }

  private var mean: String {
    let dims = Array(-padding.count / 2..<0)
    let sizes = dims.map { "input.size(\($0))" }.joined(separator: ", ")
    // 11 is torch.bool.
    return """
      inside = torch.pad(torch.ones([\(sizes)], dtype=11, device=input.device), \(padding), "constant", None)
      padded = torch.pad(input, \(padding), "constant", None)
      return torch.where(inside, padded, torch.mean(input, \(dims), True))
      """
  }

  private func weighted(_ weights: [Double]) -> String {
    var source = ""
    if padding.contains(where: { $0 < 0 }) {
      source += "input = torch.pad(input, \(padding.map { min($0, 0) }), \"constant\", None)\n"
    }
    for index in 0..<padding.count / 2 {
      let dim = -1 - index
      let counts = [padding[2 * index], padding[2 * index + 1]]
      guard counts.contains(where: { $0 > 0 }) else { continue }
      source += "assert input.size(\(dim)) >= \(weights.count)\n"
      var ends: [[String]] = []
      for (end, count) in zip(["before", "after"], counts) {
        guard count > 0 else {
          ends.append([])
          continue
        }
        var near = weights.indices.map { "near\($0)" }
        for (place, name) in near.enumerated() {
          let start = end == "before" ? "\(place)" : "input.size(\(dim)) - \(place + 1)"
          source += "\(name) = torch.narrow(input, \(dim), \(start), 1)\n"
        }
        ends.append((0..<count).map { "\(end)\($0)" })
        for ring in ends[ends.count - 1] {
          let terms = zip(near, weights).map { "\($0) * \(literal($1))" }
          source += "\(ring) = \(terms.joined(separator: " + "))\n"
          near = [ring] + near.dropLast()
        }
      }
      let parts = ends[0].reversed() + ["input"] + ends[1]
      source += "input = torch.cat([\(parts.joined(separator: ", "))], \(dim))\n"
    }
    return source + "return input"
  }
}

extension ConvTransposeNd: ScriptedModule {
  var torchScript: String {
    "return torch.conv_transpose\(kernelSize.count)d(input, self.weight, "
      + "\(bias == nil ? "None" : "self.bias"), \(stride), \(padding), \(outputPadding), \(groups), \(dilation))"
  }
}

extension NMaxPool2d: ScriptedModule {
  var torchScript: String {
    var source = "shape = input.size()\n"
    for (d, name) in ["height", "width"].enumerated() {
      let reach = dilation[d] * (kernelSize[d] - 1) + 1
      let room = "shape[\(d - 2)] + \(2 * padding[d] - reach + (ceilMode ? stride[d] - 1 : 0))"
      source += """
        assert shape[\(d - 2)] + \(2 * padding[d] - reach) >= 0
        \(name) = (\(room)) // \(stride[d]) + 1
        if (\(name) - 1) * \(stride[d]) >= shape[\(d - 2)] + \(padding[d]):
          \(name) = \(name) - 1
        \(name)_end = max(0, (\(name) - 1) * \(stride[d]) + \(reach - padding[d]) - shape[\(d - 2)])

        """
    }
    func windows(_ x: String) -> String {
      "torch.narrow(torch.sort(torch.im2col(\(x), \(kernelSize), \(dilation), [0, 0], \(stride)), "
        + "stable=True, dim=1, descending=True)[0], 1, 0, \(n))"
    }
    return source + """
      maps = torch.reshape(input, [-1, 1, shape[-2], shape[-1]])
      border = [\(padding[1]), width_end, \(padding[0]), height_end]
      if max(border) > 0:
        ones = torch.ones([1, 1, shape[-2], shape[-1]], dtype=input.dtype, device=input.device)
        ones = torch.pad(ones, border, "constant", 0.0)
        maps = torch.pad(maps, border, "constant", float("-inf"))
        inside = \(windows("ones"))
        result = torch.sum(torch.where(inside > 0, \(windows("maps")), 0), [1], False) / torch.sum(inside, [1], False)
      else:
        result = torch.mean(\(windows("maps")), [1], False)
      return torch.reshape(result, shape[:-2] + [height, width])
      """
  }
}

extension LPPoolNd: ScriptedModule {
  var torchScript: String {
    let dimensions = kernelSize.count
    let none = kernelSize.map { _ in 0 }
    if normType.isInfinite {
      let sign = normType < 0 ? "-" : ""
      return "return \(sign)torch.max_pool\(dimensions)d(\(sign)torch.abs(input), \(kernelSize), \(stride), "
        + "\(none), \(kernelSize.map { _ in 1 }), \(pythonDescription(ceilMode)))"
    }
    return """
      mean = torch.avg_pool\(dimensions)d(torch.pow(input, \(literal(normType))), \(kernelSize), \(stride), \(none), \
      \(pythonDescription(ceilMode)), True\(dimensions == 1 ? "" : ", None"))
      sum = torch.sign(mean) * torch.relu(torch.abs(mean)) * \(kernelSize.reduce(1, *))
      return torch.pow(sum, \(literal(1 / normType)))
      """
  }
}

extension FractionalMaxPool2d: ScriptedModule {
  var torchScript: String {
    var source = ""
    var samples = "self._random_samples"
    if _randomSamples == nil {
      source = "images = 1\nif input.dim() == 4:\n  images = input.size(0)\n"
      samples = "torch.rand([images, input.size(-3), 2], dtype=input.dtype, device=input.device)"
    }
    let ratios = (outputRatio ?? []).enumerated().map { "int(input.size(\($0 - 2)) * \($1))" }
    let size = outputSize.map { "\($0)" } ?? "[\(ratios.joined(separator: ", "))]"
    return source + "return torch.fractional_max_pool2d(input, \(kernelSize), \(size), \(samples))[0]"
  }
}

extension Unfold: ScriptedModule {
  var torchScript: String {
    "return torch.im2col(input, \(kernelSize), \(dilation), \(padding), \(stride))"
  }
}

extension Fold: ScriptedModule {
  var torchScript: String {
    "return torch.col2im(input, \(outputSize), \(kernelSize), \(dilation), \(padding), \(stride))"
  }
}

extension Upsample: ScriptedModule {
  /// A branch for each number of spatial dimensions that the sizes and the mode allow.
  var torchScript: String {
    let given = (size as? [Int])?.count ?? scaleFactor?.listCount
    let possible = (1...3).filter { $0 == mode.dimensions ?? $0 && $0 == given ?? $0 }
    guard let last = possible.last else { return "assert False\nreturn input" }
    let branches = possible.dropLast().map { "if input.dim() == \($0 + 2):\n  \(call($0))\n" }
    return "assert input.dim() in \(possible.map { $0 + 2 })\n\(branches.joined())\(call(last))"
  }

  private func call(_ dimensions: Int) -> String {
    var sizes = size.map { "\($0.sizes(dimensions))" } ?? "None"
    var scales = scaleFactor.map { "\($0.scales(dimensions))" } ?? "None"
    if recomputeScaleFactor == true, let factors = scaleFactor?.scales(dimensions) {
      let products = factors.enumerated().map { "int(float(input.size(\($0 + 2))) * \($1))" }
      (sizes, scales) = ("[\(products.joined(separator: ", "))]", "None")
    }
    let corners = mode.mixes ? " \(pythonDescription(alignCorners ?? false))," : ""
    let function =
      switch mode {
      case .nearest: "upsample_nearest\(dimensions)d"
      case .nearestExact: "_upsample_nearest_exact\(dimensions)d"
      case .linear, .bilinear, .trilinear: "upsample_\(mode.rawValue)\(dimensions)d"
      case .bicubic: "upsample_bicubic2d"
      }
    return "return torch.\(function)(input, \(sizes),\(corners) \(scales))"
  }
}
