#!/usr/bin/env bash
# Whether `export` ends with exit code 2 when the file computes other numbers than the model.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$TORCHLAYERS_PROGRAM" train --model softmax --epochs 1 --limit 200 --output run >log 2>&1 || { cat log; exit 1; }
status=0
"$TORCHLAYERS_PROGRAM" export run >log 2>&1 || status=$?
cat log
echo "export of a network that differs failed to fail: exit code $status"
[ "$status" = 2 ]
