"""What each initialiser of a list makes of a tensor, and the random number that follows.

usage: initialization.py CASES OUTPUT     CASES: lines of NAME, shape, dtype, expression of `w` and `init`
"""

import sys

import torch
from torch.nn import init

import exchange

results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, shape, dtype, expression = line.split("\t")
    torch.manual_seed(9)
    w = torch.zeros(eval(shape), dtype=getattr(torch, dtype))
    own = torch.Generator().manual_seed(5)
    results[f"{name}/tensor"] = eval(expression)
    results[f"{name}/after"] = torch.rand(3)
exchange.save(sys.argv[2], results)
