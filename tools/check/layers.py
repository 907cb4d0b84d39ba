"""Checks the module order: a module includes only what the order below allows (docs: architecture.md, "Module order").

Also: core, alloc and text stay free of libtorch; public headers include ATen/core/Tensor.h and nothing heavier of libtorch, and not
spdlog; CMakeLists.txt links the same order.

    python3 tools/check/layers.py [--root DIR] [--self-test]
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

ORDER = {
    "core": set(), "alloc": {"core"}, "io": {"core"}, "text": {"core"}, "quant": {"core"}, "model": {"core", "io"},
    "calib": {"core", "io", "text", "quant", "model"}, "score": {"core", "calib", "quant", "model", "eval"}, "format": {"core", "io", "text", "quant", "model", "alloc"},
    "eval": {"core", "io", "text", "model"},
    "pipeline": {"core", "alloc", "text", "io", "quant", "model", "calib", "score", "format", "eval"},
    "tools/mpq": {"core", "pipeline"},
}
# Of these modules only the named headers may be included (stems): a scorer knows of the model how to probe it, its units, and KL.
ONLY_HEADERS = {("score", "model"): re.compile(r"(block_loop|probe|unit|divergence|fold|row_chunks|parallel_each)\w*"), ("score", "eval"): re.compile(r"answers")}
NO_TORCH = {"core", "alloc", "text"}
PUBLIC_TORCH = {"ATen/core/Tensor.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
TORCH = re.compile(r"(ATen|torch|c10)/")


def module_of(path):
    """The module of a file named relative to the root, or None."""
    parts = path.parts
    if parts[:2] == ("include", "mpq") and len(parts) > 3:
        return parts[2]
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ("tools", "mpq"):
        return "tools/mpq"
    return None


def check_include(path, module, quote, included):
    """The complaint about one include, or None."""
    public = path.parts[0] == "include"
    if TORCH.match(included):
        if module in NO_TORCH:
            return f"{module} is free of libtorch, but includes {included}"
        if public and included not in PUBLIC_TORCH:
            return f"a public header includes {included}; allowed is {', '.join(PUBLIC_TORCH)}"
    if public and included.startswith("spdlog/"):
        return "a public header includes spdlog; use mpq/core/log.h"
    parts = Path(included).parts
    if parts[0] == "mpq" and len(parts) > 2:
        other = parts[1]
    elif parts[0] == "src" and len(parts) > 2:
        other = parts[1]
    elif quote == '"':
        return None if "/" not in included else f"include \"{included}\" by its path from include/ (mpq/...) instead"
    else:
        return None
    if other == module:
        return None
    if other not in ORDER.get(module, set()):
        return f"{module} may include only {sorted(ORDER.get(module, set())) or 'itself'}, found {included}"
    only = ONLY_HEADERS.get((module, other))
    if only and not only.fullmatch(Path(included).stem):
        return f"{module} may include only {other}'s {only.pattern} headers, found {included}"
    return None


def check_links(root):
    """mpq_module(... DEPENDS ...) in CMakeLists.txt is within the order."""
    file = root / "CMakeLists.txt"
    if not file.exists():
        return
    for name, body in re.findall(r"mpq_module\((\w+)([^)]*)\)", file.read_text()):
        words = body.split()
        listed = words[words.index("DEPENDS") + 1:] if "DEPENDS" in words else []
        listed = listed[:listed.index("LIBRARIES")] if "LIBRARIES" in listed else listed
        extra = set(listed) - ORDER.get(name, set())
        if name not in ORDER:
            yield f"CMakeLists.txt: module {name} is not in the order (tools/check/layers.py)"
        elif extra:
            yield f"CMakeLists.txt: {name} links {sorted(extra)}, which the order does not allow"
        if name in NO_TORCH and "TORCH" in words:
            yield f"CMakeLists.txt: {name} is free of libtorch, but is declared with TORCH"


def check(root):
    """All complaints about a source tree."""
    complaints, seen = list(check_links(root)), 0
    for folder in ("include", "src", "tools/mpq"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in (".h", ".inl", ".cpp"):
                continue
            path = file.relative_to(root)
            module, text, seen = module_of(path), file.read_text(encoding="utf-8"), seen + 1
            if module not in ORDER:
                complaints.append(f"{path}: not in a module of the order")
                continue
            for match in INCLUDE.finditer(text):
                complaint = check_include(path, module, *match.groups())
                if complaint:
                    complaints.append(f"{path}:{text.count(chr(10), 0, match.start(2)) + 1}: {complaint}")
    if seen == 0:
        complaints.append(f"{root}: no sources found")
    return complaints


def self_test():
    """Each planted fault must be found, and a clean tree must pass."""
    good = {"include/mpq/core/a.h": "#include <string>\n", "src/model/b.cpp": '#include "mpq/core/a.h"\n#include <ATen/ATen.h>\n',
            "include/mpq/model/b.h": '#include <ATen/core/Tensor.h>\n#include "mpq/io/x.h"\n', "src/score/s.cpp": '#include "mpq/model/probe.h"\n',
            "tools/mpq/main.cpp": '#include "mpq/pipeline/run.h"\n', "CMakeLists.txt": "mpq_module(io TORCH DEPENDS core)\n"}
    faults = {"src/core/a.cpp": '#include "mpq/io/x.h"\n', "src/alloc/a.cpp": "#include <ATen/ATen.h>\n", "src/text/t.cpp": "#include <torch/torch.h>\n",
              "include/mpq/model/c.h": "#include <torch/torch.h>\n", "include/mpq/eval/e.h": "#include <ATen/ATen.h>\n",
              "src/model/m.cpp": '#include "mpq/calib/c.h"\n', "tools/mpq/cmd_x.cpp": '#include "mpq/quant/q.h"\n',
              "src/score/r.cpp": '#include "mpq/model/decoder_block.h"\n', "include/mpq/core/l.h": "#include <spdlog/spdlog.h>\n",
              "src/quant/q.cpp": '#include "../io/private.h"\n', "src/new/n.cpp": "\n",
              "CMakeLists.txt": "mpq_module(io TORCH DEPENDS core model)\n"}
    plant_faults(check, good, faults)


def plant_faults(check_tree, good, faults):
    """Runs a check on the `good` files (path -> text), then with each fault on top: a file's path -> its text, or a name -> files.
    Exits unless the clean tree passes and every fault is found."""
    for name, fault in [("a clean tree", {}), *faults.items()]:
        with tempfile.TemporaryDirectory() as scratch:
            for path, content in {**good, **(fault if isinstance(fault, dict) else {name: fault})}.items():
                target = Path(scratch) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(content)
            found = check_tree(Path(scratch))
            if bool(found) != bool(fault):
                raise SystemExit(f"self-test: {name}: expected {'a complaint' if fault else 'none'}, found {found}")
    print(f"self-test: {len(faults)} planted faults found")


def report(complaints):
    """Prints complaints and exits with 1 when there are any."""
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if complaints:
        raise SystemExit(f"{len(complaints)} complaints")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    self_test() if args.self_test else report(check(args.root))


if __name__ == "__main__":
    main()
