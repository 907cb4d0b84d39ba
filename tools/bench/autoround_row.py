"""An AutoRound row of docs/real-model.md: AutoScheme's mix of widths for a task within a budget, written as a folder that mpq reads.

Usage: VENV/bin/python tools/bench/autoround_row.py --model DIR --task data/gsm8k/chats.calib.jsonl --bits 3.5 --out DIR [--iters 0|200]

VENV is AutoRound's own (tools/readers.sh autoround; 0.16.1, offline, on the CPU). Widths are W2A16, W3A16, W4A16 and W8A16, all weight-only
integers that its auto_round format packs, symmetric as by its default, from AutoScheme's scores on all of the task; then --iters 0 rounds
(AutoRound's optimized RTN, its default), 200 tunes by SignRound. All else is AutoRound's default. Prints one line of JSON: bits a weight as
AutoRound counts them (its target: scales and zero points too, not the embedding), seconds and peak memory of the whole run. Rows are
measured by `mpq eval`, as real_model.py measures its own. Standard library and what VENV holds.
"""

import argparse
import collections
import contextlib
import json
import logging
import os
import resource
import sys
import tempfile
import time

DATASET = "mpq-task"


def fitting_group(model):
    """128 as by AutoRound's presets, else the largest smaller power of two that divides all linears' inputs: 64 for a hidden size of 576.
    AutoRound would write 128 with a short last group, which mpq does not read. mpq's own plans halve the group likewise, linear by linear."""
    with open(os.path.join(model, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    sizes = (config["hidden_size"], config["intermediate_size"])
    return next(group for group in (128, 64, 32) if not any(size % group for size in sizes))


def packed_rows(tokenizer, options):
    """All chats in their template, one after the other, cut into rows: AutoRound drops samples shorter than a row, as every chat is, and
    cuts longer ones. Its own way of joining them, concat=true, fails on local files in 0.16.1 (a list has no shape)."""
    with open(options.task, encoding="utf-8") as file:
        documents = [json.loads(line) for line in file][:options.documents]
    ids = []
    for document in documents:
        text = tokenizer.apply_chat_template(document["messages"], tokenize=False) if "messages" in document else document["text"]
        ids += tokenizer(text, add_special_tokens="messages" not in document)["input_ids"]
    return [ids[start:start + options.seqlen] for start in range(0, len(ids) - options.seqlen + 1, options.seqlen)]


class StatedBits(logging.Handler):
    """AutoRound states its bits a weight in its log alone."""

    value = None

    def emit(self, record):
        if str(record.msg).startswith("AutoScheme final avg_bits"):
            self.value = round(record.args[0], 4)


def quantized(options, scratch):
    """Quantizes; AutoRound's folder, and what it says of it."""
    import dataclasses

    import datasets
    import transformers
    from auto_round import AutoRound, AutoScheme
    from auto_round.calib_dataset import register_dataset
    from auto_round.logger import logger
    from auto_round.schemes import preset_name_to_scheme

    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
    rows = packed_rows(tokenizer, options)
    group = options.group or fitting_group(options.model)

    @register_dataset(DATASET)  # AutoScheme takes a dataset by its name alone
    def task_rows(*_, **__):
        return datasets.Dataset.from_list([{"input_ids": row, "attention_mask": [1] * len(row)} for row in rows])

    widths = [dataclasses.replace(preset_name_to_scheme(name), group_size=group) for name in options.widths.split(",")]
    scheme = AutoScheme(avg_bits=options.bits, options=widths, nsamples=len(rows), seqlen=options.seqlen)
    run = AutoRound(options.model, tokenizer=tokenizer, scheme=scheme, iters=options.iters, dataset=DATASET, nsamples=len(rows),
                    seqlen=options.seqlen, device_map="cpu")
    stated = StatedBits()
    logger.addHandler(stated)
    _, folders = run.quantize_and_save(scratch, format="auto_round")
    linears = collections.Counter(layer["bits"] for layer in run.layer_config.values())
    return folders, {"bits": stated.value, "linears": dict(sorted(linears.items())), "group": group, "rows": len(rows)}


def main():
    start = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--bits", type=float, default=3.5)
    parser.add_argument("--out", required=True)
    parser.add_argument("--iters", type=int, default=0)
    parser.add_argument("--widths", default="W2A16,W3A16,W4A16,W8A16")
    parser.add_argument("--group", type=int, default=0, help="0: 128, or less where that does not divide")
    parser.add_argument("--seqlen", type=int, default=512)
    parser.add_argument("--documents", type=int, help="the first of the task alone, for a try")
    options = parser.parse_args()
    if os.path.exists(options.out):
        sys.exit(f"{options.out} exists")
    parent = os.path.dirname(os.path.abspath(options.out))
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as scratch, contextlib.redirect_stdout(sys.stderr):
        # AutoRound would take the scores of an earlier run of a dataset of this name.
        os.environ |= {"HF_HUB_OFFLINE": "1", "AR_AUTO_SCHEME_CACHE": f"{scratch}/scores", "AR_WORK_SPACE": f"{scratch}/work"}
        folders, said = quantized(options, f"{scratch}/out")
        os.rename(folders if isinstance(folders, str) else folders[0], options.out)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(said | {"iters": options.iters, "seconds": round(time.perf_counter() - start),
                             "CPU seconds": round(used.ru_utime + used.ru_stime), "peak MB": round(used.ru_maxrss * 1024 / 1e6)}))


if __name__ == "__main__":
    main()
