"""Runs each loss of a list: value and gradient.

usage: losses.py CASES OUTPUT     CASES: lines of NAME, expression, input expression, target expression
"""

import sys

import torch
from torch import nn

import exchange

results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, expression, input_expression, target_expression = line.split("\t")
    torch.manual_seed(7)
    x = eval(input_expression).requires_grad_()
    target = eval(target_expression)
    value = eval(expression)(x, target)
    value.sum().backward()
    results[f"{name}/value"] = value
    results[f"{name}/gradient"] = x.grad
exchange.save(sys.argv[2], results)
