"""Remakes every table of figures of nano-llama that README.md and docs/ hold, in place between their markers (table_text.py).

Usage: python3 tools/bench/tables.py --mpq build/release/mpq [--only demo,tasks,verified,methods,draws] [--tasks facts,sort,arith,lookup]

demo: what tools/demo.sh prints; tasks: the four-task tables of README.md and docs/nano-tasks.md; verified: docs/verified.md; methods and
draws: docs/results.md. Above each table stands what made it; demo and tasks have bfloat16 beside float32. All but the demo go by one
thread a process, --jobs tasks side by side. --resume takes rows that an earlier run of the same binary finished from --work
(table_rows.py). A table of fewer --tasks replaces the whole one; --print changes no document. Standard library only.
"""

import argparse
import concurrent.futures
import datetime
import glob
import math
import os
import random
import re
import shlex
import statistics
import subprocess
import sys

import table_rows
import table_text
from table_rows import (MODEL, ROOT, Bench, add_ratio, beside, count_differing, demo_line, eval_line, measured, plan_lines, read, row_lines,
                        task_file, write)

TASKS = ("facts", "sort", "arith", "lookup")
DTYPES = ("float32", "bfloat16")
THREADS = {"demo": os.cpu_count()}  # of a process; of the other tables 1

# Options of `mpq allocate` for a row.
GRID = ("gptq:bits=2", "gptq:bits=3", "gptq:bits=4")
ONE_SPEC = "--scorer mse --palette {} --allocator uniform --budget 9"
PRESET = "--config configs/{}.json"
FIXED = "--config configs/{}.json --scorer mse --allocator uniform --palette {}"
PALETTE = "--palette '2;3;4;5;6;8' --quantizer gptq:sym,aim --scorer taqo"
UNIFORM, MEASURED = PALETTE + " --allocator uniform --budget {}.127", PALETTE + " --allocator mckp --budget {}"
BUDGETS = ("2.5", "3.127", "3.5", "4.127")
# The high-impact presets' budgets are what these take on nano-llama: optimised and fixed ratios compare at the same bytes.
FIXED_RATIO = {"hir-w2": "hir:bits=2,high=3,ratio=0.1", "hir-w2-gptq": "hir:bits=2,high=3,ratio=0.1,gptq,aim,sym",
               "hir-w3": "hir:bits=3,high=4,ratio=0.1"}
REFINED = ["gptq:bits=2,refine=2", "gptq:bits=3,refine=2"]
AIM = [f"{spec},aim" for spec in GRID]
SPECS = [*GRID, *(f"{name}:bits={bits}" for name in ("rtn", "awq", "hqq") for bits in (2, 3, 4)), *AIM, *REFINED,
         "signround:bits=3", *(f"gptq:bits=2,group={group}{aim}" for group in (64, 32) for aim in ("", ",aim"))]
FEW_SPECS = [*GRID, *AIM, "rtn:bits=4", "awq:bits=4"]
FEW_PRESETS = ["best-3bit", "best-4bit", "fast", "taq", "taq-kl"]
DRAWN = dict(zip([*REFINED, "calm"], (2, 3, 3)))  # name -> width to compare with


def by_task(tasks, jobs, function):
    """function(task) of every task, `jobs` of them side by side."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return dict(zip(tasks, pool.map(function, tasks)))


def quoted(lines):
    return ", ".join(f"`mpq {line}`" for line in lines)


def demo(bench, options):
    """README: what the demo prints, in float32; in bfloat16 the same plans, measured anew in float32."""
    work = {dtype: f"{bench.folder}/facts-{dtype}" for dtype in DTYPES}
    evaluation = eval_line(f"{work['bfloat16']}/out", "facts", work["float32"])
    compared = bench.run([demo_line(work["float32"], "float32")])["run"]["comparison"]["rows"]
    spec = compared[1]["name"].removeprefix("uniform ")
    chosen = bench.run([demo_line(work["bfloat16"], "bfloat16"), evaluation])
    uniform = plan_lines(work["bfloat16"], "bfloat16", ONE_SPEC.format(spec)) + [evaluation]
    full = [measured(row, row["result"]) for row in compared]
    half = [None, bench.measure(uniform), measured(chosen["run"]["quantize"], chosen["eval"]["result"])]
    names = {"full precision": "", "best uniform plan within 3.5 bits": f"`{spec}`", "chosen at 3.5 bits": "measured KL, exact knapsack"}
    columns = ["bits", "EM", "task KL", "text KL", "perplexity"]
    rows = [beside({"checkpoint": name, "plan": plan}, columns, *pair) for (name, plan), *pair in zip(names.items(), full, half)]
    how = (f"`mpq {demo_line('WORK', 'float32')}`, as `tools/demo.sh`; in bfloat16 the same with `--dtype bfloat16`, its two checkpoints "
           f"measured by `mpq {eval_line('WORK/out', 'facts', 'WORK-float32')}`, the uniform one made by "
           f"{quoted(plan_lines('WORK', 'bfloat16', ONE_SPEC.format('SPEC')))}.")
    yield "demo", "README.md", 1, rows, how, [count_differing(list(zip(full, half))[1:])]


def tasks(bench, options):
    """docs/nano-tasks.md, and README's ratios of it."""
    plans = {f"uniform {bits}": UNIFORM.format(bits) for bits in (2, 3, 4)}
    plans |= {f"taqo + mckp {budget}": MEASURED.format(budget) for budget in BUDGETS}
    plans |= {f"paper's {name}": PRESET.format(name) for name in ("taq", "taq-kl", "taqo")}

    def measure(task):
        return [[bench.measure(row_lines(bench.folder, task, dtype, plan)) for plan in plans.values()] for dtype in options.dtypes]

    rows, pairs = [], []
    for task, found in by_task(options.tasks, options.jobs, measure).items():
        for results in found:
            add_ratio(results[3:], results[:3])
        columns = ["bits", "task KL", "ratio", "text KL", "EM"]
        rows += [beside({"task": task, "plan": name}, columns, *pair) for name, *pair in zip(plans, *found)]
        pairs += zip(*found)
    how = (f"A row: {quoted(row_lines('WORK', 'TASK', 'DTYPE', 'OPTIONS'))}. OPTIONS of uniform B: `{UNIFORM.format('B')}`; of taqo + mckp "
           f"B: `{MEASURED.format('B')}`; of a paper's NAME: `{PRESET.format('NAME')}`.")
    yield "tasks", "docs/nano-tasks.md", 2, rows, how, [count_differing(pairs)] if len(options.dtypes) > 1 else []
    ratios = []
    for budget in BUDGETS:
        same = [row for row in rows if row["plan"] == f"taqo + mckp {budget}"]
        ratios.append({"bits": f"{float(same[0]['bits']):.2f}"} |
                      {dtype + row["task"]: row[dtype + "ratio"] for dtype in ("", "bfloat16: ") for row in same
                       if dtype + "ratio" in row})
    yield "ratios", "README.md", 1, ratios, "Of the rows of `docs/nano-tasks.md`, where their command lines stand.", []


def verified_row(task, plan):
    verified = plan["verified"]
    ours, uniform, difference = verified["plan"], verified["uniform"], verified["difference"]
    worse = difference["kl"] > 2 * difference["kl_stderr"]
    def kl(of, digits=3):
        return f"{of['kl']:.{digits}g} ± {of['kl_stderr']:.1g}"
    return {"task": task, "budget": f"{plan['budget']['value']:g}", "bits": f"{plan['achieved']['effective_bits']:.3f}",
            "uniform's bits": f"{uniform['effective_bits']:.3f}", "held-out KL": kl(ours), "uniform's": kl(uniform),
            "difference": kl(difference, 2), "sign test p": f"{difference['sign_test_p']:.1g}",
            "text KL beyond uniform's": f"{verified['general_text']['excess']:+.2g}",
            "measured / predicted": f"{ours['measured_over_predicted']:.2f}", "kept": verified["kept"]}, worse


def verified(bench, options):
    """docs/verified.md: plan.json's own evidence, on the held-out quarter of the calibration prompts."""
    def lines(work, task):
        common = f"--work {work} --dtype float32"
        return [f"calibrate --model {MODEL} --task {task_file(task)} {common}",
                f"allocate --budget 2.5 3 3.5 4 5 --out {work}/plan.json {common}"]

    found = by_task(options.tasks, options.jobs, lambda task: bench.run(lines(f"{bench.folder}/{task}", task))["allocate"])
    rows = [verified_row(task, plan) for task, result in found.items() for plan in result["plans"]]
    ranks = ", ".join(f"{task} {result['additivity']['rank_correlation']:.3f}" for task, result in found.items())
    worse = sum(worse for _, worse in rows)
    notes = [f"Plans that measured worse than the uniform one by more than two standard errors: {worse} of {len(rows)}. Rank "
             f"correlation of predicted and measured loss over the ten plans of a task: {ranks}."]
    yield "verified", "docs/verified.md", 2, [row for row, _ in rows], f"A task: {quoted(lines('WORK', 'TASK'))}.", notes


def spec_plan(spec):
    """Symmetric but for those that have zero points to optimise."""
    return ONE_SPEC.format(spec if spec.startswith("hqq") else f"{spec},sym")


def method_plans(task):
    """(name, options) of the rows: all on facts, where the slow presets come last; elsewhere a few."""
    names = sorted((os.path.splitext(os.path.basename(path))[0] for path in glob.glob(f"{ROOT}/configs/*.json")),
                   key=lambda name: (name in FIXED_RATIO, name))
    whole = task == "facts"
    yield from ((f"uniform {spec}", spec_plan(spec)) for spec in (SPECS if whole else FEW_SPECS))
    for name in names if whole else FEW_PRESETS:
        yield name, PRESET.format(name)
        if name in FIXED_RATIO:
            yield f"{name}, fixed ratio 0.1", FIXED.format(name, FIXED_RATIO[name])


def methods(bench, options):
    """docs/results.md: every preset and the plain baselines."""
    columns = ["bytes", "bits", "EM", "F1", "task KL", "ratio", "text KL", "perplexity"] + options.timing * ["seconds", "peak MB"]

    def measure(task):
        return [(name, bench.measure(row_lines(bench.folder, task, "float32", plan))) for name, plan in method_plans(task)]

    rows = []
    for task, found in by_task(options.tasks, options.jobs, measure).items():
        add_ratio([row for _, row in found[3:]], [row for _, row in found[:3]])
        rows += [beside({"task": task, "plan": name}, columns, row) for name, row in found]
    fixed = "; ".join(f"`{FIXED.format(name, palette)}`" for name, palette in FIXED_RATIO.items())
    how = (f"A row: {quoted(row_lines('WORK', 'TASK', 'float32', 'OPTIONS'))}. OPTIONS of uniform SPEC: `{ONE_SPEC.format('SPEC,sym')}` "
           f"(hqq without `sym`); of a preset NAME: `{PRESET.format('NAME')}`; of the fixed ratios: {fixed}.")
    yield "methods", "docs/results.md", 2, rows, how, []


def draw_rows(bench, task, draw):
    """Figures of the grid and of the plans, calibrated on 300 of the task's 400 prompts."""
    path = f"{bench.folder}/{task}-{draw}.jsonl"
    write(path, "".join(random.Random(f"{task} {draw}").sample(read(task_file(task)).splitlines(True), 300)))
    plans = {name: PRESET.format(name) if name == "calm" else spec_plan(name) for name in (*GRID, *DRAWN)}
    rows = {name: bench.measure(row_lines(f"{bench.folder}/{draw}", task, "float32", plan, path)) for name, plan in plans.items()}
    add_ratio(rows.values(), [rows[spec] for spec in GRID])
    return rows


def draws(bench, options):
    """docs/results.md: over draws of the calibration prompts, the geometric mean of a plan's ratio, and how much plain GPTQ varies."""
    rows, count = [], 4
    drawn = by_task(options.tasks[:3], options.jobs, lambda task: [draw_rows(bench, task, draw) for draw in range(count)])
    for task, found in drawn.items():
        for name, bits in DRAWN.items():
            logarithms = [math.log(row[name]["ratio"]["mean"]) for row in found]
            mean, spread = math.exp(statistics.mean(logarithms)), statistics.stdev(logarithms)
            luck = statistics.stdev(math.log(row[GRID[bits - 2]]["task KL"]["mean"]) for row in found)
            rows.append({"task": task, "plan": name, "ratio over draws": f"{mean:.2f} ± {mean * spread / math.sqrt(count):.2f}",
                         "plain GPTQ of that width varies by": f"{100 * luck:.0f} %"})
    how = (f"A draw: 300 of a task's calibration prompts (`random.Random(\"TASK DRAW\")`, DRAW 0 to {count - 1}), then "
           f"{quoted(row_lines('WORK', 'TASK', 'float32', 'OPTIONS', 'PROMPTS'))} with OPTIONS as in the table of all methods.")
    yield "draws", "docs/results.md", 2, rows, how, []


TABLES = {table.__name__: table for table in (demo, tasks, verified, methods, draws)}


def git(*words):
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit():
    """Of what is measured: the documents themselves may have changed."""
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!README.md", ":!docs")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def made_by(bench, at):
    cpu = read("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpu)
    processor = f"{model[1] if model else 'unknown processor'} ({'with' if 'avx512_bf16' in cpu else 'without'} AVX512-BF16)"
    return (f"Made by `python3 tools/bench/tables.py {shlex.join(sys.argv[1:])}`: commit {at}, binary {bench.binary[:12]}, "
            f"{datetime.date.today()}, {processor}, {os.cpu_count()} cores, OMP_NUM_THREADS={bench.threads}.")


def emit(bench, options, table, at):
    for name, path, keys, rows, how, notes in TABLES[table](bench, options):
        text = table_text.markdown(rows)
        old = table_text.marked(name).search(git("show", f"HEAD:{path}"))  # a run that is repeated compares with the same
        if old:
            notes.append(table_text.unchanged(old[2], text, keys, old[1]))
        generated = "\n\n".join([f"{made_by(bench, at)} {how}", text, *filter(None, notes)])
        print(f"{path}, {name}\n\n{generated}\n", flush=True)
        if not options.print:
            write(path, table_text.place(read(path), name, at, generated))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", help="the binary, a release build")
    parser.add_argument("--only", default=",".join(TABLES), help="tables, by comma (default: all)")
    parser.add_argument("--tasks", default=",".join(TASKS), help="tasks, by comma (default: all)")
    parser.add_argument("--dtypes", default=",".join(DTYPES), help="of the tasks' table; bfloat16 is slow where the processor lacks it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="tasks that go side by side (default: as many as there are cores)")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "tables"))
    parser.add_argument("--resume", action="store_true", help="take finished rows from --work")
    parser.add_argument("--timing", action="store_true", help="seconds and peak memory in the methods' table (with --jobs 1)")
    parser.add_argument("--print", action="store_true", help="print the tables and leave the documents alone")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    options.only, options.tasks, options.dtypes = (text.split(",") for text in (options.only, options.tasks, options.dtypes))
    if unknown := [*set(options.only) - set(TABLES), *set(options.tasks) - set(TASKS)]:
        parser.error(f"unknown {', '.join(unknown)}: tables are {', '.join(TABLES)}, tasks {', '.join(TASKS)}")
    if not options.self_test and not options.mpq:
        parser.error("--mpq is missing")
    return options


def main():
    options = parse()
    if options.self_test:
        table_text.self_test()
        table_rows.self_test()
        return
    bench, at = Bench(options.mpq, options.work, options.resume), commit()
    for table in options.only:
        bench.start(table, THREADS.get(table, 1))
        emit(bench, options, table, at)


if __name__ == "__main__":
    main()
