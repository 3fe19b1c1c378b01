"""Trains a network on Fashion-MNIST as a Python user would: DataLoader, Adam, dropout.

usage: train.py FOLDER MODEL STEPS OUTPUT
"""

import gzip
import sys

import torch
from torch.utils.data import DataLoader, Dataset

import exchange
import models

folder, model_name, steps, output = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


def read(name, header):
    return torch.frombuffer(bytearray(gzip.open(f"{folder}/{name}").read()[header:]), dtype=torch.uint8)


class Images(Dataset):
    def __init__(self):
        self.images = read("train-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
        self.labels = read("train-labels-idx1-ubyte.gz", 8).long()
        self.mean = torch.tensor([0.2860405969887955]).view(1, 1, 1)
        self.std = torch.tensor([0.35302424451492254]).view(1, 1, 1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):  # torchvision's ToTensor and Normalize
        return self.images[index].float().div(255).sub_(self.mean).div_(self.std), self.labels[index]


torch.manual_seed(3)
model = models.make(model_name, [1, 28, 28], 10)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(Images(), batch_size=100, shuffle=True)
losses = []
for step, (images, labels) in enumerate(loader):
    if step == steps:
        break
    loss = torch.nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())
exchange.save(output, {"losses": torch.stack(losses), **model.state_dict()})
