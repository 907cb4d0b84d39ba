"""What the readers share: token ids in, logits and greedy continuations out. Each reader runs in its own runtime's Python (tools/readers.sh)."""

import argparse
import json
import os
from pathlib import Path

import numpy as np

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def arguments(doc, **options):
    """Of the command line, and the prompts: one JSON array of ids a line, as `mpq tokenize` prints them."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("out", type=Path, help="an .npz: rows.N, float32 [tokens, vocab], row t scoring what follows token t; ids.N with the "
                        "tokens generated greedily at its end; leads.N, by how much each of them led, in nats")
    parser.add_argument("--new-tokens", type=int, default=12)
    for name, settings in options.items():
        parser.add_argument(f"--{name}", **settings)
    given = parser.parse_args()
    return given, [json.loads(line) for line in given.prompts.read_text().splitlines()]


def lead(row):
    second, first = np.partition(row, -2)[-2:]
    return first - second


def write(path, results):
    """results: of each prompt its rows, its ids with the generated ones, and these' leads."""
    arrays = {f"{name}.{index}": value for index, result in enumerate(results) for name, value in zip(("rows", "ids", "leads"), result)}
    np.savez(path, **arrays)


def run(given, prompts, forward):
    """forward: ids to float32 [tokens, vocab], without a cache."""
    results = []
    for prompt in prompts:
        rows = last = np.array(forward(prompt), np.float32)
        ids, leads = list(prompt), []
        while len(leads) < given.new_tokens:
            ids.append(int(last[-1].argmax()))
            leads.append(lead(last[-1]))
            last = np.array(forward(ids), np.float32)
        results.append((rows, ids, leads))
    write(given.out, results)
