"""Runs a network of torch.nn with another framework's operations, on images with the channels last.

`ops` has: conv(x, w, b, stride, padding) with w as [height, width, in, out], linear(x, w, b) with w as
[in, out], max_pool(x, size, stride, padding), avg_pool(x, size), batch_norm(x, weights,
prefix, eps) with the running values among the weights, mean(x) over the image, relu, tanh, dropout(x, p), flatten(x) in PyTorch's order, channels first.
"""

import torch
from torch import nn

from workloads import models


def parameters(model):
    """The weights by their keys, as numpy arrays in the layout of `ops`."""
    result = {}
    for key, value in model.named_parameters():
        value = value.detach()
        value = value.permute(2, 3, 1, 0) if value.ndim == 4 else value.T if value.ndim == 2 else value
        result[key] = value.contiguous().numpy()
    return result


def buffers(model):
    """The running means and variances by their keys, as numpy arrays."""
    return {key: value.numpy().copy() for key, value in model.named_buffers() if value.ndim > 0}


def forward(ops, module, weights, x, prefix=""):
    """What `module` makes of `x` with the weights whose keys begin with `prefix`."""
    def child(name, x):
        return forward(ops, getattr(module, name), weights, x, f"{prefix}{name}.")

    match module:
        case nn.Sequential():
            for name, _ in module.named_children():
                x = child(name, x)
            return x
        case models.AlexNet():
            return child("classifier", ops.flatten(child("features", x)))
        case models.ResNet():
            for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
                x = child(name, x)
            return child("fc", ops.mean(x))
        case models.BasicBlock():
            residual = x
            for name in ("conv1", "bn1", "relu", "conv2", "bn2"):
                residual = child(name, residual)
            return ops.relu(residual + (x if module.downsample is None else child("downsample", x)))
        case nn.Conv2d():
            padding = module.kernel_size[0] // 2 if module.padding == "same" else module.padding[0]
            bias = weights.get(f"{prefix}bias")
            return ops.conv(x, weights[f"{prefix}weight"], bias, module.stride[0], padding)
        case nn.Linear():
            return ops.linear(x, weights[f"{prefix}weight"], weights[f"{prefix}bias"])
        case nn.BatchNorm2d():
            return ops.batch_norm(x, weights, prefix, module.eps)
        case nn.MaxPool2d():
            return ops.max_pool(x, module.kernel_size, module.stride, module.padding)
        case nn.AvgPool2d():
            return ops.avg_pool(x, module.kernel_size)
        case nn.Dropout():
            return ops.dropout(x, module.p)
        case nn.Flatten():
            return ops.flatten(x)
        case nn.ReLU():
            return ops.relu(x)
        case nn.Tanh():
            return ops.tanh(x)
    raise TypeError(f"no counterpart of {module}")


def check(logits, model, images):
    """Compares the logits in evaluation with PyTorch's own."""
    with torch.inference_mode():
        error = abs(torch.tensor(logits) - model.eval()(images)).max().item()
    assert error < 1e-3, f"the logits differ from PyTorch's by {error}"
