"""Opens exported layers: output in training and evaluation, state afterwards.

usage: exports.py CASES OUTPUT     CASES: lines of NAME, file, input shape, separated by tabs, and below what the input's
numbers are when they are indices, otherwise 0
"""

import sys

import torch

import exchange

results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, file, shape, below = line.split("\t")
    module = torch.jit.load(file)
    torch.manual_seed(7)
    x = torch.randint(0, int(below), eval(shape)) if int(below) else torch.randn(eval(shape))
    with torch.no_grad():
        results[f"{name}/output"] = module.train()(x)
        results[f"{name}/evaluated"] = module.eval()(x)
    for key, value in module.state_dict().items():
        results[f"{name}/state/{key}"] = value
exchange.save(sys.argv[2], results)
