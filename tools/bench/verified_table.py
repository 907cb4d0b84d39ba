"""Verified plans against the best uniform plan of the same budget, as docs/verified.md.

Usage: python tools/bench/verified_table.py --mpq build/release/mpq [--tasks facts,sort,arith,lookup] [--work DIR] [--out docs/verified.md]

For every task: one scoring, then `mpq allocate --budget 2.5 3 3.5 4 5`. The figures are those of plan.json ("verified"): KL to full
precision on the held-out quarter of <task>.calib.jsonl, with the paired difference by prompt. Standard library only.
"""

import argparse
import json
import os
import subprocess
import sys

from nano_table import MODEL, ROOT

BUDGETS = ("2.5", "3", "3.5", "4", "5")


def call(mpq, *arguments):
    done = subprocess.run([mpq, *arguments, "--json", "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"mpq {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def row(task, plan):
    verified = plan["verified"]
    ours, uniform, difference = verified["plan"], verified["uniform"], verified["difference"]
    worse = ours["kl"] > uniform["kl"] and difference["kl"] > 2 * difference["kl_stderr"]
    cells = [task, f"{plan['budget']['value']:g}", f"{plan['achieved']['effective_bits']:.3f}", f"{uniform['effective_bits']:.3f}",
             f"{ours['kl']:.3g} ± {ours['kl_stderr']:.1g}", f"{uniform['kl']:.3g} ± {uniform['kl_stderr']:.1g}",
             f"{difference['kl']:.2g} ± {difference['kl_stderr']:.1g}", f"{difference['sign_test_p']:.1g}",
             f"{verified['general_text']['excess']:+.2g}", f"{ours['measured_over_predicted']:.2f}", verified["kept"]]
    return "| " + " | ".join(cells) + " |", worse


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", required=True)
    parser.add_argument("--tasks", default="facts,sort,arith,lookup")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "verified"))
    parser.add_argument("--out")
    options = parser.parse_args()
    lines = ["| task | budget | bits | uniform's bits | held-out KL | uniform's | difference | sign test p | text KL beyond uniform's | "
             "measured / predicted | kept |", "|---|---|---|---|---|---|---|---|---|---|---|"]
    notes, worse = [], 0
    for task in options.tasks.split(","):
        work = os.path.join(options.work, task)
        call(options.mpq, "calibrate", "--model", MODEL, "--task", f"{MODEL}/tasks/{task}.calib.jsonl", "--work", work)
        result = call(options.mpq, "allocate", "--work", work, "--budget", *BUDGETS, "--out", os.path.join(work, "plan.json"))
        for plan in result["plans"]:
            text, is_worse = row(task, plan)
            lines.append(text)
            worse += is_worse
            print(text, flush=True)
        notes.append(f"{task} {result['additivity']['rank_correlation']:.3f}")
    summary = (f"Plans that measured worse than the uniform one by more than two standard errors: {worse} of {len(lines) - 2}. "
               f"Rank correlation of predicted and measured loss over the ten plans of a task: {', '.join(notes)}.")
    print(summary)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write("\n".join(["# Verified plans on nano-llama", "", "Made by `tools/bench/verified_table.py`. " + summary, "", *lines]) + "\n")


if __name__ == "__main__":
    main()
