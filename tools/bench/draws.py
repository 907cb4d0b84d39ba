"""Plans over several draws of the calibration prompts: what a difference between two of them is worth beside the luck of one calibration.

Usage: python tools/bench/draws.py --mpq build/release/mpq [--draws 5] [--tasks facts,sort,arith,lookup] [--work DIR] PLAN ...

Every draw takes 300 of a task's 400 calibration prompts at random and measures, on the eval lines, uniform gptq at 2, 3 and 4 bits and every given plan:
a quantizer spec for all units, the name of a file in configs/, or a hybrid's followed by ", fixed ratio 0.1". A plan's ratio is its task KL over the
log-linear line through uniform gptq of the same draw at the plan's own bytes; the table has the mean of its logarithm over draws, as a factor, and that
mean's standard error in percent.
Standard library only.
"""

import argparse
import math
import os
import random
import statistics

from nano_table import MODEL, ROOT, Bench, kl, line
from papers import FIXED, fixed_ratio, format_of, preset_file, uniform

GRID = ["gptq:bits=2", "gptq:bits=3", "gptq:bits=4"]


class Drawn(Bench):
    """Calibrates on a draw of a task's prompts."""

    def calibrate_draw(self, task, draw):
        with open(f"{MODEL}/tasks/{task}.calib.jsonl", encoding="utf-8") as file:
            prompts = file.readlines()
        folder = os.path.join(self.work, f"{task}-{draw}")
        os.makedirs(folder, exist_ok=True)
        chosen = os.path.join(folder, "prompts.jsonl")
        with open(chosen, "w", encoding="utf-8") as file:
            file.writelines(random.Random(f"{task} {draw}").sample(prompts, 300))
        self.call("calibrate", "--model", MODEL, "--task", chosen, "--holdout", "0", "--max-prompts", "400", "--work", folder)
        return folder

    def measured(self, task, folder, name):
        if name.endswith(FIXED):
            name = name.removesuffix(FIXED)
            return self.measure(task, folder, "row", fixed_ratio(self, folder, name), "--format", format_of(name))
        if os.path.exists(preset_file(name)):
            return self.measure(task, folder, "row", self.plan(folder, name, "--config", preset_file(name)), "--format", format_of(name))
        return self.measure(task, folder, "row", uniform(self, folder, name, name.startswith("hqq")))


def logarithms(bench, task, draw, plans):
    """ln(KL / line) of every plan, and ln KL of the grid's points over the first draw's."""
    folder = bench.calibrate_draw(task, draw)
    grid = [bench.measured(task, folder, spec) for spec in GRID]
    points = [(result["bits"], kl(result)) for result in grid]
    rows = {}
    for name in plans:
        result = bench.measured(task, folder, name)
        rows[name] = (result["bits"], math.log(kl(result) / line(points, min(result["bits"], points[-1][0]))))
    return rows, [math.log(point[1]) for point in points]


def summary(values):
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{math.exp(statistics.mean(values)):.2f} ± {100 * error:.0f} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", required=True)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--tasks", default="facts,sort,arith,lookup")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "draws"))
    parser.add_argument("plans", nargs="+")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    bench = Drawn(os.path.abspath(options.mpq), options.work)
    print("| task | plan | bits | ratio over draws |\n|---|---|---|---|")
    for task in options.tasks.split(","):
        rows, luck = [], []
        for draw in range(options.draws):
            found, grid = logarithms(bench, task, draw, options.plans)
            rows.append(found)
            luck.append(grid)
        for name in options.plans:
            bits = statistics.mean(row[name][0] for row in rows)
            print(f"| {task} | {name} | {bits:.3f} | {summary([row[name][1] for row in rows])} |", flush=True)
        for i, spec in enumerate(GRID):
            spread = statistics.stdev(grid[i] for grid in luck)
            print(f"| {task} | uniform {spec}, one draw's KL | | varies by {100 * spread:.0f} % |", flush=True)


if __name__ == "__main__":
    main()
