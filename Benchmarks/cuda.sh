#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU, in one command, under eight minutes: the steps are in Benchmarks/cuda_steps.py.
#
#   OUT=/tmp/logs ./cuda.sh       after each step OUT (the folder `logs` if unset) has what is known so far
#   ./cuda.sh --dry-run           without a GPU: the same steps, tiny, on the CPU, with stand-ins for NVIDIA's programs
#   ./cuda.sh --help              the steps, and what else can be chosen
here=$(cd "$(dirname "$0")" && pwd)
steps=$here/Benchmarks/cuda_steps.py # in a bundle
[ -f "$steps" ] || steps=$here/cuda_steps.py
python=${PYTHON:-python3}
command -v "$python" >/dev/null || { echo "cuda.sh: there is no $python; set PYTHON to a Python, best one with torch" >&2; exit 1; }
exec "$python" -u "$steps" "$@"
