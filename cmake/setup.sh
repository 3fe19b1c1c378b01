#!/usr/bin/env bash
# Finds or fetches libtorch, builds the shim against it and puts it in the user's cache. Prints the shim's path.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/torchlayers

"$here/system-packages.sh"
answer=$("$here/libtorch.sh")
folder=${answer% *}
name=${answer##* }

build=$root/build/shim-$name
mkdir -p "$root/build"
exec 8>"$root/build/.lock"
if command -v flock >/dev/null; then flock 8; fi # two terminals may call make at the same time
if [ ! -f "$build/build.ninja" ] || [ "$(cat "$build/libtorch" 2>/dev/null)" != "$folder" ]; then
  echo "==> building the shim against libtorch $name ($folder)" >&2
  rm -rf "$build"
  cmake -S "$root/shim" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DLIBTORCH="$folder" \
    -DLIBTORCH_LABEL="$name" -DSHIM_WERROR=ON >/dev/null
  echo "$folder" >"$build/libtorch"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --build "$build" >"$log" 2>&1; then
  cat "$log" >&2
  echo "setup: the shim does not build against libtorch $name in $folder; the compiler's words are above" >&2
  exit 1
fi

target=$cache/shim/$name
if ! cmp -s "$build/libtorchshim.so" "$target/libtorchshim.so"; then
  mkdir -p "$target"
  cp "$build/libtorchshim.so" "$target/.libtorchshim.so.$$"
  mv "$target/.libtorchshim.so.$$" "$target/libtorchshim.so"
  echo "==> the shim for libtorch $name is in $target" >&2
fi
# A version that the user asked for once does not become everybody's.
if [ -z "${LIBTORCH:-}${LIBTORCH_VERSION:-}" ] || [ ! -e "$cache/shim/default" ]; then
  if [ "$(readlink "$cache/shim/default" 2>/dev/null)" != "$name" ]; then
    ln -sfn "$name" "$cache/shim/.default.$$"
    mv -T "$cache/shim/.default.$$" "$cache/shim/default" 2>/dev/null || ln -sfn "$name" "$cache/shim/default"
  fi
fi
echo "$target/libtorchshim.so"
