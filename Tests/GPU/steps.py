"""Whether cuda.sh survives the death of its steps, on a machine without a GPU.

usage: steps.py CUDA.SH [--each]

A dry run in which every other step is killed as it begins (--each: a run for each step, killed alone). What ran
before must be in the folder OUT by then, the steps after it must run, in the order of --list, and the exit code is 1.
At last a real run beside a stand-in for nvidia-smi, with a shim that has no GPU: it must fail, and skip nothing.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile

script, each = os.path.abspath(sys.argv[1]), "--each" in sys.argv[2:]
stand_ins = next(folder for folder in (os.path.join(os.path.dirname(script), name) for name in
                                       ("stand-ins", "Benchmarks/stand-ins")) if os.path.isdir(folder))
steps = subprocess.run([script, "--list"], capture_output=True, text=True, check=True).stdout.split()


def check(holds, words):
    if not holds:
        sys.exit(f"FAILED {words}")


def summary(folder):
    """The state and the words of each step, in the order of the file."""
    lines = open(os.path.join(folder, "summary.txt")).read().splitlines()[1:]
    groups = [re.match(r"(\w+) +([\w-]+):? ?(.*)", line).groups() for line in lines]
    return {name: (state, words) for state, name, words in groups}


def evidence_of(folder, names, running):
    """That all which is known by the time a step begins is in the files."""
    states, log = summary(folder), open(os.path.join(folder, "cuda.log")).read()
    for name in names:
        check(states[name][0] in ("passed", "FAILED"), f"when {running} began, the summary said of {name}: {states[name]}")
        check(f"=== {name} (" in log, f"when {running} began, the log had nothing of {name}")


def killed_run(doomed):
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen([script, "--dry-run", "--seconds", "3000"], stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "OUT": folder})
        begun, killed = [], set()
        for line in child.stdout:
            if match := re.match(r"=== ([\w-]+)$", line):
                evidence_of(folder, begun, match[1])
                begun.append(match[1])
            elif (match := re.match(r"    process (\d+)$", line)) and begun[-1] in doomed - killed:
                os.kill(int(match[1]), signal.SIGKILL)
                killed.add(begun[-1])
        code = child.wait()
        states = summary(folder)
        check(begun == steps and list(states) == steps, f"the steps ran in the order {begun}, not {steps}")
        for name, (state, words) in states.items():
            if name in doomed:
                check(state == "FAILED" and "SIGKILL" in words, f"{name} was killed, but is {state}: {words}")
            else:
                check(state == "passed", f"{name} was left alone, but is {state}: {words}\n"
                      + open(os.path.join(folder, "cuda.log")).read()[-3000:])
        check(code == (1 if doomed else 0), f"the exit code is {code}")
        print(f"ok  killed {', '.join(sorted(doomed, key=steps.index)) or 'nothing'}: the others passed", flush=True)


for doomed in ([{name} for name in steps] if each else [set(steps[0::2])]):
    killed_run(doomed)

if not os.path.exists("/proc/driver/nvidia/version"):
    with tempfile.TemporaryDirectory() as folder:
        wanted = ["facts", "doctor", "selftest", "train-float32", "resume", "parity-float32", "sanitizer"]
        environment = {**os.environ, "OUT": folder, "PATH": stand_ins + os.pathsep + os.environ["PATH"]}
        ended = subprocess.run([script, *wanted], capture_output=True, text=True, env=environment)
        states = {name: state for name, (state, _) in summary(folder).items()}
        check(ended.returncode == 1, f"without a GPU a real run's exit code is {ended.returncode}")
        check(states.pop("facts") == "passed" and set(states.values()) == {"FAILED"},
              f"without a GPU the steps are {states}")
        check("skipped" not in str(summary(folder)), "without a GPU a step says that it was skipped")
        print("ok  nvidia-smi says that there is a GPU, the shim has none: every step that needs one failed")
