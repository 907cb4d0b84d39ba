#!/usr/bin/env python3
"""Writes tests/golden/text/jinja.json: small templates, rendered by jinja2 in transformers' own environment.

A case is [template, text], with null for the text where jinja2 raises; all have one context. They are in jinja_cases.py.
"""
import datetime
import json
import pathlib

from transformers.utils import chat_template_utils

from jinja_cases import CONTEXT, cases

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/text/jinja.json"
NOW = datetime.datetime(2025, 3, 7, 9, 5, 3)


def render(source):
    try:
        template = chat_template_utils._compile_jinja_template(source)
        template.globals["strftime_now"] = NOW.strftime
        return template.render(**json.loads(json.dumps(CONTEXT)))
    except Exception:  # whatever Python raises
        return None


def main():
    lines = [json.dumps([source, render(source)], ensure_ascii=False, separators=(",", ":")) for source in cases()]
    context = json.dumps(CONTEXT, ensure_ascii=False)
    OUT.write_text('{"context":' + context + ',\n"cases":[\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
    print(f"{len(lines)} cases, {sum(line.endswith(',null]') for line in lines)} of them errors")


if __name__ == "__main__":
    main()
