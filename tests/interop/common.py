"""What the interop tests share: running mpq, prompts, and comparing logits."""

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from safetensors.torch import load_file
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-3  # of the logits' scale (their largest magnitude)


def arguments(doc, paths=()):
    """`paths`: further options that name files or folders, each with its help."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--mpq", type=Path, required=True, help="the mpq binary")
    parser.add_argument("--source", type=Path, default=ROOT, help="the repository, for data/nano-llama")
    parser.add_argument("--work", type=Path, help="a scratch folder, emptied first; by default a temporary one")
    for name, text in paths:
        parser.add_argument(name, type=Path, help=text)
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


def make_plan(mpq, model, task, *options, budget=4):
    """The plan that `mpq allocate` makes."""
    mpq.run("calibrate", "--model", model, "--task", task, "--work", mpq.work / "mpq-work")
    mpq.run("allocate", "--budget", budget, "--work", mpq.work / "mpq-work", *options)
    plans = sorted(mpq.work.rglob("plan*.json"), key=lambda path: path.stat().st_mtime)
    check(plans, f"`mpq allocate` wrote no plan*.json under {mpq.work}")
    return json.loads(plans[-1].read_text())


def quantize(mpq, plan, specs, *options, out="out"):
    """A checkpoint by a plan whose units take `specs` in turn."""
    for index, unit in enumerate(plan["units"]):
        unit["spec"] = specs[index % len(specs)]
    edited, out = mpq.work / "edited-plan.json", mpq.work / out
    edited.write_text(json.dumps(plan))
    mpq.run("quantize", "--plan", edited, "--out", out, "--overwrite", *options)
    return out


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


def compare_greedy(mpq, model, tokenizer, prompts, chains, tie):
    """chains: of each prompt its ids with those that another program generated greedily, and by how many nats each of these led.
    Feeds prompt + generated text to mpq; as far as the text encodes back to the same ids, mpq must agree on every token whose lead is
    more than `tie`."""
    starts = [len(encode(tokenizer, prompt)) for prompt in prompts]
    texts = [prompt + tokenizer.decode(ids[start:]) for prompt, (ids, _), start in zip(prompts, chains, starts)]
    compared, generated = 0, sum(len(leads) for _, leads in chains)
    for (ids, leads), start, text, logits in zip(chains, starts, texts, logits_of(mpq, model, texts, "greedy")):
        again = encode(tokenizer, text)
        for position in range(start, len(ids)):
            if again[:position] != ids[:position]:
                break
            if leads[position - start] > tie:
                found = int(logits[position - 1].argmax())
                check(found == ids[position], f"{text!r}: token {position} is {ids[position]} by the reader, {found} by mpq")
                compared += 1
    check(compared >= generated // 2, f"only {compared} of {generated} generated tokens could be compared")
    print(f"greedy: {compared} of {generated} tokens compared, all agree", flush=True)
