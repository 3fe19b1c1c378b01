"""Runs a network as PyTorch runs it: first state, forward, gradients, state after three steps of SGD.

usage: networks.py NAME SHAPE CLASSES OUTPUT     SHAPE: batch and image, as [4, 3, 64, 64]
"""

import sys

import torch

import exchange
import models

name, shape, classes, output = sys.argv[1], eval(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.manual_seed(7)
model = models.make(name, shape[1:], classes)
results = {f"initial/{key}": value.clone() for key, value in model.state_dict().items()}
x = torch.randn(shape)
labels = torch.randint(0, classes, (shape[0],))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for step in range(3):
    logits = model(x)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    if step == 0:
        results["output"] = logits
        results.update({f"gradient/{key}": value.grad.clone() for key, value in model.named_parameters()})
    optimizer.step()
    results[f"loss{step}"] = loss
model.eval()
results["evaluated"] = model(x)
results.update({f"final/{key}": value for key, value in model.state_dict().items()})
exchange.save(output, results)
