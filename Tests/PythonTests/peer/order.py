"""The order of a model's parameters and of its state: of a module as one writes it in Python, and of our export of the same.

usage: order.py MODEL OUTPUT     gives each name as `python.parameters.NAME` and the like, with its place
"""

import sys

import torch
from torch import nn

import exchange


def linear():
    return nn.Linear(2, 2, bias=False)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.ModuleList([linear()]), nn.ModuleList([linear(), nn.BatchNorm1d(2)])])
        self.conv_bn = linear()
        self.scales = nn.ParameterList([torch.ones(2), torch.ones(2)])
        self.named = nn.ParameterDict([("b", torch.ones(2)), ("a", torch.ones(2))])
        self.heads = nn.ModuleDict({"left": linear(), "right": linear()})
        self.scale = nn.Parameter(torch.ones(2))
        self._stem = linear()


results = {}
for name, model in {"python": Net(), "export": torch.jit.load(sys.argv[1])}.items():
    for place, (key, _) in enumerate(model.named_parameters()):
        results[f"{name}.parameters.{key}"] = torch.tensor(place)
    for place, key in enumerate(model.state_dict()):
        results[f"{name}.state.{key}"] = torch.tensor(place)
exchange.save(sys.argv[2], results)
