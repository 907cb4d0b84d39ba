#!/usr/bin/env bash
# Installs or finds everything that building and testing mpq needs; seconds when nothing is missing.
#   tools/setup.sh            compilers, libraries, libtorch
#   tools/setup.sh --interop  also what only the tests need: Python readers (transformers, compressed-tensors, ...) in .venv, Chromium
# Environment: LIBTORCH (a libtorch folder), CMAKE_PREFIX_PATH, MPQ_TORCH_INDEX (a package index for torch's wheels).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
. tools/python_env.sh
readonly kCMake=3.25

# Debian package, then what shows that it is there without dpkg: a command that runs, or a header.
readonly kPackages=(
  "g++ command c++" "cmake command cmake" "ninja-build command ninja" "ccache command ccache" "pkg-config command pkg-config"
  "git command git" "clang-format command clang-format" "clang-tidy command clang-tidy"
  "libcli11-dev header CLI/CLI.hpp" "nlohmann-json3-dev header nlohmann/json.hpp" "libspdlog-dev header spdlog/spdlog.h"
  "libgtest-dev header gtest/gtest.h" "libgmock-dev header gmock/gmock.h" "libbenchmark-dev header benchmark/benchmark.h"
  "libpcre2-dev header pcre2.h" "libutf8proc-dev header utf8proc.h" "libssl-dev header openssl/ssl.h" "zlib1g-dev header zlib.h"
  "python3-venv python ensurepip")
# For the tests alone: the browser that looks at report.html.
readonly kTestPackages=("chromium command chromium")

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

interop=no
for argument in "$@"; do
  case "$argument" in
    --interop) interop=yes ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) die "unknown option \"$argument\"; expected --interop" ;;
  esac
done

installed() {  # package kind what
  if [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; then
    return 0
  fi
  case "$2" in
    command) "$3" --version >/dev/null 2>&1 ;;
    header)
      local folder
      for folder in /usr/include /usr/local/include ${CMAKE_PREFIX_PATH:+${CMAKE_PREFIX_PATH//[:;]//include }/include}; do
        [[ -e $folder/$3 ]] && return 0
      done
      return 1 ;;
    python) python3 -c "import venv, $3" >/dev/null 2>&1 ;;
  esac
}

list_missing() {
  local entry
  local -a entries=("${kPackages[@]}")
  [[ $interop == yes ]] && entries+=("${kTestPackages[@]}")
  for entry in "${entries[@]}"; do
    # shellcheck disable=SC2086  # the entry is three words
    installed $entry || printf '%s ' "${entry%% *}"
  done
}

system_packages() {
  local missing
  missing=$(list_missing)
  if [[ -z $missing ]]; then
    say "system packages: all found"
  elif ! command -v apt-get >/dev/null; then
    die "missing: $missing- install them with this system's package manager (the names are Debian's), then run this again"
  elif [[ $(id -u) != 0 ]]; then
    die "missing: $missing- run as root: apt-get update && apt-get install -y $missing"
  else
    say "installing with apt: $missing"
    apt-get update -qq || die "apt-get update failed; is the network there?"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
      die "apt-get could not install: $missing"
    missing=$(list_missing)
    [[ -z $missing ]] || die "still missing after apt-get install: $missing"
    say "installed"
  fi
  local version
  version=$(cmake --version | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
  [[ $(printf '%s\n%s\n' "$kCMake" "$version" | sort -V | head -n 1) == "$kCMake" ]] ||
    die "CMake $version is too old: expected $kCMake or newer; install one (for instance: pip install cmake) and put it first in PATH"
  say "cmake $version, $(c++ --version | head -n 1)"
}

# The folder of a Python's torch package, without importing it.
torch_of() { "$1" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])' 2>/dev/null; }
is_libtorch() { [[ -e $1/include/ATen/core/Tensor.h && -n $(compgen -G "$1/lib/libtorch_cpu.*") ]]; }

# The same order as cmake/FindLibtorch.cmake.
find_libtorch() {
  local candidate prefix
  local -a candidates=()
  [[ -n ${LIBTORCH:-} ]] && candidates+=("$LIBTORCH")
  for prefix in ${CMAKE_PREFIX_PATH:+${CMAKE_PREFIX_PATH//[:;]/ }}; do candidates+=("$prefix" "$prefix/../.."); done
  candidates+=(.venv/lib/python3*/site-packages/torch)
  for candidate in python3 python; do candidates+=("$(torch_of "$candidate" || true)"); done
  for candidate in "${candidates[@]}"; do
    if [[ -n $candidate ]] && is_libtorch "$candidate"; then
      printf '%s' "$candidate"
      return 0
    fi
  done
  return 1
}

system_packages
if [[ $interop == yes ]]; then
  install_interop
  say "Python readers: $(.venv/bin/python --version), torch==$kTorch ${kInterop[*]}"
fi
if ! libtorch=$(find_libtorch); then
  make_venv
  install_torch
  libtorch=$(find_libtorch) || die "torch is installed in .venv, but its headers or libraries are not there"
fi
say "libtorch: $libtorch"
