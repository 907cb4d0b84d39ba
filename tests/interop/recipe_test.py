"""llama-quantize makes what mpq's recipe says.

 - With the files and the command line of `mpq export-recipe` llama-quantize makes a GGUF file whose every matrix has the type of its line, weighed
   by the importance matrix but for the embedding, and without fallbacks.
 - What mpq sums is what llama-imatrix sums of the same tokens.

    python tests/interop/recipe_test.py --mpq BINARY [--model DIR] [--work DIR]
"""

import json
import re
import subprocess

import gguf
import numpy as np
from common import check, encode
from reader import Reader

SPECS = ["gptq:bits=4,group=128,sym", "gptq:bits=2,group=32", "rtn:type=iq4_xs", "full", "awq+gptq:bits=3,group=64", "rtn:type=q4_0", "gptq:bits=8,group=128",
         "rtn:bits=5", "rtn:bits=6", "rtn:type=q5_1"]
CHUNK = 64
SAME = 1e-4  # of a channel's sum: float32 products in two orders


def run(*command, cwd=None):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=cwd)
    check(done.returncode == 0, f"{' '.join(map(str, command))}\nexited with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout + done.stderr


def export(reader, plan, out):
    """The result of `mpq export-recipe`."""
    path = reader.mpq.work / f"{out}.json"
    path.write_text(json.dumps(plan))
    return json.loads(reader.mpq.run("export-recipe", "--plan", path, "--out", out, "--json", "--quiet"))


def full_precision(reader, plan):
    """The model in bfloat16, as mpq writes it: llama.cpp's converter knows no tokenizer but those it has a hash of."""
    path = reader.mpq.work / "full.json"
    path.write_text(json.dumps({**plan, "units": []}))
    reader.mpq.run("quantize", "--plan", path, "--format", "gguf", "--out", "full")
    return reader.mpq.work / "full/model.gguf"


def imatrix(path):
    return {tensor.name: np.array(tensor.data) for tensor in gguf.GGUFReader(path).tensors}


def check_types(reader, plan, full):
    """Every line holds, and no other tensor is touched."""
    plan["units"] += [{"name": module, "modules": [module], "spec": spec} for module, spec in (("model.embed_tokens", "rtn:bits=6"), ("lm_head", "rtn:bits=5"))]
    for index, unit in enumerate(plan["units"][:-2]):
        unit["spec"] = SPECS[index % len(SPECS)]
    result = export(reader, plan, "recipe")
    check(result["convert"][-4:] == ["--outtype", "bf16", "--outfile", result["quantize"][-3]], f"the commands do not agree: {result}")
    full.rename(reader.mpq.work / result["quantize"][-3])
    log = run(reader.folder / f"bin/{result['quantize'][0]}", *result["quantize"][1:], cwd=reader.mpq.work)
    check("falling back" not in log, f"llama-quantize took other types:\n{log[-4000:]}")
    without = re.findall("did not find weights for (.*)", log)
    check(without == ["token_embd.weight"], f"without importance: {without}")
    lines = dict(line.split("=") for line in (reader.mpq.work / "recipe/tensor-types.txt").read_text().split())
    names = set()
    for tensor in gguf.GGUFReader(reader.mpq.work / result["quantize"][-2]).tensors:
        expected = [kind for pattern, kind in lines.items() if re.search(pattern, tensor.name)] or ["f32"]
        check([tensor.tensor_type.name.lower()] == expected, f"{tensor.name} is {tensor.tensor_type.name}, expected {expected}")
        names.add(expected[0])
    print(f"types: {len(lines)} lines hold, of {', '.join(sorted(names))}", flush=True)


def two_chunks(reader):
    """Two prompts of CHUNK tokens each that follow one another in a text that encodes to both."""
    text = (reader.given.source / "data/nano-llama/text/wiki.txt").read_text(encoding="utf-8")[:20000]
    ids = encode(reader.tokenizer, text)
    for start in range(len(ids) - 2 * CHUNK):
        chunks = [ids[start + CHUNK * i:start + CHUNK * (i + 1)] for i in (0, 1)]
        texts = [reader.tokenizer.decode(chunk) for chunk in chunks]
        if [encode(reader.tokenizer, text) for text in texts] == chunks and encode(reader.tokenizer, "".join(texts)) == sum(chunks, []):
            return texts
    raise SystemExit("FAILED: no text encodes to two chunks")


def check_sums(reader, plan, full):
    """One float32 model, the same tokens, the task alone."""
    texts, work = two_chunks(reader), reader.mpq.work
    task = work / "chunks.jsonl"
    task.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts), encoding="utf-8")
    reader.mpq.run("calibrate", "--model", reader.model, "--task", task, "--holdout", 0, "--work", work / "chunks", "--dtype", "float32")
    plan = {**plan, "text_share": 0, "units": []}
    for name in ("made_from", "task", "work"):
        plan.pop(name, None)
    (work / "sums.json").write_text(json.dumps(plan))
    reader.mpq.run("export-recipe", "--plan", work / "sums.json", "--out", work / "sums", "--work", work / "chunks", "--dtype", "float32")
    run(reader.folder / "bin/llama-quantize", full, work / "f32.gguf", "F32")
    (work / "chunks.txt").write_text("".join(texts), encoding="utf-8")
    run(reader.folder / "bin/llama-imatrix", "-m", work / "f32.gguf", "-f", work / "chunks.txt", "-o", work / "theirs.gguf", "-c", CHUNK, "-b", CHUNK,
        "--process-output", "-t", 1, "-ctk", "f32", "-ctv", "f32", "-fa", "off")
    mine, theirs = imatrix(work / "sums/imatrix.gguf"), imatrix(work / "theirs.gguf")
    check(mine.keys() == theirs.keys(), f"entries differ: {sorted(mine.keys() ^ theirs.keys())}")
    worst = 0
    for name, expected in theirs.items():
        check(mine[name].shape == expected.shape, f"{name} is {mine[name].shape}, expected {expected.shape}")
        worst = max(worst, (np.abs(mine[name] - expected) / expected).max())
    print(f"sums: {len(mine) // 2} entries as llama-imatrix has them, within {worst:.1e} of each channel", flush=True)
    check(worst <= SAME, f"sums differ from llama-imatrix's by {worst:.1e} of a channel; at most {SAME} is allowed")


def main():
    with Reader("llamacpp", __doc__) as reader:
        plan = reader.plan()
        full = full_precision(reader, plan)
        check_sums(reader, plan, full)
        check_types(reader, plan, full)


if __name__ == "__main__":
    main()
