"""What the tests of label readers share: finding a reader's Python, running it, comparing with mpq.

A reader that tools/readers.sh has not installed skips its test (exit status 77).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from common import ROOT, Mpq, arguments, check, compare_greedy, encode, logits_of, make_plan, quantize, read_prompts

SKIPPED = 77
PROMPTS = 8
TIE = 0.05  # nats; a smaller lead is a tie between two programs that agree


def log_softmax(x):
    x = np.asarray(x, np.float64)
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


class Reader:
    """`with` one: a scratch folder with mpq, a model (nano-llama unless --model says otherwise), a task and the prompts to compare on."""

    def __init__(self, name, doc, script=None):
        self.given = arguments(doc, [("--model", "a checkpoint folder; default: data/nano-llama of the repository"),
                                     ("--task", "a task file to calibrate on and to take prompts from; default: facts of nano-llama")])
        folder = Path(os.environ.get("MPQ_READERS") or ROOT / ".readers").resolve()
        if not (folder / f"{name}.installed").exists():
            print(f"skipped: reader {name} is not installed; tools/readers.sh {name}")
            sys.exit(SKIPPED)
        self.folder = folder / name
        self.script = Path(__file__).resolve().parent / f"readers/{script or name}_rows.py"
        data = self.given.source.resolve() / "data/nano-llama"
        self.model = (self.given.model or data).resolve()
        self.task = (self.given.task or data / "tasks/facts.calib.jsonl").resolve()
        self.prompts = read_prompts(self.given.task or data / "tasks/facts.eval.jsonl", PROMPTS)
        self.tokenizer = Mpq.tokenizer(self.model)
        config = json.loads((self.model / "config.json").read_text())
        self.inputs = (config["hidden_size"], config["intermediate_size"])

    def __enter__(self):
        self.mpq = Mpq(self.given.mpq, self.given.work)
        self.mpq.__enter__()
        return self

    def __exit__(self, *error):
        self.mpq.__exit__(*error)

    def plan(self, *options):
        """Of few seconds: the specs are replaced."""
        return make_plan(self.mpq, self.model, self.task, "--no-verify", "--scorer", "mse", *options, budget=5)

    def quantize(self, plan, specs, *options, out="out"):
        """Groups that do not divide the model's inputs become 32."""
        words = [[f"group={32 if any(size % int(word[6:]) for size in self.inputs) else word[6:]}" if word.startswith("group=") else word
                  for word in spec.split(",")] for spec in specs]
        return quantize(self.mpq, plan, [",".join(spec) for spec in words], *options, out=out)

    def rows(self, checkpoint, *options):
        """The reader's (rows, ids with generated ones, leads) of each prompt."""
        prompts, out = self.mpq.work / "prompts.jsonl", self.mpq.work / "rows.npz"
        prompts.write_text("".join(json.dumps(encode(self.tokenizer, prompt)) + "\n" for prompt in self.prompts))
        command = [self.folder / "bin/python", "-B", self.script, checkpoint, prompts, out, *options]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=self.mpq.work, env=environment)
        check(done.returncode == 0, f"{' '.join(map(str, command))}\nexited with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}")
        arrays = np.load(out)
        return [(arrays[f"rows.{index}"], arrays[f"ids.{index}"].tolist(), arrays[f"leads.{index}"].tolist()) for index in range(PROMPTS)]

    def compare(self, what, checkpoint, limit, *options, mine=None, tie=TIE):
        """The reader's logits of `checkpoint` against mpq's of the same, or of `mine`: at most `limit` nats a token of mean KL, and the same
        greedy text."""
        results, mine = self.rows(checkpoint, *options), mine or checkpoint
        divergences = []
        for (found, _, _), expected in zip(results, logits_of(self.mpq, mine, self.prompts, "prompts")):
            check(len(found) == len(expected), f"{what}: {len(found)} rows, expected {len(expected)}")
            vocab = min(found.shape[-1], expected.shape[-1])  # runtimes pad the vocabulary
            a, b = log_softmax(found[:, :vocab]), log_softmax(expected[:, :vocab])
            divergences.append((np.exp(b) * (b - a)).sum(-1))
        mean = np.concatenate(divergences).mean()
        print(f"{what}: mean KL {mean:.1e}", flush=True)
        check(mean <= limit, f"{what}: mean KL {mean:.2e} between the reader and mpq; at most {limit} is allowed")
        compare_greedy(self.mpq, mine, self.tokenizer, self.prompts, [result[1:] for result in results], tie)
