#!/usr/bin/env bash
# Prints a Python whose torch is the libtorch that the shim uses: the peer of the bit-for-bit tests.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/torchlayers
answer=$("$here/libtorch.sh")
folder=${answer% *}
name=${answer##* }

usable() { [ -x "$1" ] && "$1" -c 'import torch, numpy' 2>/dev/null; }
# A torch from pip has its Python three folders up (a virtual environment), or is the Python on the path.
environment=$(cd "$folder/../../../.." 2>/dev/null && pwd)/bin/python
if [ -f "$folder/version.py" ]; then
  if usable "$environment"; then echo "$environment"; exit 0; fi
  python=$(command -v python3)
  if [ "$("$python" -c 'import torch; print(torch.__path__[0])' 2>/dev/null)" = "$folder" ] && usable "$python"; then
    echo "$python"
    exit 0
  fi
fi

peer=$cache/python/$name
if ! usable "$peer/bin/python"; then
  echo "==> making a Python with torch ${name%-*} to compare with" >&2
  rm -rf "$peer"
  mkdir -p "$(dirname "$peer")"
  python3 -m venv "$peer"
  "$peer/bin/python" -m pip -q --disable-pip-version-check install "torch==${name%-*}+${name#*-}" numpy 1>&2 ||
    "$peer/bin/python" -m pip -q --disable-pip-version-check install "torch==${name%-*}" numpy 1>&2
fi
echo "$peer/bin/python"
