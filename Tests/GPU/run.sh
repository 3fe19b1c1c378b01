#!/usr/bin/env bash
# What a machine with a GPU asks of the shim and of cuda.sh, as far as it can be tried without one: the CUDA half builds with
# what torch itself requires and a toolkit beside it, NVRTC compiles, the self-test runs, cuda.sh survives its steps' death.
#
#   Tests/GPU/run.sh             what a change must pass
#   Tests/GPU/run.sh --long      also the CUDA builds of the newer versions (more than 500 MB each), and each step killed in
#                                a run of its own
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
long=
[ "${1:-}" != --long ] || long=yes
fail() { echo "FAILED $*"; exit 1; }

# Compiles and links the CUDA half. usage: builds FOLDER LABEL CUDA_HOME BUILD-TYPE
builds() {
  CUDA_HOME=$3 cmake -S shim -B "$work/shim-$2" -G Ninja -DCMAKE_BUILD_TYPE="$4" -DLIBTORCH="$1" -DLIBTORCH_LABEL="$2" \
    -DSHIM_CUDA=ON -DSHIM_WERROR=ON >/dev/null
  cmake --build "$work/shim-$2" >"$work/log" || { tail -n 30 "$work/log"; fail "the CUDA half against $2"; }
  nm -DC "$work/shim-$2/libtorchshim.so" >"$work/symbols"
  grep -qE 'CUDAGraph::capture_begin' "$work/symbols" && grep -qE 'CUDAGraph::replay' "$work/symbols" ||
    fail "the shim for $2 records no graphs"
  readelf -d "$work/shim-$2/libtorchshim.so" >"$work/symbols"
  grep -q 'NEEDED.*libtorch_cuda' "$work/symbols" || fail "the shim for $2 does not load libtorch_cuda"
  echo "ok  the CUDA half builds against $2"
}
cuda_of() { sed -n "s/^cuda.*= *['\"]\([0-9.]*\)['\"].*/\1/p" "$1/version.py"; }

read -r folder name < <(LIBTORCH_VERSION=2.11.0 cmake/libtorch.sh)
if [ -e "$folder/lib/libtorch_cuda.so" ]; then
  cuda=$(cuda_of "$folder")
  home=$(Tests/GPU/toolkit.sh "$work" "$cuda")
  # An earlier set-up installed it there.
  "$folder/../../../../bin/python" -m pip -q --disable-pip-version-check uninstall -y nvidia-cuda-crt >/dev/null 2>&1 || true
  "$work/pip/bin/python" Tests/GPU/requirements.py "$(dirname "$folder")"
  if ! command -v nvcc >/dev/null && [ ! -d /usr/local/cuda ] && [ -z "${CUDA_HOME:-}" ]; then
    if words=$(cmake -S shim -B "$work/none" -G Ninja -DLIBTORCH="$folder" -DLIBTORCH_LABEL="$name" -DSHIM_CUDA=ON 2>&1); then
      fail "without a toolkit the CUDA half should not be configured"
    fi
    words=$(tr -s ' \n' ' ' <<<"$words")
    [[ $words == *"has no crt/host_defines.h"*"nvidia-cuda-crt==$cuda"* ]] || fail "without a toolkit: $words"
    echo "ok  without a toolkit's headers a sentence names what is missing"
  fi
  # A toolkit of another CUDA does not serve.
  mkdir -p "$work/old/include/crt"
  touch "$work/old/include/crt/host_defines.h"
  echo '#define CUDART_VERSION 12040' >"$work/old/include/cuda_runtime_api.h"
  words=$(CUDA_HOME=$work/old cmake/cuda-headers.sh "$folder" 2>&1) && fail "the headers of CUDA 12.4 were taken for CUDA $cuda"
  [[ $words == *"is of CUDA 12.4"* ]] || fail "a toolkit of CUDA 12.4: $words"
  builds "$folder" "$name" "$home" Debug

  "$work/pip/bin/python" -m pip -q --disable-pip-version-check install --no-deps --target "$work/nvrtc" \
    "nvidia-cuda-nvrtc==$cuda.*"
  libraries=$(echo "$work"/nvrtc/nvidia/*/lib)
  c++ -std=c++20 -Wall -Wextra -Werror -DTORCHLAYERS_CUDA=1 "-DSHIM_FOLDERS=\"$work/none:$libraries\"" Tests/GPU/nvrtc.cpp \
    shim/nvrtc.cpp -ldl -o "$work/nvrtc-test"
  "$work/nvrtc-test"
else
  echo "skipped: the libtorch in $folder is not a CUDA build"
fi
if [ -n "$long" ]; then
  for version in 2.12.0 2.13.0 2.15.0; do
    python3 -m venv "$work/$version"
    # With == it may be 2.13.0+cpu.
    "$work/$version/bin/python" -m pip -q --disable-pip-version-check install --no-deps "torch===$version"
    folder=$(echo "$work/$version"/lib/python3*/site-packages/torch)
    cuda=$(cuda_of "$folder")
    "$work/$version/bin/python" -m pip -q --disable-pip-version-check install --no-deps "nvidia-cuda-runtime==$cuda.*" \
      "nvidia-cuda-cupti==$cuda.*"
    rm -rf "$work/newer"
    home=$(Tests/GPU/toolkit.sh "$work/newer" "$cuda")
    "$work/pip/bin/python" Tests/GPU/requirements.py "$(dirname "$folder")"
    builds "$folder" "$version-cu${cuda//./}" "$home" Debug
    rm -rf "${work:?}/$version"
  done
fi

shim=$(cmake/setup.sh)
c++ -std=c++20 -O0 -Wall -Wextra -Werror -I Sources/CTorchShim/include shim/selftest/*.cpp -x c++ Sources/CTorchShim/load.c \
  -x none -ldl -pthread -o "$work/selftest"
"$work/selftest" "$shim" >"$work/log" || { cat "$work/log"; fail "the self-test of the shim"; }
grep -q '^passed   a small network learns, cpu' "$work/log" || fail "the self-test trained nothing"
if grep -q 'CUDA devices: 0' "$work/log"; then
  grep -q '^skipped  a replay draws what eager would: no CUDA device' "$work/log" || fail "the self-test skipped without a word"
  if "$work/selftest" "$shim" --require-gpu >/dev/null; then fail "the self-test with --require-gpu passed without a GPU"; fi
fi
echo "ok  the self-test of the shim: $(tail -n 1 "$work/log")"

PYTHON=$(cmake/python-peer.sh) python3 Tests/GPU/steps.py Benchmarks/cuda.sh ${long:+--each}
