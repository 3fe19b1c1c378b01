#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU, in one command, and one log of it: OUT/cuda.log (OUT is the folder `logs` if unset).
#
#   OUT=/tmp/logs ./cuda.sh              all steps
#   OUT=/tmp/logs ./cuda.sh setup bench  these alone; their names are setup, doctor, parity, train, bench, sanitizer
#
# A step that fails is logged and the next goes on; the exit code is then 1. LIMIT is how many seconds a step may take
# (900), CASES of how many cases parity has (100), PYTHON the Python whose torch is measured beside (python3).
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ -x "$here/bin/torchlayers" ]; then # in a bundle
  root=$here program=$here/bin/torchlayers setup=("$here/setup.sh")
else
  root=$(dirname "$here") program=$root/.build/release/torchlayers setup=(make -C "$root" build)
fi
OUT=${OUT:-logs}
mkdir -p "$OUT" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$OUT/cuda.log
chosen=" ${*:-setup doctor parity train bench sanitizer} "
summary=()
failed=0
gpu=unknown

note() { printf '%s\n' "$*" | tee -a "$log"; }
wanted() { [[ $chosen == *" $1 "* ]]; }
skip() { # name, why
  note "=== $1" "skipped: $2"
  summary+=("skipped  $1: $2")
}
step() { # name, command…
  local name=$1 begin=$SECONDS status
  shift
  note "=== $name: $*"
  timeout "${LIMIT:-900}" "$@" </dev/null 2>&1 | tee -a "$log"
  status=${PIPESTATUS[0]}
  if [ "$status" -eq 0 ]; then
    summary+=("passed   $name ($((SECONDS - begin)) s)")
  else
    failed=1
    [ "$status" -eq 124 ] && note "the step was ended after ${LIMIT:-900} s"
    summary+=("FAILED   $name (exit code $status, $((SECONDS - begin)) s)")
  fi
}
has_gpu() {
  local words
  if [ "$gpu" = unknown ]; then
    if ! words=$("$program" doctor 2>/dev/null); then
      gpu="torchlayers doctor fails"
    elif grep -q '^cuda:0' <<<"$words"; then
      gpu=yes
    else
      gpu="no CUDA device"
    fi
  fi
  [ "$gpu" = yes ]
}
on_gpu() { # name, command…
  if has_gpu; then step "$@"; else skip "$1" "$gpu"; fi
}
has_data() { grep -q '^data *fashion-mnist: found' <<<"$("$program" doctor 2>/dev/null)"; }

: >"$log"
note "$(date -u '+%Y-%m-%d %H:%M:%S') UTC, $(uname -srm), $(nproc) cores"
if command -v nvidia-smi >/dev/null; then
  nvidia-smi --query-gpu=name,driver_version,memory.total,memory.used --format=csv 2>&1 | tee -a "$log"
fi

if wanted setup; then step setup "${setup[@]}"; fi
if wanted doctor; then step doctor "$program" doctor; fi
if wanted parity; then
  on_gpu "parity" "$program" parity --device cuda --cases "${CASES:-100}"
  on_gpu "parity, tf32" "$program" parity --device cuda --dtype tf32 --cases "${CASES:-100}"
fi
if wanted train; then
  for precision in float32 bf16 fp16; do
    if has_gpu && ! has_data; then
      skip "train, $precision" "the Fashion-MNIST files are not on this machine"
    else
      on_gpu "train, $precision" "$program" train --model cnn --epochs 2 --device cuda --precision "$precision" \
        --output "$work/$precision"
    fi
  done
fi
if wanted bench && ! has_gpu; then
  skip bench "$gpu"
elif wanted bench; then
  python=${PYTHON:-python3}
  for batch in 100 1000; do
    flags=(--device cuda --workload cnn --batch-size "$batch" --steps 300)
    for round in 1 2 3; do # in turn, so that both see the same machine
      step "bench, batch $batch, torchlayers, round $round" "$program" bench "${flags[@]}" --json
      step "bench, batch $batch, torchlayers --exact, round $round" "$program" bench "${flags[@]}" --exact --json
      if ! "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
        skip "bench, batch $batch, PyTorch eager, round $round" "$python has no torch that can use the GPU; set PYTHON"
      else
        step "bench, batch $batch, PyTorch eager, round $round" "$python" "$root/Benchmarks/pytorch_eager.py" "${flags[@]}"
        step "bench, batch $batch, PyTorch eager, fused, round $round" "$python" "$root/Benchmarks/pytorch_eager.py" \
          "${flags[@]}" --fused
      fi
    done
  done
fi
if wanted sanitizer; then
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  if has_gpu && [ ! -x "$sanitizer" ]; then
    skip "compute-sanitizer" "it is not installed"
  else
    on_gpu "compute-sanitizer" "$sanitizer" --error-exitcode 9 "$program" bench --device cuda --workload lenet \
      --batch-size 10 --steps 3
  fi
fi

note "=== summary"
for line in "${summary[@]:-nothing was chosen: $chosen}"; do note "$line"; done
note "the log is $log"
exit $failed
