"""Writes tests/golden/smoothquant: SmoothQuant's factors of a small unit's input channels, a numpy reference.

Independent of mpq; float64. X [n, in], W [out, in] (the unit's linears stacked): x = max over tokens of |X|, w = max over rows of |W|,
 s = max(x^a / max(w, 1e-5)^(1-a), 1e-5)      ("s_published": as the published code, which clamps the weights' maxima and the result)
 s = max(max(x, 1e-5)^a / max(w, 1e-5)^(1-a), 1e-5)      ("s": x clamped too; methods.md says nothing of clamps, mpq clamps all three)
Both are given: they differ only in the channels of `dead` (x = 0), whose factor does not change any output.
W's column is multiplied by s and X's divided.

What the C++ test compares: input_scale(max_abs = x) of smoothquant:alpha=<a> against s_<a>, 1e-5 relative. Exact equality of outputs:
(X / s) (W s)^T = X W^T.

cases.safetensors: X float32 [n, in], W float32 [out, in], max_abs float64 [in], weight_max float64 [in], s_50, s_85 (a = 0.5, 0.85) and
s_published_50, s_published_85 float64 [in]. metadata "meta", JSON: dead (channels with x = 0), empty (columns with w = 0), seed.
"""

import numpy as np
from golden_common import hidden_states, out_folder, write_tensors

SEED, TOKENS, IN, OUT = 3, 48, 64, 24
DEAD, EMPTY = [5, 33], [17]


def factors(x, w, alpha, least_input):
    return np.maximum(np.maximum(x, least_input) ** alpha / np.maximum(w, 1e-5) ** (1 - alpha), 1e-5)


def main():
    folder = out_folder("smoothquant", __doc__)
    rng = np.random.default_rng(SEED)
    x = hidden_states(rng, TOKENS, IN, spread=1.0)
    w = (rng.standard_normal((OUT, IN)) * 0.05).astype(np.float32)
    x[:, 21] *= 40  # a massive channel
    x[:, DEAD] = 0
    w[:, EMPTY] = 0
    most_x, most_w = np.abs(x).max(axis=0).astype(np.float64), np.abs(w).max(axis=0).astype(np.float64)
    tensors = {"X": x, "W": w, "max_abs": most_x, "weight_max": most_w}
    for alpha in (0.5, 0.85):
        percent = round(100 * alpha)
        tensors[f"s_{percent}"] = factors(most_x, most_w, alpha, 1e-5)
        tensors[f"s_published_{percent}"] = factors(most_x, most_w, alpha, 0.0)
        differ = np.flatnonzero(tensors[f"s_{percent}"] != tensors[f"s_published_{percent}"])
        assert differ.tolist() == DEAD
    write_tensors(folder / "cases.safetensors", tensors, {"dead": DEAD, "empty": EMPTY, "seed": SEED})
    print(f"s_50 {tensors['s_50'].min():.3g} .. {tensors['s_50'].max():.3g}, s_85 {tensors['s_85'].min():.3g} .. {tensors['s_85'].max():.3g}")


if __name__ == "__main__":
    main()
