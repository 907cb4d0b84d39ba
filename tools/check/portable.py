"""Checks that what is built runs on any processor of its kind: instructions are chosen when a program runs (core/simd.h), never by flags.

 - No translation unit of a build (compile_commands.json) has a flag of the -m family, such as -march=native, -mtune=native, -mcpu=... or
   -mavx2, but for those that name no processor (HARMLESS).
 - Neither have CMake's files and presets, whatever build they are for.
 - No #pragma makes a whole file's code one processor's, and a function with __attribute__((target(...))) stands in a file that asks
   __builtin_cpu_supports.

    python3 tools/check/portable.py [--root DIR] [--build DIR] [--self-test]        (without --build: sources and CMake's files alone)
"""

import argparse
import json
import re
import shlex
from pathlib import Path

from layers import plant_faults, report

HARMLESS = {"-m64", "-march=x86-64", "-mtune=generic"}
IN_CMAKE = re.compile(r"(?<![\w-])-m(?:arch|cpu|tune|avx|sse|ssse|fma|f16c|bmi|amx|native)[\w=.+-]*")
CMAKE_COMMENT = re.compile(r"^\s*#.*", re.MULTILINE)
PRAGMA = re.compile(r"#\s*pragma\s+(?:GCC\s+target|clang\s+attribute)")
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(\s*target\s*\(|\[\[\s*gnu::target\s*\(")
ASKS = "__builtin_cpu_supports"


def for_one_processor(words):
    return sorted({word for word in words if word.startswith("-m") and word not in HARMLESS})


def check_build(build):
    """Of every translation unit: which of them ship is not asked, none needs such a flag."""
    file = build / "compile_commands.json"
    if not file.exists():
        yield f"{file}: is missing; configure first (cmake --preset dev)"
        return
    units = json.loads(file.read_text(encoding="utf-8"))
    if not units:
        yield f"{file}: holds no translation unit"
    for unit in units:
        words = unit["arguments"] if "arguments" in unit else shlex.split(unit["command"])
        found = for_one_processor(words)
        if found:
            yield f"{unit.get('output', unit['file'])}: is compiled for one processor: {' '.join(found)}"


def texts_of(value):
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts_of(member)


def check_cmake(root):
    presets = root / "CMakePresets.json"
    if presets.exists():
        for text in texts_of(json.loads(presets.read_text(encoding="utf-8"))):
            found = for_one_processor(text.split())
            if found:
                yield f"CMakePresets.json: \"{text}\" is for one processor"
    folders = [root / "cmake", root / "tests", root / "tools"]
    files = [root / "CMakeLists.txt"] + [file for folder in folders for name in ("CMakeLists.txt", "*.cmake") for file in sorted(folder.rglob(name))]
    for file in files:
        text = CMAKE_COMMENT.sub("", file.read_text(encoding="utf-8")) if file.exists() else ""
        for flag in sorted(set(IN_CMAKE.findall(text)) - HARMLESS):
            yield f"{file.relative_to(root)}: {flag} is for one processor; let the program choose when it runs (core/simd.h)"


def check_sources(root):
    seen = 0
    for folder in ("include", "src", "tools"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in (".h", ".inl", ".cpp"):
                continue
            path, text, seen = str(file.relative_to(root)), file.read_text(encoding="utf-8"), seen + 1
            if PRAGMA.search(text):
                yield f"{path}: a #pragma compiles it for one processor"
            if ATTRIBUTE.search(text) and ASKS not in text:
                yield f"{path}: has functions for some processors, but never asks {ASKS}"
    if seen == 0:
        yield f"{root}: no sources found"


def check(root, build):
    return [*check_sources(root), *check_cmake(root), *(check_build(build) if build else [])]


def self_test():
    def unit(words):
        return json.dumps([{"directory": "/b", "file": "/s/a.cpp", "command": f"c++ -O2 {words} -MD -o a.o -c /s/a.cpp"}])

    kernel = '__attribute__((target("avx512f"))) void run() {}\n'
    good = {"src/core/a.cpp": f'const bool has = __builtin_cpu_supports("avx512f");\n{kernel}', "build/compile_commands.json": unit("-m64 -DNAME=-march"),
            "CMakePresets.json": '{"configurePresets": [{"cacheVariables": {"CMAKE_CXX_FLAGS_RELEASE": "-O2 -DNDEBUG"}}]}',
            "CMakeLists.txt": "project(mpq)\n# never -march=native\n"}
    faults = {f"with {flag}": {"build/compile_commands.json": unit(flag)}
              for flag in ("-march=native", "-mtune=native", "-mcpu=native", "-mavx2", "-march=x86-64-v3", "-mfma -mf16c")}
    faults |= {"no units": {"build/compile_commands.json": "[]"}, "CMakeLists.txt": "target_compile_options(mpq PRIVATE -march=native)\n",
               "cmake/MpqCompiler.cmake": "add_compile_options($<$<CONFIG:Release>:-mavx512f>)\n",
               "CMakePresets.json": '{"configurePresets": [{"environment": {"CXXFLAGS": "-O2 -march=native"}}]}',
               "src/core/b.cpp": kernel, "src/core/c.cpp": '#pragma GCC target("avx2")\n'}
    plant_faults(lambda root: check(root, root / "build"), good, faults)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=Path)
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    self_test() if args.self_test else report(check(args.root, args.build))


if __name__ == "__main__":
    main()
