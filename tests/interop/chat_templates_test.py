"""Published chat templates render as transformers renders them, and what jinja2 raises for is an error."""

import datetime
import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path

from transformers.utils import chat_template_utils

from chats import cases
from common import arguments, check

NOW = datetime.datetime(2025, 3, 7, 9, 5, 3)  # the clock of render_template.cpp


class Renderer:
    """The test program, one line a template."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def render(self, template, context):
        self.process.stdin.write(json.dumps({"template": template, "context": context}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        check(answer, f"the test program ended: {self.process.poll()}")
        return json.loads(answer)


def compiled(source):
    """The template in transformers' own environment, with a clock that stands still."""
    template = chat_template_utils._compile_jinja_template(source)
    template.globals["strftime_now"] = NOW.strftime
    return template


def expected_text(template, context):
    """None when jinja2 raises."""
    try:
        return template.render(**json.loads(json.dumps(context)))
    except Exception:  # whatever Python raises: a template may do anything
        return None


def compare(renderer, path):
    """Counts of equal texts and equal refusals, and the names of the rest."""
    source = path.read_text(encoding="utf-8")
    template, counts, faults = compiled(source), [0, 0], []
    for name, context in cases():
        expected, found = expected_text(template, context), renderer.render(source, context)
        if found.get("text") == expected:
            counts[expected is None] += 1
        else:
            faults.append((name, expected, found))
    return counts, faults


def main():
    options = arguments(__doc__)
    folder = options.source.resolve().parent / "shared/data/chat_templates"
    if not folder.is_dir():
        print(f"skipped: {folder} is not there")
        return
    renderer = Renderer(os.environ["MPQ_RENDER_TEMPLATE"])
    paths, total, broken = sorted(folder.glob("*.jinja")), [0, 0], defaultdict(list)
    for path in paths:
        counts, faults = compare(renderer, path)
        total = [a + b for a, b in zip(total, counts)]
        for fault in faults:
            broken[path.name].append(fault)
        if counts[0] == 0 and not faults:
            broken[path.name].append(("every case", "a text", "refusals alone"))
    for name, faults in broken.items():
        case, expected, found = faults[0]
        print(f"{name}: {len(faults)} differ, first {case}\n  expected {str(expected)!r}\n  found    {found}")
    print(f"{len(paths) - len(broken)} of {len(paths)} templates equal: {total[0]} texts, {total[1]} refusals")
    check(not broken, f"{len(broken)} templates differ")


if __name__ == "__main__":
    main()
