"""Checks names and sizes: a plug-in's file stem is its registry name and has a test; files stay small; roles stay in the model.

 - Every .cpp of a plug-in folder registers exactly one plug-in, and MPQ_REGISTER(Interface, Class, "name", ...) names the file's stem.
 - It has a test tests/<module>/**/<stem>_test.cpp ('-' may be '_'); an architecture may have golden checkpoints instead,
   tests/golden/architectures/<stem>*.
 - No file over 500 lines, nine in ten under 250, the median under 100.
 - No string literal outside the model module (include/, src/, tools/) holds a checkpoint's tensor name such as "q_proj": other
   modules go by roles.

    python3 tools/check/names.py [--root DIR] [--self-test]
"""

import argparse
import re
import statistics
from pathlib import Path

from layers import plant_faults, report

PLUGINS = {"model": "architectures", "score": "scorers", "alloc": "allocators", "quant": "quantizers", "format": "formats"}
REGISTER = re.compile(r'MPQ_REGISTER\(\s*([\w:]+)\s*,\s*([\w:]+)\s*,\s*"([^"]*)"')
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((.*?)\)"|"((?:[^"\\\n]|\\.)*)"', re.DOTALL)
TENSOR_NAME = re.compile(r"\b(q|k|v|o|qkv|gate|up|down|gate_up)_proj\b")
SIZED = {".h", ".inl", ".cpp", ".py", ".sh", ".cmake"}
LONGEST, MOST, MEDIAN = 500, 250, 100


def check_plugin(root, file, module):
    path, text = file.relative_to(root), file.read_text(encoding="utf-8")
    names = [match[2] for match in REGISTER.findall(text)]
    if len(names) != 1:
        yield f"{path}: expected one MPQ_REGISTER, found {len(names)}"
        return
    if names[0] != file.stem:
        yield f"{path}: registers \"{names[0]}\"; the file's stem and the name must be the same"
    stems = {file.stem, file.stem.replace("-", "_")}
    tested = any(test.stem in {f"{stem}_test" for stem in stems} for test in (root / "tests" / module).rglob("*_test.cpp"))
    golden = module == "model" and any((root / "tests/golden/architectures").glob(f"{file.stem}*"))
    if not tested and not golden:
        yield f"{path}: no test tests/{module}/{file.stem.replace('-', '_')}_test.cpp"


def check_plugins(root):
    for module, folder in PLUGINS.items():
        for file in sorted((root / "src" / module / folder).glob("*.cpp")):
            yield from check_plugin(root, file, module)
    for file in sorted((root / "src").rglob("*.cpp")):
        parts = file.relative_to(root).parts
        if REGISTER.search(file.read_text(encoding="utf-8")) and PLUGINS.get(parts[1]) != parts[2]:
            yield f"{'/'.join(parts)}: registers a plug-in outside a plug-in folder ({', '.join(PLUGINS.values())})"


def check_tensor_names(root):
    for folder in ("include", "src", "tools"):
        for file in sorted((root / folder).rglob("*")):
            path = file.relative_to(root)
            if file.suffix not in (".h", ".inl", ".cpp") or path.parts[:2] == ("src", "model") or path.parts[:3] == ("include", "mpq", "model"):
                continue
            text = file.read_text(encoding="utf-8")
            for match in COMMENT_OR_STRING.finditer(text):
                literal = match[1] or match[2] or ""
                if TENSOR_NAME.search(literal):
                    line = text.count("\n", 0, match.start()) + 1
                    yield f"{path}:{line}: \"{literal}\" names a tensor; roles are decided in src/model alone"


def check_sizes(root):
    files = [file for folder in ("include", "src", "tools", "tests") for file in sorted((root / folder).rglob("*"))
             if file.suffix in SIZED and "__pycache__" not in file.parts]
    lines = {file: file.read_text(encoding="utf-8").count("\n") for file in files}
    if not lines:
        yield f"{root}: no sources found"
        return
    for file, count in lines.items():
        if count > LONGEST:
            yield f"{file.relative_to(root)}: {count} lines; split it, none may be over {LONGEST}"
    over = [file for file in files if lines[file] >= MOST]
    if len(over) > len(files) / 10:
        listed = ", ".join(f"{file.relative_to(root)} ({lines[file]})" for file in over)
        yield f"{len(over)} of {len(files)} files have {MOST} lines or more, at most one in ten may: {listed}"
    if statistics.median(lines.values()) >= MEDIAN:
        yield f"the median file has {statistics.median(lines.values())} lines, expected under {MEDIAN}"


def check(root):
    return [*check_plugins(root), *check_tensor_names(root), *check_sizes(root)]


def self_test():
    register = 'MPQ_REGISTER(Scorer, TaqKl, "{}",\n             "summary");\n'
    good = {"src/score/scorers/taq-kl.cpp": register.format("taq-kl"), "tests/score/taq_kl_test.cpp": "\n",
            "src/model/architectures/llama.cpp": 'MPQ_REGISTER(Architecture, Llama, "llama", "q_proj");\n',
            "tests/golden/architectures/llama_default/config.json": "{}", "src/calib/c.cpp": "// the q_proj of a block\n",
            **{f"src/core/f{i}.cpp": "\n" for i in range(4)}}
    faults = {"src/score/scorers/taqo.cpp": register.format("taqo"), "src/score/scorers/taq-kl.cpp": register.format("taq"),
              "src/quant/quantizers/two.cpp": register.format("two") * 2, "src/quant/hidden.cpp": register.format("hidden"),
              "src/calib/c.cpp": 'if (name.ends_with(".q_proj")) {}\n', "src/format/formats/none.cpp": "\n",
              "tools/mpq/cmd_x.cpp": 'auto x = R"(mlp.down_proj)";\n', "src/core/long.cpp": "\n" * 501,
              "src/core/f0.cpp": "\n" * 260, "src/model/architectures/gemma.cpp": 'MPQ_REGISTER(Architecture, Gemma, "gemma", "");\n'}
    faults["a median that is too long"] = {f"src/core/f{i}.cpp": "\n" * 120 for i in range(12)}
    plant_faults(check, good, faults)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    self_test() if args.self_test else report(check(args.root))


if __name__ == "__main__":
    main()
