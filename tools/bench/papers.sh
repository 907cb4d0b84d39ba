#!/usr/bin/env bash
# Runs every preset and the plain baselines over nano-llama's four tasks and writes docs/results.md. Arguments go to papers.py (--tasks facts).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bash tools/setup.sh
cmake --preset release
cmake --build --preset release --target mpq
exec python3 tools/bench/papers.py --mpq build/release/mpq --out docs/results.md "$@"
