"""Screenshots of a report, light and dark, as docs/report-light.png and docs/report-dark.png.

Usage: python tools/bench/screenshots.py REPORT.html [--out docs] [--width 1180] [--height 1500]
Needs Chromium (tools/setup.sh --interop installs it). Standard library only.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs"))
    parser.add_argument("--width", type=int, default=1180)
    parser.add_argument("--height", type=int, default=1500)
    options = parser.parse_args()
    browser = next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None)
    if browser is None:
        sys.exit("no Chromium; run tools/setup.sh --interop")
    for mode, flags in (("light", []), ("dark", ["--force-dark-mode"])):
        picture = options.out / f"report-{mode}.png"
        with tempfile.TemporaryDirectory() as profile:
            subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}",
                            f"--window-size={options.width},{options.height}", f"--screenshot={picture.resolve()}", *flags,
                            options.report.resolve().as_uri()], check=True, stderr=subprocess.DEVNULL, timeout=120)
        print(picture)


if __name__ == "__main__":
    main()
