#!/usr/bin/env bash
# Builds mpq and quantizes the bundled nano-llama for its task at 3.5 effective bits; ends with where the checkpoint is.
# Arguments are added to `mpq run` (--budget 3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() {
  local name=$1
  shift
  printf 'demo: %s\n' "$name"
  "$@" || { printf 'demo: error: %s failed: %s\n' "$name" "$*" >&2; exit 1; }
}

model=data/nano-llama
out=demo-out
step "set up" bash tools/setup.sh
step "configure" cmake --preset release
step "build" cmake --build --preset release --target mpq
step "mpq run" build/release/mpq run --model "$model" --task "$model/tasks/facts.calib.jsonl" \
  --eval-task "$model/tasks/facts.eval.jsonl" --eval-text "$model/text/wiki.txt" --budget 3.5 \
  --work build/demo-work --out "$out" --overwrite "$@"
printf 'demo: the checkpoint is in %s (%s)\n' "$PWD/$out" "$(du -sh "$out" | cut -f 1)"
