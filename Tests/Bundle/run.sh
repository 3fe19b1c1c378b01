#!/usr/bin/env bash
# Unpacks build/torchlayers-bundle.tar.gz (make bundle) elsewhere and uses it as on a machine without Swift: sets it up with
# another libtorch, 2.11.0, with CMake and without, runs its program, tries cuda.sh dry, and reads the sentences for what may
# be missing.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetched=${XDG_CACHE_HOME:-$HOME/.cache}/torchlayers/libtorch
torch=$(echo "$fetched"/2.11.0-*/lib/python3*/site-packages/torch)
[ -d "$torch" ] || torch=$(echo "$fetched"/2.11.0-*/libtorch)
[ -d "$torch" ] || { echo "FAILED: libtorch 2.11.0 is not in the cache; LIBTORCH_VERSION=2.11.0 make setup"; exit 1; }

expect() { # what, output, text
  if [[ $2 != *"$3"* ]]; then echo "FAILED $1: expected '$3', got: $2"; exit 1; fi
  echo "ok  $1: $(grep -m 1 -F -- "$3" <<<"$2")"
}
refuse() { # what, text, command…: it ends with an error and one sentence with the text
  local what=$1 text=$2 output
  shift 2
  if output=$("$@" 2>&1); then echo "FAILED $what: it should not have worked: $output"; exit 1; fi
  expect "$what" "$output" "$text"
}
# The programs of a bare machine, without some: links to them are the only folder on the path.
tools() { # folder, patterns of programs that are missing there…
  local folder=$work/$1 pattern
  shift
  mkdir "$folder"
  ln -s /usr/bin/* "$folder/"
  for pattern in "$@"; do rm -f "$folder"/$pattern; done
  echo "$folder"
}
compilers=('*g++*' '*clang*' 'c++*' 'cc' 'c89*' 'c99*')
bare=$(tools bare 'swift*')
without_cmake=$(tools without-cmake 'swift*' 'cmake*' ninja)
without_compiler=$(tools without-compiler 'swift*' "${compilers[@]}")
without_python=$(tools without-python 'swift*' 'python*')

mkdir -p "$work/other place" "$work/home"
tar -C "$work/other place" -xzf "$root/build/torchlayers-bundle.tar.gz"
cd "$work/other place/torchlayers-bundle"
on() { # path, command…: as on that machine
  local path=$1
  shift
  env -i HOME="$work/home" PATH="$path" "$@"
}

# What is inside needs nothing of this machine.
expect "the program alone" "$(on "$bare" bin/torchlayers --version)" "0."
if readelf -d bin/torchlayers | grep -E 'NEEDED.*(swift|png|jpeg|libz|Foundation)'; then echo "FAILED: see above"; exit 1; fi
refuse "the program before its set-up" "run $PWD/setup.sh" on "$bare" bin/torchlayers summary cnn

# What may be missing there.
mkdir -p "$work/old/include/ATen"
touch "$work/old/include/ATen/ATen.h"
echo "__version__ = '2.5.0+cpu'" >"$work/old/version.py"
refuse "a libtorch that is too old" "which is libtorch 2.5.0+cpu; versions from 2.11 to 2.15 are supported" \
  on "$bare" LIBTORCH="$work/old" ./setup.sh
refuse "no libtorch in LIBTORCH" "there is no libtorch there" on "$bare" LIBTORCH="$work" ./setup.sh
refuse "no libtorch and no Python" "set LIBTORCH to its folder" on "$without_python" ./setup.sh
mkdir -p "$work/python/torch"
cp -r "$work/old/." "$work/python/torch/"
touch "$work/python/torch/__init__.py"
refuse "a Python torch that is too old" "libtorch 2.5.0+cpu is outside" on "$bare" PYTHONPATH="$work/python" ./setup.sh
refuse "no compiler" "sudo apt-get install g++" on "$without_compiler" LIBTORCH="$torch" ./setup.sh
refuse "a compiler that does not exist" "CXX is no-such-compiler" on "$bare" CXX=no-such-compiler LIBTORCH="$torch" ./setup.sh
# A compiler that ends with an error: its words, and a sentence. And a GPU beside a libtorch without CUDA is noticed.
printf '#!/bin/sh\ncase "$*" in *fsyntax-only*|--version) exec g++ "$@" ;; esac\necho "no space left" >&2\nexit 1\n' >"$work/broken-compiler"
printf '#!/bin/sh\necho "GPU 0: a GPU"\n' >"$work/nvidia-smi"
chmod +x "$work/broken-compiler" "$work/nvidia-smi"
refuse "a shim that does not build" "the shim does not build against libtorch 2.11.0" \
  on "$without_cmake" CXX="$work/broken-compiler" LIBTORCH="$torch" ./setup.sh
mkdir -p "$work/cpu/include/ATen" "$work/cpu/lib" "$work/gpu"
touch "$work/cpu/include/ATen/ATen.h"
echo "__version__ = '2.13.0+cpu'" >"$work/cpu/version.py"
ln -s "$work/nvidia-smi" "$work/gpu/"
refuse "a GPU, and a libtorch without CUDA" "this machine has an NVIDIA GPU, but the libtorch in $work/cpu has no CUDA" \
  on "$work/gpu:$without_cmake" CXX="$work/broken-compiler" LIBTORCH="$work/cpu" ./setup.sh
mv bin/torchlayers bin/kept
printf '#!/bin/sh\necho "version GLIBC_9.99 not found" >&2\nexit 1\n' >bin/torchlayers
chmod +x bin/torchlayers
refuse "a program that does not start" "does not start on this machine" on "$bare" LIBTORCH="$torch" ./setup.sh
mv bin/kept bin/torchlayers

# A compiler that does not optimise: what is compiled here is tried, not timed.
printf '#!/bin/sh\nexec g++ "$@" -O0\n' >"$work/quick-compiler"
chmod +x "$work/quick-compiler"

# The set-up with CMake, and again when there is nothing to do.
output=$(on "$bare" CXX="$work/quick-compiler" LIBTORCH="$torch" ./setup.sh 2>&1) || { echo "FAILED setup.sh: $output"; exit 1; }
expect "setup.sh" "$output" "building the shim against libtorch 2.11.0"
expect "its doctor" "$output" "2x2 ones added: sum 8.0 (right)"
expect "its doctor, the shim" "$output" "$PWD/bin/libtorchshim.so"
if [ -f lib.tar.gz ]; then
  expect "the reference's OpenBLAS" "$(on "$bare" bin/torchlayers doctor --json | tr -d '\\')" "torchlayers-bundle/bin/../lib/libopenblas"
fi
output=$(on "$bare" CXX="$work/quick-compiler" LIBTORCH="$torch" ./setup.sh 2>&1)
if [[ $output == *building* ]]; then echo "FAILED: the second setup.sh built again: $output"; exit 1; fi

# The script for a machine with a GPU: dry, beside the Python that the tests compare with. The shim is built already.
python=$("$root/cmake/python-peer.sh")
steps="facts build doctor selftest train-bf16 speeds resume parity-float32 sanitizer"
output=$(on "$bare" CXX="$work/quick-compiler" PYTHON="$python" LIBTORCH="$torch" OUT="$work/logs" ./cuda.sh --dry-run --seconds 3000 $steps 2>&1) ||
  { echo "FAILED cuda.sh: $output"; exit 1; }
[ "$(awk 'NR > 1 { sub(":.*", "", $2); printf "%s ", $2 }' "$work/logs/summary.txt")" = "$steps " ] ||
  { echo "FAILED cuda.sh: its steps in another order: $(cat "$work/logs/summary.txt")"; exit 1; }
if grep -q "building the shim" "$work/logs/cuda.log"; then echo "FAILED cuda.sh: it built the shim again"; exit 1; fi
expect "cuda.sh, dry" "$(cat "$work/logs/summary.txt")" "passed   train-bf16: accuracy"
expect "its log" "$(cat "$work/logs/cuda.log")" "passed   selftest: "
expect "its speeds" "$(cat "$work/logs/speeds.jsonl")" '"contender": "eager, DataLoader"'

# A driver that is too old, as nvidia-smi would say it; the GPU's libraries are not here.
if [ -e "$torch/lib/libtorch_cuda.so" ] && [ ! -e /proc/driver/nvidia/version ]; then
  old_driver=$(tools old-driver 'swift*' nvidia-smi)
  printf '#!/bin/sh\necho "| NVIDIA-SMI 550.54.15  Driver Version: 550.54.15  CUDA Version: 12.4 |"\n' >"$old_driver/nvidia-smi"
  chmod +x "$old_driver/nvidia-smi"
  output=$(on "$old_driver" LIBTORCH="$torch" ./setup.sh 2>&1)
  expect "a driver that is too old" "$output" "driver of this machine is for CUDA 12.4, this libtorch for CUDA 13.0"
fi

# The same as the shim's CUDA half would say it, where CUDA's libraries are there to load it: a driver for CUDA 12.4.
missing=$(ldd "$torch/lib/libtorch_cuda.so" 2>/dev/null | awk '/not found/' || true)
if [ -e "$torch/lib/libtorch_cuda.so" ] && [ -z "$missing" ] && [ ! -e /proc/driver/nvidia/version ]; then
  mkdir "$work/driver"
  echo 'int cuDriverGetVersion(int *version) { *version = 12040; return 0; } int cuInit(unsigned flags) { return (int)flags; }' |
    gcc -shared -fPIC -x c -o "$work/driver/libcuda.so.1" -
  on "$bare" SHIM_CUDA=ON LIBTORCH="$torch" ./setup.sh >/dev/null 2>&1
  output=$(on "$bare" LD_LIBRARY_PATH="$work/driver" bin/torchlayers doctor 2>&1)
  expect "a driver for CUDA 12.4" "$output" "install a newer driver, or a torch that was built for CUDA 12"
  refuse "training with that driver" "install a newer driver" on "$bare" LD_LIBRARY_PATH="$work/driver" \
    bin/torchlayers train --device cuda
else
  echo "skipped: a driver for CUDA 12.4, as the shim would say it: CUDA's libraries are not here"
fi

# The same with the compiler alone, and a torch that Python finds.
rm -r "$work/python/torch"
ln -s "$torch" "$work/python/torch"
output=$(on "$without_cmake" CXX="$work/quick-compiler" PYTHONPATH="$work/python" ./setup.sh 2>&1) ||
  { echo "FAILED setup.sh without CMake: $output"; exit 1; }
expect "setup.sh without CMake" "$output" "building the shim against libtorch 2.11.0"
expect "its doctor" "$output" "2x2 ones added: sum 8.0 (right)"

# The program at work.
output=$(on "$bare" bin/torchlayers parity --cases 20) || { echo "FAILED parity: $output"; exit 1; }
expect "parity" "$output" "all within their computed bounds"
expect "a short training" "$(on "$bare" bin/torchlayers train --model softmax --limit 2000 --epochs 1 \
  --output "$work/run" 2>&1)" "test accuracy"
loops=(TORCHLAYERS_OPENBLAS="$work/none")
expect "without OpenBLAS" "$(on "$bare" "${loops[@]}" bin/torchlayers doctor)" "loops of its own"
for operation in linear cnn+adam; do
  output=$(on "$bare" "${loops[@]}" bin/torchlayers parity --only "$operation" --cases 5) ||
    { echo "FAILED parity without OpenBLAS: $output"; exit 1; }
  expect "parity of $operation without OpenBLAS" "$output" "all within their computed bounds"
done
expect "the reference without OpenBLAS" "$(on "$bare" "${loops[@]}" bin/torchlayers train --backend reference \
  --model mlp --limit 1000 --epochs 1 --output "$work/loops" 2>&1)" "matrix products by loops"

refuse "a step that cuda.sh does not have" "the steps are facts, build, doctor" on "$bare" OUT="$work/logs" ./cuda.sh bend
if [ ! -e /proc/driver/nvidia/version ]; then
  refuse "cuda.sh without a GPU" "FAILED   doctor: no CUDA device" on "$bare" OUT="$work/logs" LIBTORCH="$torch" \
    ./cuda.sh facts doctor selftest
fi

# The CUDA half, which is not loaded here, with the compiler alone: without the headers that torch does not bring, and with.
if [ -e "$torch/lib/libtorch_cuda.so" ] && [ ! -d /usr/local/cuda ] && ! command -v nvcc >/dev/null; then
  refuse "CUDA without all of its headers" "has no crt/host_defines.h" on "$without_cmake" SHIM_CUDA=ON LIBTORCH="$torch" \
    ./setup.sh
  if [ -z "${LONG:-}" ]; then
    echo "skipped: the CUDA half with the compiler alone takes minutes; LONG=yes tries it, as \`make long\` does"
    exit 0
  fi
  cuda=$(sed -n "s/^cuda.*= *['\"]\([0-9.]*\)['\"].*/\1/p" "$torch/version.py")
  home=$("$root/Tests/GPU/toolkit.sh" "$work/a toolkit" "$cuda")
  output=$(on "$without_cmake" CXX="$work/quick-compiler" CUDA_HOME="$home" SHIM_CUDA=ON LIBTORCH="$torch" ./setup.sh 2>&1) || true
  [ -f bin/libtorchshim.so ] || { echo "FAILED the CUDA half with the compiler alone: $output"; exit 1; }
  expect "the CUDA half with the compiler alone" "$(readelf -d bin/libtorchshim.so)" "libtorch_cuda.so"
  expect "where it looks" "$(readelf -d bin/libtorchshim.so)" "/nvidia/cu${cuda%%.*}/lib"
  nm -DC bin/libtorchshim.so | grep -q 'CUDAGraph::replay' || { echo "FAILED: that half records no graphs"; exit 1; }
fi
