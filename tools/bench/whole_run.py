"""Times GPTQ W4 group 128 of whole models beside llm-compressor and GPTQModel, and measures peak memory, all in one run.

Usage: python tools/bench/whole_run.py --mpq build/release/mpq [--peers llmcompressor,gptqmodel] [--work DIR] [--out whole_run.json]

Random bfloat16 llamas of 4 and 8 layers (random_llama.py; hidden 1024, ffn 2816), 32 x 256 calibration tokens. Seconds per layer are a quarter
of the difference between 8 and 4 layers, so that imports, loading and tokenizing do not count; memory is the process's peak resident
set, and for mpq also without the pages of mapped files (sampled every 20 ms), which the system can drop. Peers are installed into
build/bench-venv when asked for. GEMM is torch's own float32 rate, and the time of a layer's matrix products at that rate: the Hessians
(half of X^T X), three forward passes' worth of products, and the factors.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
VENV = os.path.join(ROOT, "build", "bench-venv")
PYTHON = os.path.join(VENV, "bin", "python")
PACKAGES = {"llmcompressor": ["llmcompressor==0.14.0.1"], "gptqmodel": ["gptqmodel==7.7.0"]}
LAYERS = (4, 8)
STAGES = (("qkv", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")), ("o", ("self_attn.o_proj",)),
          ("gate_up", ("mlp.gate_proj", "mlp.up_proj")), ("down", ("mlp.down_proj",)))

PEERS = {
    "llmcompressor": """
import sys
import torch
from datasets import Dataset
from llmcompressor import oneshot
from llmcompressor.modifiers.quantization import GPTQModifier
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.bfloat16)
data = Dataset.from_list([{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in IDS])
oneshot(model=model, dataset=data, recipe=GPTQModifier(targets="Linear", scheme="W4A16", ignore=["lm_head"]),
        max_seq_length=256, num_calibration_samples=32, output_dir=OUT)
""",
    "gptqmodel": """
from gptqmodel import GPTQModel, QuantizeConfig
model = GPTQModel.load(MODEL, QuantizeConfig(bits=4, group_size=128), device="cpu")
model.quantize([{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in IDS], batch_size=8)
model.save(OUT)
""",
}


class Peak:
    """Peak resident memory of a process without file pages, sampled."""

    def __init__(self, pid):
        self.anonymous, self.done = 0, False
        self.thread = threading.Thread(target=self.watch, args=(pid,))
        self.thread.start()

    def watch(self, pid):
        while not self.done:
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    lines = dict(line.split(":", 1) for line in file if ":" in line)
                self.anonymous = max(self.anonymous, int(lines.get("RssAnon", "0 kB").split()[0]) * 1024)
            except (OSError, ValueError):
                return
            time.sleep(0.02)

    def stop(self):
        self.done = True
        self.thread.join()


def timed(command, log):
    """Seconds, peak bytes, and peak bytes without file pages of a command in a process of its own."""
    start = time.monotonic()
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        peak = Peak(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        peak.stop()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)[:200]}: exit status {process.returncode}, see {log}")
    return time.monotonic() - start, usage.ru_maxrss * 1024, peak.anonymous


def write_plan(work, layers):
    """A uniform plan, as `mpq allocate` would write it."""
    with open(os.path.join(work, "manifest.json"), encoding="utf-8") as file:
        facts = json.load(file)["stages"]["calibrate"]
    units = [{"name": f"model.layers.{layer}.{stage}", "modules": [f"model.layers.{layer}.{m}" for m in modules],
              "spec": "gptq:bits=4,group=128,sym", "bytes": 0, "loss": 0} for layer in range(layers) for stage, modules in STAGES]
    path = os.path.join(work, "plan.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"schema": "mpq-plan/1", "model": {"path": facts["model"], "sha256": facts["model_sha256"]}, "text_share": 0,
                   "work": work, "units": units}, file)
    return path


def run_mpq(mpq, model, layers, folder, log):
    work = os.path.join(folder, f"mpq-{layers}")
    shutil.rmtree(work, ignore_errors=True)
    common = ["--work", work, "--dtype", "bfloat16", "--quiet"]
    calibrate = timed([mpq, "calibrate", "--model", model, "--task", f"{model}/calib.jsonl", "--holdout", "0", "--max-tokens", "256",
                       "--text-windows", "0", *common], log)
    plan = write_plan(work, layers)
    quantize = timed([mpq, "quantize", "--plan", plan, "--out", os.path.join(work, "out"), "--overwrite", *common], log)
    return {"calibrate": calibrate[0], "seconds": quantize[0], "peak": max(calibrate[1], quantize[1]),
            "anonymous": max(calibrate[2], quantize[2])}


def run_peer(peer, mpq, model, layers, folder, log):
    ids = subprocess.run([mpq, "tokenize", "--model", model, "--task", f"{model}/calib.jsonl", "--quiet"], capture_output=True, text=True,
                         check=True).stdout.splitlines()
    ids = [json.loads(line)[:256] for line in ids]
    out = os.path.join(folder, f"{peer}-{layers}")
    script = os.path.join(folder, f"{peer}.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"MODEL, OUT = {model!r}, {out!r}\nIDS = {ids!r}\n{PEERS[peer]}")
    seconds, peak, anonymous = timed([PYTHON, script], log)
    return {"seconds": seconds, "peak": peak, "anonymous": anonymous}


def install(peers):
    if not os.path.exists(PYTHON):
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "-q", "torch==2.13.0"], check=True)  # first: others would bring CUDA
    for peer in peers:
        subprocess.run([PYTHON, "-m", "pip", "install", "-q", *PACKAGES[peer]], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", required=True)
    parser.add_argument("--peers", default="", help="comma-separated: llmcompressor, gptqmodel")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "whole-run"))
    parser.add_argument("--out")
    options = parser.parse_args()
    peers = [peer for peer in options.peers.split(",") if peer]
    install(peers)
    os.makedirs(options.work, exist_ok=True)
    log = os.path.join(options.work, "log.txt")
    mpq = os.path.abspath(options.mpq)
    results = {}
    for layers in LAYERS:
        model = os.path.join(options.work, f"llama-{layers}")
        if not os.path.exists(os.path.join(model, "calib.jsonl")):
            subprocess.run([sys.executable, os.path.join(HERE, "random_llama.py"), model, "--layers", str(layers)], check=True)
        results.setdefault("mpq", {})[layers] = run_mpq(mpq, model, layers, options.work, log)
        for peer in peers:
            results.setdefault(peer, {})[layers] = run_peer(peer, mpq, model, layers, options.work, log)
    print("| | seconds a layer | seconds, 8 layers | peak, 4 layers | peak, 8 layers | without file pages |")
    print("|---|---|---|---|---|---|")
    for name, runs in results.items():
        a, b = (runs[layers] for layers in LAYERS)
        per_layer = (b["seconds"] - a["seconds"]) / (LAYERS[1] - LAYERS[0])
        print(f"| {name} | {per_layer:.2f} | {b['seconds']:.1f} | {a['peak'] / 1e6:.0f} MB | {b['peak'] / 1e6:.0f} MB | "
              f"{b['anonymous'] / 1e6:.0f} MB |", flush=True)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
