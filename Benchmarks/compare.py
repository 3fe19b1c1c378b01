"""Runs torchlayers, Python's PyTorch and others in turn, A B A B, and prints the ratios of their speeds as Markdown.

Every round starts a fresh process for every contender, on as many cores as it has threads; a ratio compares two runs
of the same round. `make bench` calls this, ARGS are its flags. What is measured goes to standard output and into
OUTPUT/bench.md, a plot into OUTPUT/bench.svg, every single run into OUTPUT/bench.json.
"""

import argparse
import datetime
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

import peers
import plot
import report
from peers import CPP, EAGER, EXACT, OURS

WORKLOADS = "cnn:100,mlp:100,tiny:8,tiny:1,alexnet:16,resnet18:16"
SECTIONS = "speed,operations,loader,start,memory"
# Timed steps, so that a run takes a second or two; and steps before them.
STEPS = {"cnn": (20, 5), "mlp": (400, 20), "tiny": (3000, 100), "alexnet": (4, 2), "resnet18": (4, 2)}


class Failed(Exception):
    """A contender ended with an error."""


def run(command, threads):
    """A contender's report, the seconds until it came, and the most memory the process had, in bytes."""
    cores = sorted(os.sched_getaffinity(0))[:threads]
    with tempfile.TemporaryFile("w+") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            preexec_fn=lambda: os.sched_setaffinity(0, cores))
        first = process.stdout.read(1)
        seconds = time.perf_counter() - begin
        text = first + process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            lines = errors.read().strip().splitlines() or [f"it ended with status {process.returncode}"]
            raise Failed(lines[-1])
    return json.loads(text), seconds, usage.ru_maxrss * 1024


class Rounds:
    """Runs contenders in turn and keeps what each round gave."""

    def __init__(self, rounds, missing):
        self.rounds = rounds
        self.missing = missing

    def __call__(self, title, commands, threads, take):
        """{contender: [take(report, seconds, bytes) of each round]}; who fails is left out and named."""
        found = {name: [] for name in commands}
        for index in range(self.rounds):
            for name in list(found):
                progress(f"{title}, round {index + 1} of {self.rounds}", name, first=name == next(iter(found)))
                try:
                    found[name].append(take(*run(commands[name], threads)))
                except Failed as reason:
                    if name in (EAGER, OURS, "peak"):
                        raise Failed(f"{title}: {name}: {reason}") from reason
                    self.missing[f"{name}, {title}"] = str(reason)
                    del found[name]
        return found


def progress(round, name, first):
    if sys.stderr.isatty():
        print(f"\r\033[K{round}: {name}", end="", file=sys.stderr, flush=True)
    elif first:
        print(round, file=sys.stderr, flush=True)


def parsed():
    def listed(text):
        return [word.strip() for word in text.split(",") if word.strip()]

    def workloads(text):
        pairs = [(word + ("" if ":" in word else ":100")).split(":", 1) for word in listed(text)]
        for name, batch in pairs:
            if name not in STEPS or not batch.isdigit() or int(batch) < 1:
                raise argparse.ArgumentTypeError(
                    f"'{name}:{batch}' is no workload; write NAME:BATCH with one of {', '.join(STEPS)}")
        return [(name, int(batch)) for name, batch in pairs]

    def threads(text):
        cores = len(os.sched_getaffinity(0))
        if not all(word.isdigit() and 1 <= int(word) <= cores for word in listed(text)):
            raise argparse.ArgumentTypeError(f"'{text}' must be numbers from 1 to {cores}, the cores of this machine")
        return [int(word) for word in listed(text)]

    def some_of(words):
        def choose(text):
            for word in listed(text):
                if word not in words:
                    raise argparse.ArgumentTypeError(f"there is no '{word}'; the choices are {'; '.join(words)}")
            return listed(text)
        return choose

    def positive(text):
        if not text.isdigit() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"'{text}' must be a positive number")
        return int(text)

    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(
        prog="make bench", usage='make bench ARGS="…"', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='a short run: make bench ARGS="--rounds 1 --workloads tiny:8 --threads 1 --sections speed"')
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="default: 5")
    parser.add_argument(
        "--workloads", type=workloads, default=WORKLOADS, metavar="LIST", help=f"NAME:BATCH,…; default: {WORKLOADS}")
    parser.add_argument(
        "--threads", type=threads, default="1,2" if cores > 1 else "1", metavar="LIST", help="default: 1,2")
    parser.add_argument("--steps", type=positive, metavar="N", help="steps of a run; default: a second or two of work")
    others = [name for name in peers.MEANINGS if name not in (OURS, EAGER)]
    parser.add_argument(  # a comma stands in some of the names
        "--without", action="append", default=[], choices=others, metavar="NAME",
        help=f"leave a contender out; may be repeated: {'; '.join(others)}")
    parser.add_argument(
        "--sections", type=some_of(SECTIONS.split(",")), default=SECTIONS.split(","), metavar="LIST",
        help=f"default: {SECTIONS}")
    parser.add_argument("--output", default="build/bench", metavar="FOLDER", help="default: build/bench")
    return parser.parse_args()


def main():
    options = parsed()
    needed = [name for name in peers.MEANINGS if name not in options.without]
    if "speed" not in options.sections:
        needed = [name for name in needed if name in (OURS, EXACT, EAGER, CPP)]
    commands, missing = peers.prepare(needed)
    rounds = Rounds(options.rounds, missing)
    most = max(options.threads)
    program, python, here = peers.program, sys.executable, peers.here
    began = datetime.datetime.now(datetime.timezone.utc)
    results = {"speed": [], "operations": {}, "loader": {}, "start": {}, "memory": {}}

    if "speed" in options.sections:
        for workload, batch in options.workloads:
            for threads in options.threads:
                steps, warmup = STEPS[workload]
                flags = ["--workload", workload, "--batch-size", str(batch), "--threads", str(threads), "--steps",
                         str(options.steps or steps), "--warmup", str(min(warmup, options.steps or warmup))]
                title = f"{workload}, batch {batch}, {threads} thread{'s' if threads > 1 else ''}"
                every = {name: command + flags for name, command in commands.items()}
                if workload == "cnn":  # whose floating-point operations are counted
                    every = {"peak": [program, "bench", "--peak", "--json", "--threads", str(threads)]} | every
                found = rounds(title, every, threads, lambda report, *_: report)
                results["speed"].append({
                    "workload": workload, "batch": batch, "threads": threads, "title": title,
                    "peak": [one["peak"] for one in found.pop("peak", [])],
                    "runs": {name: {part: [one[part]["images_per_second"] for one in runs if part in one]
                                    for part in ("train", "infer")} for name, runs in found.items()}})

    if "operations" in options.sections:
        alone = {OURS: [program, "bench", "--operations", "--json", "--threads", "1"],
                 EAGER: [python, os.path.join(here, "operations.py")]}
        if CPP in commands:
            alone[CPP] = commands[CPP] + ["--operations"]
        results["operations"] = rounds("single operators", alone, 1, lambda report, *_: report["operations"])

    if "loader" in options.sections:
        script = [python, os.path.join(here, "loader.py")]
        alone = {report.OUR_LOADER: [program, "bench", "--loader", "--json"], report.DATA_LOADER: script,
                 report.BY_INDEX: script + ["--at-once"]}
        alone = {name: command + ["--threads", "1"] for name, command in alone.items()}
        results["loader"] = rounds(
            "loader", alone, 1, lambda report, *_: report["loader"]["images_per_second"])

    plain = {name: commands[name] for name in (OURS, EXACT, EAGER, CPP) if name in commands}
    training = ["--workload", "cnn", "--batch-size", "100", "--threads", str(most), "--only", "train"]
    if "start" in options.sections:
        first = {name: command + training + ["--steps", "1", "--warmup", "0"] for name, command in plain.items()}
        for command in first.values():  # so that every file is in memory
            run(command, most)
        results["start"] = rounds("start", first, most, lambda _, seconds, __: seconds)
    if "memory" in options.sections:
        longer = {name: command + training + ["--steps", "30"] for name, command in plain.items()}
        results["memory"] = rounds("memory", longer, most, lambda _, __, size: size)

    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    arguments = shlex.join(sys.argv[1:])
    about = {
        "command": "make bench" + (f' ARGS="{arguments}"' if arguments else ""), "rounds": options.rounds,
        "date": began.strftime("%Y-%m-%d %H:%M UTC"), "minutes":
            (datetime.datetime.now(datetime.timezone.utc) - began).total_seconds() / 60,
        "facts": peers.versions(commands), "contenders": list(commands), "missing": missing, "threads": most}
    os.makedirs(options.output, exist_ok=True)

    def keep(name, content):
        with open(os.path.join(options.output, name), "w") as file:
            file.write(content)

    keep("bench.json", json.dumps(about | results, indent=1))  # first: an hour's work
    text = report.markdown(about, results)
    keep("bench.md", text)
    if results["speed"]:
        keep("bench.svg", plot.svg(results["speed"]))
    print(text, end="")
    peers.say(f"this text, the plot and every run are in {options.output}")


if __name__ == "__main__":
    try:
        main()
    except Failed as reason:
        sys.exit(f"bench: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)
