"""Runs networks as PyTorch runs them: first state, forward, gradients, state after three steps of SGD.

usage: networks.py CASES FOLDER OUTPUT
A line of CASES: name, shape of the images with the batch, classes, more arguments of the network as a dict. The results of
a network are FOLDER/NAME.safetensors; OUTPUT tells how many there are.
"""

import os
import sys

import torch

import exchange
import models


def results(name, shape, classes, settings):
    torch.manual_seed(7)
    model = models.make(name, shape[1:], classes, **settings)
    values = {f"initial/{key}": value.clone() for key, value in model.state_dict().items()}
    x = torch.randn(shape)
    labels = torch.randint(0, classes, (shape[0],))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for step in range(3):
        logits = model(x)
        # Every output takes part in the loss of a network that is no classifier.
        loss = torch.nn.functional.cross_entropy(logits, labels) if logits.dim() == 2 else logits.square().mean()
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            values["output"] = logits
            values.update({f"gradient/{key}": value.grad.clone() for key, value in model.named_parameters()})
        optimizer.step()
        values[f"loss{step}"] = loss
    model.eval()
    values["evaluated"] = model(x)
    values.update({f"final/{key}": value for key, value in model.state_dict().items()})
    return values


cases, folder, output = sys.argv[1:]
os.makedirs(folder)
rows = [line.rstrip("\n").split("\t") for line in open(cases)]
for name, shape, classes, settings in rows:
    exchange.save(f"{folder}/{name}.safetensors", results(name, eval(shape), int(classes), eval(settings)))
exchange.save(output, {"count": torch.tensor(len(rows))})
