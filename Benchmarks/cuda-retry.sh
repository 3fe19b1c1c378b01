#!/usr/bin/env bash
# What the failures of cuda.sh leave to try: the same way, with the steps that look for a reason (cuda.sh --retry).
exec "$(dirname "$0")/cuda.sh" --retry "$@"
