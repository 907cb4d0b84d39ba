"""Rows of figures of nano-llama: mpq's command lines, what they measured, and how two rows differ.

Bench keeps the JSON that a row's command lines gave in a file of the work folder, named by the SHA-256 of the binary, the number of
threads, the lines, the presets that they name and any other files that the caller does. Every row is measured in float32, whatever dtype made it. Standard library only.
"""

import hashlib
import json
import math
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time

from table_text import figure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = "data/nano-llama"


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    path = os.path.join(ROOT, path)
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".part", path)


def digest(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Bench:
    """Runs mpq from the repository's root."""

    def __init__(self, mpq, work, resume):
        self.mpq, self.resume = os.path.abspath(mpq), resume
        self.binary = digest(self.mpq)
        self.work = os.path.relpath(os.path.join(work, self.binary[:12]), ROOT)

    def start(self, table, threads=os.cpu_count()):
        """The table's own work folder, empty unless it is to go on; sums depend on the number of threads in their last digits."""
        self.folder, self.threads = f"{self.work}/{table}", threads
        if not self.resume:
            shutil.rmtree(os.path.join(ROOT, self.folder), ignore_errors=True)
        os.makedirs(os.path.join(ROOT, self.folder, "rows"), exist_ok=True)

    def run(self, lines, files=()):
        """The JSON of every command by its stage, with the seconds and the peak memory of all but eval."""
        presets = [read(word) for line in lines for word in shlex.split(line) if word.startswith("configs/")]
        path = f"{self.folder}/rows/{hashlib.sha256(json.dumps([self.binary, self.threads, lines, presets, *map(digest, files)]).encode()).hexdigest()}.json"
        if self.resume and os.path.exists(os.path.join(ROOT, path)):
            return json.loads(read(path))
        found, environment = {"seconds": 0.0, "peak": 0}, os.environ | {"OMP_NUM_THREADS": str(self.threads)}
        for line in lines:
            start = time.monotonic()
            process = subprocess.Popen([self.mpq, *shlex.split(line), "--json", "--quiet"], stdout=subprocess.PIPE, cwd=ROOT, env=environment)
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                sys.exit(f"mpq {line}: exit status {process.returncode}")
            seconds, result = time.monotonic() - start, json.loads(output)
            print(f"{seconds:7.1f} s  mpq {line}", file=sys.stderr, flush=True)
            found[result["stage"]] = result
            if result["stage"] != "eval":
                found |= {"seconds": found["seconds"] + seconds, "peak": max(found["peak"], usage.ru_maxrss * 1024)}
        write(path, json.dumps(found))
        return found

    def measure(self, lines):
        found = self.run(lines)
        return measured(found["quantize"], found["eval"]["result"], found["seconds"], found["peak"])


def task_file(task, part="calib"):
    return f"{MODEL}/tasks/{task}.{part}.jsonl"


def eval_line(out, task, work, options=""):
    """Always in float32, on the work folder that keeps the reference's states in it."""
    return (f"eval --model {out} --reference {MODEL} --task {task_file(task, 'eval')} --text {MODEL}/text/wiki.txt {options}--work {work} "
            "--dtype float32")


def plan_lines(folder, dtype, options):
    common = f"--work {folder} --dtype {dtype}"
    return [f"allocate --no-verify {options} --out {folder}/plan.json {common}",
            f"quantize --plan {folder}/plan.json --out {folder}/out --overwrite {common}"]


def row_lines(work, task, dtype, options, prompts=None):
    """One row: all of a task's calibration prompts, measured on the eval lines, which no plan has seen."""
    folder = f"{work}/{task}-{dtype}"
    return [f"calibrate --model {MODEL} --task {prompts or task_file(task)} --holdout 0 --max-prompts 400 --work {folder} --dtype {dtype}",
            *plan_lines(folder, dtype, options),
            eval_line(f"{folder}/out", task, f"{work}/{task}-float32", "--windows 40 --window 256 ")]


def demo_line(folder, dtype):
    return (f"run --model {MODEL} --task {task_file('facts')} --eval-task {task_file('facts', 'eval')} --eval-text {MODEL}/text/wiki.txt "
            f"--budget 3.5 --work {folder} --out {folder}/out --overwrite --dtype {dtype}")


def measured(written, result, seconds=0.0, peak=0):
    """A row's figures under the names of their columns."""
    return {"bits": written["effective_bits"], "bytes": written["bytes"], "EM": result.get("exact_match"), "F1": result.get("f1"),
            "task KL": result.get("task_divergence", {}).get("kl"), "text KL": result.get("text_divergence", {}).get("kl"),
            "perplexity": result["perplexity"], "seconds": seconds, "peak MB": peak / 1e6, "prompts": result["prompts"]}


def add_ratio(rows, uniform):
    """Task KL over the log-linear line through the rows `uniform`, where a row lies between them; the error is that of the row's own KL."""
    points = [(point["bits"], point["task KL"]["mean"]) for point in uniform]
    for row in rows:
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            if x0 - 1e-6 <= row["bits"] <= x1 + 1e-6:
                line = math.exp(math.log(y0) + (math.log(y1) - math.log(y0)) * (row["bits"] - x0) / (x1 - x0))
                row["ratio"] = {"mean": row["task KL"]["mean"] / line, "stderr": row["task KL"]["stderr"] / line}


def cell(row, column):
    value = row.get(column)
    if column == "ratio" and value:
        return f"{value['mean']:.2f} ± {value['stderr']:.2f}"
    if isinstance(value, (int, float)):
        return f"{value:.{3 if column == 'bits' else 0}f}"
    return figure(value)


def difference(full, half, column, prompt=None):
    """bfloat16's figure less float32's, with the standard error of the prompts' differences, or that of both figures' own errors."""
    error = math.hypot(full[column]["stderr"], half[column]["stderr"])
    if prompt:
        changes = [b[prompt] - a[prompt] for a, b in zip(full["prompts"], half["prompts"], strict=True) if prompt in a and prompt in b]
        error = statistics.stdev(changes) / math.sqrt(len(changes))
    return {"mean": half[column]["mean"] - full[column]["mean"], "stderr": error}


def beside(names, columns, full, half=None):
    """Cells of a row in float32 and, where there is one, in bfloat16."""
    row = names | {column: cell(full, column) for column in columns}
    if half:
        row |= {f"bfloat16: {column}": cell(half, column) for column in columns}
        row["bfloat16 - float32: task KL"] = figure(difference(full, half, "task KL", "kl"), 2)
    return row


def count_differing(pairs):
    """The closing sentence of a table with both dtypes."""
    def far(*what):
        differences = [difference(*pair, *what) for pair in pairs]
        return sum(abs(change["mean"]) > 2 * change["stderr"] for change in differences)

    return (f"Of {len(pairs)} rows, bfloat16's differ from float32's by more than two standard errors: task KL in {far('task KL', 'kl')} "
            f"by the difference paired by prompt and in {far('task KL')} by the figures' own errors, exact match in "
            f"{far('EM', 'exact_match')} (paired), text KL in {far('text KL')} (own errors).")


def self_test():
    def row(bits, kl, *prompts):
        fixed = {"mean": 0.5, "stderr": 0.1}
        return {"bits": bits, "task KL": {"mean": kl, "stderr": kl / 10}, "text KL": fixed, "EM": fixed,
                "prompts": [{"kl": value, "exact_match": 1.0} for value in prompts]}

    uniform, between = [row(2, 1e-2), row(3, 1e-3)], row(2.5, 1e-3, 1e-3, 2e-3, 3e-3)
    add_ratio([between, *uniform], uniform)
    assert cell(between, "ratio") == "0.32 ± 0.03" and cell(uniform[1], "ratio") == "1.00 ± 0.10" and cell(between, "bits") == "2.500"
    half = row(2.5, 1.1e-3, 1.1e-3, 2.1e-3, 3.11e-3)
    cells = beside({"plan": "x"}, ["task KL"], between, half)
    assert cells["bfloat16: task KL"] == "0.0011 ± 0.00011" and cells["bfloat16 - float32: task KL"] == "0.0001 ± 3.3e-06", cells
    said = count_differing([(between, half)])
    assert "Of 1 rows" in said and "task KL in 1 by the difference" in said and "and in 0 by the figures' own" in said, said
