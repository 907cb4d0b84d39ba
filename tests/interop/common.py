"""What the interop tests share: running mpq, prompts, and comparing logits."""

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from safetensors.torch import load_file
from tokenizers import Tokenizer

TOLERANCE = 1e-3  # of the logits' scale (their largest magnitude)


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--mpq", type=Path, required=True, help="the mpq binary")
    parser.add_argument("--source", type=Path, required=True, help="the repository, for data/nano-llama")
    parser.add_argument("--work", type=Path, help="a scratch folder, emptied first; by default a temporary one")
    return parser.parse_args()


def check(ok, message):
    if not ok:
        raise SystemExit(f"FAILED: {message}")


class Mpq:
    """Runs the binary in a scratch folder."""

    def __init__(self, binary, work):
        self.binary, self.given = binary.resolve(), work

    def __enter__(self):
        self.work = (self.given or Path(tempfile.mkdtemp(prefix="mpq-interop-"))).resolve()
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        return self

    def __exit__(self, kind, value, trace):
        # A given folder is kept after a failure, to be looked at.
        if self.given is None or kind is None:
            shutil.rmtree(self.work, ignore_errors=True)

    def run(self, *words):
        command = [str(self.binary), *map(str, words)]
        done = subprocess.run(command, cwd=self.work, capture_output=True, text=True)
        check(done.returncode == 0, f"{' '.join(command)}\nexited with {done.returncode}:\n{done.stderr[-4000:]}")
        return done.stdout

    @staticmethod
    def tokenizer(folder):
        return Tokenizer.from_file(str(folder / "tokenizer.json"))


def encode(tokenizer, text):
    return tokenizer.encode(text).ids


def read_prompts(task, count):
    with open(task, encoding="utf-8") as lines:
        return [json.loads(line)["prompt"] for line, _ in zip(lines, range(count))]


def logits_of(mpq, model, prompts, name):
    """mpq's float32 logits [tokens, vocab] of each prompt, in order."""
    task, out = mpq.work / f"{name}.jsonl", mpq.work / f"{name}.safetensors"
    task.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts), encoding="utf-8")
    mpq.run("logits", "--model", model, "--task", task, "--limit", len(prompts), "--dtype", "float32", "--out", out)
    tensors = load_file(str(out))
    return [tensors[f"prompt.{index}"] for index in range(len(prompts))]


def relative_difference(found, expected):
    check(found.shape == expected.shape, f"logits are {tuple(found.shape)}, expected {tuple(expected.shape)}")
    return ((found - expected).abs().max() / expected.abs().max()).item()
