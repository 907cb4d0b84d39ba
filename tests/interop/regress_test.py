"""The regression script on nano-llama: green against the stored baseline, red for a planted regression.

The baseline is made by this test's own command with --update:
tools/regress/regress.py --model data/nano-llama --task data/nano-llama/tasks/facts.calib.jsonl --budget 3.5
  --baseline tests/golden/regress/nano.json --update -- --scorer mse --text-windows 8
"""

import json
import subprocess
import sys
from xml.etree import ElementTree

import torch
from common import Mpq, arguments, check
from safetensors import safe_open

LIMITS = ("--max-drop", "5", "--max-kl", "0.001", "--max-bytes", "4.2MB")


def double_scales(folder, block):
    """What a broken kernel or a bad disk might do: one block's weights twice as large, in a file of the same size."""
    path = folder / "model.safetensors"
    with safe_open(str(path), "pt") as file:
        doubled = {name: 2 * file.get_tensor(name) for name in file.keys() if f"layers.{block}." in name and name.endswith("weight_scale")}
    check(doubled, f"block {block} has no scales")
    with open(path, "r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        for name, tensor in doubled.items():
            file.seek(8 + length + header[name]["data_offsets"][0])
            file.write(tensor.contiguous().view(torch.uint8).numpy().tobytes())


def main():
    given = arguments(__doc__)
    torch.set_num_threads(1)
    nano = given.source / "data/nano-llama"
    with Mpq(given.mpq, given.work) as mpq:
        def regress(*words):
            junit = mpq.work / "junit.xml"
            command = [sys.executable, given.source / "tools/regress/regress.py", "--mpq", mpq.binary, "--model", nano, "--task",
                       nano / "tasks/facts.calib.jsonl", "--budget", "3.5", "--baseline", given.source / "tests/golden/regress/nano.json",
                       "--work", mpq.work / "regress", "--junit", junit, *words, "--", "--scorer", "mse", "--text-windows", "8"]
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=mpq.work)
            suite = ElementTree.parse(junit).getroot()
            failed = [case.get("name") for case in suite if case.find("failure") is not None]
            check(int(suite.get("failures")) == len(failed), "the suite miscounts its failures")
            return done.returncode, failed, done.stdout + done.stderr

        status, failed, output = regress(*LIMITS)
        check(status == 0 and not failed, f"an unchanged quantization is red: {status} {failed}\n{output}")
        status, failed, output = regress("--max-bytes", "1MB")
        check((status, failed) == (7, ["max-bytes weight files"]), f"too many bytes: {status} {failed}\n{output}")
        double_scales(mpq.work / "regress/checkpoint", 2)
        status, failed, output = regress(*LIMITS)
        check((status, failed) == (7, ["check"]), f"a damaged checkpoint: {status} {failed}\n{output}")
        # The damage alone, measured: without the hashes it would have to show in the figures.
        reports = {}
        for name, folder in (("bad", "regress/checkpoint"), ("good", "clean")):
            if name == "good":
                mpq.run("quantize", "--plan", "regress/work/plan.json", "--work", "regress/work", "--out", "clean")
            reports[name] = mpq.work / f"{name}.json"
            mpq.run("eval", "--model", folder, "--reference", nano, "--task", nano / "tasks/facts.eval.jsonl", "--limit", "50",
                    "--out", reports[name])
        command = [str(mpq.binary), "diff", str(reports["good"]), str(reports["bad"]), "--max-drop", "5", "--max-kl", "0.001"]
        check(subprocess.run(command, capture_output=True).returncode == 7, "doubled scales pass the gates")
        command[3] = command[2]
        check(subprocess.run(command, capture_output=True).returncode == 0, "an unchanged report does not pass the gates")
    print("regress.py: green on the baseline, red on size, damage and doubled scales")


if __name__ == "__main__":
    main()
