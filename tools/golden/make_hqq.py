"""Writes tests/golden/hqq: half-quadratic zero points, a numpy reference after the published code (optimize_weights_proximal_legacy).

Independent of mpq; float64 but the scales, float32, which are those of mpq's asymmetric grid (golden_common.py). Per group:
 zero = -low / scale, not rounded; beta = 10
 at most 20 times:  W_q = clamp(round(W / scale + zero), 0, qmax);  W_r = scale (W_q - zero);  error = mean over *all* of W of |W - W_r|
                    W_e = shrink(W - W_r), shrink(x) = sign(x) max(0, |x| - |x|^(p-1) / beta), p = 0.7
                    zero = mean over the group of (W_q - (W - W_e) / scale);  beta *= 1.01
                    unless error < the least error so far: stop
The published code has updated the zero by then: the one it returns was never judged ("published"). The zero that had the least error
is "best"; mpq keeps that one, methods.md does not say. Both are given, with codes, and their true errors. (Published ranges do not include 0 and a
denominator below 1e-4 gives scale 1; no group here has one sign only.) Small weights never reach the shrink's threshold
(|x|^1.3 > 1/beta): case `large` has weights around 1 and 2 bits so that it acts.

Zero-point only: the scale is never changed. A seed is taken only when no rounding in any iteration is nearer than 5e-5 (in codes) to a tie
and consecutive errors differ by 1e-4 (relative), so that float32 takes the same steps.

What the C++ test compares, hqq:bits,group,integer=false, scale_dtype float32: zero against zero_best within 1e-4 codes, codes equal,
scale 1e-6 relative, mean |W - dequantized| against best_error 1e-5 relative; and best_error <= first_error. integer=true: zero equals
clamp(round(zero_best), 0, qmax), codes follow from it (integer_codes), its error is integer_error.

<case>.safetensors: W float32 [out, in], scale float32 [out, groups], first_zero, zero_best, zero_published float64 [out, groups],
codes_best, codes_published, integer_codes uint8 [out, in], errors float64 [iterations run]. metadata "meta", JSON: bits, group, seed,
iterations, stopped_early, first_error, best_error, published_error, integer_error, rtn_error (rounded zero of the min/max grid), shrunk (share
of weights with W_e != 0 in the first iteration), margin. cases.json: the names.
"""

import json

import numpy as np
from golden_common import decode, encode, grid_of_range, grouped, out_folder, ranges, rtn, tie_distance, write_tensors

P, BETA, KAPPA, ITERATIONS = 0.7, 10.0, 1.01, 20


def shrink(x, beta):
    size = np.abs(x)
    with np.errstate(divide="ignore"):
        return np.sign(x) * np.maximum(size - size ** (P - 1) / beta, 0)


def float_codes(w, scale, zero, bits):
    """w [out, groups, group], scale and zero [out, groups, 1]: codes, and their margin."""
    value = w / scale + zero
    return np.clip(np.rint(value), 0, 2**bits - 1), tie_distance(value, 0, 2**bits - 1)


def hqq(weight, bits, group):
    w = grouped(weight.astype(np.float64), group)
    low, high = ranges(weight.astype(np.float64), group)
    scale32, rounded_zero, _ = grid_of_range(low, high, bits, False)
    scale = scale32.astype(np.float64)[:, :, None]
    first = zero = -low[:, :, None] / scale
    errors, beta, least, best, margin, shrunk, early = [], BETA, np.inf, None, 0.5, 0.0, False
    mean_error = lambda z: float(np.abs(w - (float_codes(w, scale, z, bits)[0] - z) * scale).mean())
    for i in range(ITERATIONS):
        codes, near = float_codes(w, scale, zero, bits)
        margin = min(margin, near)
        difference = w - (codes - zero) * scale
        kept = shrink(difference, beta)
        shrunk = float((kept != 0).mean()) if i == 0 else shrunk
        errors.append(float(np.abs(difference).mean()))
        judged = zero
        zero = (codes - (w - kept) / scale).mean(axis=2, keepdims=True)
        beta *= KAPPA
        if errors[-1] < least:
            least, best = errors[-1], judged
        else:
            early = True
            break
    whole = np.clip(np.rint(best), 0, 2**bits - 1)
    flat = lambda z: float_codes(w, scale, z, bits)[0].reshape(weight.shape).astype(np.uint8)
    for z in (zero, whole):
        margin = min(margin, float_codes(w, scale, z, bits)[1])
    margin = min(margin, tie_distance(best, 0, 2**bits - 1))
    tensors = {"scale": scale32, "first_zero": first[:, :, 0], "zero_best": best[:, :, 0], "zero_published": zero[:, :, 0],
               "codes_best": flat(best), "codes_published": flat(zero), "integer_codes": flat(whole), "errors": np.array(errors)}
    plain = np.abs(weight - rtn(weight.astype(np.float64), bits, group, False)[0]).mean()
    meta = {"bits": bits, "group": group, "iterations": len(errors), "stopped_early": early, "first_error": errors[0], "best_error": least,
            "published_error": mean_error(zero), "integer_error": mean_error(whole), "rtn_error": float(plain), "shrunk": shrunk,
            "margin": margin}
    return tensors, meta


def make_case(folder, name, rows, columns, bits, group, size):
    for seed in range(20000):
        rng = np.random.default_rng(seed)
        w = (rng.standard_t(5, (rows, columns)) * size).astype(np.float32)
        low, high = ranges(w, group)
        if not ((low < 0) & (high > 0)).all():
            continue
        tensors, meta = hqq(w, bits, group)
        steps = np.abs(np.diff(tensors["errors"])) / tensors["errors"][1:]
        if meta["margin"] > 5e-5 and steps.min() > 1e-4 and meta["iterations"] >= 4:
            break
    else:
        raise SystemExit(f"{name}: no seed is clear enough")
    meta["seed"] = seed
    write_tensors(folder / f"{name}.safetensors", {"W": w, **tensors}, meta)
    print(f"{name}: {meta}")
    return name


def main():
    folder = out_folder("hqq", __doc__)
    names = [make_case(folder, "b4", 16, 64, 4, 32, 0.05), make_case(folder, "b3", 16, 128, 3, 64, 0.05),
             make_case(folder, "b2", 16, 64, 2, 32, 0.05), make_case(folder, "large", 16, 64, 2, 32, 1.0)]
    (folder / "cases.json").write_text(json.dumps(names) + "\n")


if __name__ == "__main__":
    main()
