"""Trains a small network 40 steps with each learning-rate schedule of a list.

usage: schedules.py CASES OUTPUT     CASES: lines of NAME, expression of `groups` (two groups of parameters, with
learning rates of their own), expression of `optimizer`, expression of a step of `schedule` after step `i`
"""

import sys

import torch
from torch import nn, optim
from torch.optim import lr_scheduler

import exchange


def metric(i):
    """Falls for a while, then stays."""
    return 1 / (1 + min(i, 9)) + (i * 7 % 5) / 100


def settings():
    """Learning rate and momentum of both groups."""
    return [
        [group["lr"], group["momentum"] if "momentum" in group else group["betas"][0]]
        for group in optimizer.param_groups
    ]


results = {}
for line in open(sys.argv[1]).read().splitlines():
    name, make_optimizer, make_schedule, step = line.split("\t")
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 4))
    x, target = torch.randn(20, 12), torch.randint(0, 4, (20,))
    groups = [dict(params=model[0].parameters(), lr=0.1), dict(params=model[2].parameters(), lr=0.03)]
    optimizer = eval(make_optimizer)
    schedule = eval(make_schedule)
    rows, last = [settings()], [schedule.get_last_lr()]
    for i in range(40):
        loss = nn.functional.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        eval(step)
        rows.append(settings())
        last.append(schedule.get_last_lr())
        if i == 24:
            for key, value in model.state_dict().items():
                results[f"{name}/{key}"] = value.clone()
    results[f"{name}/settings"] = torch.tensor(rows, dtype=torch.float64)
    results[f"{name}/last"] = torch.tensor(last, dtype=torch.float64)
exchange.save(sys.argv[2], results)
