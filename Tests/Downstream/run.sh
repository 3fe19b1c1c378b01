#!/usr/bin/env bash
# Builds and runs a package that depends on this one, by path and at a tagged version of a git repository,
# without environment variables or flags; then without a shim to be found.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset TORCHLAYERS_SHIM LIBTORCH LIBTORCH_VERSION

prepare() { # folder, dependency
  mkdir -p "$1"
  cp -r "$root/Tests/Downstream/Sources" "$1/"
  sed "s|DEPENDENCY|$2|" "$root/Tests/Downstream/Package.swift.in" >"$1/Package.swift"
}
expect() { # what, output, text
  if [[ $2 != *"$3"* ]]; then echo "FAILED $1: expected '$3', got: $2"; exit 1; fi
  echo "ok  $1: ${2:0:160}"
}
build() { swift build -q --package-path "$1" 2>&1 || { echo "FAILED: $1 does not build"; exit 1; }; }

ln -s "$root" "$work/SwiftTorchLayers"
prepare "$work/by-path" '.package(path: "../SwiftTorchLayers")'
# The README's example is a program of its own.
mkdir "$work/by-path/Sources/readme"
awk '/^```swift$/ { on = 1; next } /^```$/ { on = 0 } on' "$root/README.md" >"$work/by-path/Sources/readme/main.swift"
sed -i 's|^  targets: \[|&\n    .executableTarget(\n      name: "readme", dependencies: [.product(name: "SwiftTorchLayers", package: "SwiftTorchLayers")]),|' \
  "$work/by-path/Package.swift"
build "$work/by-path"
expect "the README's example" "$(cd "$work" && by-path/.build/debug/readme 2>&1)" "(4): Linear(in_features=6272"
expect "what it saved" "$(ls "$work")" "model.safetensors"
expect "a package that depends on ours by path" "$("$work/by-path/.build/debug/downstream" 2>&1)" "the loss fell"
expect "the same without a shim" \
  "$(XDG_CACHE_HOME=$work/empty "$work/by-path/.build/debug/downstream" 2>&1)" "run \`make setup\`"

git -C "$root" ls-files -z | (cd "$root" && xargs -0 cp --parents -t "$(mkdir -p "$work/origin/SwiftTorchLayers" && echo "$work/origin/SwiftTorchLayers")")
(cd "$work/origin/SwiftTorchLayers" && git init -q && git add -A && git -c user.name=t -c user.email=t@example.com \
  commit -qm tagged && git tag 0.1.0)
prepare "$work/by-tag" ".package(url: \"file://$work/origin/SwiftTorchLayers\", from: \"0.1.0\")"
build "$work/by-tag"
expect "a package that depends on ours at a tag" "$("$work/by-tag/.build/debug/downstream" 2>&1)" "the loss fell"
