"""Trains a small network 25 steps with each optimizer of a list.

usage: optimizers.py CASES OUTPUT     CASES: lines of NAME, expression of `groups` (two lists of parameters)
"""

import sys

import torch
from torch import nn, optim

import exchange


def tensors(key, value):
    """What is remembered under a key: a list has a tensor for each element, a number is a float64 one."""
    if isinstance(value, list):
        return {f"{key}.{i}": item for i, item in enumerate(value)}
    if isinstance(value, (int, float)):
        return {key: torch.tensor(float(value), dtype=torch.float64)}
    return {key: value}


results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, expression = line.split("\t")
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 4))
    x, target = torch.randn(20, 12), torch.randint(0, 4, (20,))
    groups = [list(model[0].parameters()), list(model[2].parameters())]
    optimizer = eval(expression)


    def closure():
        loss = nn.functional.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        return loss

    for step in range(25):
        if isinstance(optimizer, optim.LBFGS):
            loss = optimizer.step(closure)
        else:
            loss = closure()
            optimizer.step()
        results[f"{name}/loss{step}"] = loss.detach().clone()
    for key, value in model.state_dict().items():
        results[f"{name}/{key}"] = value.clone()
    entries = optimizer.state_dict()["state"]
    for index, entry in entries.items():
        for key, value in entry.items():
            if value is None or key == "al":  # the scratch of LBFGS
                continue
            for name_of_part, part in tensors(key, value).items():
                results[f"{name}/state.{index}.{name_of_part}"] = part.clone()
exchange.save(sys.argv[2], results)
