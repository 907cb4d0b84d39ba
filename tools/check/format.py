"""Checks that clang-format would change no C++ file of include/, src/, tools/ and tests/.

    python3 tools/check/format.py [--root DIR] [--self-test]        (--fix rewrites the files instead)
"""

import argparse
import shutil
import subprocess
from pathlib import Path

from layers import plant_faults, report

ROOT = Path(__file__).resolve().parents[2]


def clang_format(*arguments):
    program = shutil.which("clang-format")
    if program is None:
        raise SystemExit("clang-format is not installed; run tools/setup.sh")
    return subprocess.run([program, f"--style=file:{ROOT / '.clang-format'}", *map(str, arguments)], capture_output=True, text=True)


def sources(root):
    return [file for folder in ("include", "src", "tools", "tests") for file in sorted((root / folder).rglob("*"))
            if file.suffix in (".h", ".inl", ".cpp")]


def check(root):
    files = sources(root)
    if not files:
        return [f"{root}: no sources found"]
    result = clang_format("--dry-run", "--Werror", "--ferror-limit=1", *files)
    if result.returncode == 0:
        return []
    lines = [line for line in result.stderr.splitlines() if "error:" in line]
    return [line.replace(f"{root}/", "") for line in lines] or [result.stderr]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--fix", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        plant_faults(check, {"src/core/a.cpp": "int main() { return 0; }\n"}, {"src/core/b.cpp": "int  main( ){return 0;}\n"})
    elif args.fix:
        result = clang_format("-i", *sources(args.root))
        report([result.stderr] if result.returncode else [])
    else:
        report(check(args.root))


if __name__ == "__main__":
    main()
