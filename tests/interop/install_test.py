"""What `cmake --install` writes runs from wherever its folder is moved, with the libtorch that lies in it."""

import os
import subprocess

from common import Mpq, arguments, check


def run(*words):
    clean = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=clean)
    check(done.returncode == 0, f"{' '.join(map(str, words))} exited with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def main():
    options = arguments(__doc__)
    with Mpq(options.mpq, options.work) as mpq:
        run("cmake", "--install", mpq.binary.parent, "--prefix", mpq.work / "first")
        moved = (mpq.work / "first").rename(mpq.work / "moved")
        binary = moved / "bin/mpq"
        check(run(binary, "--version") == run(mpq.binary, "--version"), "the installed binary tells another version")
        check("gptq" in run(binary, "list"), "the installed binary lists no quantizers")
        for line in run("ldd", binary).splitlines():
            if "libtorch" in line or "libc10" in line or "libgomp" in line:
                check(f"=> {moved}/" in line, f"the installed binary loads another library: {line.strip()}")
        check((moved / "share/mpq/configs/fast.json").exists(), "the presets are not installed")
    print("the installed binary runs from a moved folder, with its own libtorch")


if __name__ == "__main__":
    main()
