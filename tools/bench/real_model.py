"""A real chat model at a budget: the task's mix, the mix without a task, and the best uniform plan, as docs/real-model.md.

Usage: python3 tools/bench/real_model.py --mpq build/release/mpq --model DIR [--budget 3.5] [--second 4] [--work DIR] [--print]

Calibrated on data/gsm8k/chats.calib.jsonl ("with the task") or on general text alone ("without"); measured on chats.eval.jsonl, on
code.txt and on wiki.txt of data/nano-llama/text, none of which a plan has seen. Seconds and peak memory are of the whole command.
Standard library only.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import table_text
from table_rows import ROOT, figure, read, write

TEXT = "data/nano-llama/text"
TASK = "data/gsm8k/chats.calib.jsonl"
EVALUATION = "data/gsm8k/chats.eval.jsonl"


def call(mpq, *arguments):
    """The command's JSON, its seconds and its peak resident bytes."""
    print("mpq", *arguments, file=sys.stderr, flush=True)
    start = time.monotonic()
    process = subprocess.Popen([mpq, *arguments, "--json", "--quiet"], stdout=subprocess.PIPE, cwd=ROOT)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"mpq {' '.join(arguments)}: exit status {process.returncode}")
    return json.loads(output), time.monotonic() - start, usage.ru_maxrss * 1024


def documents(work):
    """General text as a task file, for the mix without a task."""
    path = os.path.join(work, "documents.jsonl")
    paragraphs = [part.strip() for part in read(f"{TEXT}/calib.txt").split("\n\n") if len(part.strip()) > 200]
    write(path, "".join(json.dumps({"text": part}) + "\n" for part in paragraphs[:160]))
    return path


def evaluated(mpq, model, reference, work):
    """Figures of one checkpoint: on the chats with the encyclopedia, then on code."""
    common = ("eval", "--model", model, "--reference", reference, "--work", work, "--windows", "20", "--window", "512")
    first, _, _ = call(mpq, *common, "--task", EVALUATION, "--max-prompt-tokens", "512", "--text", f"{TEXT}/wiki.txt")
    second, _, _ = call(mpq, *common, "--text", f"{TEXT}/code.txt")
    result = first["result"]
    return {"bytes": first["file_bytes"], "task": result["task_divergence"]["kl"], "agreement": result["task_divergence"]["top1_agreement"],
            "wiki": result["text_divergence"]["kl"], "perplexity": result["perplexity"], "code": second["result"]["text_divergence"]["kl"]}


def line(name, bits, figures, seconds="", peak=""):
    cells = [name, bits, f"{figures['bytes']}", *(figure(figures[key]) for key in ("task", "agreement", "wiki", "code", "perplexity")),
             seconds, peak]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--budget", default="3.5")
    parser.add_argument("--second", default="4", help="a second budget from the same scoring")
    parser.add_argument("--work", default="build/real-model")
    parser.add_argument("--print", action="store_true", help="change no document")
    options = parser.parse_args()
    mpq = os.path.abspath(options.mpq)
    rows = ["| plan | bits a weight | file bytes | chats KL | same next token | wiki KL | code KL | wiki perplexity | seconds | peak MB |",
            "|---|---|---|---|---|---|---|---|---|---|"]
    rows.append(line("full precision", "16", evaluated(mpq, options.model, options.model, options.work + "/work-task")))
    for name, task in (("with the task", TASK), ("without a task", documents(options.work))):
        work, out = (f"{options.work}/{part}-{name.split()[0]}" for part in ("work", "out"))
        done, seconds, peak = call(mpq, "run", "--model", options.model, "--task", task, "--budget", options.budget, "--work", work,
                                   "--out", out, "--overwrite")
        bits = f"{done['quantize']['effective_bits']:.3f}"
        rows.append(line(f"mpq, {name}", bits, evaluated(mpq, out, options.model, work), f"{seconds:.0f}", f"{peak / 1e6:.0f}"))
    work = f"{options.work}/work-with"
    plan = f"{options.work}/plan-uniform.json"
    call(mpq, "allocate", "--work", work, "--budget", options.budget, "--allocator", "uniform", "--no-verify", "--out", plan)
    done, seconds, peak = call(mpq, "quantize", "--work", work, "--plan", plan, "--out", f"{options.work}/out-uniform", "--overwrite")
    rows.append(line("uniform, the same calibration", f"{done['effective_bits']:.3f}",
                     evaluated(mpq, f"{options.work}/out-uniform", options.model, work)))
    _, seconds, peak = call(mpq, "allocate", "--work", work, "--budget", options.second, "--out", f"{options.work}/plan-second.json")
    note = f"A second budget ({options.second} bits) from the same scoring, verified: {seconds:.0f} s, {peak / 1e6:.0f} MB."
    print("\n".join([*rows, "", note]))
    if not options.print:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        write("docs/real-model.md", table_text.place(read("docs/real-model.md"), "real-model", commit, "\n".join([*rows, "", note])))


if __name__ == "__main__":
    main()
