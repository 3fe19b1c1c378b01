"""The shapes of all networks' states, in full size and without memory.

usage: network_shapes.py OUTPUT
"""

import re
import sys

import torch

import exchange
import models

# inputShape and classes of Sources/SwiftTorchLayers/Models/Models.swift.
IMAGES = [
    (r"alexnet.*|vgg.*|resnet.*", [3, 224, 224], 1000), (r"cifar-.*", [3, 32, 32], 10), (r"x-or-o", [1, 9, 9], 2),
    (r"detector|segmenter", [3, 64, 64], 3), (r".*", [1, 28, 28], 10)]

results = {}
for name in models.NETWORKS:
    shape, classes = next((shape, classes) for pattern, shape, classes in IMAGES if re.fullmatch(pattern, name))
    with torch.device("meta"):
        state = models.make(name, shape, classes).state_dict()
    results.update({f"{name}/{key}": torch.tensor(list(value.shape), dtype=torch.int64) for key, value in state.items()})
exchange.save(sys.argv[1], results)
