"""A real chat model at a budget: the task's mix, the mix without a task, the best uniform plan, and AutoRound's mix, as docs/real-model.md.

Usage: python3 tools/bench/real_model.py --mpq build/release/mpq --model DIR [--budget 3.5] [--second 4] [--work DIR] [--resume]
                                         [--task-only] [--autoround PYTHON [--iters 0,200]] [--print]

Calibrated on data/gsm8k/chats.calib.jsonl ("with the task") or on general text alone ("without"); measured on chats.eval.jsonl, on
code.txt and on wiki.txt of data/nano-llama/text, none of which a plan has seen. Seconds and peak memory are of the whole run. --resume takes what an earlier
run of the same binary finished. --autoround: the Python that AutoRound is installed for (tools/readers.sh autoround), for its rows.
Standard library only.
"""

import argparse
import json
import os
import shutil
import subprocess

import table_text
from table_rows import ROOT, Bench, figure, read, write
from tables import commit

TEXT = "data/nano-llama/text"
TASK = "data/gsm8k/chats.calib.jsonl"
EVALUATION = "data/gsm8k/chats.eval.jsonl"


def documents(path):
    """General text as a task file, for the mix without a task."""
    paragraphs = [part.strip() for part in read(f"{TEXT}/calib.txt").split("\n\n") if len(part.strip()) > 200]
    write(path, "".join(json.dumps({"text": part}) + "\n" for part in paragraphs[:160]))
    return path


def evaluated(bench, checkpoint, reference, work):
    """Figures of one checkpoint: on the chats with the encyclopedia, then on code."""
    line = f"eval --model {checkpoint} --reference {reference} --work {work} --windows 20 --window 512"
    first = bench.run([f"{line} --task {EVALUATION} --max-prompt-tokens 512 --text {TEXT}/wiki.txt"])["eval"]
    second = bench.run([f"{line} --text {TEXT}/code.txt"])["eval"]
    result = first["result"]
    found = {"chats KL": result["task_divergence"]["kl"], "same next token": result["task_divergence"]["top1_agreement"],
             "wiki KL": result["text_divergence"]["kl"], "code KL": second["result"]["text_divergence"]["kl"],
             "wiki perplexity": result["perplexity"]}
    return {"file bytes": str(first["file_bytes"])} | {column: figure(value) for column, value in found.items()}


def quantized(bench, options, task, work):
    """`mpq run` for a task file: a row's cells."""
    made = bench.run([f"run --model {options.model} --task {task} --budget {options.budget} --work {work} --out {work}/out --overwrite"])
    return ({"bits": f"{made['run']['quantize']['effective_bits']:.3f}"} | evaluated(bench, f"{work}/out", options.model, work) |
            {"seconds": f"{made['seconds']:.0f}", "peak MB": f"{made['peak'] / 1e6:.0f}"})


def uniform(bench, options, work):
    """The best uniform plan of the budget, from the task's calibration."""
    plan, out = f"{work}/plan-uniform.json", f"{work}/out-uniform"
    made = bench.run([f"allocate --work {work} --budget {options.budget} --allocator uniform --no-verify --out {plan}",
                      f"quantize --work {work} --plan {plan} --out {out} --overwrite"])
    return {"bits": f"{made['quantize']['effective_bits']:.3f}"} | evaluated(bench, out, options.model, work)


def autoround(bench, options, iterations):
    """AutoRound's AutoScheme at the same bits for the same chats (autoround_row.py), read and measured by mpq."""
    out = os.path.join(ROOT, bench.folder, f"autoround-{iterations}")
    said = f"{out}.json"
    if not (options.resume and os.path.exists(said)):
        shutil.rmtree(out, ignore_errors=True)
        line = [options.autoround, os.path.join(os.path.dirname(__file__), "autoround_row.py"), "--model", options.model, "--task", TASK,
                "--bits", options.budget, "--iters", str(iterations), "--out", out]
        write(said, subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout)
    made = json.loads(read(said))
    name = "AutoRound, AutoScheme, " + (f"SignRound of {iterations} steps" if iterations else "optimized RTN")
    return ({"plan": name, "bits": f"{made['bits']:.3f}"} | evaluated(bench, out, options.model, f"{bench.folder}/task") |
            {"seconds": f"{made['seconds']:.0f}", "peak MB": f"{made['peak MB']:.0f}"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--budget", default="3.5")
    parser.add_argument("--second", default="4", help="a second budget from the same scoring")
    parser.add_argument("--work", default="build/real-model")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--task-only", action="store_true", help="leave out the run without a task")
    parser.add_argument("--autoround", help="the Python of AutoRound's venv")
    parser.add_argument("--iters", default="0", help="of AutoRound, by comma: 0 rounds to nearest, 200 is SignRound")
    parser.add_argument("--print", action="store_true", help="change no document")
    options = parser.parse_args()
    bench = Bench(options.mpq, options.work, options.resume)
    bench.start("rows")
    work = f"{bench.folder}/task"
    task = {"plan": "mpq, with the task"} | quantized(bench, options, TASK, work)
    even = {"plan": "uniform, the task's calibration"} | uniform(bench, options, work)
    full = {"plan": "full precision", "bits": "16"} | evaluated(bench, options.model, options.model, work)
    rows = [task, even, full]
    if not options.task_only:
        documents_file = documents(f"{bench.folder}/documents.jsonl")
        rows.insert(1, {"plan": "mpq, without a task"} | quantized(bench, options, documents_file, f"{bench.folder}/none"))
    if options.autoround:
        rows[-1:-1] = [autoround(bench, options, int(iterations)) for iterations in options.iters.split(",")]
    second = bench.run([f"allocate --work {work} --budget {options.second} --out {work}/plan-second.json"])
    text = (f"{table_text.markdown(rows)}\n\nA second budget ({options.second} bits) from the same scoring, verified: "
            f"{second['seconds']:.0f} s, {second['peak'] / 1e6:.0f} MB.")
    print(text)
    if not options.print:
        write("docs/real-model.md", table_text.place(read("docs/real-model.md"), "real-model", commit(), text))


if __name__ == "__main__":
    main()
