#!/usr/bin/env bash
# What there is to know of a machine with a GPU before anything is built on it; then reads libtorch's libraries once, so
# that what comes next does not wait for the disk. usage: cuda_facts.sh PYTHON FOLDER-OF-THE-BUNDLE
python=$1 root=$2
say() { printf '%s\n' "--- $*"; }
say "machine"
uname -srm
nproc
free -g | head -n 2
df -h "$root" /tmp | cat
ldd --version 2>&1 | head -n 1
say "GPU"
nvidia-smi
nvidia-smi --query-gpu=name,driver_version,memory.total,memory.used,clocks.sm,clocks.mem,power.draw --format=csv
cat /proc/driver/nvidia/version 2>/dev/null
env | grep -E '^(CUDA|NVIDIA|LD_|LIBTORCH|PYTORCH|TORCH|CUBLAS|CXX|VIRTUAL_ENV)' | sort
say "toolkit"
nvcc --version | tail -n 2
ls -d /usr/local/cuda* 2>/dev/null
for tool in g++ clang++ cmake ninja compute-sanitizer; do
  printf '%s: %s\n' "$tool" "$(command -v "$tool" >/dev/null && { command -v "$tool"; "$tool" --version 2>&1 | head -n 1; } | tr '\n' ' ')"
done
say "libtorch"
answer=$(LIBTORCH_FETCH=no "$root/cmake/libtorch.sh") && echo "$answer"
folder=${answer% *}
[ -z "$folder" ] || "$root/cmake/cuda-headers.sh" "$folder"
"$python" -c 'import sys, torch
print("Python", sys.version.split()[0], "torch", torch.__version__, "CUDA", torch.version.cuda, "cuDNN", torch.backends.cudnn.version())
print("torch.cuda.is_available():", torch.cuda.is_available())
if torch.cuda.is_available(): print(torch.cuda.get_device_properties(0))' 2>&1 | tail -n 4
say "reading the libraries"
begin=$(date +%s%N)
timeout 30 cat "$folder"/lib/*.so* "$folder"/../nvidia/*/lib/*.so* 2>/dev/null | wc -c
echo "$((($(date +%s%N) - begin) / 1000000)) ms"
exit 0
