#!/usr/bin/env bash
# Puts into FOLDER what stands for a machine's CUDA toolkit: the headers that torch does not require, apart from torch.
# Prints its CUDA_HOME. usage: toolkit.sh FOLDER CUDA, for example toolkit.sh /tmp/toolkit 13.0
set -euo pipefail
python3 -m venv "$1/pip"
"$1/pip/bin/python" -m pip -q --disable-pip-version-check install --no-deps --target "$1/toolkit" \
  "nvidia-cuda-crt==$2.*" "nvidia-cuda-runtime==$2.*" 1>&2
dirname "$(dirname "$(ls "$1"/toolkit/nvidia/*/include/cuda_runtime_api.h)")"
