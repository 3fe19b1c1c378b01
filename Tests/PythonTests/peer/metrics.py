"""The loss and the accuracy of all images at once, in double precision.

usage: metrics.py CASES OUTPUT     CASES: lines of NAME, file of raw float64 logits, file of raw int64 labels, keyword arguments
of cross_entropy, separated by tabs. A sum is divided by the number of targets that count.
"""

import sys

import torch

import exchange


def read(path, dtype):
    return torch.frombuffer(bytearray(open(path, "rb").read()), dtype=dtype)


results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, logits, labels, settings = line.split("\t")
    settings = eval(f"dict({settings})", {"torch": torch})
    if "weight" in settings:
        settings["weight"] = torch.tensor(settings["weight"], dtype=torch.float64)
    labels = read(labels, torch.int64)
    logits = read(logits, torch.float64).view(len(labels), -1)
    counts = labels != settings.get("ignore_index", -100)
    loss = torch.nn.functional.cross_entropy(logits, labels, **settings)
    if settings.get("reduction", "mean") != "mean":
        loss = loss.sum() / counts.sum()
    right = (logits.argmax(1) == labels) & counts
    results[name] = torch.stack([loss, right.sum().double() / counts.sum()])
exchange.save(sys.argv[2], results)
