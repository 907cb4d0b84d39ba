"""Times GPTQ W4 group 128 of whole models beside llm-compressor and GPTQModel, and measures peak memory, all in one run.

Usage: python tools/bench/whole_run.py --mpq build/release/mpq [--peers llmcompressor,gptqmodel] [--work DIR] [--out whole_run.json]

Random bfloat16 llamas of 4 and 8 layers (random_llama.py; hidden 1024, ffn 2816), the last 256 tokens of 32 prompts. Each run is a process of
its own. Seconds per layer are a quarter of the difference between 8 and 4 layers, so that imports, loading and tokenizing do not count; mpq's
are of calibrate and quantize together. Memory is the process's peak resident set, and the peak without the pages of mapped files, which
the system can drop (sampled every 20 ms). Peers are installed into build/bench-venv when asked for, one solution for both: GPTQModel 7.7
needs a newer torch than llm-compressor 0.14 takes. All order columns by activation; the peers take 8 prompts a batch.
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
TORCH = "torch==2.13.0"
PACKAGES = ["llmcompressor==0.14.0.1", "gptqmodel==7.6.0"]
LAYERS = (4, 8)
STAGES = (("qkv", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")), ("o", ("self_attn.o_proj",)),
          ("gate_up", ("mlp.gate_proj", "mlp.up_proj")), ("down", ("mlp.down_proj",)))

PEERS = {
    "llmcompressor": """
import torch
from datasets import Dataset
from llmcompressor import oneshot
from llmcompressor.modifiers.quantization import GPTQModifier
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.bfloat16)
data = Dataset.from_list([{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in IDS])
oneshot(model=model, dataset=data, recipe=GPTQModifier(targets="Linear", scheme="W4A16", ignore=["lm_head"]),
        max_seq_length=256, num_calibration_samples=32, batch_size=8, output_dir=OUT)
""",
    "gptqmodel": """
from gptqmodel import GPTQModel, QuantizeConfig
model = GPTQModel.load(MODEL, QuantizeConfig(bits=4, group_size=128), device="cpu")
model.quantize([{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in IDS], batch_size=8)
model.save(OUT)
""",
}


class Peak(threading.Thread):
    """Peak resident memory of a process without file pages, sampled until the process ends."""

    def __init__(self, pid):
        super().__init__()
        self.path, self.anonymous = f"/proc/{pid}/status", 0

    def run(self):
        while True:
            try:
                with open(self.path, encoding="ascii") as file:
                    kilobytes = next((int(line.split()[1]) for line in file if line.startswith("RssAnon:")), None)
            except OSError:
                return
            if kilobytes is None:  # a zombie has no memory
                return
            self.anonymous = max(self.anonymous, kilobytes * 1024)
            time.sleep(0.02)


def timed(command, folder):
    """Seconds, peak bytes, and peak bytes without file pages of a command in a process of its own; peers leave logs in its `folder`."""
    log = os.path.join(folder, "log.txt")
    workers = max(2, (os.cpu_count() + 1) // 2)  # GPTQModel's default, but it fails with the one worker that it takes on two cores
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "GPTQMODEL_CPU_WORKERS": str(workers)}
    start = time.monotonic()
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, env=environment)
        peak = Peak(process.pid)
        peak.start()
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    peak.join()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)[:200]}: exit status {process.returncode}, see {log}")
    return {"seconds": seconds, "peak": usage.ru_maxrss * 1024, "anonymous": peak.anonymous}


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


def run_mpq(mpq, model, layers, folder):
    work = os.path.join(folder, f"mpq-{layers}")
    shutil.rmtree(work, ignore_errors=True)
    common = ["--work", work, "--dtype", "bfloat16", "--quiet"]
    calibrate = timed([mpq, "calibrate", "--model", model, "--task", f"{model}/calib.jsonl", "--holdout", "0", "--max-tokens", "256",
                       "--text-windows", "0", *common], folder)
    plan = write_plan(work, layers)
    quantize = timed([mpq, "quantize", "--plan", plan, "--out", os.path.join(work, "out"), "--overwrite", *common], folder)
    return {"calibrate": calibrate["seconds"], "quantize": quantize["seconds"], "seconds": calibrate["seconds"] + quantize["seconds"],
            "peak": max(calibrate["peak"], quantize["peak"]), "anonymous": max(calibrate["anonymous"], quantize["anonymous"])}


def run_peer(peer, mpq, model, layers, folder):
    out = os.path.join(folder, f"{peer}-{layers}")
    shutil.rmtree(out, ignore_errors=True)
    lines = subprocess.run([mpq, "tokenize", "--model", model, "--task", f"{model}/calib.jsonl", "--quiet"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    ids = [json.loads(line)[-256:] for line in lines]  # their ends, as mpq
    script = os.path.join(folder, f"run_{peer}.py")  # not the name of the package
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"MODEL, OUT = {model!r}, {out!r}\nIDS = {ids!r}\n{PEERS[peer]}")
    return timed([PYTHON, script], folder)


def install():
    """torch first and pinned beside the others: alone they would bring its CUDA build. Packages that are there stay."""
    if not os.path.exists(PYTHON):
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", TORCH], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", TORCH, *PACKAGES], check=True)


def table(results):
    lines = ["| | seconds a layer | seconds, 4 layers | seconds, 8 layers | peak, 4 layers | peak, 8 layers | 8 layers without file pages |",
             "|---|---|---|---|---|---|---|"]
    for name, runs in results.items():
        small, large = (runs[layers] for layers in LAYERS)
        for key, label in (("seconds", name), ("calibrate", "of it calibrate"), ("quantize", "of it quantize")):
            if key in large:
                slope = (large[key] - small[key]) / (LAYERS[1] - LAYERS[0])
                line = f"| {label} | {slope:.2f} | {small[key]:.1f} | {large[key]:.1f} |"
                memory = [f"{value / 1e6:.0f} MB" for value in (small["peak"], large["peak"], large["anonymous"])] if key == "seconds" else [""] * 3
                lines.append(f"{line} {' | '.join(memory)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpq", required=True)
    parser.add_argument("--peers", default="", help="comma-separated: llmcompressor, gptqmodel")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "whole-run"), help="models, outputs and log.txt (default: build/whole-run)")
    parser.add_argument("--out")
    options = parser.parse_args()
    peers = [peer for peer in options.peers.split(",") if peer]
    if unknown := set(peers) - set(PEERS):
        parser.error(f"--peers: expected {' or '.join(PEERS)}, found {', '.join(sorted(unknown))}")
    if peers:
        install()
    folder, mpq = os.path.abspath(options.work), os.path.abspath(options.mpq)
    os.makedirs(folder, exist_ok=True)
    results = {}
    for layers in LAYERS:
        model = os.path.join(folder, f"llama-{layers}")
        if not os.path.exists(os.path.join(model, "calib.jsonl")):  # random_llama.py writes it last
            subprocess.run([sys.executable, os.path.join(HERE, "random_llama.py"), model, "--layers", str(layers)], check=True)
        results.setdefault("mpq", {})[layers] = run_mpq(mpq, model, layers, folder)
        for peer in peers:
            results.setdefault(peer, {})[layers] = run_peer(peer, mpq, model, layers, folder)
    print(table(results))
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump({"machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0]}, "packages": [TORCH, *PACKAGES], "runs": results}, file,
                      indent=1)


if __name__ == "__main__":
    main()
