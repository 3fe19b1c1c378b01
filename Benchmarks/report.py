"""What a run of compare.py found, as Markdown that also reads in a terminal."""

import statistics

from peers import COMPILED, CPP, EAGER, JAX, MEANINGS, ONNX, OURS, TENSORFLOW

# Floating-point operations of `cnn` for an image: two for a multiplication with its addition. Training is three times
# the forward pass, less the first convolution's gradient for its input, which nobody needs.
CNN_FLOP = {"train": 82.1e6, "infer": 27.8e6}

OUR_LOADER = "torchlayers"
DATA_LOADER = "PyTorch, DataLoader"
BY_INDEX = "PyTorch, batches by index"

OPERATIONS = {"relu": "relu", "add": "add", "conv2d": "Conv2d layer", "chain": "ten operators and backward",
              "parameters": "parameters() of ResNet-18"}

# Ratios to PyTorch eager that training and inference should reach, with (workload, batch, threads).
WANTED = {
    ("cnn", 100, 2): (1.35, 1.4), ("mlp", 100, 1): (2.2, 1.25), ("tiny", 8, 1): (1.9, 2.6),
    ("tiny", 1, 1): (2.4, 3.0), ("alexnet", 16, 2): (1.06, 1.3),
}


def ratios(own, base):
    """Of each round; the other way round where less is better is the caller's business."""
    return [a / b for a, b in zip(own, base)]


def median_and_spread(values):
    return f"{statistics.median(values):.2f}", f"{min(values):.2f}–{max(values):.2f}"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def table(head, rows):
    """A table whose columns stand below each other in the text as well: names on the left, numbers on the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(row):
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)]) + "\n"


def markdown(about, results):
    parts = [f"`{about['command']}`, {about['date']}, rounds: {about['rounds']}, minutes: {about['minutes']:.0f}.\n"]
    parts.append("".join(f"- {name}: {text}\n" for name, text in about["facts"])
                 + "- Every round starts a fresh process for every row in turn, on as many cores as it has threads. A "
                   "ratio is to PyTorch\n  eager in the same round: its median, and between which values it lay.\n")
    if about["missing"]:
        reasons = "".join(f"- {name}: {reason}\n" for name, reason in about["missing"].items())
        parts.append(f"Not compared:\n\n{reasons}")
    found = goals(results)
    if found:
        parts += ["### Goals\n", table(["goal", "wanted", "measured", ""], found)]
    if results["speed"]:
        parts += ["### Training and inference\n", "".join(
            f"- {name}: {MEANINGS[name]}\n" for name in about["contenders"])]
        parts += [speed(one) for one in results["speed"]]
    if results["operations"]:
        parts += ["### Single operators\n", operations(results["operations"])]
    if results["loader"]:
        parts += ["### The data loader alone\n",
                  "60 000 pictures of 28×28 as bytes, shuffled, batches of 100 made float and normalised, 1 thread. "
                  "PyTorch's DataLoader\nasks the data set for one picture after the other.\n",
                  plain(results["loader"], DATA_LOADER, "images/s", number)]
    if results["start"]:
        parts += ["### From the start of the process to the end of the first training step\n",
                  f"`cnn`, batch 100, {about['threads']} threads; the files were read before.\n",
                  plain(results["start"], EAGER, "seconds", lambda value: f"{value:.2f}")]
    if results["memory"]:
        parts += ["### The most memory that training takes\n",
                  f"`cnn`, batch 100, {about['threads']} threads, 35 steps; resident, as the system counts it.\n",
                  plain(results["memory"], EAGER, "MiB", lambda value: f"{value / 2**20:.0f}")]
    return "\n".join(parts)


def speed(one):
    runs, peak = one["runs"], one["peak"]
    head = [one["title"], "training/s", "ratio", "spread", "inference/s", "ratio", "spread"]
    if peak:
        head += ["of sgemm: training", "inference"]
    rows = []
    for name, parts in runs.items():
        row = [name]
        for part in ("train", "infer"):
            own = parts[part]
            if own:
                row += [number(statistics.median(own)), *median_and_spread(ratios(own, runs[EAGER][part]))]
            else:
                row += [""] * 3
        if peak:
            row += [f"{share(parts[part], peak, part):.2f}" if parts[part] else ""
                    for part in ("train", "infer")]
        rows.append(row)
    text = table(head, rows)
    if peak:
        limit = {key: statistics.median(one[key] for one in peak) for key in peak[0]}
        text += (f"\nThe machine's limits with {one['threads']} thread{'s' if one['threads'] > 1 else ''}: sgemm "
                 f"{limit['sgemm_gflops']:.0f} GFLOP/s (the faster of libtorch's BLAS, {limit['blas_gflops']:.0f},\nand "
                 f"oneDNN, {limit['onednn_gflops']:.0f}), copy {limit['copy_gb_per_second']:.1f} GB/s, triad "
                 f"{limit['triad_gb_per_second']:.1f} GB/s.\n")
    return text


def share(speeds, peak, part, limit="sgemm"):
    """Of a matrix product's peak in the same round: of `blas`, `onednn`, or `sgemm`, the faster of the two."""
    return statistics.median(
        value * CNN_FLOP[part] / (found[f"{limit}_gflops"] * 1e9) for value, found in zip(speeds, peak))


def operations(found):
    rows = []
    for key, title in OPERATIONS.items():
        times = {name: [one[key] for one in runs] for name, runs in found.items() if key in runs[0]}
        row = [title] + [f"{statistics.median(times[name]):.0f}" if name in times else ""
                         for name in (OURS, CPP, EAGER)]
        for base in (CPP, EAGER):
            row += median_and_spread(ratios(times[OURS], times[base])) if base in times else ["", ""]
        rows.append(row)
    head = ["ns a call, tensors of one element", "torchlayers", "C++ frontend", "Python", "to C++", "spread",
            "to Python", "spread"]
    return table(head, rows)


def plain(found, base, unit, show):
    rows = [[name, show(statistics.median(values)), *median_and_spread(ratios(values, found[base]))]
            for name, values in found.items()]
    return table(["", unit, "ratio", "spread"], rows)


def goals(results):
    """(goal, wanted, measured, whether it was reached) for what was measured."""
    rows = []

    def row(goal, value, wanted, most=False, note=""):
        reached = value <= wanted if most else value >= wanted
        rows.append([goal, f"{'≤' if most else '≥'} {wanted:.2f}", f"{value:.2f}",
                     ("reached" if reached else "missed") + note])

    def median(own, base):
        return statistics.median(ratios(own, base))

    for one in results["speed"]:
        runs, title = one["runs"], one["title"]
        own = runs[OURS]
        wanted = WANTED.get((one["workload"], one["batch"], one["threads"]))
        if wanted:
            row(f"{title}: training, to eager", median(own["train"], runs[EAGER]["train"]), wanted[0])
            row(f"{title}: inference, to eager", median(own["infer"], runs[EAGER]["infer"]), wanted[1])
        value, nearest = min(
            (median(own["train"], runs[name]["train"]), name)
            for name in (EAGER, COMPILED, JAX, TENSORFLOW) if name in runs)
        row(f"{title}: training, to the best other", value, 1, note=f" ({nearest})")
        if one["workload"] == "cnn" and ONNX in runs:
            row(f"{title}: inference, to {ONNX}", median(own["infer"], runs[ONNX]["infer"]), 0.9)
        if one["peak"] and (one["batch"], one["threads"]) == (100, 2):
            for limit, name in (("blas", "libtorch's sgemm"), ("onednn", "oneDNN's sgemm")):
                for part, word, least in (("train", "training", 0.7), ("infer", "inference", 0.85)):
                    row(f"{title}: {word}, of {name}", share(own[part], one["peak"], part, limit), least)
    found = results["operations"]
    for key, name in OPERATIONS.items():
        for base, wanted in ((CPP, 1.15), (EAGER, 0.65)):
            if base in found and key in found[base][0]:
                times = [[one[key] for one in found[who]] for who in (OURS, base)]
                row(f"{name}: time, to {'C++' if base == CPP else 'Python'}", median(*times), wanted, most=True)
    if results["start"]:
        value = median(results["start"][OURS], results["start"][EAGER])
        row("start to the first step: time, to eager", value, 0.5, most=True)
    if results["memory"]:
        row("training's memory, to eager", median(results["memory"][OURS], results["memory"][EAGER]), 1, most=True)
    return rows
