"""The contenders and what each needs: environments of their own in the user's cache, the C++ frontend's program.

Every Python contender runs with PyTorch's Python of the same libtorch version. A framework that is not PyTorch has a
virtual environment of its own beside it, which sees that PyTorch as well: its network starts from torch's weights and
its logits are compared with torch's before it is timed.
"""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(here)
cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "torchlayers", "peers")
program = os.path.join(root, ".build/release/torchlayers")

OURS, EXACT, EAGER, CPP = "torchlayers", "torchlayers --exact", "PyTorch eager", "PyTorch C++ frontend"
FUSED, LAST, COMPILED = "PyTorch eager, fused", "PyTorch, channels last", "PyTorch, compiled"
ONNX, JAX, TENSORFLOW = "ONNX Runtime", "JAX", "TensorFlow"

# What a row is, in a sentence.
MEANINGS = {
    OURS: "as the command without flags: fused optimizer, steps without the tape, channels last where it pays",
    EXACT: "with `--exact`: PyTorch's default path, the same bits",
    EAGER: "Python, `torch.optim` and memory formats as they are by default; every ratio is to this row",
    FUSED: "the optimizer with `fused=True`",
    LAST: "weights and images with the channels last in memory; otherwise as PyTorch eager",
    COMPILED: "the model through `torch.compile`, its default mode; loss and optimizer as in PyTorch eager",
    CPP: "`torch::nn` and `torch::optim` from C++, plain eager: PyTorch without Python, what a binding can reach",
    ONNX: "the model as `torch.onnx.export` writes it; inference only",
    JAX: "the whole step (dropout, loss, gradients, optimizer) one function under `jax.jit`, channels last",
    TENSORFLOW: "the whole step one `tf.function`, channels last, Keras's optimizer",
}

# The packages of each environment.
ENVIRONMENTS = {
    ONNX: ("onnxruntime", ["onnxruntime", "onnx", "onnxscript"]),
    JAX: ("jax", ["jax"]),
    TENSORFLOW: ("tensorflow", ["tensorflow-cpu"]),
}


def say(words):
    print(f"==> {words}", file=sys.stderr, flush=True)


class Missing(Exception):
    """Why a contender cannot take part."""


def environment(name, packages):
    """The Python of a contender's own environment, made when it is not there."""
    folder = os.path.join(cache, f"{name}-{sys.version_info.major}.{sys.version_info.minor}")
    python, stamp = os.path.join(folder, "bin/python"), os.path.join(folder, ".complete")
    # PyTorch comes from the Python that runs this.
    torch = os.path.dirname(os.path.dirname(importlib.util.find_spec("torch").origin))
    if os.path.exists(stamp) and open(stamp).read() == torch:
        return python
    say(f"making an environment for {' '.join(packages)} in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", folder])
    run([python, "-m", "pip", "-q", "--disable-pip-version-check", "--retries", "1", "--timeout", "30", "install",
         *packages])
    site = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    with open(os.path.join(site.strip(), "torch.pth"), "w") as file:
        file.write(torch + "\n")
    with open(stamp, "w") as file:
        file.write(torch)
    return python


def run(command):
    """Runs a command of the preparation; its failure is the reason why the contender is missing."""
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1800)
    except OSError as error:
        raise Missing(f"{command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{os.path.basename(command[0])} did not end within half an hour") from error
    if ended.returncode != 0:
        lines = [line for line in (ended.stderr + ended.stdout).splitlines() if line.strip()]
        telling = [line for line in lines if "error" in line.lower()] or lines or ["it failed without a word"]
        raise Missing(telling[-1].strip())
    return ended.stdout


def cpp_frontend():
    """The program of cpp_frontend.cpp, built against the libtorch that the shim uses."""
    libtorch = run([os.path.join(root, "cmake/libtorch.sh")]).split()[0]
    build = os.path.join(root, "build/cpp-frontend")
    if not os.path.exists(os.path.join(build, "cpp_frontend")):
        say("building the C++ frontend's program (a minute or two)")
    run(["cmake", "-S", here, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", f"-DLIBTORCH={libtorch}"])
    run(["cmake", "--build", build])
    return os.path.join(build, "cpp_frontend")


def prepare(wanted):
    """The commands of the contenders in `wanted`, and the reasons why others of them are missing."""
    def script(name, *switches, python=sys.executable):
        return [python, os.path.join(here, name), *switches]

    def with_compiler():
        compiler = os.environ.get("CXX", "g++")
        if not shutil.which(compiler):
            raise Missing(f"no C++ compiler {compiler}")
        return script("pytorch_eager.py", "--compile")

    makers = {
        OURS: lambda: [program, "bench", "--json"],
        EXACT: lambda: [program, "bench", "--json", "--exact"],
        EAGER: lambda: script("pytorch_eager.py"),
        FUSED: lambda: script("pytorch_eager.py", "--fused"),
        LAST: lambda: script("pytorch_eager.py", "--channels-last"),
        COMPILED: with_compiler,
        CPP: lambda: [cpp_frontend()],
        ONNX: lambda: script("onnx_inference.py", python=environment(*ENVIRONMENTS[ONNX])),
        JAX: lambda: script("jax_contender.py", python=environment(*ENVIRONMENTS[JAX])),
        TENSORFLOW: lambda: script("tensorflow_contender.py", python=environment(*ENVIRONMENTS[TENSORFLOW])),
    }
    commands, missing = {}, {}
    for name in makers:
        if name not in wanted:
            continue
        try:
            commands[name] = makers[name]()
        except Missing as reason:
            missing[name] = str(reason)
            say(f"{name} does not take part: {reason}")
    return commands, missing


def versions(commands):
    """What takes part, with versions, and the machine: (heading, text) pairs."""
    def output(*command):
        try:
            return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).splitlines()
        except (OSError, subprocess.CalledProcessError):
            return [""]

    found = [f"torch {importlib.metadata.version('torch')}", f"Python {sys.version.split()[0]}"]
    for name, (_, packages) in ENVIRONMENTS.items():
        if name in commands:
            ask = f"import importlib.metadata as m; print(m.version({packages[0]!r}))"
            found.append(f"{packages[0]} {output(commands[name][0], '-c', ask)[0]}")
    swift = next((word for word in output("swift", "--version")[0].split() if word[:1].isdigit()), "unknown")
    compiler = output(os.environ.get("CXX", "g++"), "-dumpfullversion")[0]
    found += [f"Swift {swift}", f"g++ {compiler}"]
    try:
        shim = json.loads("\n".join(output(program, "doctor", "--json")))
        found.insert(0, f"libtorch {shim['built_against']} ({shim['cpu_capability']} kernels)")
    except (ValueError, KeyError, TypeError):
        pass
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "CPU")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = next((line.split("=")[1].strip().strip('"') for line in open("/etc/os-release")
                   if line.startswith("PRETTY_NAME")), "Linux")
    commit = output("git", "-C", root, "rev-parse", "--short", "HEAD")[0]
    if commit:
        changed = output("git", "-C", root, "status", "--porcelain", "-uno") not in ([], [""])
        found.append(f"commit {commit}{' with changes' if changed else ''}")
    return [("Machine", f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}, Linux {os.uname().release}"),
            ("Versions", ", ".join(found))]
