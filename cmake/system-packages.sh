#!/usr/bin/env bash
# Installs the system packages that building needs, where it may; otherwise names them in one line to paste.
set -euo pipefail

packages=(make g++ cmake ninja-build python3 python3-venv libopenblas-dev libpng-dev libturbojpeg0-dev
  zlib1g-dev libyaml-dev dataset-fashion-mnist)

if ! command -v dpkg-query >/dev/null; then
  missing=()
  for program in make c++ cmake ninja python3; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [ ${#missing[@]} -eq 0 ] && exit 0
  echo "setup: please install ${missing[*]}, and the development files of OpenBLAS, libpng, libjpeg-turbo, libyaml and zlib" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
  else
    echo "setup: system packages are missing; please run:  sudo apt-get install -y ${missing[*]}" >&2
    exit 1
  fi
fi
echo "==> installing system packages: ${missing[*]}" >&2
install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}"; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The list of packages may never have been fetched, or be old.
if ! install >"$log" 2>&1; then
  "${as_root[@]}" apt-get update -qq >>"$log" 2>&1 || true
  if ! install >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "setup: the packages could not be installed; please run:  sudo apt-get install -y ${missing[*]}" >&2
    exit 1
  fi
fi
