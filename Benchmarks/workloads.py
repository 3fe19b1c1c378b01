"""What the contenders share: the workloads of `torchlayers bench`, its flags, how it measures, its JSON."""

import argparse
import json
import os
import sys
import time

# In the repository the networks are the tests'; in a bundle they lie beside.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/PythonTests/peer"))
import models  # noqa: E402, of the tests
import torch  # noqa: E402


# What is not 28x28, grey, of ten classes; Sources/SwiftTorchLayers/Models/Models.swift has the same.
OTHER_IMAGES = {
    "x-or-o": ([1, 9, 9], 2), "cifar-mlp": ([3, 32, 32], 10), "cifar-cnn": ([3, 32, 32], 10),
    **{name: ([3, 224, 224], 1000) for name in ("alexnet-2012", "alexnet", "vgg11", "vgg16", "resnet18", "resnet50")},
}


class Workload:
    """A network's images, classes and optimizer; Sources/CLI/Bench.swift has the same."""

    def __init__(self, name):
        self.name = name
        self.input_shape, self.classes = OTHER_IMAGES.get(name, ([1, 28, 28], 10))
        self.optimizer, self.lr = ("SGD", 0.01) if name == "tiny" else ("Adam", 3e-3)

    def make(self):
        """The network in torch.nn."""
        return models.make(self.name, self.input_shape, self.classes)

    def data(self, batch_size):
        """Random images, NCHW, and labels, as torch tensors."""
        return torch.randn(batch_size, *self.input_shape), torch.randint(0, self.classes, (batch_size,))


def flags(*switches):
    """The flags of `torchlayers bench`, and switches of the contender's own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", type=Workload, default="cnn")
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--warmup", type=int, default=5, help="steps before them that are not timed")
    parser.add_argument("--only", choices=["train", "infer"], help="training or inference alone")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16"])
    parser.add_argument("--image-size", type=int, help="height and width; the network's by default")
    for switch, meaning in switches:
        parser.add_argument(switch, action="store_true", help=meaning)
    options = parser.parse_args()
    if options.image_size:
        options.workload.input_shape[1:] = [options.image_size] * 2
    return options


def images_per_second(options, part, step, wait=lambda: None):
    """The speed of `step`; `wait` returns when the work is done. None when the other part alone was asked for."""
    if options.only not in (None, part):
        return None
    for _ in range(options.warmup):
        step()
    wait()
    begin = time.perf_counter()
    for _ in range(options.steps):
        step()
    wait()
    return options.batch_size * options.steps / (time.perf_counter() - begin)


def report(infer, train=None):
    """Prints the speeds that were measured."""
    parts = {"train": train, "infer": infer}
    speeds = {name: {"images_per_second": speed} for name, speed in parts.items() if speed is not None}
    print(json.dumps(speeds), flush=True)
