"""Runs torchlayers and Python PyTorch in turn, A B A B, and prints the ratios of their speeds.

usage: compare.py [--rounds N] [--workload W] [--batch-size N] [--threads N] [--steps N]

Each round starts fresh processes: torchlayers (fast), torchlayers --exact, PyTorch eager, PyTorch eager with its
fused optimizer. A ratio compares two runs of the same round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
program = os.path.join(os.path.dirname(here), ".build/release/torchlayers")

parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--workload", default="cnn")
parser.add_argument("--batch-size", default="100")
parser.add_argument("--threads", default=str(os.cpu_count()))
parser.add_argument("--steps", default="30")
options = parser.parse_args()

flags = ["--workload", options.workload, "--batch-size", options.batch_size, "--threads", options.threads,
         "--steps", options.steps]
python = [sys.executable, os.path.join(here, "pytorch_eager.py")]
contenders = {
    "torchlayers": [program, "bench", "--json"],
    "torchlayers --exact": [program, "bench", "--json", "--exact"],
    "PyTorch eager": python,
    "PyTorch eager, fused": python + ["--fused"],
}
speeds = {name: {"train": [], "infer": []} for name in contenders}
for _ in range(options.rounds):
    for name, command in contenders.items():
        result = json.loads(subprocess.run(command + flags, check=True, capture_output=True).stdout)
        for part in ("train", "infer"):
            speeds[name][part].append(result[part]["images_per_second"])

print(f"{options.workload}, batch {options.batch_size}, {options.threads} threads, {options.rounds} rounds of "
      f"{options.steps} steps; ratios to PyTorch eager of the same round")
for part, title in (("train", "training"), ("infer", "inference")):
    print(f"\n{title:<24}{'images/s':>10}{'ratio':>8}{'lowest':>8}{'highest':>9}")
    for name in contenders:
        own, base = speeds[name][part], speeds["PyTorch eager"][part]
        ratios = [a / b for a, b in zip(own, base)]
        print(f"{name:<24}{statistics.median(own):>10.0f}{statistics.median(ratios):>8.2f}{min(ratios):>8.2f}"
              f"{max(ratios):>9.2f}")
