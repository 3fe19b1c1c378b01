"""Opens an export whose modules are shared: how many parameters there are, the output, and both after a step of training.

usage: shared.py MODEL SHAPE KEY KEY OUTPUT     KEY: two keys of the state dict that are one tensor
"""

import sys

import torch

import exchange

model = torch.jit.load(sys.argv[1])
torch.manual_seed(7)
x = torch.randn(eval(sys.argv[2]))
results = {"parameters": torch.tensor(len(list(model.parameters())))}
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
output = model(x)
results["output"] = output
output.square().sum().backward()
optimizer.step()
state = model.state_dict()
results["first"], results["second"] = state[sys.argv[3]].clone(), state[sys.argv[4]].clone()
results["trained"] = model(x)
torch.jit.save(model, sys.argv[5] + ".again.pt")
again = torch.jit.load(sys.argv[5] + ".again.pt")
with torch.no_grad():
    again.state_dict()[sys.argv[3]].zero_()
results["again"] = again.state_dict()[sys.argv[4]].abs().sum()
exchange.save(sys.argv[5], results)
