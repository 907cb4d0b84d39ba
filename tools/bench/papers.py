"""Every preset and the plain baselines on nano-llama's tasks: bytes, metrics, KL, perplexity, seconds and peak memory, as docs/results.md.

Usage: python tools/bench/papers.py --mpq build/release/mpq [--tasks facts,sort,arith,lookup] [--only REGEX] [--work DIR] [--out docs/results.md]

Calibrated on <task>.calib.jsonl, measured on <task>.eval.jsonl, which no plan has seen, and on wiki.txt. `ratio` is task KL over the log-linear line
through uniform gptq at 2, 3 and 4 bits, at the row's own bytes; its error is that of the row's own KL. Seconds: scoring, solving, quantizing.
Standard library only.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
import time

from nano_table import MODEL, ROOT, Bench, figure, kl, line

BASELINES = [f"{name}:bits={bits}" for name in ("gptq", "rtn", "awq", "hqq") for bits in (2, 3, 4)]
EXTRA = [*(f"gptq:bits={bits},aim" for bits in (2, 3, 4)), "gptq:bits=2,refine=2", "gptq:bits=3,refine=2", "signround:bits=3",
         *(f"gptq:bits=2,group={group}{aim}" for group in (64, 32) for aim in ("", ",aim"))]
# The presets' budgets are what these take on nano-llama: optimised and fixed ratios compare at the same bytes.
HIGH_FIXED = {"hir-w2": "hir:bits=2,high=3,ratio=0.1", "hir-w3": "hir:bits=3,high=4,ratio=0.1",
              "hir-w2-gptq": "hir:bits=2,high=3,ratio=0.1,gptq,aim,sym"}
FIXED = ", fixed ratio 0.1"


class Measured(Bench):
    """Notes seconds and the largest peak of the commands since reset()."""

    def reset(self):
        self.seconds, self.peak = 0.0, 0

    def call(self, *arguments):
        start = time.monotonic()
        with open(os.path.join(self.work, "stdout"), "w+", encoding="utf-8") as out, \
                open(os.path.join(self.work, "stderr"), "w+", encoding="utf-8") as err:
            process = subprocess.Popen([self.mpq, *arguments, "--json", "--quiet"], stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            out.seek(0)
            err.seek(0)
            if os.waitstatus_to_exitcode(status) != 0:
                sys.exit(f"mpq {' '.join(arguments)}: {err.read().strip()}")
            if arguments[0] != "eval":
                self.seconds += time.monotonic() - start
                self.peak = max(self.peak, usage.ru_maxrss * 1024)
            return json.load(out)


def uniform(bench, folder, spec, asymmetric):
    """A plan of one spec for all units; symmetric but for those that have zero points to optimise."""
    whole = spec + ("" if asymmetric else ",sym")
    return bench.plan(folder, "uniform", "--scorer", "mse", "--palette", whole, "--allocator", "uniform", "--budget", "9")


def preset_file(name):
    return os.path.join(ROOT, "configs", name + ".json")


def fixed_ratio(bench, folder, name):
    """A plan of one ratio for all units under a hybrid preset's other settings."""
    return bench.plan(folder, name, "--config", preset_file(name), "--scorer", "mse", "--allocator", "uniform", "--palette", HIGH_FIXED[name])


def format_of(name):
    """--format of a preset: nano-llama is read by mpq, so plans that only mpq holds are written in its own format."""
    with open(preset_file(name), encoding="utf-8") as file:
        return json.load(file).get("format", "compressed-tensors")


def rows(bench, task, wanted):
    """(name, result, seconds, peak); uniform gptq is always measured, since the others are compared with it."""
    folder = bench.calibrate(task)

    def measure(name, plan, form):
        result = bench.measure(task, folder, "row", plan(), "--format", form)
        return name, result, bench.seconds, bench.peak

    for spec in BASELINES + EXTRA:
        if not wanted("uniform " + spec) and spec not in BASELINES[:3]:
            continue
        bench.reset()
        yield measure("uniform " + spec, lambda: uniform(bench, folder, spec, spec.startswith("hqq")), "compressed-tensors")
    presets = [os.path.splitext(os.path.basename(path))[0] for path in glob.glob(preset_file("*"))]
    for name in sorted(presets, key=lambda name: (name in HIGH_FIXED, name)):  # the slow ones last
        if not wanted(name):
            continue
        bench.reset()
        yield measure(name, lambda: bench.plan(folder, name, "--config", preset_file(name)), format_of(name))
        if name in HIGH_FIXED:
            bench.reset()
            yield measure(name + FIXED, lambda: fixed_ratio(bench, folder, name), format_of(name))


def text_of(task, name, result, seconds, peak, points):
    inside = len(points) == 3 and points[0][0] - 1e-6 <= result["bits"] <= points[-1][0] + 1e-6
    base = line(points, result["bits"]) if inside else None
    error = result["task_divergence"]["kl"]["stderr"]
    ratio = f"{kl(result) / base:.2f} ± {error / base:.2f}" if inside else ""
    return (f"| {task} | {name} | {result['bytes']} | {result['bits']:.3f} | {figure(result.get('exact_match'))} | {figure(result.get('f1'))} | "
            f"{figure(result['task_divergence']['kl'])} | {ratio} | {figure(result['text_divergence']['kl'])} | "
            f"{figure(result['perplexity'])} | {seconds:.0f} | {peak / 1e6:.0f} |")


def table_of(bench, task, wanted):
    """Lines of the table; uniform gptq comes first, so that the others have their ratio."""
    points = []
    for name, result, seconds, peak in rows(bench, task, wanted):
        if len(points) < 3:
            points.append((result["bits"], kl(result)))
        yield text_of(task, name, result, seconds, peak, points)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", required=True)
    parser.add_argument("--tasks", default="facts,sort,arith,lookup")
    parser.add_argument("--only", default="", help="regular expression that a row's name must contain")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "papers"))
    parser.add_argument("--out")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    bench = Measured(os.path.abspath(options.mpq), options.work)
    bench.reset()
    lines = ["| task | plan | bytes | bits | EM | F1 | task KL | ratio | text KL | perplexity | seconds | peak MB |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for task in options.tasks.split(","):
        for text in table_of(bench, task, re.compile(options.only).search):
            lines.append(text)
            print(text, flush=True)
            if options.out:
                with open(options.out, "w", encoding="utf-8") as file:
                    file.write("\n".join(["# Every method on nano-llama", "", *lines]) + "\n")


if __name__ == "__main__":
    main()
