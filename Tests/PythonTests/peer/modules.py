"""Runs each module of a list as PyTorch runs it: initial state, forward, gradients, state after some steps.

usage: modules.py CASES OUTPUT     CASES: lines of NAME, expression, input shape, separated by tabs
"""

import sys

import torch
from torch import nn

import exchange

results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, expression, shape = line.split("\t")
    torch.manual_seed(7)
    module = eval(expression)
    for key, value in module.state_dict().items():
        results[f"{name}/initial/{key}"] = value.clone()
    x = torch.randn(eval(shape), requires_grad=True)
    output = module(x)
    results[f"{name}/output"] = output
    seed = torch.randn_like(output)
    output.backward(seed)
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
