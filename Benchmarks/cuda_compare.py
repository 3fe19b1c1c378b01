"""Runs torchlayers and Python's PyTorch on a GPU in turn, A B A B, and says which of the required ratios hold.

usage: cuda_compare.py --program bin/torchlayers [--part PART] [--rounds N] [--limit N] [--device cuda]
                       [--data-dir FOLDER] [--record FILE] [--tiny]

Each round starts a fresh process for every contender, and a ratio compares two runs of one round. A contender that fails,
or takes longer than its limit, is left out and the others go on; each speed is printed, and put into the file of --record,
as soon as it is there. "fast" is what Python has too but not by default: fused optimizer, TF32, channels last, cuDNN's
benchmark mode. The parts: first (the comparisons that matter most), compiled (torch.compile), all. --tiny is for trying the
script where there is no GPU: --device cpu --tiny.
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
parser.add_argument("--part", choices=["first", "compiled", "all"], default="all")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--limit", type=float, default=300, help="seconds that a contender may take")
parser.add_argument("--device", default="cuda")
parser.add_argument("--data-dir", default="/usr/share/datasets/fashion-mnist")
parser.add_argument("--record", help="a file that gets a line of JSON for each run")
parser.add_argument("--tiny", action="store_true")
options = parser.parse_args()
options.program, options.data_dir = os.path.abspath(options.program), os.path.abspath(options.data_dir)


def python(name, *flags):
    return [sys.executable, os.path.join(here, name), "--device", options.device, *flags]


def speed_of_train(report):
    return report["epochs"][-1]["images_per_second"]


def speed_of_bench(report):
    return report["train"]["images_per_second"]


epochs = ["--batch-size", "100", "--epochs", "2" if options.tiny else "5", "--data-dir", options.data_dir]
epochs += ["--limit", "200"] if options.tiny else []
model = "softmax" if options.tiny else "cnn"
threads = ["--threads", "1"] if options.tiny else []
train = [options.program, "train", "--model", model, "--json", "--device", options.device, *epochs, *threads]
steps = ["--workload", "lenet" if options.tiny else "resnet18", "--image-size", "32", "--precision", "bf16"]
steps += ["--batch-size", "2", "--steps", "1", *threads] if options.tiny else ["--batch-size", "512", "--steps", "50"]
bench = [options.program, "bench", "--json", "--device", options.device, *steps]

# Each comparison: contenders by name with their part, command and reader, torchlayers first; then the ratios that must be
# reached.
comparisons = {
    "training cnn, batch 100, Fashion-MNIST, images a second of the last epoch": (
        {
            "torchlayers": ("every", train, speed_of_train),
            "torchlayers --cuda-graph off": ("first", train + ["--cuda-graph", "off"], speed_of_train),
            "eager, data on the device": ("first", python("epochs.py", *epochs), speed_of_bench),
            "eager, DataLoader": ("first", python("epochs.py", "--workers", "0", *epochs), speed_of_bench),
            "compiled, reduce-overhead": ("compiled", python("epochs.py", "--compile", *epochs), speed_of_bench),
            "compiled, reduce-overhead, fast": (
                "compiled", python("epochs.py", "--compile", "--fast", *epochs), speed_of_bench),
            "torchlayers --exact": ("rest", train + ["--exact"], speed_of_train),
            "eager, DataLoader, 4 workers": ("rest", python("epochs.py", "--workers", "4", *epochs), speed_of_bench),
            "eager, data on the device, fast": ("rest", python("epochs.py", "--fast", *epochs), speed_of_bench),
        },
        {"eager, DataLoader": 4, "eager, DataLoader, 4 workers": 4, "eager, data on the device": 2,
         "compiled, reduce-overhead": 1.1},
    ),
    "training resnet18, 3x32x32, bf16, batch 512, images a second": (
        {
            "torchlayers": ("first", bench, speed_of_bench),
            "eager": ("first", python("pytorch_eager.py", *steps), speed_of_bench),
            "torchlayers --exact": ("rest", bench + ["--exact"], speed_of_bench),
            "eager, fused, channels last": (
                "rest", python("pytorch_eager.py", "--fused", "--channels-last", *steps), speed_of_bench),
        },
        {"eager": 1.1},
    ),
}


def say(*words):
    """What was printed is there even if this program dies."""
    print(*words, flush=True)


def record(**entry):
    if options.record:
        with open(options.record, "a") as file:
            file.write(json.dumps(entry) + "\n")


def measure(command, read):
    """A contender's speed and memory, or why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            ended = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                   timeout=options.limit)
        except subprocess.TimeoutExpired:
            return None, None, f"it was stopped after {options.limit:.0f} s"
    for line in ended.stderr.splitlines():
        if "note:" in line:
            say(f"    {line}")
    if ended.returncode != 0:
        return None, None, (ended.stderr.strip() or f"exit code {ended.returncode}, without a word").splitlines()[-1]
    try:
        report = json.loads(ended.stdout)
        return read(report), (report.get("memory") or {}).get("cuda") or report.get("memory"), None
    except (ValueError, KeyError, IndexError, TypeError):
        return None, None, "it printed no report"


broken = []
for title, (contenders, wanted) in comparisons.items():
    parts = {"first", "rest"} if options.part == "all" else {options.part}
    if options.part == "all" and not options.tiny:
        parts.add("compiled")
    contenders = {name: (command, read) for name, (part, command, read) in contenders.items() if part in parts | {"every"}}
    if not contenders:
        continue
    say(f"\n{title}")
    speeds = {name: {} for name in contenders}
    missing = {}
    for turn in range(options.rounds):
        for name, (command, read) in contenders.items():
            if name in missing:
                continue
            speed, memory, reason = measure(command, read)
            record(comparison=title, part=options.part, round=turn + 1, contender=name, speed=speed, memory=memory,
                   reason=reason, tiny=options.tiny)
            if reason is not None:
                missing[name] = reason
                say(f"  round {turn + 1}: {name:<34} FAILED: {reason}")
            else:
                speeds[name][turn] = speed
                say(f"  round {turn + 1}: {name:<34}{speed:>12.0f}   {json.dumps(memory) if memory else ''}")
    if options.tiny:  # the networks are not even the same: there is nothing to compare
        say(f"a trial; ran: {', '.join(name for name in speeds if speeds[name])}")
    else:
        say(f"{'':<34}{'median':>12}{'torchlayers is':>16}{'lowest':>8}{'highest':>9}   of {options.rounds} rounds")
        for name, own in speeds.items():
            if not own:
                continue
            ours = speeds["torchlayers"]
            ratios = [ours[turn] / own[turn] for turn in own if turn in ours]
            spread = (statistics.median(ratios), min(ratios), max(ratios)) if ratios else ()
            times = "{:>15.2f}x{:>8.2f}{:>9.2f}".format(*spread) if spread else ""
            say(f"{name:<34}{statistics.median(own.values()):>12.0f}{times}")
            if name in wanted and ratios:
                holds = statistics.median(ratios) >= wanted[name]
                say(f"    must be {wanted[name]}x: {'holds' if holds else 'DOES NOT HOLD'}")
                if not holds:
                    broken.append(f"{statistics.median(ratios):.2f}x of {name}, not {wanted[name]}x")
    for name, reason in missing.items():
        if name.startswith("torchlayers") or name in wanted:
            broken.append(f"{name}: {reason}")
if broken:
    say("failed: " + "; ".join(broken))
sys.exit(1 if broken else 0)
