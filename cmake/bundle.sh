#!/usr/bin/env bash
# Makes build/torchlayers-bundle and the same as a .tar.gz: a folder that runs, and builds its shim, on a Linux machine
# without Swift and without a network. BUNDLE_DATA=1 puts the Fashion-MNIST files into it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
limit=$((56 << 20)) # of the archive, which is what is carried
fail() { echo "bundle: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || fail "bundles are made on Linux"
"$here/system-packages.sh"
cd "$root"
bundle=$root/build/torchlayers-bundle
archives=$root/build/static-libraries
rm -rf "$bundle" "$archives"
mkdir -p "$bundle"/{bin,cmake,shim/selftest,Benchmarks,licenses,Sources/CTorchShim/include} "$archives"

# Linked into the program: another machine need not have them. The linker looks in this folder first.
for library in libpng16 libturbojpeg libyaml libz; do
  file=$(c++ -print-file-name=$library.a)
  [ -f "$file" ] || fail "$library.a was not found; on Debian it is in libpng-dev, libturbojpeg0-dev, libyaml-dev and zlib1g-dev"
  ln -s "$file" "$archives/$library.a"
done
echo "==> building torchlayers" >&2
# An RPATH, not a RUNPATH: it is also searched for what OpenBLAS needs.
"$here/program.sh" -Xlinker "-L$archives" -Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker "\$ORIGIN/../lib"
strip -o "$bundle/bin/torchlayers" .build/release/torchlayers
foreign=$(readelf -d "$bundle/bin/torchlayers" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
  grep -vE '^(lib(c|m|dl|pthread|stdc\+\+|gcc_s)\.so\.[0-9]+|ld-linux.*)$' || true)
[ -z "$foreign" ] || fail "the program needs libraries that another machine may not have:" $foreign
glibc=$(readelf -V "$bundle/bin/torchlayers" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)

cp shim/*.cpp shim/*.hpp shim/*.inc shim/CMakeLists.txt "$bundle/shim/"
cp shim/selftest/* "$bundle/shim/selftest/"
cp Sources/CTorchShim/load.c "$bundle/Sources/CTorchShim/"
cp Sources/CTorchShim/include/torch_shim.h "$bundle/Sources/CTorchShim/include/"
cp cmake/libtorch.sh cmake/cuda-headers.sh "$bundle/cmake/"
cp cmake/bundle/setup.sh Benchmarks/{cuda,cuda-retry}.sh "$bundle/"
cp -r Benchmarks/{pytorch_eager,workloads,epochs,cuda_compare,cuda_steps}.py Benchmarks/cuda_facts.sh Benchmarks/stand-ins \
  Tests/PythonTests/peer/models.py "$bundle/Benchmarks/"
sed -e "s|@GLIBC@|${glibc#GLIBC_}|" -e "s|@MACHINE@|$(uname -m)|" cmake/bundle/README.md >"$bundle/README.md"
cp LICENSE "$bundle/licenses/SwiftTorchLayers"

# Loaded at run time, packed: unpacked it is most of the bundle.
openblas=$(ldconfig -p | awk '/libopenblas\.so\.0 .*(x86-64|AArch64)/ && !found++ { print $NF }')
if [ -n "$openblas" ]; then
  files=("$openblas")
  while IFS= read -r file; do files+=("$file"); done < <(
    ldd "$openblas" | awk '/lib(gfortran|quadmath)\.so/ { print $3 }')
  mkdir "$bundle/lib"
  cp -L "${files[@]}" "$bundle/lib/"
  tar -C "$bundle" -c lib | gzip -9n >"$bundle/lib.tar.gz"
  rm -r "$bundle/lib"
else
  echo "bundle: there is no OpenBLAS here; the from-scratch reference will multiply matrices by loops" >&2
fi
for package in libopenblas0-pthread libgfortran5 libquadmath0 libpng16-16 libturbojpeg0 libyaml-0-2 zlib1g; do
  [ ! -f "/usr/share/doc/$package/copyright" ] || cp -L "/usr/share/doc/$package/copyright" "$bundle/licenses/$package"
done
if [ -n "${BUNDLE_DATA:-}" ]; then
  mkdir -p "$bundle/data/fashion-mnist"
  cp /usr/share/datasets/fashion-mnist/*-ubyte.gz "$bundle/data/fashion-mnist/"
  cp -L /usr/share/doc/dataset-fashion-mnist/copyright "$bundle/licenses/dataset-fashion-mnist"
fi

tar -C "$root/build" --sort=name --owner=0 --group=0 -c torchlayers-bundle | gzip -n >"$bundle.tar.gz"
size=$(stat -c %s "$bundle.tar.gz")
[ "$size" -lt "$limit" ] || fail "the archive has $size bytes, more than 56 MiB"
mebibytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }
echo "==> $bundle ($(mebibytes "$(du -sb "$bundle" | cut -f 1)")), and .tar.gz beside it ($(mebibytes "$size"))" >&2
echo "    on the other machine: tar -xzf torchlayers-bundle.tar.gz && torchlayers-bundle/setup.sh" >&2
