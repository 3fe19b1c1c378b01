#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU, in one command, and one log of it: OUT/cuda.log (OUT is the folder `logs` if unset).
#
#   OUT=/tmp/logs ./cuda.sh               all steps
#   OUT=/tmp/logs ./cuda.sh build bench   these alone; their names are build, doctor, parity, test, train, bench, sanitizer
#   ./cuda.sh --dry-run                   on a machine without a GPU: the benchmark's programs run on its CPU, tiny
#
# What fails is logged and the next goes on; the exit code is then 1. A step takes less than LIMIT seconds (590), all of
# them well under half an hour. CASES: of how many cases parity has (60); ROUNDS of the benchmark (3); PYTHON: the Python
# whose torch is measured beside (python3); DATA: the folder of Fashion-MNIST's files.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ -x "$here/bin/torchlayers" ]; then # in a bundle
  root=$here program=$here/bin/torchlayers build=("$here/setup.sh")
else
  root=$(dirname "$here") program=$root/.build/release/torchlayers build=(make -C "$root" build)
fi
steps=(build doctor parity test train bench sanitizer)
chosen=()
dry=
for word in "$@"; do
  case "$word" in
    --dry-run) dry=yes ;;
    all) chosen=("${steps[@]}") ;;
    *)
      if [[ " ${steps[*]} " != *" $word "* ]]; then
        echo "cuda.sh: there is no step '$word'; the steps are ${steps[*]}, all" >&2
        exit 64
      fi
      chosen+=("$word")
      ;;
  esac
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${steps[@]}")

OUT=${OUT:-logs}
mkdir -p "$OUT" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$OUT/cuda.log
python=${PYTHON:-python3}
data=${DATA:-}
for folder in "$root/data/fashion-mnist" "${XDG_CACHE_HOME:-${HOME:-}/.cache}/torchlayers/data/fashion-mnist" \
  /usr/share/datasets/fashion-mnist; do
  [ -n "$data" ] || [ ! -d "$folder" ] || data=$folder
done
summary=()
failed=0
gpu=unknown
deadline=0

note() { printf '%s\n' "$*" | tee -a "$log"; }
skip() { # name, why
  note "=== $1" "skipped: $2"
  summary+=("skipped  $1: $2")
}
run() { # name, command…
  local name=$1 begin=$SECONDS left=$((deadline - SECONDS)) status
  shift
  note "=== $name: $*"
  if [ "$left" -lt 1 ]; then
    status=124
  else
    timeout "$left" "$@" </dev/null 2>&1 | tee "$work/output" | tee -a "$log"
    status=${PIPESTATUS[0]}
  fi
  if [ "$status" -eq 0 ]; then
    summary+=("passed   $name ($((SECONDS - begin)) s)")
  else
    failed=1
    [ "$status" -eq 124 ] && note "the step's ${LIMIT:-590} s are over"
    summary+=("FAILED   $name (exit code $status, $((SECONDS - begin)) s)")
  fi
  return "$status"
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
  if has_gpu; then run "$@"; else skip "$1" "$gpu"; fi
}

: >"$log"
note "$(date -u '+%Y-%m-%d %H:%M:%S') UTC, $(uname -srm), $(nproc) cores, steps: ${chosen[*]}"
! command -v git >/dev/null || [ ! -e "$root/.git" ] || note "commit $(git -C "$root" rev-parse HEAD)"
if command -v nvidia-smi >/dev/null; then
  nvidia-smi --query-gpu=name,driver_version,memory.total,memory.used --format=csv 2>&1 | tee -a "$log"
fi
note "$("$python" -c 'import sys, torch
print("Python", sys.version.split()[0], "torch", torch.__version__, "CUDA", torch.version.cuda, "cuDNN", torch.backends.cudnn.version())' \
  2>/dev/null || echo "$python has no torch: there is nobody to compare with; set PYTHON")"

do_build() { run build "${build[@]}"; }
do_doctor() { run doctor "$program" doctor; }
do_parity() {
  on_gpu parity "$program" parity --device cuda --cases "${CASES:-60}"
  on_gpu "parity, tf32" "$program" parity --device cuda --dtype tf32 --cases "${CASES:-60}"
}
do_test() {
  if has_gpu && { [ ! -e "$root/Package.swift" ] || ! command -v swift >/dev/null; }; then
    skip test "it needs the repository and Swift"
  else
    on_gpu test swift test --package-path "$root" --no-parallel --filter 'CUDA|CapturedStep'
  fi
}
do_train() {
  local precision flags=(train --model cnn --data-dir "$data" --epochs 2 --device cuda)
  if has_gpu && [ -z "$data" ]; then
    skip train "the Fashion-MNIST files are not on this machine; set DATA"
    return
  fi
  for precision in float32 bf16 fp16; do
    on_gpu "train, $precision" "$program" "${flags[@]}" --precision "$precision" --augment standard \
      --output "$work/$precision"
    if has_gpu && grep -q 'not recorded as a CUDA graph' "$work/output"; then
      failed=1
      summary+=("FAILED   train, $precision: its step was not recorded as a CUDA graph")
    fi
  done
  on_gpu "train, float32, without a graph" "$program" "${flags[@]}" --cuda-graph off --output "$work/plain"
  on_gpu "train, float32, exact" "$program" "${flags[@]}" --exact --output "$work/exact"
}
do_bench() {
  local flags=(--program "$program" --data-dir "$data")
  if [ -n "$dry" ] && ! has_gpu; then
    skip "bench on the GPU" "$gpu"
    run "bench, dry" "$python" "$root/Benchmarks/cuda_compare.py" "${flags[@]}" --device cpu --tiny --rounds 1
  elif has_gpu && [ -z "$data" ]; then
    skip bench "the Fashion-MNIST files are not on this machine; set DATA"
  elif has_gpu && ! "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    skip bench "$python has no torch that can use the GPU; set PYTHON"
  else
    on_gpu bench "$python" "$root/Benchmarks/cuda_compare.py" "${flags[@]}" --rounds "${ROUNDS:-3}"
  fi
}
do_sanitizer() {
  local sanitizer
  sanitizer=$(command -v compute-sanitizer || echo "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer")
  if has_gpu && [ ! -x "$sanitizer" ]; then
    skip sanitizer "compute-sanitizer is not installed"
    return
  fi
  # With a recorded step, without one, and with what is done to a batch.
  on_gpu "sanitizer" "$sanitizer" --error-exitcode 9 "$program" bench --device cuda --workload lenet --batch-size 10 \
    --steps 3
  on_gpu "sanitizer, exact" "$sanitizer" --error-exitcode 9 "$program" bench --device cuda --workload lenet \
    --batch-size 10 --steps 3 --exact
  if [ -n "$data" ]; then
    on_gpu "sanitizer, train" "$sanitizer" --error-exitcode 9 "$program" train --device cuda --model lenet --epochs 1 \
      --limit 500 --batch-size 64 --augment standard --data-dir "$data" --output "$work/sanitizer"
  fi
}

for step in "${steps[@]}"; do
  [[ " ${chosen[*]} " == *" $step "* ]] || continue
  deadline=$((SECONDS + ${LIMIT:-590}))
  "do_$step"
done

note "=== summary"
for line in "${summary[@]}"; do note "$line"; done
note "the log is $log; it took $SECONDS s"
exit $failed
