"""Writes tests/golden/adaround and tests/golden/lwc: what torch's Adam reaches on a single small linear.

Independent of mpq; float32, deterministic, all n tokens in every step. X [n, in], W [out, in], group 32, asymmetric grids as in golden_common.py.
  E(V) = mean over tokens of the squared error of X V^T against X W^T, summed over outputs = tr(D H D^T) / n, H = X^T X, D = W - V.

 AdaRound (Nagel et al. 2020; hyperparameters of methods.md 3): scale, zero of the min/max grid, fixed. h = clip(1.2 sigmoid(v) - 0.1, 0, 1), v starts
 so that h is the fraction of W / s; V = s (clamp(floor(W/s) + h + z, 0, qmax) - z). Loss = E(V) + 0.01 sum(1 - |2h - 1|^beta); the regulariser
 joins after the first 20 % of 5000 steps; beta falls from 20 to 2 over the rest, *linearly* (methods.md is silent; AIMET's is a cosine, given as
 final_cosine). Adam lr 1e-3. The result rounds h to 0 or 1. E of it is `final`; E of RTN `initial`; `soft` is E at the end before rounding;
 `undecided`, the share of h within (0.01, 0.99) then.
 LWC (OmniQuant): per group low <- sigmoid(g2) low, high <- sigmoid(g1) high, logits start at 4.0; scale and zero from these; rounding of codes and of
 zeros straight-through. Loss = E(V). Adam lr 1e-2, 500 steps. `last` is E after the last step, `final` the least E of any step (and of RTN),
 `start` E at the logits' start, `final_detached_zero` the same as final with no gradient through the zero point's rounding (OmniQuant's code).

What the C++ test compares: quantize() with the default options (hessian (2/n) X^T X, scale_dtype float32, so E = tr(D H D^T) / 2; no
block error) must have E <= 1.05 final, E < initial; and E(RTN) = initial within 1e-4 relative. Codes are not compared. mpq keeps, row by
row, RTN where it is better, which `final` does not.

adaround/<case>.safetensors, lwc/<case>.safetensors: W float32 [out, in], X float32 [n, in], dequantized float32 [out, in] (of final). metadata
"meta", JSON: bits, group, iterations, rate, lambda (adaround), seed, initial, final, and the figures above.
Cases: adaround/b3, adaround/b2 (two grids), lwc/b2, lwc/b3; adaround/cases.json and lwc/cases.json: the names.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from golden_common import ROOT, decode, encode, grid_of_range, hidden_states, ranges, write_tensors

IN, OUT, TOKENS, GROUP = 64, 32, 256, 32
ZETA, GAMMA, LAMBDA = 1.1, -0.1, 0.01


def problem(seed):
    rng = np.random.default_rng(seed)
    w = (rng.standard_normal((OUT, IN)) * 0.04).astype(np.float32)
    return w, hidden_states(rng, TOKENS, IN)


def error(w, x, value):
    """E in float64."""
    d = (w.astype(np.float64) - value) @ x.astype(np.float64).T
    return float((d**2).sum(axis=0).mean())


def soft_error(w, x, value):
    return ((x @ (value - w).T) ** 2).sum(dim=1).mean()


def minmax(w, bits):
    return grid_of_range(*ranges(w.astype(np.float64), GROUP), bits, False)[:2]


def adaround(w, x, bits, iterations=5000, cosine=False):
    qmax = 2**bits - 1
    scale, zero = minmax(w, bits)
    spread = lambda a: torch.from_numpy(np.repeat(a.astype(np.float32), GROUP, axis=1))
    s, z, target, inputs = spread(scale), spread(zero), torch.from_numpy(w), torch.from_numpy(x)
    base = torch.floor(target / s)
    fraction = target / s - base
    v = torch.logit((fraction - GAMMA) / (ZETA - GAMMA)).requires_grad_()
    optimizer = torch.optim.Adam([v], lr=1e-3)
    warm = iterations // 5
    up = lambda: (torch.sigmoid(v) * (ZETA - GAMMA) + GAMMA).clamp(0, 1)
    value = lambda h: (torch.clamp(base + h + z, 0, qmax) - z) * s
    for step in range(iterations):
        h = up()
        loss = soft_error(target, inputs, value(h))
        if step >= warm:
            done = (step - warm) / (iterations - warm)
            beta = 2 + 18 * (0.5 * (1 + np.cos(np.pi * done)) if cosine else 1 - done)
            loss = loss + LAMBDA * (1 - (2 * h - 1).abs().pow(beta)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        h = up()
        result = value((h >= 0.5).float()).numpy()
        return result, {"final": error(w, x, result), "soft": error(w, x, value(h).numpy()),
                        "undecided": float(((h > 0.01) & (h < 0.99)).float().mean())}


def straight_through(x):
    return x + (x.round() - x).detach()


def lwc(w, x, bits, iterations=500, detach_zero=False):
    qmax = 2**bits - 1
    low, high = (torch.from_numpy(a.astype(np.float32)) for a in ranges(w, GROUP))
    target, inputs = torch.from_numpy(w), torch.from_numpy(x)
    logits = [torch.full_like(low, 4.0).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.Adam(logits, lr=1e-2)

    def value():
        small, large = torch.sigmoid(logits[1]) * low, torch.sigmoid(logits[0]) * high
        s = (large - small) / qmax
        z = -small / s
        z = (z.round().detach() if detach_zero else straight_through(z)).clamp(0, qmax)
        codes = torch.clamp(straight_through(target.reshape(OUT, -1, GROUP) / s[:, :, None]) + z[:, :, None], 0, qmax)
        return ((codes - z[:, :, None]) * s[:, :, None]).reshape(w.shape)

    best, least, trace = None, np.inf, []
    for step in range(iterations + 1):
        v = value()
        loss = soft_error(target, inputs, v)
        trace.append(error(w, x, v.detach().numpy()))
        if trace[-1] < least:
            least, best = trace[-1], v.detach().numpy().copy()
        if step == iterations:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return best, {"start": trace[0], "last": trace[-1], "final": least}


def rtn_error(w, x, bits):
    wide = w.astype(np.float64)
    scale, zero = minmax(w, bits)
    return error(w, x, decode(encode(wide, scale, zero, bits, GROUP)[0], scale, zero, GROUP))


def write_case(folder, name, bits, seed, w, x, value, figures):
    initial = rtn_error(w, x, bits)
    assert figures["final"] < initial
    assert abs(error(w, x, value) - figures["final"]) < 1e-5 * initial
    meta = {"bits": bits, "group": GROUP, "seed": seed, "initial": initial, **figures}
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / f"{name}.safetensors", {"W": w, "X": x, "dequantized": value.astype(np.float32)}, meta)
    print(folder.name, name, meta)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "tests/golden", help="folder that gets adaround/ and lwc/")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    for name, bits, seed in (("b3", 3, 1), ("b2", 2, 2)):
        w, x = problem(seed)
        value, figures = adaround(w, x, bits)
        figures["final_cosine"] = adaround(w, x, bits, cosine=True)[1]["final"]
        write_case(out / "adaround", name, bits, seed, w, x, value, {"iterations": 5000, "rate": 1e-3, "lambda": LAMBDA, **figures})
    for name, bits, seed in (("b2", 2, 3), ("b3", 3, 4)):
        w, x = problem(seed)
        value, figures = lwc(w, x, bits)
        figures["final_detached_zero"] = lwc(w, x, bits, detach_zero=True)[1]["final"]
        write_case(out / "lwc", name, bits, seed, w, x, value, {"iterations": 500, "rate": 1e-2, **figures})
    for method, names in (("adaround", ["b3", "b2"]), ("lwc", ["b2", "b3"])):
        (out / method / "cases.json").write_text(json.dumps(names) + "\n")


if __name__ == "__main__":
    main()
