"""Every stage's peak memory on a wide model stays below what its dry run says, and near it.

A random llama of hidden 2048, ffn 8192 and 6 blocks is made once in --work. The formula is docs/performance.md's, "Memory".
Standard library only.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys

SHAPE = ["--layers", "6", "--hidden", "2048", "--ffn", "8192", "--heads", "16", "--kv-heads", "8"]
AT_LEAST = 0.4  # of the bound: a formula that is far above what is needed tells nobody anything


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("mpq", "source", "work"):
        parser.add_argument(f"--{name}", required=True)
    return parser.parse_args()


def made_model(options):
    folder = os.path.join(options.work, "wide")
    if not os.path.exists(os.path.join(folder, "calib.jsonl")):
        shutil.rmtree(folder, ignore_errors=True)
        script = os.path.join(options.source, "tools", "bench", "random_llama.py")
        subprocess.run([sys.executable, script, folder, *SHAPE], check=True)
    return folder


class Stages:
    """Commands in one work folder, each first as a dry run and then with its peak resident set."""

    def __init__(self, mpq, work):
        self.mpq, self.work, self.faults = mpq, work, []

    def command(self, words):
        return [self.mpq, *words, "--dtype", "float32", "--json", "--quiet"]

    def peak(self, words):
        process = subprocess.Popen(self.command(words), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"{' '.join(words)}: status {status}")
        return usage.ru_maxrss * 1024

    def measure(self, name, words):
        dry = subprocess.run(self.command([*words, "--dry-run"]), check=True, stdout=subprocess.PIPE)
        bound = json.loads(dry.stdout)["peak_bytes"]
        peak = self.peak(words)
        print(f"{name:<10} {peak / 1e6:8.0f} MB of {bound / 1e6:8.0f} MB", flush=True)
        if not AT_LEAST * bound <= peak <= bound:
            self.faults.append(name)


def main():
    options = parse()
    model, work = made_model(options), os.path.join(options.work, "job")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    task, plan = os.path.join(model, "calib.jsonl"), os.path.join(work, "plan.json")
    stages = Stages(options.mpq, work)
    place = ["--work", os.path.join(work, "work")]
    stages.measure("calibrate", ["calibrate", "--model", model, "--task", task, "--max-prompts", "8", *place])
    scoring = ["--palette", "3,4", "--probe-tokens", "1024"]
    stages.measure("grad", ["score", "--scorer", "grad", *scoring, *place])
    stages.peak(["allocate", "--budget", "3.6", "--scorer", "grad", *scoring, "--no-verify", "--out", plan, *place])
    stages.measure("quantize", ["quantize", "--plan", plan, "--out", os.path.join(work, "out"), *place])
    stages.measure("eval", ["eval", "--model", os.path.join(work, "out"), "--reference", model, "--task", task, "--limit", "8", *place])
    stages.measure("taqo", ["score", "--scorer", "taqo", *scoring, *place])
    if stages.faults:
        sys.exit(f"peak memory is not within {AT_LEAST} to 1 of the formula: {', '.join(stages.faults)}")


if __name__ == "__main__":
    main()
