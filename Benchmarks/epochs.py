"""Python's PyTorch training epochs of Fashion-MNIST, as `torchlayers train --model cnn` does: images a second of the last.

The pictures are made float before the clock starts, and what is counted stays on the device until the end of an epoch.
"""

import argparse
import gzip
import json
import os
import time

import torch

from workloads import models

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data-dir", default="/usr/share/datasets/fashion-mnist")
parser.add_argument("--device", default="cuda")
parser.add_argument("--batch-size", type=int, default=100)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--limit", type=int, help="only so many images")
parser.add_argument("--workers", type=int, default=None, metavar="N",
                    help="feed by a DataLoader with N processes; without it the images lie on the device")
parser.add_argument("--compile", action="store_true", help="torch.compile(mode='reduce-overhead')")
parser.add_argument("--fast", action="store_true",
                    help="what is not Python's default: fused optimizer, TF32, channels last, cuDNN's benchmark mode")
options = parser.parse_args()
device = torch.device(options.device)


def read(name, header):
    """The bytes of an IDX file, gzipped or not, behind its header."""
    path = os.path.join(options.data_dir, name)
    with (gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb")) as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


images = read("train-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)[:options.limit].float() / 255
images = (images - images.mean()) / images.std()
labels = read("train-labels-idx1-ubyte", 8)[:options.limit].long()

torch.manual_seed(0)
model = models.make("cnn", [1, 28, 28], 10).to(device)
if options.fast:
    model = model.to(memory_format=torch.channels_last)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, fused=options.fast or None)


def forward(x, y):
    logits = model(x)
    return torch.nn.functional.cross_entropy(logits, y), (logits.argmax(1) == y).sum()


run = torch.compile(forward, mode="reduce-overhead") if options.compile else forward

if options.workers is None:
    images, labels = images.to(device), labels.to(device)

    def batches():
        for rows in torch.randperm(len(labels), device=device).split(options.batch_size):
            yield images[rows], labels[rows]
else:
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(images, labels), options.batch_size, shuffle=True, num_workers=options.workers,
        pin_memory=device.type == "cuda", persistent_workers=options.workers > 0)

    def batches():
        for x, y in loader:
            yield x.to(device, non_blocking=True), y.to(device, non_blocking=True)


for epoch in range(options.epochs):
    begin = time.perf_counter()
    sum_of_losses = torch.zeros((), device=device)
    right = torch.zeros((), device=device, dtype=torch.long)
    for x, y in batches():
        loss, hits = run(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sum_of_losses += loss.detach() * len(y)
        right += hits
    mean, accuracy = sum_of_losses.item() / len(labels), right.item() / len(labels)
    speed = len(labels) / (time.perf_counter() - begin)

memory = {"peak_allocated": torch.cuda.max_memory_allocated(), "peak_reserved": torch.cuda.max_memory_reserved()} \
    if device.type == "cuda" else None
print(json.dumps({"train": {"images_per_second": speed, "loss": mean, "accuracy": accuracy}, "memory": memory}))
