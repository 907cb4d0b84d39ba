"""report.html in a headless Chromium: every figure is there, nothing is clipped, nothing complains, nothing is fetched."""

import json
import os
import re
import shutil
import subprocess

from common import Mpq, arguments, check

FIGURES = ("curve", "bits", "sensitivity", "bytes")
SECTIONS = ("Result", "Loss against size", "Bits by block and role", "Sensitivity by block", "Where the bytes went",
            "Prompts that changed most", "Verification", "Calibration", "Time and memory", "Versions and hashes")

# Runs in the page: what is wider than its place, and where the drawings' texts leave their drawing.
PROBE = """
<script>
addEventListener("load", () => {
  const faults = [];
  const width = document.documentElement.clientWidth;
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("title, style, script")) continue;
    const box = element.getBoundingClientRect();
    const drawing = element.closest("svg");
    const place = drawing ? drawing.getBoundingClientRect() : { left: 0, right: width };
    const name = element.tagName + " " + JSON.stringify(element.textContent.trim().slice(0, 40));
    if (box.left < place.left - 1 || box.right > place.right + 1)
      faults.push(`${name}: ${box.left.toFixed(0)} to ${box.right.toFixed(0)} in ${place.left.toFixed(0)} to ${place.right.toFixed(0)}`);
    if (!drawing && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflow !== "visible")
      faults.push(`${name}: scrolls`);
    if (drawing && parseFloat(getComputedStyle(element).fontSize) * place.width / drawing.viewBox.baseVal.width < 7)
      faults.push(`${name}: too small to read`);
  }
  if (document.documentElement.scrollWidth > width) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const facts = { width, faults, ink: getComputedStyle(document.body).color, paper: getComputedStyle(document.body).backgroundColor };
  document.body.setAttribute("data-facts", JSON.stringify(facts));
});
</script>
"""


def browse(page, width, work, dark=False):
    """The facts that the probe found at a width, and what the console said."""
    program = next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None)
    check(program, "no Chromium; run tools/setup.sh --interop")
    # A frame has the width that is asked for, however narrow a window the browser allows.
    probed, frame = work / f"probed-{width}.html", work / f"frame-{width}.html"
    probed.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8")
    frame.write_text(f"""<!doctype html><title>frame</title><body style="margin:0"><iframe src="{probed.name}" style="border:0;width:{width}px;height:9000px">
</iframe><script>addEventListener("load", () => {{
  document.body.setAttribute("data-facts", frames[0].document.body.getAttribute("data-facts"));
}});</script>""", encoding="utf-8")
    command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--enable-logging=stderr",
               f"--user-data-dir={work}/profile", f"--window-size={width},1200", "--virtual-time-budget=5000", "--dump-dom",
               *(["--force-dark-mode"] if dark else []), f"file://{frame}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env={**os.environ, "HOME": str(work)})
    found = re.search(r'<body[^>]* data-facts="([^"]*)"', done.stdout)
    check(found, f"the page did not load:\n{done.stderr[-2000:]}")
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(found.group(1).replace("&quot;", '"').replace("&amp;", "&")), console


def check_page(page, work):
    html = page.read_text(encoding="utf-8")
    for figure in FIGURES:
        check(f'<figure id="{figure}">' in html, f"figure {figure} is missing")
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    check(tuple(headings) == SECTIONS, f"sections are {headings}")
    check(not re.search(r'(src|href)="(?!data:)', html) and "@import" not in html and "url(" not in html, "the page fetches something")
    check("<script" not in html, "the page holds a script")
    for width in (400, 1400):
        facts, console = browse(page, width, work)
        check(facts["width"] == width, f"the frame is {facts['width']} wide")
        check(not facts["faults"], f"at {width} px:\n" + "\n".join(facts["faults"]))
        check(not console, "\n".join(console))
    dark, _ = browse(page, 1400, work, dark=True)
    check(dark["paper"] != facts["paper"] and dark["ink"] != facts["ink"], f"dark looks like light: {dark}")


def main():
    given = arguments(__doc__)
    nano = given.source / "data/nano-llama"
    with Mpq(given.mpq, given.work) as mpq:
        # Prompts that try to leave their place.
        lines = (nano / "tasks/facts.calib.jsonl").read_text(encoding="utf-8").splitlines()[:60]
        hostile = json.dumps({"prompt": "<script>alert(1)</script> & \"quotes\" " + "unbroken" * 60, "answers": ["<b>x</b>"]})
        task = mpq.work / "task.jsonl"
        task.write_text("\n".join([*lines, *[hostile.replace("alert(1)", f"alert({i})") for i in range(12)]]) + "\n", encoding="utf-8")
        mpq.run("run", "--model", nano, "--task", task, "--budget", "3.5", "--text-windows", "8", "--scorer", "mse", "--out", "out",
                "--holdout", "0.5")
        check_page(mpq.work / "mpq-work/report.html", mpq.work)
        mpq.run("allocate", "--budget", "3:4:0.5", "--scorer", "mse", "--out", "plan.json")
        mpq.run("report", "--plan", "plan-3.5.json", "--out", "curve.html")
        check("<circle" in (mpq.work / "curve.html").read_text(encoding="utf-8"), "the curve has no measured points")
    print("report.html: all figures, nothing clipped at 400 and 1400 px, light and dark")


if __name__ == "__main__":
    main()
