#!/usr/bin/env bash
# Finds libtorch, or fetches it, and prints the folder that has its include/ and lib/.
#
# Order: LIBTORCH; an earlier fetch in the user's cache; a Python environment's torch; a fetch of the pinned
# version (the C++ distribution from pytorch.org, else the wheel through pip). LIBTORCH_VERSION chooses another
# version. Where the machine has an NVIDIA driver, a CUDA build is preferred at every step. LIBTORCH_FETCH=no takes what
# is there, LIBTORCH or a Python environment's torch, of any supported version.
set -euo pipefail

pinned=2.13.0
version=${LIBTORCH_VERSION:-$pinned}
cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}/torchlayers
store=$cache/libtorch
tried=()

say() { echo "==> $*" >&2; }
fail() { echo "setup: $*" >&2; exit 1; }

in_range() { [[ $1 =~ ^2\.(11|12|13|14|15)\.[0-9]+$ ]]; }

# The version of the libtorch in a folder, for example 2.13.0+cpu; nothing when there is none.
version_in() {
  [ -f "$1/include/ATen/ATen.h" ] || return 0
  if [ -f "$1/version.py" ]; then
    sed -n "s/^__version__ *= *['\"]\(.*\)['\"].*/\1/p" "$1/version.py"
  elif [ -f "$1/build-version" ]; then
    head -n 1 "$1/build-version"
  fi
}

has_driver() { [ -e /proc/driver/nvidia/version ] || { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }; }

# 2.13.0+cpu -> 2.13.0-cpu; a build that says nothing of itself is a CPU build unless it has libtorch_cuda.
label() {
  local text=$1 folder=$2
  case "$text" in
    *+*) echo "${text%%+*}-${text#*+}" ;;
    *) if [ -e "$folder/lib/libtorch_cuda.so" ]; then echo "$text-cuda"; else echo "$text-cpu"; fi ;;
  esac
}

# Prints the answer, "FOLDER LABEL", and ends.
found() {
  local folder=$1 text
  text=$(version_in "$folder")
  echo "$folder $(label "$text" "$folder")"
  exit 0
}

[ -z "${LIBTORCH_VERSION:-}" ] || in_range "$version" ||
  fail "LIBTORCH_VERSION is $version; versions from 2.11.0 to 2.15.x are supported"

# 1. The folder that the user names.
if [ -n "${LIBTORCH:-}" ]; then
  text=$(version_in "$LIBTORCH")
  [ -n "$text" ] || fail "LIBTORCH is $LIBTORCH, but there is no libtorch there (no include/ATen/ATen.h, or no version.py or build-version beside it)"
  in_range "${text%%+*}" ||
    fail "LIBTORCH is $LIBTORCH, which is libtorch $text; versions from 2.11 to 2.15 are supported: name the folder of one of these"
  [ -z "${LIBTORCH_VERSION:-}" ] || [ "${text%%+*}" = "$version" ] ||
    fail "LIBTORCH is $LIBTORCH, which is libtorch $text, but LIBTORCH_VERSION is $version"
  found "$(cd "$LIBTORCH" && pwd)"
fi

# 2. An earlier fetch. Only folders with the stamp are complete.
driver=false
has_driver && driver=true
torch_in() { # the folder with include/ and lib/ inside a fetch
  local candidate
  for candidate in "$1"/libtorch "$1"/lib/python3*/site-packages/torch; do
    if [ -f "$candidate/include/ATen/ATen.h" ]; then echo "$candidate"; return; fi
  done
}
look_in_cache() {
  local variants=cpu fetch
  $driver && variants="cu*"
  # Where a version was asked for, its CUDA build serves on a machine without a GPU as well.
  for fetch in "$store/$version"-$variants $([ -n "${LIBTORCH_VERSION:-}" ] && ! $driver && echo "$store/$version-cu*"); do
    if [ -f "$fetch/.complete" ]; then found "$(torch_in "$fetch")"; fi
  done
}
fetching=${LIBTORCH_FETCH:-yes}
if [ "$fetching" != no ]; then
  look_in_cache
  tried+=("the cache $store: no complete fetch of $version")
fi

# 3. A Python environment's torch.
for python in ${VIRTUAL_ENV:+"$VIRTUAL_ENV/bin/python"} python3; do
  command -v "$python" >/dev/null || continue
  folder=$("$python" -c 'import importlib.util as u
s = u.find_spec("torch")
print(s.submodule_search_locations[0] if s and s.submodule_search_locations else "")' 2>/dev/null || true)
  [ -n "$folder" ] || { tried+=("$python: it has no torch"); continue; }
  text=$(version_in "$folder")
  if ! in_range "${text%%+*}"; then
    tried+=("$folder: libtorch ${text:-without headers} is outside 2.11–2.15")
    say "passing over libtorch ${text:-without headers} in $folder (2.11 to 2.15 are supported)"
  elif [ -n "${LIBTORCH_VERSION:-}" ] && [ "${text%%+*}" != "$version" ]; then
    tried+=("$folder: libtorch $text, not $version")
  elif [ "$fetching" != no ] && $driver && [ ! -e "$folder/lib/libtorch_cuda.so" ]; then
    tried+=("$folder: libtorch $text has no CUDA, this machine has an NVIDIA driver")
  else
    found "$folder"
  fi
done

if [ "$fetching" = no ]; then
  {
    echo "setup: libtorch 2.11 to 2.15 was not found. Tried:"
    printf '  - %s\n' "LIBTORCH: it is not set" "${tried[@]:-there is no python3}"
    echo "Install torch (2.11 to 2.15) for Python, or unpack libtorch somewhere, and set LIBTORCH to its folder."
  } >&2
  exit 1
fi

# 4. A fetch. One at a time; what an interrupted one left is removed.
mkdir -p "$store" 2>/dev/null || fail "the cache $store cannot be made; set XDG_CACHE_HOME to a folder that can be written"
exec 9>"$store/.lock" || fail "the cache $store cannot be written; set XDG_CACHE_HOME to another folder"
if command -v flock >/dev/null && ! flock -n 9; then
  say "waiting for another setup that is fetching libtorch"
  flock 9
fi
look_in_cache  # somebody else may have fetched it meanwhile
rm -rf "$store"/.partial-*
partial=$store/.partial-$$
trap 'rm -rf "$partial" 2>/dev/null' EXIT
trap 'rm -rf "$partial" 2>/dev/null; exit 130' INT TERM
mkdir -p "$partial"

# Gives a complete fetch its name.
keep() {
  local folder name
  folder=$(torch_in "$partial")
  name=$(label "$(version_in "$folder")" "$folder")
  touch "$partial/.complete"
  rm -rf "${store:?}/$name"
  mv "$partial" "$store/$name"
  found "$(torch_in "$store/$name")"
}

fetch_distribution() {
  local flavour=cpu url
  $driver && flavour=cu130
  url="https://download.pytorch.org/libtorch/$flavour/libtorch-shared-with-deps-$version%2B$flavour.zip"
  say "fetching libtorch $version ($flavour) from pytorch.org"
  if ! command -v curl >/dev/null || ! command -v unzip >/dev/null; then
    tried+=("$url: curl or unzip is not installed")
    return
  fi
  if ! curl --fail --location --connect-timeout 10 --progress-bar --output "$partial/libtorch.zip" "$url" 1>&2; then
    tried+=("$url: it cannot be fetched")
    return
  fi
  if unzip -q "$partial/libtorch.zip" -d "$partial"; then
    rm "$partial/libtorch.zip"
    keep
  fi
  tried+=("$url: the archive is damaged")
}

fetch_wheel() {
  local build=$1 wanted=torch==$1 light=(filelock typing_extensions sympy networkx jinja2 fsspec numpy setuptools) log
  log=$partial.log
  say "fetching the wheel torch==$build through pip"
  if ! python3 -m venv "$partial" >"$log" 2>&1; then
    tried+=("pip: python3 -m venv fails (on Debian: apt-get install python3-venv)")
    rm -f "$log"
    return
  fi
  local pip=("$partial/bin/python" -m pip --disable-pip-version-check install)
  # Some indexes have the CPU build beside the other, and pip prefers it.
  if [ "$build" = "$version" ]; then wanted+=",!=$version+cpu"; fi
  local deps=()
  # The CUDA wheel's dependencies are gigabytes; without a GPU only two small ones are needed to load it.
  if [ "$build" = "$version" ] && ! $driver; then deps=(--no-deps); fi
  if ! "${pip[@]}" "${deps[@]}" "$wanted" 2>"$log" 1>&2; then
    tried+=("pip install torch==$build: $(grep -m 1 -i error "$log" || tail -n 1 "$log")")
    rm -f "$log"
    return
  fi
  if ! "${pip[@]}" -q "${light[@]}" 2>"$log" 1>&2; then
    tried+=("pip install ${light[*]}: $(grep -m 1 -i error "$log" || tail -n 1 "$log")")
    rm -f "$log"
    return
  fi
  rm -f "$log"
  local cuda
  cuda=$(sed -n "s/^cuda.*= *['\"]\([0-9.]*\)['\"].*/\1/p" "$partial"/lib/python3*/site-packages/torch/version.py)
  if [ -n "$cuda" ] && [ ${#deps[@]} -gt 0 ]; then
    "${pip[@]}" -q --no-deps "nvidia-cuda-runtime==$cuda.*" "nvidia-cuda-cupti==$cuda.*" 1>&2 ||
      { tried+=("pip install nvidia-cuda-runtime==$cuda.*: failed"); return; }
  elif [ -n "$cuda" ] && ! "$(dirname "$0")/cuda-headers.sh" "$(torch_in "$partial")" >/dev/null 2>&1; then
    # For the GPU of this machine, which has no toolkit: the headers that torch itself does not require.
    "${pip[@]}" -q --no-deps "nvidia-cuda-crt==$cuda.*" 1>&2 || say "pip install nvidia-cuda-crt==$cuda.* failed"
  fi
  keep
}

fetch_distribution
if command -v python3 >/dev/null; then
  if ! $driver; then
    rm -rf "$partial"
    fetch_wheel "$version+cpu"
  fi
  rm -rf "$partial"
  fetch_wheel "$version"
else
  tried+=("pip: there is no python3")
fi

{
  echo "setup: libtorch $version was not found and could not be fetched. Tried:"
  printf '  - %s\n' "${tried[@]}"
  echo "Unpack libtorch or install torch==$version somewhere and set LIBTORCH to its folder."
} >&2
exit 1
