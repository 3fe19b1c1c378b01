#!/usr/bin/env python3
"""Plants each fault of this folder's lists and tells which check sees it.

The sources stay as they are. A copy in build/mutants/tree gets all faults at once, each behind a switch that the
environment variable TORCHLAYERS_PLANTED turns on by name, and is built once. Every check must pass with all switches
off; then each fault is switched on alone and must make its check fail. Exit code 1 when a check misses its fault.

    make mutants                            all of it
    make mutants ARGS="--only NAME"         these alone (may be repeated)
    make mutants ARGS="--sample 6"          six of them by chance; the seed is printed
    make mutants ARGS="--list"              the faults and their checks
    make mutants ARGS="--check"             whether every snippet and every check is there; builds nothing
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTS = ROOT / "Tests" / "Mutants"
WORK = ROOT / "build" / "mutants"
TREE = WORK / "tree"
BUILT = TREE / ".build" / "debug"
SWITCH = "TORCHLAYERS_PLANTED"
SHIM = WORK / "shim" / "libtorchshim.so"
PROGRAM = BUILT / "torchlayers"
# Seconds that a check may take: this many, or ten times what it takes without a fault.
LEAST_LIMIT = 60
# What a run of tests ends with when its filter fits none.
NO_TEST = 69


@dataclasses.dataclass(frozen=True)
class Check:
    """A test (`Target.Suite/function`, or a suite, or a target) or a call of the program (`torchlayers …`).

    With a `beside`, that fault is switched on, too: what is judged is the judge, and the program must fail.
    """

    text: str
    beside: str = ""

    def __str__(self):
        return self.text + (f" beside {self.beside}" if self.beside else "")

    @property
    def is_test(self):
        return not self.text.startswith("torchlayers ")

    def command(self):
        if not self.is_test:
            return [str(PROGRAM), *self.text.split()[1:]]
        pattern = "^" + re.escape(self.text) + ("\\(" if "/" in self.text else "[./]")
        bundle = next(BUILT.glob("*PackageTests.xctest"))
        return [str(bundle), "--testing-library", "swift-testing", "--no-parallel", "--filter", pattern]


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    what: str
    file: str
    find: str
    replace: str
    check: Check

    @property
    def number(self):
        """What the switch compares with: the name's FNV-1a hash, so that a fault more changes no other file."""
        value = 0xCBF29CE484222325
        for byte in self.name.encode():
            value = (value ^ byte) * 0x100000001B3 % 2**64
        return value


def fail(text):
    sys.exit(f"mutants: {text}")


def read_lists():
    faults = []
    for path in sorted(LISTS.glob("*.toml")):
        try:
            content = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            fail(f"{path.name} cannot be read: {error}")
        for entry in content.pop("fault", []):
            known = {"name", "what", "file", "find", "replace", "check", "beside"}
            wrong = set(entry) ^ known - {"beside"} if "beside" not in entry else set(entry) ^ known
            if wrong:
                fail(f"{path.name}: the fault {entry.get('name', '?')} lacks or has too much: {', '.join(sorted(wrong))}")
            check = Check(entry.pop("check"), entry.pop("beside", ""))
            faults.append(Fault(check=check, **{key: value.strip("\n") for key, value in entry.items()}))
        if content:
            fail(f"{path.name} has an unknown key {next(iter(content))}")
    names = [fault.name for fault in faults]
    for name in names:
        if names.count(name) > 1:
            fail(f"there are two faults {name}")
    for fault in faults:
        if fault.check.beside and (fault.check.is_test or fault.check.beside not in names):
            fail(f"{fault.name} stands beside {fault.check.beside}: that needs a call of the program, and such a fault")
    return faults


# --- Checking the lists -------------------------------------------------------------------------------------------


def place(fault):
    """Where the snippet is; or what is wrong."""
    path = ROOT / fault.file
    if not path.is_file():
        return f"there is no file {fault.file}"
    count = path.read_text().count(fault.find)
    if count != 1:
        return f"its snippet occurs {count} times in {fault.file}, once is needed"
    if "PLANTED" not in fault.replace:
        return "its replacement has no PLANTED, the switch"
    return None


def missing(check):
    """What is wrong with a check's name; None when the test or the subcommand is there."""
    if not check.is_test:
        words = check.text.split()
        commands = "\n".join(path.read_text() for path in (ROOT / "Sources" / "CLI").glob("*.swift"))
        return None if f'commandName: "{words[1]}"' in commands else f"there is no command torchlayers {words[1]}"
    name, _, function = check.text.partition("/")
    target, _, suite = name.partition(".")
    folder = ROOT / "Tests" / target
    if not folder.is_dir():
        return f"there is no test target {target}"
    if not suite:
        return None
    for path in folder.glob("*.swift"):
        text = path.read_text()
        found = re.search(rf"^(?P<margin> *)(?:final class|struct|extension) {re.escape(suite)}\b", text, re.M)
        if not found:
            continue
        body = text[found.end():]
        end = re.search(rf"^{found['margin']}}}", body, re.M)
        if not function or re.search(rf"\bfunc {re.escape(function)}\(", body[: end.start() if end else None]):
            return None
    return f"there is no test {check.text}"


def check_lists(faults):
    wrong = [f"{fault.name}: {text}" for fault in faults if (text := place(fault))]
    checks = sorted({fault.check for fault in faults}, key=str)
    wrong += [text for check in checks if (text := missing(check))]
    spans = {}
    for fault in faults:
        if place(fault) is None:
            start = (ROOT / fault.file).read_text().index(fault.find)
            for other, (begin, end) in spans.setdefault(fault.file, {}).items():
                if start < end and begin < start + len(fault.find):
                    wrong.append(f"{fault.name} and {other} change the same lines of {fault.file}")
            spans[fault.file][fault.name] = (start, start + len(fault.find))
    for folder in ("Sources", "shim"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and SWITCH.encode() in path.read_bytes():
                wrong.append(f"{path.relative_to(ROOT)} knows {SWITCH}: only the copy may")
    if wrong:
        fail("\n".join(["the lists do not fit the sources:"] + ["  " + line for line in wrong]))
    return checks


def check_release():
    """The program and the shim that people run know no switch."""
    program = ROOT / ".build" / "release" / "torchlayers"
    shims = list((ROOT / "build").glob("shim-*/libtorchshim.so"))
    for path in [program, *shims]:
        if not path.is_file():
            fail(f"{path.relative_to(ROOT)} is not there: run `make build` first")
        if SWITCH.encode() in path.read_bytes():
            fail(f"{path.relative_to(ROOT)} has the switch {SWITCH}: a release must have none")
    if not shims:
        fail("there is no shim in build: run `make build` first")
    print(f"no switch in the release program and {len(shims)} shim(s)")


# --- The copy ------------------------------------------------------------------------------------------------------

SWIFT = """// Which planted faults are switched on: see Tests/Mutants.
#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

private func plantedNumber(_ place: Int) -> UInt64 {
  guard let text = getenv("%(switch)s") else { return 0 }
  let names = String(cString: text).split(separator: ",")
  guard place < names.count else { return 0 }
  return names[place].utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

private let first = plantedNumber(0)
private let second = plantedNumber(1)

func planted(_ number: UInt64) -> Bool { first == number || second == number }
"""

CPP = """// Which planted faults are switched on: see Tests/Mutants.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace shim {

inline uint64_t planted_number(int place) {
  const char *text = std::getenv("%(switch)s");
  if (text == nullptr) return 0;
  for (; place > 0 && *text != 0; ++text) place -= *text == ',';
  if (*text == 0) return 0;
  uint64_t number = 0xCBF29CE484222325u;
  for (; *text != 0 && *text != ','; ++text) number = (number ^ static_cast<uint8_t>(*text)) * 0x100000001B3u;
  return number;
}

inline const uint64_t planted_first = planted_number(0), planted_second = planted_number(1);

inline bool planted(uint64_t number) { return planted_first == number || planted_second == number; }

}  // namespace shim
"""


def make_tree(faults, checks):
    """Copies what git knows and has not ignored, with all faults; what has not changed keeps its time."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout
    texts = {}
    for fault in faults:
        text = texts.get(fault.file) or (ROOT / fault.file).read_text()
        switch = f"planted(0x{fault.number:016X})"
        texts[fault.file] = text.replace(fault.find, fault.replace.replace("PLANTED", switch))
    for target in ("SwiftTorchLayers", "Formats", "Reference", "Parity", "Course", "CLI"):
        texts[f"Sources/{target}/Planted.swift"] = SWIFT % {"switch": SWITCH}
    texts["shim/planted.hpp"] = CPP % {"switch": SWITCH}
    shim = texts.get("shim/shim.hpp") or (ROOT / "shim/shim.hpp").read_text()
    texts["shim/shim.hpp"] = shim.replace("#pragma once\n", '#pragma once\n\n#include "planted.hpp"\n', 1)
    package = (ROOT / "Package.swift").read_text()
    # Warnings are no errors there, and test targets that no check names are not built.
    package = package.replace("[.treatAllWarnings(as: .error)]", "[]")
    named = {check.text.partition(".")[0] for check in checks if check.is_test}
    texts["Package.swift"] = re.sub(
        r"^    \.testTarget\(\s*name: \"(\w+)\".*?\),\n(?=    [./]|  \])",
        lambda found: found[0] if found[1] in named else "", package, flags=re.M | re.S)
    wanted = set(texts)
    for name in listed.split("\0"):
        source, target = ROOT / name, TREE / name
        if not name or name in texts or not source.is_file():
            continue
        wanted.add(name)
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
    for name, text in texts.items():
        target = TREE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_text() != text:
            target.write_text(text)
    for folder in ("Sources", "Tests", "shim"):
        for path in list((TREE / folder).rglob("*")):
            if path.is_file() and str(path.relative_to(TREE)) not in wanted and "__pycache__" not in path.parts:
                path.unlink()


def build():
    def run(*command):
        WORK.mkdir(parents=True, exist_ok=True)
        ended = subprocess.run(command, cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ended.returncode:
            sys.stderr.write(ended.stdout[-20000:])
            fail(f"{' '.join(map(str, command))} failed with {ended.returncode}")
        return ended.stdout

    answer = subprocess.run([ROOT / "cmake/libtorch.sh"], check=True, capture_output=True, text=True).stdout.strip()
    folder, _, label = answer.rpartition(" ")
    run("cmake", "-S", TREE / "shim", "-B", SHIM.parent, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        f"-DLIBTORCH={folder}", f"-DLIBTORCH_LABEL={label}", "-DCMAKE_CXX_FLAGS=-Wno-error")
    run("cmake", "--build", SHIM.parent)
    run("swift", "build", "--build-tests", "-q")
    run("swift", "build", "--product", "torchlayers", "-q")


# --- Running -------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Ended:
    passed: bool
    how: str
    seconds: float


def first_issue(output):
    """The first line that says what was wrong, in a hundred columns."""
    patterns = [
        r"recorded an issue.*? at [^ ]+\.swift:\d+:\d+: (.*)", r"(Fatal error: .*)", r"(.*\bDIFFERS\b.*)", r"(.*\bNOT CAUGHT\b.*)",
        r"(.*\bCRASHES\b.*)", r"(too little was judged: .*)", r"worst: (.*)", r"Error: (.*)", r"(.*failed.*)",
    ]
    # A line of a million numbers would keep the patterns busy for minutes.
    lines = [line[:1000] for line in output.splitlines() if line.strip()]
    for pattern in patterns:
        for line in lines:
            if found := re.search(pattern, line):
                return " ".join(found[1].split())[:100]
    return " ".join(lines[-1].split())[:100] if lines else ""


def run_check(check, fault, limit, environment):
    names = [name for name in (fault, check.beside) if name]
    begin = time.monotonic()
    process = subprocess.Popen(
        check.command(), cwd=TREE, env=environment | {SWITCH: ",".join(names)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        status = process.returncode
        how = first_issue(output) if status else ""
        if status < 0:
            how = f"ended by {signal.Signals(-status).name}; {how}"
        if status == NO_TEST:
            how = f"no test has the name {check}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        status, how = 1, f"hang: no end in {limit:.0f} s"
    passed = (status != 0) if check.beside else (status == 0)
    if check.beside and status == 0:
        how = f"{check.beside} went through: exit code 0"
    return Ended(passed, how, time.monotonic() - begin)


def main():
    parser = argparse.ArgumentParser(description="Plants faults and tells which check sees each.")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this fault; may be repeated")
    parser.add_argument("--sample", type=int, metavar="N", help="only N faults, by chance")
    parser.add_argument("--seed", type=int, help="of --sample; the clock's when not given, and printed")
    parser.add_argument("--list", action="store_true", help="print the faults and their checks")
    parser.add_argument("--check", action="store_true", help="only check the lists and the release, build nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="checks at the same time")
    parser.add_argument("--show", metavar="NAME", help="run this fault's check and print all it says")
    given = parser.parse_args()
    begin = time.monotonic()
    faults = read_lists()
    if given.list:
        for fault in faults:
            print(f"{fault.name}\n    {fault.what}\n    {fault.file}; seen by {fault.check}")
        return
    checks = check_lists(faults)
    print(f"{len(faults)} faults, {len(checks)} checks: all snippets and all checks are there", flush=True)
    if given.check:
        return check_release()

    chosen = faults
    if given.only or given.show:
        names = given.only + ([given.show] if given.show else [])
        for name in names:
            if name not in [fault.name for fault in faults]:
                fail(f"there is no fault {name}")
        chosen = [fault for fault in faults if fault.name in names]
    if given.sample:
        seed = given.seed if given.seed is not None else int(time.time())
        print(f"a sample of {given.sample} by seed {seed}")
        chosen = random.Random(seed).sample(chosen, min(given.sample, len(chosen)))

    make_tree(faults, checks)
    build()
    print(f"built in {time.monotonic() - begin:.0f} s", flush=True)
    python = subprocess.run([ROOT / "cmake/python-peer.sh"], check=True, capture_output=True, text=True).stdout.strip()
    environment = dict(os.environ) | {
        "TORCHLAYERS_SHIM": str(SHIM), "TORCHLAYERS_PROGRAM": str(PROGRAM), "TORCHLAYERS_PYTHON": python}
    pool = concurrent.futures.ThreadPoolExecutor(max(1, given.jobs))

    if given.show:
        check = chosen[0].check
        names = ",".join(name for name in (given.show, check.beside) if name)
        return sys.exit(subprocess.run(check.command(), cwd=TREE, env=environment | {SWITCH: names}).returncode)

    needed = sorted({fault.check for fault in chosen}, key=str)
    plain = dict(zip(needed, pool.map(lambda check: run_check(check, "", 900, environment), needed)))
    bad = [f"  {check}: {ended.how}" for check, ended in plain.items() if not ended.passed]
    if bad:
        fail("\n".join(["without a fault these checks fail:"] + bad))
    print(f"{len(needed)} checks pass without a fault ({time.monotonic() - begin:.0f} s)", flush=True)

    def hunt(fault):
        limit = max(LEAST_LIMIT, 10 * plain[fault.check].seconds)
        return run_check(fault.check, fault.name, limit, environment)

    missed = 0
    for fault, ended in zip(chosen, pool.map(hunt, chosen)):
        if ended.passed:
            missed += 1
            print(f"MISSED  {fault.name}: {fault.what}\n        not seen by {fault.check}", flush=True)
        else:
            print(f"caught  {fault.name} by {fault.check}, {ended.seconds:.1f} s\n        {ended.how}", flush=True)
    print(
        f"{len(chosen)} faults: {len(chosen) - missed} caught by the check they name, {missed} missed; "
        f"{(time.monotonic() - begin) / 60:.1f} minutes")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
