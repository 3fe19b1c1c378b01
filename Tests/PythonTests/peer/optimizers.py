"""Trains a small network 25 steps with each optimizer of a list.

usage: optimizers.py CASES OUTPUT     CASES: lines of NAME, expression of `groups` (two lists of parameters)
"""

import sys

import torch
from torch import nn, optim

import exchange

results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, expression = line.split("\t")
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 4))
    x, target = torch.randn(20, 12), torch.randint(0, 4, (20,))
    groups = [list(model[0].parameters()), list(model[2].parameters())]
    optimizer = eval(expression)
    for step in range(25):
        loss = nn.functional.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        results[f"{name}/loss{step}"] = loss.detach().clone()
    for key, value in model.state_dict().items():
        results[f"{name}/{key}"] = value.clone()
    entries = optimizer.state_dict()["state"]
    for index, entry in entries.items():
        for key, value in entry.items():
            if value is not None:
                results[f"{name}/state.{index}.{key}"] = value.clone()
exchange.save(sys.argv[2], results)
