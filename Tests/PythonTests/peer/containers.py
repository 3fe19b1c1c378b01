"""The containers of this package that PyTorch does not have, as one writes them in Python."""

import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, *modules, shortcut=None):
        super().__init__()
        self.body = nn.Sequential(*modules)
        self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + (x if self.shortcut is None else self.shortcut(x))


class Parallel(nn.ModuleList):
    def __init__(self, *branches, combination="concatenate"):
        super().__init__(branches)
        self.combination = combination

    def forward(self, x):
        outputs = [branch(x) for branch in self]
        return torch.cat(outputs, 1) if self.combination == "concatenate" else sum(outputs[1:], outputs[0])
