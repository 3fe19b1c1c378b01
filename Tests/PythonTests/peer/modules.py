"""Runs each module of a list as PyTorch runs it: initial state, forward, gradients, state after some steps.

usage: modules.py CASES OUTPUT     CASES: lines of NAME, expression, input shape, separated by tabs, and below what
the input's numbers are when they are indices, otherwise 0
"""

import sys

import torch
from torch import nn

import exchange
from containers import Parallel, Residual
from ours import *

results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, expression, shape, below = line.split("\t")
    torch.manual_seed(7)
    module = eval(expression)
    results[f"{name}/text"] = torch.frombuffer(bytearray(str(module).encode()), dtype=torch.uint8)
    for key, value in module.state_dict().items():
        results[f"{name}/initial/{key}"] = value.clone()
    if int(below):
        x = torch.randint(0, int(below), eval(shape))
    else:
        x = torch.randn(eval(shape), requires_grad=True)
    output = module(x)
    results[f"{name}/output"] = output
    seed = torch.randn_like(output)
    output.backward(seed)
    if x.requires_grad:
        results[f"{name}/gradient/input"] = x.grad
    for key, value in module.named_parameters():
        results[f"{name}/gradient/{key}"] = value.grad.clone()
    if list(module.parameters()):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
        for _ in range(25):
            optimizer.zero_grad()
            (module(x.detach()) * seed).mean().backward()
            optimizer.step()
    module.eval()
    results[f"{name}/evaluated"] = module(x.detach())
    for key, value in module.state_dict().items():
        results[f"{name}/final/{key}"] = value.clone()
exchange.save(sys.argv[2], results)
