"""Kaiming's first weights of several shapes, drawn one after the other from one seed.

usage: initialization.py CASES OUTPUT     CASES: lines of name, shape, a, mode, separated by tabs
"""

import sys

import torch

import exchange

torch.manual_seed(9)
results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, shape, a, mode = line.split("\t")
    weight = torch.empty(eval(shape))
    results[f"{name}/uniform"] = torch.nn.init.kaiming_uniform_(weight.clone(), a=float(a))
    results[f"{name}/normal"] = torch.nn.init.kaiming_normal_(weight, a=float(a), mode=mode)
exchange.save(sys.argv[2], results)
