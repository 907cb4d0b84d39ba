"""Writes tests/golden/awq: what a plain numpy AWQ gives on small units of several stacked linears that read one input.

Independent of mpq; everything in float64 but scales, which are float32 (mpq: scale_dtype=float32). Grids: golden_common.py.
X [n, in], W [out, in] (the unit's linears stacked), a = mean over tokens of |x|. Exactly:

 1. For r in 0, 0.05, ..., 0.95: s = max(a^r, 1e-4) (0^0 = 1); s /= sqrt(max(s) min(s)). RTN of W * s (columns times s) on the grid, its value
    divided by s is V. loss[r] = mean over tokens and outputs of ((X W^T - X V^T)^2), which equals tr(D H D^T) / n / out with D = W - V and
    H = X^T X. The enclosing module is the unit itself: its stacked outputs. The least loss wins, ties: the smaller exponent.
 2. Clip, on the scaled weight W' = W * s with the inputs X' = X / s: for every row and group, of the ratios 1, 0.95, ... 0.55 the one whose
    grid of (ratio low, ratio high) has the least sum over tokens of (x'_g . (w'_g - q(w'_g)))^2; ties: the greater ratio. Groups are judged
    on their own: cross terms between groups do not count. (llm-awq clips symmetrically and re-reads the range after clamping, skips q and
    k, and judges at most 512 tokens; methods.md does none of it.)
 3. The unit's weight is value(W' on the clipped grids) / s.

A seed is taken only when the best exponent's loss is 0.3 % below the next one, every clip decision is 1e-3 (of its loss) clear, and
no value that is rounded for the chosen s (at any ratio) comes nearer than 1e-5 (in codes) to a tie.

What the C++ test compares, with Hessian H = (2/n) X^T X, mean_abs = a, scale_dtype float32, spec awq:bits,group[,sym]:
 - tr(D H D^T) / 2 / out of every exponent (where reachable) against `losses`: 1e-3 relative (ties in float32 may flip single codes);
 - input_scale() against `s`: 1e-5 relative (undefined when meta.best is 0: case `flat`, |x| = 1, where all exponents tie);
 - quantize_scaled(): scale 1e-6 relative, zero and codes exactly (hence clip ratios too; for symmetric grids scale / the unclipped scale is
   the ratio), dequantized / s 1e-5 of the largest weight; the error tr(D H D^T) / 2 / out against meta.error, 1e-4 relative.

<case>.safetensors: W float32 [out, in], X float32 [n, in], exponents and losses float64 [20], s float64 [in], ratios float64
[out, groups], codes uint8 [out, in] and scale float32, zero int32 [out, groups] of the scaled and clipped weight, dequantized float32 [out, in]
(divided by s again, in W's coordinates). metadata "meta", JSON: bits, group, sym, rows (of each linear), seed, best (index of the exponent),
error (as `losses`, after clipping), unclipped_error, rtn_error (r = 0, no clip), margin, loss_gap, clip_gap. cases.json: the names.
"""

import json

import numpy as np
from golden_common import (decode, encode, grid_of_range, grouped, hidden_states, out_folder, ranges, rtn, write_tensors)

EXPONENTS = np.arange(20) / 20
RATIOS = np.arange(20, 10, -1) / 20
ROWS = {"q": 24, "k": 12, "v": 12}


def channel_scale(mean_abs, exponent):
    s = np.maximum(mean_abs**exponent, 1e-4)
    return s / np.sqrt(s.max() * s.min())


def output_mse(x, w, value):
    return float(((x @ w.T - x @ value.T) ** 2).mean())


def group_errors(x, w, value, group):
    """[out, groups]: every group's own squared output error."""
    difference = grouped(w - value, group)
    parts = x.reshape(x.shape[0], -1, group)
    return (np.einsum("ngc,ogc->nog", parts, difference) ** 2).sum(axis=0)


def clip(x, w, bits, group, symmetric):
    low, high = ranges(w, group)
    tried, margin = [], 0.5
    for ratio in RATIOS:
        scale, zero, near_zero = grid_of_range(low * ratio, high * ratio, bits, symmetric)
        codes, near_code = encode(w, scale, zero, bits, group)
        margin = min(margin, near_zero, near_code)
        tried.append((group_errors(x, w, decode(codes, scale, zero, group), group), scale, zero, codes))
    errors = np.stack([t[0] for t in tried])
    best = errors.argmin(axis=0)
    two = np.sort(errors, axis=0)[:2]
    pick = lambda i: np.take_along_axis(np.stack([t[i] for t in tried]), best[None], axis=0)[0]
    scale, zero = pick(1), pick(2)
    codes, _ = encode(w, scale, zero, bits, group)
    return RATIOS[best], scale, zero, codes, margin, float(((two[1] - two[0]) / two[0]).min())


def awq(w, x, bits, group, symmetric):
    w, x = w.astype(np.float64), x.astype(np.float64)
    mean_abs = np.abs(x).mean(axis=0)
    losses = []
    for exponent in EXPONENTS:
        s = channel_scale(mean_abs, exponent)
        losses.append(output_mse(x, w, rtn(w * s, bits, group, symmetric)[0] / s))
    losses = np.array(losses)
    # the same through the Hessian
    s = channel_scale(mean_abs, EXPONENTS[7])
    d = w - rtn(w * s, bits, group, symmetric)[0] / s
    through_h = np.einsum("oi,ij,oj->", d, x.T @ x, d, optimize=True) / x.shape[0] / w.shape[0]
    assert abs(through_h - losses[7]) < 1e-10 * losses[7]
    best = int(losses.argmin())
    two = np.sort(losses)[:2]
    s = channel_scale(mean_abs, EXPONENTS[best])
    ratios, scale, zero, codes, margin, clip_gap = clip(x / s, w * s, bits, group, symmetric)
    value = decode(codes, scale, zero, group) / s
    tensors = {"exponents": EXPONENTS, "losses": losses, "s": s, "ratios": ratios, "codes": codes.astype(np.uint8), "scale": scale,
               "zero": zero.astype(np.int32), "dequantized": value.astype(np.float32)}
    meta = {"bits": bits, "group": group, "sym": int(symmetric), "best": best, "error": output_mse(x, w, value),
            "unclipped_error": float(losses[best]), "rtn_error": float(losses[0]),
            "margin": min(margin, rtn(w * s, bits, group, symmetric)[1]), "loss_gap": float((two[1] - two[0]) / two[0]), "clip_gap": clip_gap}
    return tensors, meta


def problem(rng, columns, tokens, flat, dead):
    rows = sum(ROWS.values())
    w = rng.standard_normal((rows, columns)) * 0.05
    w[rng.integers(0, rows, 6), rng.integers(0, columns, 6)] *= 4
    if flat:
        return w.astype(np.float32), rng.choice([-1.0, 1.0], (tokens, columns)).astype(np.float32)
    x = hidden_states(rng, tokens, columns, spread=1.0)
    x[:, dead] = 0
    return w.astype(np.float32), x


def make_case(folder, name, columns, bits, group, symmetric, flat=False, dead=()):
    for seed in range(5000):
        w, x = problem(np.random.default_rng(seed), columns, 96, flat, list(dead))
        tensors, meta = awq(w, x, bits, group, symmetric)
        clear = flat or (meta["loss_gap"] > 3e-3 and meta["best"] > 0)
        if clear and meta["clip_gap"] > 1e-3 and meta["margin"] > 1e-5:
            break
    else:
        raise SystemExit(f"{name}: no seed is clear enough")
    meta.update({"rows": ROWS, "seed": seed})
    write_tensors(folder / f"{name}.safetensors", {"W": w, "X": x, **tensors}, meta)
    print(f"{name}: seed {seed}, r {EXPONENTS[meta['best']]}, error {meta['error']:.3e}, unclipped {meta['unclipped_error']:.3e}, "
          f"RTN {meta['rtn_error']:.3e}, loss gap {meta['loss_gap']:.1e}, clip gap {meta['clip_gap']:.1e}, margin {meta['margin']:.1e}")
    return name


def main():
    folder = out_folder("awq", __doc__)
    names = [make_case(folder, "b4_asym", 128, 4, 64, False), make_case(folder, "b3_asym", 128, 3, 32, False),
             make_case(folder, "b3_sym", 128, 3, 64, True), make_case(folder, "b4_sym_dead", 96, 4, 32, True, dead=(3, 40)),
             make_case(folder, "flat", 64, 3, 32, False, flat=True)]
    (folder / "cases.json").write_text(json.dumps(names) + "\n")


if __name__ == "__main__":
    main()
