"""Writes the code blocks of docs/extending.md that name a file (```cpp NAME) into a folder.

Usage: python extract.py docs/extending.md FOLDER NAME...   (exactly these names must be there)
"""

import re
import sys
from pathlib import Path


def main():
    document, folder, expected = Path(sys.argv[1]), Path(sys.argv[2]), set(sys.argv[3:])
    blocks = dict(re.findall(r"^```cpp (\S+)\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    if set(blocks) != expected:
        sys.exit(f"{document}: has the code blocks {sorted(blocks)}, expected {sorted(expected)}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, code in blocks.items():
        (folder / name).write_text(code, encoding="utf-8")


if __name__ == "__main__":
    main()
