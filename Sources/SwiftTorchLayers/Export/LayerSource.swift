// Normalisation, dropout, embedding and containers as TorchScript.

extension DropoutNd {
  /// Whole channels, as though the input had a batch dimension where it has not `dimensions`.
  fileprivate func channels(dimensions: Int) -> String {
    let drop = "torch.feature_dropout\(inplace ? "_" : "")"
    return """
      if input.dim() == \(dimensions):
        return \(drop)(input, \(p), self.training)
      return torch.squeeze(\(drop)(torch.unsqueeze(input, 0), \(p), self.training), 0)
      """
  }
}

extension Dropout1d: ScriptedModule {
  var torchScript: String { channels(dimensions: 3) }
}
extension Dropout3d: ScriptedModule {
  var torchScript: String { channels(dimensions: 5) }
}
extension AlphaDropout: ScriptedModule {
  var torchScript: String { "return torch.alpha_dropout(input, \(p), self.training)" }
}
extension FeatureAlphaDropout: ScriptedModule {
  var torchScript: String { "return torch.feature_alpha_dropout(input, \(p), self.training)" }
}

extension LayerNorm: ScriptedModule {
  var torchScript: String {
    "return torch.layer_norm(input, \(normalizedShape), \(attribute("weight", weight)), "
      + "\(attribute("bias", bias)), \(eps), True)"
  }
}

extension GroupNorm: ScriptedModule {
  var torchScript: String {
    "assert input.numel() != \(numGroups), \"Expected more than 1 value per channel when training\"\n"
      + "return torch.group_norm(input, \(numGroups), \(attribute("weight", weight)), "
      + "\(attribute("bias", bias)), \(eps), True)"
  }
}

extension InstanceNorm: ScriptedModule {
  var torchScript: String {
    let tensors = [
      ("weight", weight), ("bias", bias), ("running_mean", runningMean), ("running_var", runningVar),
    ]
    .map { attribute($0, $1) }.joined(separator: ", ")
    let useInput = trackRunningStats ? "self.training" : "True"
    func call(_ input: String) -> String {
      "torch.instance_norm(\(input), \(tensors), \(useInput), \(momentum ?? 0), \(eps), True)"
    }
    return """
      if input.dim() == \(inputDimensions.upperBound):
        if \(useInput):
          assert input.numel() != input.size(0) * input.size(1), "Expected more than 1 spatial element when training"
        return \(call("input"))
      if \(useInput):
        assert input.numel() != input.size(0), "Expected more than 1 spatial element when training"
      return torch.squeeze(\(call("torch.unsqueeze(input, 0)")), 0)
      """
  }
}

extension LocalResponseNorm: ScriptedModule {
  var torchScript: String {
    let (before, after) = (size / 2, (size - 1) / 2)
    return """
      squares = torch.mul(input, input)
      if input.dim() == 3:
        padded = torch.pad(torch.unsqueeze(squares, 1), [0, 0, \(before), \(after)], "constant", None)
        mean = torch.squeeze(torch.avg_pool2d(padded, [\(size), 1], [1, 1], [0, 0], False, True, None), 1)
      else:
        volume = squares.view([input.size(0), 1, input.size(1), input.size(2), -1])
        padded = torch.pad(volume, [0, 0, 0, 0, \(before), \(after)], "constant", None)
        pooled = torch.avg_pool3d(padded, [\(size), 1, 1], [1, 1, 1], [0, 0, 0], False, True, None)
        mean = torch.squeeze(pooled, 1).view(input.size())
      return torch.div(input, torch.pow(torch.add(torch.mul(mean, \(alpha)), \(k)), \(beta)))
      """
  }
}

extension Embedding: ScriptedModule {
  var torchScript: String {
    // The detached tensor shares the weight's memory, so that the table itself is changed.
    let renorm = maxNorm.map {
      "torch.embedding_renorm_(self.weight.detach(), input.contiguous(), \($0), \(normType))\n"
    }
    return (renorm ?? "")
      + "return torch.embedding(self.weight, input, \(paddingIdx ?? -1), "
      + "\(pythonDescription(scaleGradByFreq)), False)"
  }
}

extension Residual: ScriptedModule {
  var torchScript: String {
    let other = shortcut == nil ? "input" : "self.shortcut.forward(input)"
    return "return torch.add(self.body.forward(input), \(other))"
  }
}

extension Parallel: ScriptedModule {
  var torchScript: String {
    let outputs = branches.indices.map { "getattr(self, \"\($0)\").forward(input)" }
    return combination == .concatenate
      ? "return torch.cat([\(outputs.joined(separator: ", "))], 1)"
      : "return \(outputs.joined(separator: " + "))"
  }
}
