#!/usr/bin/env python3
"""A regression gate for a project's own CI: quantize, evaluate, compare with a stored report.

    regress.py --model DIR --task task.jsonl --budget 3.5 --baseline report.json --max-drop 1 --max-kl 0.005
    regress.py ... --update          stores the report of this run as the new baseline
    regress.py ... -- --scorer mse   what follows -- goes to `mpq run`

Exit status: 0 all gates hold, 7 one does not (or the checkpoint does not pass `mpq check`), else that of the mpq command
that failed. --junit FILE writes one test case a gate. Needs Python 3.8 and nothing else.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

GATE = 7


class Case:
    """One JUnit test case."""

    def __init__(self, name, seconds=0.0, failure=None, output=""):
        self.name, self.seconds, self.failure, self.output = name, seconds, failure, output


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0],
                                     epilog="what follows -- goes to `mpq run`")
    parser.add_argument("--mpq", default=shutil.which("mpq") or "mpq", help="the mpq binary (default: the one in PATH)")
    parser.add_argument("--model", required=True, help="checkpoint folder to quantize")
    parser.add_argument("--task", required=True, action="append", help="task file to calibrate on; may repeat")
    parser.add_argument("--eval-task", action="append", default=[], help="task file to measure on (default: held-out prompts)")
    parser.add_argument("--eval-text", action="append", default=[], help="text file to measure on (default: held-out text)")
    parser.add_argument("--budget", required=True, help="mean bits a weight")
    parser.add_argument("--baseline", required=True, type=Path, help="report.json of an earlier run")
    parser.add_argument("--update", action="store_true", help="store this run's report as the baseline")
    parser.add_argument("--max-drop", help="percentage points of EM, F1 or accuracy that may be lost")
    parser.add_argument("--max-kl", help="nats per token that may be lost")
    parser.add_argument("--max-bytes", help="size of the weight files, e.g. 4GiB")
    parser.add_argument("--work", type=Path, default=Path("mpq-regress"), help="scratch folder, kept for the next run")
    parser.add_argument("--junit", type=Path, help="write JUnit XML here")
    given = sys.argv[1:]
    split = given.index("--") if "--" in given else len(given)
    options = parser.parse_args(given[:split])
    options.run_arguments = given[split + 1:]
    if not options.update and not options.baseline.is_file():
        parser.error(f"{options.baseline} is not there; make it with --update")
    return options


def mpq(options, *words):
    """Runs mpq; returns its exit status, stdout, the last line of stderr and the seconds it took."""
    start = time.monotonic()
    try:
        done = subprocess.run([options.mpq, *map(str, words)], capture_output=True, text=True)
    except OSError as error:
        sys.exit(f"regress: {options.mpq} cannot be run: {error.strerror}; give --mpq")
    complaint = (done.stderr.strip().splitlines() or [""])[-1]
    return done.returncode, done.stdout, complaint, time.monotonic() - start


def repeated(flag, values):
    return [word for value in values for word in (flag, value)]


def quantize(options, cases):
    words = ["run", "--model", options.model, *repeated("--task", options.task), *repeated("--eval-task", options.eval_task),
             *repeated("--eval-text", options.eval_text), "--budget", options.budget, "--work", options.work / "work",
             "--out", options.work / "checkpoint", "--overwrite", "--no-progress", *options.run_arguments]
    status, output, complaint, seconds = mpq(options, *words)
    cases.append(Case("run", seconds, complaint if status else None, output))
    return status


def check(options, cases):
    status, output, complaint, seconds = mpq(options, "check", options.work / "checkpoint")
    cases.append(Case("check", seconds, (output.strip() or complaint) if status else None, output))
    return status


def compare(options, report, cases):
    limits = [word for flag, value in (("--max-drop", options.max_drop), ("--max-kl", options.max_kl),
                                       ("--max-bytes", options.max_bytes)) if value for word in (flag, value)]
    status, output, complaint, seconds = mpq(options, "diff", options.baseline, report, *limits, "--json", "--quiet")
    if status not in (0, GATE):
        cases.append(Case("diff", seconds, complaint))
        return status
    result = json.loads(output)
    for gate in result["gates"]:
        text = f"{gate['what']}: {gate['found']:.6g}, at most {gate['limit']:.6g}"
        cases.append(Case(f"{gate['gate']} {gate['what']}", 0.0, None if gate["holds"] else text, text))
    if not result["gates"]:
        cases.append(Case("diff", seconds, None, output))
    return status


def write_junit(path, cases):
    suite = ElementTree.Element("testsuite", name="mpq regress", tests=str(len(cases)),
                                failures=str(sum(case.failure is not None for case in cases)),
                                time=f"{sum(case.seconds for case in cases):.3f}")
    for case in cases:
        element = ElementTree.SubElement(suite, "testcase", classname="mpq", name=case.name, time=f"{case.seconds:.3f}")
        if case.failure is not None:
            ElementTree.SubElement(element, "failure", message=case.failure)
        if case.output:
            ElementTree.SubElement(element, "system-out").text = case.output
    temporary = path.with_name(path.name + ".tmp")
    ElementTree.ElementTree(suite).write(temporary, encoding="utf-8", xml_declaration=True)
    os.replace(temporary, path)


def main():
    options = parse()
    cases = []
    report = options.work / "work/report.json"
    status = quantize(options, cases) or check(options, cases)
    if status == 0 and options.update:
        options.baseline.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(report, options.baseline)
        print(f"regress: {options.baseline} is the baseline now")
    elif status == 0:
        status = compare(options, report, cases)
    for case in cases:
        print(f"regress: {'FAILED' if case.failure else 'ok    '} {case.name}{': ' + case.failure if case.failure else ''}")
    if options.junit:
        write_junit(options.junit, cases)
    return status


if __name__ == "__main__":
    sys.exit(main())
