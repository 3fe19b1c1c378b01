"""The data loader alone, as `torchlayers bench --loader`: 60 000 pictures of 28×28 kept as bytes, shuffled, each batch
made float and normalised. PyTorch's DataLoader asks a data set for one picture after the other, as torchvision's are;
with --at-once batches are gathered by index, which no DataLoader is needed for."""

import argparse
import json
import time

import torch

COUNT, EPOCHS = 60000, 2


class Pictures(torch.utils.data.Dataset):
    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        return prepared(images[index]), int(labels[index])


def prepared(pixels):
    return (pixels.float() / 255 - 0.2860) / 0.3530


def passes():
    if not options.at_once:
        yield from torch.utils.data.DataLoader(Pictures(), batch_size=options.batch_size, shuffle=True)
        return
    order = torch.randperm(COUNT)
    for start in range(0, COUNT, options.batch_size):
        chosen = order[start:start + options.batch_size]
        yield prepared(images[chosen]), labels[chosen]


parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=100)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--at-once", action="store_true")
options = parser.parse_args()
torch.set_num_threads(options.threads)
images = torch.randint(0, 256, (COUNT, 1, 28, 28), dtype=torch.uint8)
labels = torch.randint(0, 10, (COUNT,))
begin = time.perf_counter()
for _ in range(EPOCHS):
    for batch, _ in passes():
        assert batch.dtype == torch.float32
print(json.dumps({"loader": {"images_per_second": COUNT * EPOCHS / (time.perf_counter() - begin)}}))
