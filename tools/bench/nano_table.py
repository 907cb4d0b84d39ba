"""The README's table: nano-llama's four tasks, ours against uniform GPTQ and the paper's splits, on the eval lines.

Usage: python tools/bench/nano_table.py --mpq build/release/mpq [--tasks facts,sort] [--work DIR] [--out docs/results-nano.md]

Every plan is calibrated on all of <task>.calib.jsonl and measured on <task>.eval.jsonl, which no plan has seen; KL is to full precision, the
mean over the prompts' tokens with its standard error over prompts; text KL on wiki.txt. `ratio` compares with uniform GPTQ of the same
bytes, or, between two uniform points, with the log-linear line through them; its error comes from the paired difference of prompts.
Standard library only.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = os.path.join(ROOT, "data", "nano-llama")
UNIFORM = {"2": 2.125, "3": 3.125, "4": 4.125}  # effective bits of symmetric groups of 128: 16-bit scale
PAPERS = ["taq", "taq-kl", "taqo"]


class Bench:
    def __init__(self, mpq, work):
        self.mpq, self.work = mpq, work

    def call(self, *arguments):
        done = subprocess.run([self.mpq, *arguments, "--json", "--quiet"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"mpq {' '.join(arguments)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def calibrate(self, task):
        folder = os.path.join(self.work, task)
        self.call("calibrate", "--model", MODEL, "--task", f"{MODEL}/tasks/{task}.calib.jsonl", "--holdout", "0",
                  "--max-prompts", "400", "--work", folder)
        return folder

    def measure(self, task, folder, name, plan, *options):
        out = os.path.join(folder, "out-" + name)
        written = self.call("quantize", "--plan", plan, "--out", out, "--work", folder, "--overwrite", *options)
        result = self.call("eval", "--model", out, "--reference", MODEL, "--task", f"{MODEL}/tasks/{task}.eval.jsonl",
                           "--text", f"{MODEL}/text/wiki.txt", "--windows", "40", "--window", "256")["result"]
        shutil.rmtree(out)
        result["bits"], result["bytes"] = written["effective_bits"], written["bytes"]
        return result

    def plan(self, folder, name, *options):
        path = os.path.join(folder, f"plan-{name}.json")
        self.call("allocate", "--work", folder, "--no-verify", "--out", path, *options)
        return path


def kl(result):
    return result["task_divergence"]["kl"]["mean"]


def line(points, bits):
    """The log-linear line between the uniform points around `bits`."""
    (x0, y0), (x1, y1) = next((a, b) for a, b in zip(points, points[1:]) if a[0] <= bits <= b[0] + 1e-6)
    return math.exp(math.log(y0) + (math.log(y1) - math.log(y0)) * (bits - x0) / (x1 - x0))


def task_rows(bench, task, quantizer):
    folder = bench.calibrate(task)
    common = ["--quantizer", quantizer, "--palette", "2;3;4;5;6;8"]
    rows, points = [], []
    for bits, effective in UNIFORM.items():
        plan = bench.plan(folder, "uniform" + bits, *common, "--allocator", "uniform", "--budget", str(effective + 0.002))
        rows.append((f"uniform {bits}", bench.measure(task, folder, "uniform" + bits, plan)))
        points.append((rows[-1][1]["bits"], kl(rows[-1][1])))
    for budget in (2.5, UNIFORM["3"] + 0.002, 3.5, UNIFORM["4"] + 0.002):
        plan = bench.plan(folder, f"mckp{budget}", *common, "--budget", str(budget))
        rows.append((f"taqo + mckp {budget:.4g}", bench.measure(task, folder, f"mckp{budget}", plan)))
    for paper in PAPERS:
        plan = bench.plan(folder, paper, "--config", os.path.join(ROOT, "configs", paper + ".json"))
        rows.append((f"paper's {paper}", bench.measure(task, folder, paper, plan)))
    return rows, points


def figure(value, digits=3):
    return f"{value['mean']:.{digits}g} ± {value['stderr']:.2g}" if value else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", required=True)
    parser.add_argument("--tasks", default="facts,sort,arith,lookup")
    parser.add_argument("--quantizer", default="gptq:sym,aim")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "nano-table"))
    parser.add_argument("--out")
    options = parser.parse_args()
    bench = Bench(os.path.abspath(options.mpq), options.work)
    lines = ["| task | plan | bits | task KL | ratio | text KL | EM |", "|---|---|---|---|---|---|---|"]
    for task in options.tasks.split(","):
        rows, points = task_rows(bench, task, options.quantizer)
        for name, result in rows:
            inside = points[0][0] <= result["bits"] <= points[-1][0] + 1e-6 and not name.startswith("uniform")
            ratio = f"{kl(result) / line(points, result['bits']):.2f}" if inside else ""
            lines.append(f"| {task} | {name} | {result['bits']:.3f} | {figure(result['task_divergence']['kl'])} | {ratio} | "
                         f"{figure(result['text_divergence']['kl'])} | {figure(result.get('exact_match'))} |")
            print(lines[-1], flush=True)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
