#!/usr/bin/env bash
# Builds the shim against the libtorch of this machine, puts it beside bin/torchlayers and starts `torchlayers doctor`.
set -euo pipefail
unset TORCHLAYERS_SHIM # the shim that is built here is meant
root=$(cd "$(dirname "$0")" && pwd)
say() { echo "==> $*" >&2; }
fail() { echo "setup: $*" >&2; exit 1; }

# The program itself.
if ! words=$("$root/bin/torchlayers" --version 2>&1); then
  fail "bin/torchlayers does not start on this machine ($(uname -m), $(ldd --version 2>&1 | head -n 1)): $words. README.md says what it needs"
fi
if [ -f "$root/lib.tar.gz" ] && [ ! -d "$root/lib" ]; then
  tar -C "$root" -xzf "$root/lib.tar.gz" || fail "lib.tar.gz cannot be unpacked; copy the bundle anew"
fi

# libtorch and a compiler.
answer=$(LIBTORCH_FETCH=no "$root/cmake/libtorch.sh")
folder=${answer% *}
name=${answer##* }
compiler=${CXX:-}
for candidate in g++ clang++ c++; do
  [ -n "$compiler" ] || ! command -v "$candidate" >/dev/null || compiler=$candidate
done
[ -n "$compiler" ] || fail "there is no C++ compiler (g++ or clang++) on this machine; on Debian or Ubuntu: sudo apt-get install g++"
command -v "$compiler" >/dev/null || fail "CXX is $compiler, but there is no such program"
words=$(echo 'int main() { auto f = []<class T>(T x) { return x; }; return f(0); }' |
  "$compiler" -std=c++20 -x c++ -fsyntax-only - 2>&1) ||
  fail "the compiler $compiler does not know C++20 ($(echo "$words" | head -n 1)); g++ 11 or newer is needed, or set CXX"

# CUDA: where libtorch has it, its libraries are here, and a driver or CUDA's headers say that it is wanted.
cuda=OFF
if [ -e "$folder/lib/libtorch_cuda.so" ]; then
  built=$(sed -n "s/^cuda.*= *['\"]\([0-9.]*\)['\"].*/\1/p" "$folder/version.py" 2>/dev/null || true)
  driver=
  if command -v nvidia-smi >/dev/null; then
    driver=$(nvidia-smi 2>/dev/null | sed -n 's/.*CUDA[A-Z ]* Version: *\([0-9.]*\).*/\1/p' | head -n 1 || true)
  fi
  if [ -n "$driver" ] && [ -n "$built" ] && [ "${driver%%.*}" -lt "${built%%.*}" ]; then
    say "the NVIDIA driver of this machine is for CUDA $driver, this libtorch for CUDA $built: the GPU cannot be used; install a newer driver, or a torch that was built for CUDA ${driver%%.*}"
  fi
  missing=$(ldd "$folder/lib/libtorch_cuda.so" 2>/dev/null | awk '/not found/ { print $1 }' | sort -u | tr '\n' ' ' || true)
  toolkit=$("$root/cmake/cuda-headers.sh" "$folder" 2>&1) && headers=yes || headers=no
  if [ -n "${SHIM_CUDA:-}" ]; then
    cuda=$SHIM_CUDA
  elif [ -n "$missing" ]; then
    say "CPU only: this libtorch has CUDA, but these of its libraries are not on this machine: $missing(pip installs them with torch)"
  elif [ -z "$driver" ] && [ ! -e /proc/driver/nvidia/version ] && [ $headers = no ]; then
    say "CPU only: this libtorch has CUDA, but there is no NVIDIA driver and no CUDA toolkit here"
  else
    cuda=ON
  fi
  [ $cuda = OFF ] || [ $headers = yes ] || fail "the shim cannot be built for the GPU: $toolkit. SHIM_CUDA=OFF builds without CUDA"
elif command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then
  say "CPU only: this machine has an NVIDIA GPU, but the libtorch in $folder has no CUDA; install a CUDA build of torch or set LIBTORCH to one"
fi

# The sources in two lots, as in shim/CMakeLists.txt, where there is no CMake.
compile() {
  local flags=$build/flags libraries=(-ltorch_cpu -lc10) folders=("$folder/lib") links=() path paths count=0
  if [ "$cuda" = ON ]; then
    for path in "$folder"/../nvidia/*/lib; do [ ! -d "$path" ] || folders+=("$path"); done
    libraries+=(-ltorch_cuda -lc10_cuda "${toolkit##*$'\n'}")
  fi
  for path in "${folders[@]}"; do links+=("-L$path" "-Wl,-rpath,$path"); done
  {
    printf '%s\n' -std=c++20 -O3 -DNDEBUG -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -Wall -Wextra \
      "-DSHIM_BUILT_VERSION=\\\"${name%%-*}\\\"" "-DSHIM_BUILT_VARIANT=\\\"${name#*-}\\\""
    printf '"-I%s"\n' "$root/Sources/CTorchShim/include"
    printf '"-isystem%s"\n' "$folder/include" "$folder/include/torch/csrc/api/include"
    if [ "$cuda" = ON ]; then
      paths=$(IFS=:; echo "${folders[*]}")
      printf '"-DSHIM_FOLDERS=\\"%s\\""\n' "$paths"
      echo -DTORCHLAYERS_CUDA=1
      # The compiler's own folder, named once more, would hide the headers that it includes next.
      [ "${toolkit%%$'\n'*}" = /usr/include ] || printf '"-isystem%s"\n' "${toolkit%%$'\n'*}"
    fi
  } >"$flags"
  for path in "$root"/shim/*.cpp; do
    echo "#include \"$path\"" >>"$build/lot$((count++ / 8)).cpp"
  done
  printf '%s\0' "$build"/*.cpp |
    xargs -0 -P "$(nproc)" -I {} sh -c '"$1" "@$2" -c "$3" -o "$4/$(basename "$3").o"' - "$compiler" "$flags" {} "$build" ||
    return 1
  # The linker drops what no symbol refers to, and with it the CUDA half, unless told.
  "$compiler" -shared -o "$build/libtorchshim.so" "$build"/*.o "${links[@]}" -Wl,--no-as-needed -Wl,-z,defs \
    -Wl,--exclude-libs,ALL "${libraries[@]}"
}
with_cmake() {
  local tool=()
  if command -v ninja >/dev/null; then tool=(-G Ninja); fi
  cmake -S "$root/shim" -B "$build" "${tool[@]}" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" \
    -DLIBTORCH="$folder" -DLIBTORCH_LABEL="$name" -DSHIM_CUDA="$cuda" &&
    cmake --build "$build" --parallel "$(nproc)"
}

build=$root/build
# What the shim depends on, in one line: when it is the same and the shim can be loaded, there is nothing to build.
state="$folder $name CUDA=$cuda $("$compiler" --version | head -n 1) $(cat "$root"/shim/*.* "$root"/Sources/CTorchShim/include/* | cksum)"
if [ "$(cat "$build/state" 2>/dev/null)" != "$state" ] || ! "$root/bin/torchlayers" summary softmax >/dev/null 2>&1; then
  how=compile
  if [ -z "${WITHOUT_CMAKE:-}" ] && command -v cmake >/dev/null && { command -v ninja >/dev/null || command -v make >/dev/null; }; then how=with_cmake; fi
  say "building the shim against libtorch $name ($folder), CUDA $cuda, with $compiler"
  rm -rf "$build" "$root/bin/libtorchshim.so"
  mkdir -p "$build"
  if ! $how >"$build/log" 2>&1; then
    cat "$build/log" >&2
    fail "the shim does not build against libtorch $name in $folder; the compiler's words are above"
  fi
  [ -z "${VERBOSE:-}" ] || cat "$build/log" >&2
  cp "$build/libtorchshim.so" "$root/bin/"
  echo "$state" >"$build/state"
fi
exec "$root/bin/torchlayers" doctor
