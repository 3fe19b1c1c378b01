"""Runs each loss of a list: value and gradient.

usage: losses.py CASES OUTPUT     CASES: lines of NAME, expression, input expression, target expression
"""

import sys

import torch
from torch import nn

import exchange


class SigmoidFocalLoss:
    """torchvision.ops.sigmoid_focal_loss, operation by operation."""

    def __init__(self, alpha=0.25, gamma=2, reduction="mean"):
        self.alpha, self.gamma, self.reduction = alpha, gamma, reduction

    def __call__(self, x, target):
        p = torch.sigmoid(x)
        entropy = nn.functional.binary_cross_entropy_with_logits(x, target, reduction="none")
        truth = p * target + (1 - p) * (1 - target)
        loss = entropy * ((1 - truth) ** self.gamma)
        if self.alpha >= 0:
            loss = (self.alpha * target + (1 - self.alpha) * (1 - target)) * loss
        return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[self.reduction]


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
