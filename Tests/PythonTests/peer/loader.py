"""The order of DataLoader's batches over three epochs, and the default generator's next numbers after each.

usage: loader.py OUTPUT
"""

import sys

import torch
from torch.utils.data import DataLoader

import exchange

results = {}
for name, options in {
    "shuffled": dict(shuffle=True), "generator": dict(shuffle=True, generator=5), "ordered": dict(),
    "dropped": dict(shuffle=True, drop_last=True),
}.items():
    torch.manual_seed(11)
    if "generator" in options:
        options["generator"] = torch.Generator().manual_seed(options["generator"])
    loader = DataLoader(torch.arange(103), batch_size=10, **options)
    for epoch in range(3):
        results[f"{name}/order{epoch}"] = torch.cat(list(loader))
        results[f"{name}/after{epoch}"] = torch.rand(3)
exchange.save(sys.argv[1], results)
