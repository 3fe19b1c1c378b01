"""Nanoseconds of a call of each operator on tensors of one element, and of parameters(), as `torchlayers bench --operations`."""

import json
import time

import torch
import workloads

torch.set_num_threads(1)


def nanoseconds(body):
    """The fastest of 30 samples of about 10 ms each."""
    def sample(samples, calls):
        best = float("inf")
        for _ in range(samples):
            begin = time.perf_counter()
            for _ in range(calls):
                body()
            best = min(best, (time.perf_counter() - begin) / calls)
        return best

    return 1e9 * sample(30, max(1, int(0.01 / sample(5, 2000))))


def chain():
    z = leaf
    for _ in range(5):
        z = torch.relu(z) + leaf
    z.backward()


x, y = torch.ones(1), torch.ones(1)
image = torch.ones(1, 1, 1, 1)
conv = torch.nn.Conv2d(1, 1, 1).requires_grad_(False)
leaf = torch.ones(1, requires_grad=True)
resnet18 = workloads.Workload("resnet18").make()
print(json.dumps({"operations": {
    "relu": nanoseconds(lambda: torch.relu(x)),
    "add": nanoseconds(lambda: x + y),
    "conv2d": nanoseconds(lambda: conv(image)),
    "chain": nanoseconds(chain),
    "parameters": nanoseconds(lambda: list(resnet18.parameters())),
}}))
