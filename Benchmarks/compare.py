"""Runs torchlayers, Python's PyTorch and others in turn, A B A B, and prints the ratios of their speeds.

usage: compare.py [--rounds N] [--workload W] [--batch-size N] [--threads N] [--steps N] [--plot FILE.svg]

Each round starts a fresh process for every contender. A ratio compares two runs of the same round. ONNX Runtime,
JAX and TensorFlow take part when this Python can import them.
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys

import plot

here = os.path.dirname(os.path.abspath(__file__))
program = os.path.join(os.path.dirname(here), ".build/release/torchlayers")
BASE = "PyTorch eager"


def installed(package):
    return None if importlib.util.find_spec(package) else f"no Python package {package}"


def script(name, *switches):
    return [sys.executable, os.path.join(here, name), *switches]


# Each with its command and the reason why it cannot take part.
contenders = {
    "torchlayers": ([program, "bench", "--json"], None),
    "torchlayers --exact": ([program, "bench", "--json", "--exact"], None),
    BASE: (script("pytorch_eager.py"), None),
    "PyTorch eager, fused": (script("pytorch_eager.py", "--fused"), None),
    "PyTorch, channels last": (script("pytorch_eager.py", "--channels-last"), None),
    "PyTorch, compiled": (
        script("pytorch_eager.py", "--compile"),
        None if shutil.which(os.environ.get("CXX", "g++")) else "no C++ compiler g++"),
    "ONNX Runtime": (script("onnx_inference.py"), installed("onnxruntime") or installed("onnxscript")),
    "JAX": (script("jax_contender.py"), installed("jax")),
    "TensorFlow": (script("tensorflow_contender.py"), installed("tensorflow")),
}

parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--workload", default="cnn")
parser.add_argument("--batch-size", default="100")
parser.add_argument("--threads", default=str(os.cpu_count()))
parser.add_argument("--steps", default="30")
parser.add_argument("--plot", metavar="FILE.svg", help="also draw the ratios")
options = parser.parse_args()

flags = ["--workload", options.workload, "--batch-size", options.batch_size, "--threads", options.threads,
         "--steps", options.steps]
missing = {name: reason for name, (_, reason) in contenders.items() if reason}
speeds = {name: {"train": [], "infer": []} for name in contenders if name not in missing}
for _ in range(options.rounds):
    for name in list(speeds):
        ended = subprocess.run(contenders[name][0] + flags, capture_output=True, text=True)
        if ended.returncode != 0:
            reason = (ended.stderr.strip() or "it failed without a word").splitlines()[-1]
            if name == BASE or name.startswith("torchlayers"):
                sys.exit(f"{name}: {ended.stderr.strip() or reason}")
            missing[name] = reason
            del speeds[name]
            continue
        for part, result in json.loads(ended.stdout).items():
            if part in ("train", "infer"):
                speeds[name][part].append(result["images_per_second"])

title = (f"{options.workload}, batch {options.batch_size}, {options.threads} threads, {options.rounds} rounds of "
         f"{options.steps} steps")
print(f"{title}; ratios to PyTorch eager of the same round")
panels = {}
for part, heading in (("train", "training"), ("infer", "inference")):
    print(f"\n{heading:<24}{'images/s':>10}{'ratio':>8}{'lowest':>8}{'highest':>9}")
    bars = panels[heading] = {}
    for name in speeds:
        own, base = speeds[name][part], speeds[BASE][part]
        if not own:
            continue
        ratios = [a / b for a, b in zip(own, base)]
        bars[name] = (statistics.median(ratios), min(ratios), max(ratios))
        speed = statistics.median(own)
        print(f"{name:<24}{speed:>10.{0 if speed >= 100 else 1}f}" + "{:>8.2f}{:>8.2f}{:>9.2f}".format(*bars[name]))
if missing:
    print("\nnot compared: " + "; ".join(f"{name} ({reason})" for name, reason in missing.items()))
if options.plot:
    with open(options.plot, "w") as file:
        file.write(plot.svg(f"{title}: speed relative to PyTorch eager", panels))
