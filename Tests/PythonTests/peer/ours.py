"""The layers that PyTorch does not have, in PyTorch's words."""

import torch
from torch import nn
from torch.nn import functional as F


class _MeanPad(nn.Module):
    def __init__(self, dimensions, padding):
        super().__init__()
        self.dims = list(range(-dimensions, 0))
        self.padding = [padding] * 2 * dimensions if isinstance(padding, int) else padding

    def forward(self, x):
        inside = F.pad(torch.ones([x.size(dim) for dim in self.dims], dtype=torch.bool), self.padding)
        return torch.where(inside, F.pad(x, self.padding), x.mean(self.dims, keepdim=True))


class _WeightedPad(nn.Module):
    def __init__(self, dimensions, padding, weights):
        super().__init__()
        self.dimensions, self.weights = dimensions, weights
        self.padding = [padding] * 2 * dimensions if isinstance(padding, int) else padding

    def rings(self, near, count):
        for _ in range(count):
            ring = near[0] * self.weights[0]
            for weight, element in list(zip(self.weights, near))[1:]:
                ring = ring + element * weight
            near = [ring] + near[:-1]
            yield ring

    def forward(self, x):
        if min(self.padding) < 0:
            x = F.pad(x, [min(amount, 0) for amount in self.padding])
        for index in range(self.dimensions):
            before, after = self.padding[2 * index:2 * index + 2]
            dim, places = -1 - index, range(len(self.weights))
            first = [x.narrow(dim, place, 1) for place in places] if before > 0 else []
            last = [x.narrow(dim, x.size(dim) - 1 - place, 1) for place in places] if after > 0 else []
            x = torch.cat([*reversed(list(self.rings(first, before))), x, *self.rings(last, after)], dim)
        return x


class MeanPad1d(_MeanPad):
    def __init__(self, padding):
        super().__init__(1, padding)


class MeanPad2d(_MeanPad):
    def __init__(self, padding):
        super().__init__(2, padding)


class MeanPad3d(_MeanPad):
    def __init__(self, padding):
        super().__init__(3, padding)


class WeightedPad1d(_WeightedPad):
    def __init__(self, padding, weights):
        super().__init__(1, padding, weights)


class WeightedPad2d(_WeightedPad):
    def __init__(self, padding, weights):
        super().__init__(2, padding, weights)


class WeightedPad3d(_WeightedPad):
    def __init__(self, padding, weights):
        super().__init__(3, padding, weights)


class NMaxPool2d(nn.Module):
    """With PyTorch's own max pooling of ones for the output's size."""

    def __init__(self, kernel_size, n, stride=None, padding=0, dilation=1, ceil_mode=False):
        super().__init__()
        self.kernel_size, self.n, self.padding, self.dilation = kernel_size, n, padding, dilation
        self.stride = kernel_size if stride is None else stride
        self.pool = nn.MaxPool2d(kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)

    def windows(self, x, border, value):
        fields = F.unfold(F.pad(x, border, value=value), self.kernel_size, self.dilation, 0, self.stride)
        return fields.sort(dim=1, descending=True, stable=True)[0].narrow(1, 0, self.n)

    def forward(self, x):
        size = self.pool(x.detach()).shape
        reach = (size[-1] - 1) * self.stride + self.dilation * (self.kernel_size - 1) + 1
        right = max(0, reach - x.size(-1) - self.padding)
        reach = (size[-2] - 1) * self.stride + self.dilation * (self.kernel_size - 1) + 1
        bottom = max(0, reach - x.size(-2) - self.padding)
        border = [self.padding, right, self.padding, bottom]
        maps = x.reshape(-1, 1, x.size(-2), x.size(-1))
        result = self.windows(maps, border, float("-inf"))
        if max(border) > 0:
            inside = self.windows(torch.ones(1, 1, x.size(-2), x.size(-1)), border, 0)
            result = torch.where(inside > 0, result, 0).sum(1) / inside.sum(1)
        else:
            result = result.mean(1)
        return result.reshape(size)
