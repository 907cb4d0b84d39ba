#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test; ends with ctest's summary. Arguments go to ctest (-L unit, -R Stages).
# MPQ_JOBS: tests in parallel (default 2).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() {
  local name=$1
  shift
  printf 'test: %s\n' "$name"
  "$@" || { printf 'test: error: %s failed: %s\n' "$name" "$*" >&2; exit 1; }
}

step "set up" bash tools/setup.sh --interop
step "configure" cmake --preset dev
step "build" cmake --build --preset dev
step "test" ctest --preset dev --parallel "${MPQ_JOBS:-2}" "$@"
