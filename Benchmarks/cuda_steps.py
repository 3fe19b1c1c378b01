"""Everything that needs an NVIDIA GPU, step by step, what matters most first.

usage: cuda.sh [--dry-run] [--retry] [--seconds N] [STEP …]

After each step OUT (the folder `logs` if unset) has all that is known: summary.txt, a line for each step; cuda.log, what
they printed; results.jsonl and speeds.jsonl, their numbers (with --retry all these names begin with retry-). A step that
fails, hangs or dies is written down and the next goes on; the exit code is then 1. Every step has a limit of its own, and
all of them together have --seconds (470); a step whose turn comes too late says so. Where there is no GPU, the steps that
need one fail.

--dry-run: the same steps on the CPU, tiny. --retry: the steps that look for the reason of a failure.
PYTHON: the Python whose torch is measured beside (python3); DATA: the folder of Fashion-MNIST's files.
"""

import argparse
import collections
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(here)
in_bundle = os.path.exists(os.path.join(root, "setup.sh"))
program = os.path.join(root, "bin/torchlayers" if in_bundle else ".build/release/torchlayers")
python = shutil.which(os.environ.get("PYTHON", "python3")) or sys.executable
work = tempfile.mkdtemp(prefix="cuda-steps-")
KEPT = 512 << 10  # bytes of a step's output that stay in the log, half from its start and half from its end

# What one epoch of `cnn` must reach on the test images. On a CPU 83.6 % of the training images are right while it is in its
# first epoch (README.md), and afterwards more: a step that learns as it should is above, one with a fault in it is not.
# The dry run trains `softmax` on 1 000 images; 10 % is chance.
FLOOR, DRY_FLOOR = 0.82, 0.5


class Failed(Exception):
    """Why a step failed, in a sentence."""


class Log:
    """cuda.log, which the steps' programs write to directly: what they printed is there even if this program dies."""

    def __init__(self, path):
        self.path = path
        self.file = open(self.path, "ab", buffering=0)
        self.file.truncate(0)

    def write(self, text):
        self.file.write(text.encode())

    def size(self):
        return os.path.getsize(self.path)

    def since(self, offset):
        with open(self.path, "rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")

    def shorten(self, offset):
        """Takes out the middle of what came after `offset` if it is long."""
        with open(self.path, "rb") as file:
            file.seek(offset)
            text = file.read()
        if len(text) > KEPT:
            os.truncate(self.path, offset)
            self.file.write(text[:KEPT // 2] + b"\n[...]\n" + text[-KEPT // 2:])


class Step:
    """One line of the summary."""

    def __init__(self, name, limit, action, extra):
        self.name, self.limit, self.action, self.extra = name, limit, action, extra
        self.state, self.words = "waiting", ""

    def line(self):
        return f"{self.state:<9}{self.name}" + (f": {self.words}" if self.words else "")


Ended = collections.namedtuple("Ended", "code output errors")


class Run:
    def __init__(self, options):
        self.dry, self.begin = options.dry_run, time.monotonic()
        self.prefix = "retry-" if options.retry else ""
        self.seconds = options.seconds
        self.out = os.path.abspath(os.environ.get("OUT") or "logs")
        self.steps = []
        self.device = "cpu" if self.dry else "cuda"
        self.data = self.find_data()
        self.machine_path = os.environ["PATH"]
        if self.dry:
            os.environ["PATH"] = os.path.join(here, "stand-ins") + os.pathsep + os.environ["PATH"]
            os.environ["OMP_NUM_THREADS"] = "1"  # several wait for each other on a machine that is busy with other things
        os.environ["PYTHONUNBUFFERED"] = "1"

    def open(self):
        os.makedirs(self.out, exist_ok=True)
        for name in ("results.jsonl", "speeds.jsonl"):
            open(self.path(name), "w").close()
        self.log = Log(self.path("cuda.log"))

    def path(self, name):
        return os.path.join(self.out, self.prefix + name)

    @staticmethod
    def find_data():
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        for folder in (os.environ.get("DATA"), os.path.join(root, "data/fashion-mnist"),
                       os.path.join(cache, "torchlayers/data/fashion-mnist"), "/usr/share/datasets/fashion-mnist"):
            if folder and os.path.isdir(folder):
                return os.path.abspath(folder)  # the steps run in folders of their own
        return None

    def left(self):
        return self.seconds - (time.monotonic() - self.begin)

    # --- Programs. ---

    def start(self, command, environment=None, stdout=None):
        self.log.write(f"$ {' '.join(command)}\n")
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout or self.log.file, stderr=self.log.file, cwd=work,
            start_new_session=True, env={**os.environ, **(environment or {})})
        print(f"    process {child.pid}", flush=True)
        return child

    def wait(self, child):
        """The exit code. Whatever else the program started ends with it."""
        try:
            return child.wait(timeout=max(0.1, self.step_ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failed(f"it was stopped after its {self.step_limit:.0f} s") from None
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()

    def ended(self, command, environment=None, stdout=None):
        offset = self.log.size()
        child = self.start(command, environment, stdout)
        code = self.wait(child)
        return code, self.log.since(offset)

    def call(self, *command, environment=None):
        """Runs a program that must succeed; what it wrote."""
        code, text = self.ended(list(command), environment)
        if code != 0:
            raise Failed(self.reason(code, text))
        return text

    def json(self, *command, name=None, accepted=(0,), environment=None):
        """Runs a program that prints one JSON object; the object, and what it wrote to standard error."""
        with tempfile.TemporaryFile(dir=work) as file:
            code, errors = self.ended(list(command), environment, file)
            file.seek(0)
            text = file.read().decode(errors="replace")
        self.log.write(text if len(text) < 4000 else text[:4000] + " [...]\n")
        if code not in accepted:
            raise Failed(self.reason(code, errors))
        try:
            report = json.loads(text)
        except ValueError:
            raise Failed("it printed no JSON object") from None
        with open(self.path("results.jsonl"), "a") as results:
            results.write(json.dumps({"step": name or self.current, "report": report})[:200000] + "\n")
        return report, errors

    @staticmethod
    def reason(code, text):
        how = f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("$ ")]
        for line in lines:
            if line.lower().startswith(("error", "fail", "setup:")):
                return f"{how}: {line[:300]}"
        return f"{how}: {lines[-1][:300]}" if lines else how

    # --- Steps. ---

    def add(self, name, limit, action, extra=False):
        self.steps.append(Step(name, limit, action, extra))

    def run(self):
        for step in self.steps:
            offset = self.log.size()
            begin = time.monotonic()
            self.current = step.name
            # A dry run is also tried on machines that are busy with other things.
            self.step_limit = min(step.limit * (10 if self.dry else 1), self.left())
            self.step_ends = begin + self.step_limit
            self.log.write(f"\n=== {step.name} ({begin - self.begin:.0f} s since the start)\n")
            step.state = "running"
            self.summarize()
            print(f"=== {step.name}", flush=True)
            if self.step_limit < 3:
                step.state = "late" if step.extra else "FAILED"
                step.words = f"its turn came too late: {self.seconds:.0f} s are over"
            else:
                try:
                    words = step.action(self)
                    step.state, step.words = "passed", words or ""
                except Failed as failure:
                    step.state, step.words = "FAILED", str(failure)
                except Exception as error:  # of this program: the next step goes on all the same
                    step.state, step.words = "FAILED", f"{type(error).__name__}: {error}"
                step.words = f"{step.words} ({time.monotonic() - begin:.1f} s)".strip()
            self.log.shorten(offset)
            ends_line = self.log.since(offset).endswith("\n")
            self.log.write(("" if ends_line else "\n") + step.line() + "\n")
            print("\n".join(self.log.since(offset).splitlines()[-30:]), flush=True)
            self.summarize()

    def summarize(self):
        """Rewrites summary.txt; a reader sees the old one or the new one."""
        steps = [step.line() for step in self.steps]
        took = f"{time.monotonic() - self.begin:.0f} s of {self.seconds:.0f} s\n"
        text = ("a dry run without a GPU, " if self.dry else "") + took
        with open(self.path("summary.txt.new"), "w") as file:
            file.write(text + "\n".join(steps) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path("summary.txt.new"), self.path("summary.txt"))


# --- What the steps do. ---


def facts(run):
    text = run.call("bash", os.path.join(here, "cuda_facts.sh"), python, root)
    if "--- reading the libraries" not in text:
        raise Failed("it ended early")


def build(run):
    try:
        # Without the stand-ins: for the GPU that they speak of, libtorch's CUDA build would be fetched.
        run.call(*([os.path.join(root, "setup.sh")] if in_bundle else ["make", "-C", root, "build"]),
                 environment={"PATH": run.machine_path})
    except Failed:
        compiler = os.path.join(root, "build/log")  # which setup.sh shows only when it ends by itself
        if in_bundle and os.path.exists(compiler):
            with open(compiler, errors="replace") as file:
                run.log.write("the end of build/log:\n" + file.read()[-20000:])
        raise


def doctor(run):
    text = run.call(program, "doctor")
    if not run.dry and "\ncuda:0" not in text:
        words = next((line for line in text.splitlines() if line.startswith("CUDA")), "")
        raise Failed("no CUDA device: " + " ".join(words.split()))
    return next((" ".join(line.split()) for line in text.splitlines() if line.lower().startswith("cuda")), None)


def shim_path():
    chosen = os.environ.get("TORCHLAYERS_SHIM")
    if chosen:
        return chosen if chosen.endswith(".so") else os.path.join(chosen, "libtorchshim.so")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(root, "bin/libtorchshim.so") if in_bundle \
        else os.path.join(cache, "torchlayers/shim/default/libtorchshim.so")


selftest_program = os.path.join(work, "selftest")


def build_selftest(run):
    if os.path.exists(selftest_program):
        return
    folder = os.path.join(root, "shim/selftest")
    sources = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".cpp")]
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++") or "c++"
    run.call(compiler, "-std=c++20", "-O0", "-I", os.path.join(root, "Sources/CTorchShim/include"), *sources, "-x", "c++",
             os.path.join(root, "Sources/CTorchShim/load.c"), "-x", "none", "-ldl", "-pthread", "-o", selftest_program)


def require_gpu(run):
    return [] if run.dry else ["--require-gpu"]


def selftest(run):
    build_selftest(run)
    code, text = run.ended([selftest_program, shim_path(), *require_gpu(run)])
    words = [line for line in text.splitlines() if line.startswith("FAILED")]
    if code != 0:
        raise Failed("; ".join(words)[:600] or run.reason(code, text))
    return text.splitlines()[-1]


def train_flags(run, epochs):
    if run.data is None:
        raise Failed("the Fashion-MNIST files are not on this machine; set DATA")
    return [program, "train", "--model", "softmax" if run.dry else "cnn", "--data-dir", run.data, "--epochs", str(epochs),
            "--device", run.device, *(["--limit", "1000", "--threads", "1"] if run.dry else [])]


def check_recorded(run, errors):
    if not run.dry and "not recorded as a CUDA graph" in errors:
        raise Failed(next(line.strip() for line in errors.splitlines() if "not recorded as a CUDA graph" in line)[:400])


def train(*flags, recorded=True):
    def action(run):
        own = flags
        if run.dry and "fp16" in flags:
            own = ()  # for GPUs alone
        output = os.path.join(work, f"train-{len(os.listdir(work))}")
        report, errors = run.json(*train_flags(run, 1), "--seed", "1", "--json", *own, "--output", output)
        accuracy, floor = report["test"]["accuracy"], DRY_FLOOR if run.dry else FLOOR
        words = f"accuracy {accuracy:.4f}, {report['epochs'][-1]['images_per_second']:.0f} images/s"
        if accuracy < floor:
            raise Failed(f"{words}; at least {floor} was expected")
        if recorded:
            check_recorded(run, errors)
        return words
    return action


def compare(rounds, *flags):
    def action(run):
        if run.data is None:
            raise Failed("the Fashion-MNIST files are not on this machine; set DATA")
        dry = ["--tiny", "--device", "cpu", "--limit", "600"] if run.dry else []
        run.call(python, os.path.join(here, "cuda_compare.py"), "--program", program, "--data-dir", run.data, "--rounds",
                 str(1 if run.dry else rounds), "--record", run.path("speeds.jsonl"), *flags, *dry)
    return action


def resume(run):
    """An interrupt in the middle of an epoch, going on, and the weights on another device."""
    output = os.path.join(work, "interrupted")
    metrics = os.path.join(output, "metrics.csv")
    epochs = 400 if run.dry else 12
    offset = run.log.size()
    child = run.start([*train_flags(run, epochs), "--output", output])
    while child.poll() is None and time.monotonic() < run.step_ends:
        if os.path.exists(metrics) and len(open(metrics).read().splitlines()) > 1:
            child.send_signal(signal.SIGINT)
            break
        time.sleep(0.01)
    code = run.wait(child)
    if code != 130:
        raise Failed("to be interrupted, but " + run.reason(code, run.log.since(offset)))
    done = len(open(metrics).read().splitlines()) - 1
    shorter = ["--epochs", str(done + 1)] if run.dry else []
    report, errors = run.json(program, "train", "--resume", output, "--json", *shorter)
    check_recorded(run, errors)
    there = report["test"]["accuracy"]
    evaluation, _ = run.json(program, "evaluate", output, "--device", "cpu", "--data-dir", run.data, "--json")
    words = f"interrupted after {done} epochs of {epochs}; accuracy {there:.4f}, on the CPU {evaluation['accuracy']:.4f}"
    if min(there, evaluation["accuracy"]) < (DRY_FLOOR if run.dry else FLOOR):
        raise Failed(words)
    return words


def parity(dtype, cases):
    def action(run):
        flags = ["--only", "linear"] if run.dry else []
        known = "float32" if run.dry and dtype == "tf32" else dtype  # a CPU has no TF32
        report, _ = run.json(program, "parity", "--device", run.device, "--dtype", known, "--cases",
                             "2" if run.dry else str(cases), "--json", *flags, accepted=(0, 2))
        if report.get("skipped"):
            raise Failed(report["skipped"].removeprefix("skipped: "))
        operations = report["operations"]
        worst = max((operation.get("worst") or 0 for operation in operations), default=0)
        words = f"{len(operations)} operations, worst {worst:.3f} of the bound"
        if report["failed"] or not operations:
            raise Failed(f"{words}; outside: {', '.join(report['failed'])}"[:600])
        return words
    return action


def sanitizer_program():
    toolkit = os.environ.get("CUDA_HOME") or "/usr/local/cuda"
    found = shutil.which("compute-sanitizer") or os.path.join(toolkit, "bin/compute-sanitizer")
    if not os.path.exists(found):
        raise Failed("compute-sanitizer is not installed")
    # Errors that libtorch asks for and handles, such as a query that is not ready, are none of ours.
    return [found, "--report-api-errors", "no", "--error-exitcode", "9"]


def sanitizer(*flags, environment=None):
    def action(run):
        code, text = run.ended(
            [*sanitizer_program(), program, "bench", "--device", run.device, "--workload", "lenet", "--batch-size", "10",
             "--steps", "1", "--warmup", "1", "--only", "train", *(["--threads", "1"] if run.dry else []), *flags],
            environment)
        if code != 0:
            raise Failed(next((line for line in text.splitlines() if "Invalid" in line), run.reason(code, text))[:400])
        return next((line for line in text.splitlines() if "ERROR SUMMARY" in line), None)
    return action


def standard(run):
    run.add("facts", 60, facts)
    run.add("build", 180, build)
    run.add("doctor", 45, doctor)
    run.add("selftest", 90, selftest)
    run.add("train-float32", 40, train())
    run.add("train-bf16", 30, train("--precision", "bf16"))
    run.add("train-fp16", 30, train("--precision", "fp16"))
    run.add("train-without-graph", 30, train("--cuda-graph", "off", recorded=False))
    run.add("speeds", 150, compare(1, "--part", "first", "--limit", "40"))
    run.add("resume", 60, resume)
    run.add("parity-float32", 60, parity("float32", 10))
    run.add("sanitizer", 60, sanitizer())
    run.add("compiled", 150, compare(1, "--part", "compiled", "--limit", "75"))
    run.add("more-speeds", 120, compare(2, "--part", "all", "--limit", "30"), extra=True)
    for dtype in ("bfloat16", "float16", "tf32", "float64"):
        run.add(f"parity-{dtype}", 45, parity(dtype, 10), extra=True)
    run.add("train-exact", 40, train("--exact", recorded=False), extra=True)
    run.add("parity-more", 120, parity("float32", 60), extra=True)


# --- What looks for a reason. ---


def libraries(run):
    run.call("readelf", "-d", shim_path())
    run.call("ldd", shim_path())
    # What the loader looked for, and where it found it.
    code, text = run.ended([program, "doctor"], {"LD_DEBUG": "libs,files"})
    if code != 0:
        raise Failed(run.reason(code, text))


def environment(run):
    run.call(python, "-m", "torch.utils.collect_env")


def python_on_gpu(run):
    """Whether the GPU works at all: Python's torch, eagerly and as a graph."""
    run.call(python, "-c", f"""
import torch
device = torch.device("{run.device}")
x = torch.randn(64, 1, 28, 28, device=device)
layer = torch.nn.Conv2d(1, 8, 3).to(device)
print("eager:", layer(x).sum().item())
if device.type == "cuda":
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3): layer(x).sum().backward()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph): y = layer(x).sum()
    graph.replay()
    print("replayed:", y.item())
""")


def build_verbosely(run):
    if not in_bundle:
        raise Failed("this step is for a bundle")
    shutil.rmtree(os.path.join(root, "build"), ignore_errors=True)
    run.call(os.path.join(root, "setup.sh"), environment={"VERBOSE": "1"})


def build_without_cmake(run):
    if not in_bundle:
        raise Failed("this step is for a bundle")
    shutil.rmtree(os.path.join(root, "build"), ignore_errors=True)
    run.call(os.path.join(root, "setup.sh"), environment={"WITHOUT_CMAKE": "1"})


def selftest_under(*prefix, environment=None, sanitized=False):
    def action(run):
        build_selftest(run)
        before = sanitizer_program() if sanitized else list(prefix)
        code, text = run.ended([*before, selftest_program, shim_path(), *require_gpu(run)], environment)
        words = [line for line in text.splitlines() if line.startswith("FAILED") or "Invalid" in line]
        if code != 0:
            raise Failed("; ".join(words)[:600] or run.reason(code, text))
        return next((line for line in reversed(text.splitlines()) if " passed, " in line), None)
    return action


def train_under(environment, *flags):
    def action(run):
        report, errors = run.json(*train_flags(run, 1), "--seed", "1", "--json", *flags, "--output",
                                  os.path.join(work, f"train-{len(os.listdir(work))}"), environment=environment)
        return f"accuracy {report['test']['accuracy']:.4f}"
    return action


def retry(run):
    run.add("environment", 60, environment)
    run.add("python", 60, python_on_gpu)
    run.add("build-verbosely", 180, build_verbosely)
    run.add("libraries", 45, libraries)
    run.add("selftest", 90, selftest)
    run.add("selftest-blocking", 90, selftest_under(environment={"CUDA_LAUNCH_BLOCKING": "1"}))
    run.add("train-without-graph", 30, train_under({}, "--cuda-graph", "off"))
    run.add("train-blocking", 60, train_under({"CUDA_LAUNCH_BLOCKING": "1", "TORCH_SHOW_CPP_STACKTRACES": "1"},
                                              "--cuda-graph", "off"))
    run.add("train-exact", 40, train_under({}, "--exact", "--cuda-graph", "off"))
    run.add("train-recorded", 40, train_under({"TORCH_SHOW_CPP_STACKTRACES": "1"}))
    # Without libtorch's own cache of memory every tensor has borders that the sanitizer sees; a graph cannot do without.
    run.add("selftest-sanitizer", 150, selftest_under(sanitized=True))
    run.add("train-sanitizer", 120, sanitizer("--exact", environment={"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}))
    run.add("build-without-cmake", 240, build_without_cmake)
    run.add("doctor", 45, doctor)


def main():
    parser = argparse.ArgumentParser(
        prog="cuda.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--retry", action="store_true")
    parser.add_argument("--seconds", type=float, default=470)
    parser.add_argument("--list", action="store_true", help="print the names of the steps")
    parser.add_argument("steps", nargs="*", metavar="STEP", help="these alone")
    options = parser.parse_args()
    if options.list:
        class Names:
            @staticmethod
            def add(name, limit, action, extra=False):
                print(name)
        (retry if options.retry else standard)(Names)
        return 0
    run = Run(options)
    (retry if options.retry else standard)(run)
    unknown = set(options.steps) - {step.name for step in run.steps}
    if unknown:
        print(f"cuda.sh: there is no step '{unknown.pop()}'; the steps are {', '.join(step.name for step in run.steps)}",
              file=sys.stderr)
        return 64
    run.open()
    if options.steps:
        run.steps = [step for step in run.steps if step.name in options.steps]
    run.run()
    with open(run.path("summary.txt")) as file:
        print("\n=== summary, in " + run.path("summary.txt") + "\n" + file.read(), flush=True)
    return 1 if any(step.state not in ("passed", "late") for step in run.steps) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(work, ignore_errors=True)
