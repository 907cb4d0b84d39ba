"""GGUF files of one model at equal bytes: llama.cpp's own mixes, with the importance matrix of general text or of the task, and mpq's.

Usage: python3 tools/bench/gguf_table.py --mpq build/release/mpq --model DIR [--bits 2.5,3,3.5,4] [--types Q2_K,Q3_K_M,Q4_K_M]
                                          [--task FILE --evaluation FILE] [--files DIR] [--work DIR] [--threads N] [--only-files] [--print]

llama.cpp's converter and tools (tools/readers.sh llamacpp, in $MPQ_READERS) make a bfloat16 file, one importance matrix of the general text that mpq uses
too and one of the task's prompts as `mpq tokenize --show` renders them, and from each of them the types of --types and those whose files
come nearest to --bits a weight (all weights of the file: where rows are no multiple of 256, llama.cpp falls back to 32-wise types, and
its files have a floor). For every size mpq writes a GGUF of at most those bytes, all from one scoring. Every file is then read
by `mpq eval`, against the model at full precision, on chats and text that neither calibration nor a matrix has seen. Files that are there
are not made again, nor are rows of the same binary and files measured again. Standard library only.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys

import table_text
from real_model import EVALUATION, TASK, TEXT
from table_rows import ROOT, Bench, figure, read, write
from tables import commit

TYPES = ("Q2_K", "Q3_K_M", "Q4_K_M")
# What --bits chooses from; one of equal size is the last.
CANDIDATES = ("Q2_0", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "Q2_K_S", "Q2_K", "IQ3_XXS", "IQ3_XS", "IQ3_S", "IQ3_M", "Q3_K_S", "Q3_K_M", "Q3_K_L",
              "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M")
CHUNKS = "100"  # of 512 tokens at most, of an importance matrix; more change little
CONVERTER = "tests/interop/readers/llamacpp_convert.py"
MATRICES = {"general": "general text", "task": "the task"}


class Llama:
    """llama.cpp's files of one model in a folder."""

    def __init__(self, options):
        readers = os.path.abspath(os.environ.get("MPQ_READERS") or os.path.join(ROOT, ".readers"))
        self.program = f"{readers}/llamacpp"
        if not os.path.exists(f"{self.program}.installed"):
            sys.exit("reader llamacpp is not installed; tools/readers.sh llamacpp")
        self.mpq, self.model, self.task = os.path.abspath(options.mpq), os.path.abspath(options.model), options.task
        self.folder, self.threads = os.path.abspath(options.files), options.threads
        os.makedirs(self.folder, exist_ok=True)
        self.full = self.make("bf16.gguf", lambda out: [f"{self.program}/bin/python", f"{ROOT}/{CONVERTER}", self.model, "--outtype", "bf16", "--outfile", out])
        self.weights = sum(count_weights(f"{self.model}/{name}") for name in os.listdir(self.model) if name.endswith(".safetensors"))

    def run(self, command):
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
        return done

    def make(self, name, command):
        """The file of that name, made by command(path) if it is not there."""
        path = f"{self.folder}/{name}"
        if not os.path.exists(path):
            print(f"making {path}", file=sys.stderr, flush=True)
            part = f"{self.folder}/part-{name}"
            self.run(command(part))
            os.replace(part, path)
        return path

    def text(self, matrix):
        """The text of an importance matrix, as a file."""
        if matrix == "general":
            return f"{ROOT}/{TEXT}/calib.txt"
        path = f"{self.folder}/task.txt"
        if not os.path.exists(path):
            shown = self.run([self.mpq, "tokenize", "--show", "--json", "--quiet", "--holdout", "0", "--max-tokens", "512",
                              "--model", self.model, "--task", self.task, "--work", f"{self.folder}/work"]).stdout
            write(path, "".join("".join(piece["text"] for piece in prompt["pieces"]) for prompt in json.loads(shown)))
        return path

    def matrix(self, name):
        return self.make(f"imatrix-{name}.gguf", lambda out: [
            f"{self.program}/bin/llama-imatrix", "-m", self.full, "-f", self.text(name), "-o", out, "-c", "512", "--chunks", CHUNKS, "-t", self.threads, "--parse-special",
            "--no-ppl"])

    def quantized(self, kind, matrix):
        return self.make(f"{kind}-{matrix}.gguf", lambda out: [f"{self.program}/bin/llama-quantize", "--imatrix", self.matrix(matrix), self.full, out,
                                                               kind, self.threads])

    def size(self, kind):
        """Bytes of a type's file, without making it."""
        shown = self.run([f"{self.program}/bin/llama-quantize", "--dry-run", "--imatrix", self.matrix("general"), self.full, kind]).stderr
        return float(re.search(r"quant size\s*=\s*([\d.]+) MiB", shown)[1]) * 2**20

    def bits(self, size):
        return 8 * size / self.weights

    def chosen(self, options):
        """The types to make, by size."""
        sizes = {kind: self.size(kind) for kind in dict.fromkeys((*options.types, *CANDIDATES))}
        nearest = {min(reversed(CANDIDATES), key=lambda kind: abs(self.bits(sizes[kind]) - bits)) for bits in options.bits}
        for kind, size in sizes.items():
            print(f"{kind}: {self.bits(size):.3f} bits a weight", file=sys.stderr)
        return sorted({*options.types, *nearest}, key=sizes.get)


def count_weights(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def evaluated(bench, llama, file, options):
    line = (f"eval --model {file} --reference {options.model} --task {options.evaluation} --max-prompt-tokens 512 --text {TEXT}/wiki.txt "
            f"--windows 20 --window 512 --work {bench.folder}/eval")
    result, size = bench.run([line], [file])["eval"]["result"], os.path.getsize(file)
    return {"file bytes": str(size), "bits a weight": f"{llama.bits(size):.3f}", "task KL": figure(result["task_divergence"]["kl"]),
            "same next token": figure(result["task_divergence"]["top1_agreement"]), "text KL": figure(result["text_divergence"]["kl"]),
            "perplexity": figure(result["perplexity"]), "exact match": figure(result.get("exact_match"))}


def mixed(bench, options, size):
    """mpq's file of at most `size` bytes."""
    work = f"{bench.folder}/task"
    out = f"{work}/out-{size}"
    made = bench.run([f"calibrate --model {options.model} --task {options.task} --work {work}"])
    made = bench.run([f"allocate --format gguf --target gguf --target-size {size} --work {work} --out {work}/plan-{size}.json",
                      f"quantize --plan {work}/plan-{size}.json --work {work} --out {out} --overwrite"])
    files = [name for name in os.listdir(os.path.join(ROOT, out)) if name.endswith(".gguf")]
    if len(files) != 1 or os.path.getsize(os.path.join(ROOT, out, files[0])) > size:
        sys.exit(f"{out}: expected one GGUF of at most {size} bytes, found {', '.join(files) or 'none'}")
    return os.path.join(ROOT, out, files[0])


def rows_of(bench, llama, options, kinds):
    files = {kind: {matrix: llama.quantized(kind, matrix) for matrix in MATRICES} for kind in kinds}
    if options.only_files:
        return
    yield {"file": "full precision, bfloat16", "calibrated on": ""} | evaluated(bench, llama, llama.full, options)
    for kind in kinds:
        for matrix, path in files[kind].items():
            yield {"file": f"llama.cpp {kind}", "calibrated on": MATRICES[matrix]} | evaluated(bench, llama, path, options)
        size = min(map(os.path.getsize, files[kind].values()))
        yield {"file": "mpq", "calibrated on": MATRICES["task"]} | evaluated(bench, llama, mixed(bench, options, size), options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", required=True)
    parser.add_argument("--model", required=True, help="a Hugging Face folder (make_smollm2.py makes one)")
    parser.add_argument("--task", default=TASK, help="calibrated on; paths are relative to the repository (default: school-maths chats)")
    parser.add_argument("--evaluation", default=EVALUATION, help="measured on")
    parser.add_argument("--bits", default="2.5,3,3.5,4", help="bits a weight of whole files, by comma")
    parser.add_argument("--types", default=",".join(TYPES), help="types of llama-quantize that are always there, by comma")
    parser.add_argument("--files", default="build/gguf-table/files", help="where llama.cpp's files lie")
    parser.add_argument("--work", default="build/gguf-table")
    parser.add_argument("--threads", default=str(os.cpu_count()), help="of llama.cpp; 1 where other work runs beside it: its threads spin")
    parser.add_argument("--only-files", action="store_true", help="make llama.cpp's files and stop")
    parser.add_argument("--print", action="store_true", help="change no document")
    options = parser.parse_args()
    options.bits, options.types = [float(word) for word in options.bits.split(",") if word], [word for word in options.types.split(",") if word]
    llama, bench = Llama(options), Bench(options.mpq, options.work, resume=True)
    bench.start("gguf")
    rows = list(rows_of(bench, llama, options, llama.chosen(options)))
    if options.only_files:
        return
    text = table_text.markdown(rows)
    print(text)
    if not options.print:
        write("docs/formats.md", table_text.place(read("docs/formats.md"), "gguf", commit(), text))


if __name__ == "__main__":
    main()
