#!/usr/bin/env bash
# Builds the command, optimised, as .build/release/torchlayers; arguments go to `swift build`. It has a folder of its own, so
# that tests may be built and run at the same time, and on Linux the Swift runtime inside, as the bundle needs it.
set -euo pipefail
cd "$(dirname "$0")/.."
inside=()
if [ "$(uname -s)" = Linux ]; then inside=(--static-swift-stdlib); fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! swift build -c release --product torchlayers --scratch-path .build/program "${inside[@]}" "$@" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
ln -sfn program/release .build/release
