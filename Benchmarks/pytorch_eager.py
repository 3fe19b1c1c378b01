"""Python PyTorch's eager mode on the workloads of `torchlayers bench`: same flags, same JSON."""

import argparse
import json
import time

import torch
from torch import nn


def make(workload):
    if workload == "softmax":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    if workload == "mlp":
        sizes = [784, 200, 100, 60, 30]
        layers = [nn.Flatten()]
        for i, o in zip(sizes, sizes[1:]):
            layers += [nn.Linear(i, o), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(30, 10))
    if workload == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(3136, 1024), nn.ReLU(), nn.Dropout(0.4), nn.Linear(1024, 10))
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))


parser = argparse.ArgumentParser()
parser.add_argument("--workload", default="cnn")
parser.add_argument("--batch-size", type=int, default=100)
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
parser.add_argument("--steps", type=int, default=50)
parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
parser.add_argument("--fused", action="store_true", help="the fused optimizer, which is not Python's default")
options = parser.parse_args()

torch.set_num_threads(options.threads)
torch.manual_seed(0)
device = torch.device(options.device)
model = make(options.workload).to(device)
images = torch.randn(options.batch_size, 1, 28, 28).to(device)
labels = torch.randint(0, 10, (options.batch_size,)).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, fused=options.fused)


def train():
    loss = nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def speed(step):
    for _ in range(5):
        step()
    wait()
    begin = time.perf_counter()
    for _ in range(options.steps):
        step()
    wait()
    return options.batch_size * options.steps / (time.perf_counter() - begin)


trained = speed(train)
model.eval()
with torch.inference_mode():
    inferred = speed(lambda: model(images))
print(json.dumps({"train": {"images_per_second": trained}, "infer": {"images_per_second": inferred}}))
