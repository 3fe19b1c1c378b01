"""Runs torchlayers and Python's PyTorch on a GPU in turn, A B A B, and says which of the required ratios hold.

usage: cuda_compare.py --program bin/torchlayers [--rounds N] [--device cuda] [--data-dir FOLDER] [--tiny]

Each round starts a fresh process for every contender, and a ratio compares two runs of one round. "fast" is what Python has
too but not by default: fused optimizer, TF32, channels last, cuDNN's benchmark mode. --tiny is for trying
the script where there is no GPU: --device cpu --tiny.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--program", required=True)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--device", default="cuda")
parser.add_argument("--data-dir", default="/usr/share/datasets/fashion-mnist")
parser.add_argument("--tiny", action="store_true")
options = parser.parse_args()


def python(name, *flags):
    return [sys.executable, os.path.join(here, name), "--device", options.device, *flags]


def speed_of_train(report):
    return report["epochs"][-1]["images_per_second"]


def speed_of_bench(report):
    return report["train"]["images_per_second"]


epochs = ["--batch-size", "100", "--epochs", "2" if options.tiny else "5", "--data-dir", options.data_dir]
epochs += ["--limit", "200"] if options.tiny else []
model = "softmax" if options.tiny else "cnn"
train = [options.program, "train", "--model", model, "--json", "--device", options.device, *epochs]
steps = ["--workload", "lenet" if options.tiny else "resnet18", "--image-size", "32", "--precision", "bf16"]
steps += ["--batch-size", "2", "--steps", "1"] if options.tiny else ["--batch-size", "512", "--steps", "50"]
bench = [options.program, "bench", "--json", "--device", options.device, *steps]

# Each comparison: contenders by name with command and reader, torchlayers first; then the ratios that must be reached.
comparisons = {
    "training cnn, batch 100, Fashion-MNIST, images a second of the last epoch": (
        {
            "torchlayers": (train, speed_of_train),
            "torchlayers --cuda-graph off": (train + ["--cuda-graph", "off"], speed_of_train),
            "torchlayers --exact": (train + ["--exact"], speed_of_train),
            "eager, DataLoader": (python("epochs.py", "--workers", "0", *epochs), speed_of_bench),
            "eager, DataLoader, 4 workers": (python("epochs.py", "--workers", "4", *epochs), speed_of_bench),
            "eager, data on the device": (python("epochs.py", *epochs), speed_of_bench),
            "eager, data on the device, fast": (python("epochs.py", "--fast", *epochs), speed_of_bench),
            "compiled, reduce-overhead": (python("epochs.py", "--compile", *epochs), speed_of_bench),
            "compiled, reduce-overhead, fast": (python("epochs.py", "--compile", "--fast", *epochs), speed_of_bench),
        },
        {"eager, DataLoader": 4, "eager, DataLoader, 4 workers": 4, "eager, data on the device": 2,
         "compiled, reduce-overhead": 1.1},
    ),
    "training resnet18, 3x32x32, bf16, batch 512, images a second": (
        {
            "torchlayers": (bench, speed_of_bench),
            "torchlayers --exact": (bench + ["--exact"], speed_of_bench),
            "eager": (python("pytorch_eager.py", *steps), speed_of_bench),
            "eager, fused, channels last": (
                python("pytorch_eager.py", "--fused", "--channels-last", *steps), speed_of_bench),
        },
        {"eager": 1.1},
    ),
}

failed = False
for title, (contenders, wanted) in comparisons.items():
    speeds = {name: [] for name in contenders}
    missing = {}
    memory = {}
    for _ in range(options.rounds):
        for name, (command, read) in contenders.items():
            if name in missing:
                continue
            with tempfile.TemporaryDirectory() as folder:
                ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            sys.stderr.write("".join(f"    {name}: {line}\n" for line in ended.stderr.splitlines() if "note:" in line))
            if ended.returncode != 0:
                missing[name] = (ended.stderr.strip() or "it failed without a word").splitlines()[-1]
                failed = failed or name.startswith("torchlayers")
                continue
            report = json.loads(ended.stdout)
            speeds[name].append(read(report))
            memory[name] = (report.get("memory") or {}).get("cuda") or report.get("memory")
    if options.tiny:  # the networks are not even the same: there is nothing to compare
        print(f"\na trial of: {title}\nran: {', '.join(name for name in speeds if name not in missing)}")
        speeds = {}
    else:
        print(f"\n{title}; {options.rounds} rounds\n{'':<34}{'median':>12}{'torchlayers is':>16}{'lowest':>8}{'highest':>9}")
    for name, own in speeds.items():
        if name in missing:
            continue
        ratios = [ours / other for ours, other in zip(speeds["torchlayers"], own)]
        times = "{:>15.2f}x{:>8.2f}{:>9.2f}".format(statistics.median(ratios), min(ratios), max(ratios)) if ratios else ""
        print(f"{name:<34}{statistics.median(own):>12.0f}{times}")
        if name in wanted and ratios:
            holds = statistics.median(ratios) >= wanted[name]
            print(f"    must be {wanted[name]}x: {'holds' if holds else 'DOES NOT HOLD'}")
            failed = failed or not holds
    for name, reason in missing.items():
        print(f"not compared: {name} ({reason})")
        failed = failed or name in wanted
    print("memory: " + json.dumps(memory))
sys.exit(1 if failed else 0)
