#!/usr/bin/env bash
# Finds what the shim's CUDA half is compiled with: prints the folder of the headers of CUDA's runtime, and on a second
# line the file of the runtime itself, libcudart, for the libtorch in FOLDER. When there is none, says what is missing.
#
#   cmake/cuda-headers.sh FOLDER      CUDA_HOME: the folder of the toolkit, before the others
#
# What pip installs with torch has libcudart and cuda_runtime_api.h, but not the headers that this one includes, crt/: they
# come with the toolkit, or with the package nvidia-cuda-crt.
set -euo pipefail
folder=$1
shopt -s nullglob

# The CUDA that libtorch was built for, for example 13.0.
cuda=$(sed -n "s/^cuda.*= *['\"]\([0-9.]*\)['\"].*/\1/p" "$folder/version.py" 2>/dev/null || true)
if [ -z "$cuda" ]; then
  cuda=$(sed -n 's/.*+cu\([0-9]*\)\([0-9]\)$/\1.\2/p' "$folder/build-version" 2>/dev/null || true)
fi
major=${cuda%%.*}

toolkits=(${CUDA_HOME:+"$CUDA_HOME"} ${CUDA_PATH:+"$CUDA_PATH"})
nvcc=$(command -v nvcc || true)
if [ -n "$nvcc" ]; then toolkits+=("$(dirname "$(dirname "$(readlink -f "$nvcc")")")"); fi
toolkits+=(/usr/local/cuda ${major:+/usr/local/cuda-"$major"*} /usr)

headers=("$folder"/../nvidia/*/include)
runtimes=("$folder"/lib/libcudart*.so* "$folder"/../nvidia/*/lib/libcudart.so.*)
for toolkit in "${toolkits[@]}"; do
  headers+=("$toolkit/include" "$toolkit"/targets/*-linux/include)
  runtimes+=("$toolkit"/lib64/libcudart.so* "$toolkit"/targets/*-linux/lib/libcudart.so* "$toolkit"/lib/*/libcudart.so*)
done

include=
passed=()
for candidate in "${headers[@]}"; do
  [ -e "$candidate/cuda_runtime_api.h" ] || continue
  version=$(sed -n 's/^#define CUDART_VERSION *\([0-9]*\).*/\1/p' "$candidate/cuda_runtime_api.h" | head -n 1)
  if [ ! -e "$candidate/crt/host_defines.h" ]; then
    passed+=("$candidate has no crt/host_defines.h")
  elif [ -n "$major" ] && [ -n "$version" ] && [ $((version / 1000)) -ne "$major" ]; then
    passed+=("$candidate is of CUDA $((version / 1000)).$((version % 1000 / 10))")
  else
    include=$(cd "$candidate" && pwd)
    break
  fi
done
if [ -z "$include" ]; then
  [ ${#passed[@]} -gt 0 ] || passed=("there is no cuda_runtime_api.h in ${toolkits[*]}")
  words=$(printf '; %s' "${passed[@]}")
  echo "the headers of CUDA's runtime${cuda:+ for CUDA $cuda} were not found (${words:2}): install the CUDA toolkit${major:+ $major} or, with pip, nvidia-cuda-crt${cuda:+==$cuda.*}, or set CUDA_HOME to a toolkit's folder" >&2
  exit 1
fi

library=
for candidate in "${runtimes[@]}"; do
  # Another major version's has another name, which libtorch does not ask for.
  [[ -n "$major" && $candidate =~ libcudart\.so\.[0-9] && ! $candidate =~ libcudart\.so\.$major ]] && continue
  library=$(cd "$(dirname "$candidate")" && pwd)/$(basename "$candidate")
  break
done
if [ -z "$library" ]; then
  echo "the library of CUDA's runtime, libcudart${major:+.so.$major}, was not found beside libtorch or in ${toolkits[*]}: install torch with pip, which brings it, or set CUDA_HOME to a toolkit's folder" >&2
  exit 1
fi
printf '%s\n' "$include" "$library"
