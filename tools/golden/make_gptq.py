"""Writes tests/golden/gptq: what a plain numpy GPTQ gives on small matrices and on four linears of nano-llama.

Independent of mpq: one column at a time, everything in float64 but the scales, which are float32 (mpq: `scale_dtype=float32`).
W is [out, in], X [n, in], b bits, qmax = 2^b - 1, round() is to the nearest, ties to even. Exactly:

 1. H = (2/n) X^T X. Dead columns: where H_ii = 0, set H_ii = 1 and W[:, i] = 0.
 2. Grids, per row and per group of `group` consecutive columns *in the original order*, from that W, before any update
    ("static groups"; act-order does not change them):
      asymmetric: lo = min(0, min w), hi = max(0, max w); scale = float32((hi - lo) / qmax);
                  zero = clamp(round(-lo / scale), 0, qmax)         (division by the float32 scale, in float64)
      symmetric:  zero = m = 2^(b-1); with far the larger and near the smaller of max(0, max w) and max(0, -min w),
                  |scale| = float32(max(far / (m + 0.5), near / (m - 0.5))), negative where max w > -min w: the level that one side
                  has more lies where the weights reach further, and no weight is more than half a step off the grid.
    A group of zeros alone has scale 1 (and zero 0 when asymmetric).
    Code of w: q = clamp(round(w / scale) + zero, 0, qmax); value: scale (q - zero).
 3. Order: act-order takes columns by descending H_ii (after step 1, before damping; ties: lower index first); otherwise 0, 1, ...
    W's columns and H's rows and columns are permuted by it; a column keeps the grid of its original group.
 4. H_ii += 0.01 mean(diag H). U = upper Cholesky factor of H^-1: H^-1 = U^T U.
 5. For i = 0, 1, ...: q_i = code(W[:, i]); e = (W[:, i] - value(q_i)) / U_ii; W[:, j] -= e U_ij for all j > i.
    (Blocks of 128 columns with lazy updates give the same up to rounding.) Codes go back to the original column order.
 6. Layer error of a result V: tr((W - V) H (W - V)^T) with H as in step 1 (undamped) and W the weights given.

A seed is taken only when no value that was rounded in steps 2 and 5 (or by RTN) comes nearer than 2e-4 (in codes) to a tie, so that float32
arithmetic must give the same codes; `margin` records the distance.

<case>.safetensors: W float32 [out, in], X float32 [n, in], codes uint8 [out, in], scale float32 [out, in/group], zero int32
[out, in/group], dequantized float32 [out, in], rtn_codes uint8, order int64 [in]; metadata: bits, group, sym, act_order, margin, error,
rtn_error. nano.json: token ids and the layer errors of nano-llama's linears (inputs from the full-precision model).
"""

import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/gptq"
MARGIN = 2e-4
NANO_LINEARS = ["model.layers.0.self_attn.q_proj", "model.layers.2.self_attn.o_proj", "model.layers.3.mlp.up_proj",
                "model.layers.5.mlp.down_proj"]


def hessian(x):
    x = x.astype(np.float64)
    return 2.0 / x.shape[0] * (x.T @ x)


def grids(w, bits, group, symmetric):
    """scale float32 and zero int [out, in/group] of float64 weights [out, in], and how near a zero point came to a tie."""
    qmax = 2**bits - 1
    blocks = w.reshape(w.shape[0], -1, group)
    if symmetric:
        middle = 2 ** (bits - 1)
        above, below = np.maximum(blocks.max(axis=2), 0), np.maximum(-blocks.min(axis=2), 0)
        far, near = np.maximum(above, below), np.minimum(above, below)
        size = np.maximum(far / (middle + 0.5), near / (middle - 0.5))
        scale = np.where(above > below, -size, size).astype(np.float32)
        scale[scale == 0] = 1
        return scale, np.full(scale.shape, middle, dtype=np.int32), 0.5
    low, high = np.minimum(blocks.min(axis=2), 0), np.maximum(blocks.max(axis=2), 0)
    scale = ((high - low) / qmax).astype(np.float32)
    scale[scale == 0] = 1
    ratio = -low / scale.astype(np.float64)
    zero = np.clip(np.rint(ratio), 0, qmax).astype(np.int32)
    margin = np.abs(ratio - np.clip(np.floor(ratio), 0, qmax - 1) - 0.5).min()
    return scale, zero, margin


def encode(w, scale, zero, bits):
    """Codes of a column, and the distance (in codes) of the nearest value to a boundary between two codes."""
    ratio = w / scale.astype(np.float64)
    boundary = np.clip(np.floor(ratio + zero), 0, 2**bits - 2) + 0.5
    return np.clip(np.rint(ratio) + zero, 0, 2**bits - 1), np.abs(ratio + zero - boundary).min()


def rtn(w, scale, zero, bits, group):
    codes, margin = np.empty(w.shape), 0.5
    for j in range(w.shape[1]):
        codes[:, j], near = encode(w[:, j], scale[:, j // group], zero[:, j // group], bits)
        margin = min(margin, near)
    return codes, margin


def decode(codes, scale, zero, group):
    expand = lambda value: np.repeat(value.astype(np.float64), group, axis=1)
    return expand(scale) * (codes - expand(zero))


def gptq(w, x, bits, group, symmetric, act_order):
    """The docstring's steps; returns a dict of results."""
    original, h = w.astype(np.float64), hessian(x)
    undamped, w = h.copy(), original.copy()
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    w[:, dead] = 0.0
    scale, zero, zero_margin = grids(w, bits, group, symmetric)
    rtn_codes, rtn_margin = rtn(w, scale, zero, bits, group)
    margin = min(zero_margin, rtn_margin)
    order = np.argsort(-np.diag(h), kind="stable") if act_order else np.arange(w.shape[1])
    w, h = w[:, order].copy(), h[np.ix_(order, order)].copy()
    h[np.diag_indices_from(h)] += 0.01 * np.diag(h).mean()
    upper = np.linalg.cholesky(np.linalg.inv(h)).T
    codes = np.empty(w.shape)
    for i, column in enumerate(order):
        s, z = scale[:, column // group], zero[:, column // group]
        codes[:, column], near = encode(w[:, i], s, z, bits)
        margin = min(margin, near)
        error = (w[:, i] - s.astype(np.float64) * (codes[:, column] - z)) / upper[i, i]
        w[:, i + 1:] -= np.outer(error, upper[i, i + 1:])
    value = decode(codes, scale, zero, group)
    loss = lambda v: float(np.einsum("oi,ij,oj->", original - v, undamped, original - v, optimize=True))
    return {"codes": codes, "scale": scale, "zero": zero, "value": value, "rtn_codes": rtn_codes, "order": order, "margin": margin,
            "error": loss(value), "rtn_error": loss(decode(rtn_codes, scale, zero, group)), "power": loss(np.zeros_like(value))}


def random_problem(rows, columns, group, dead, seed):
    """Weights with a few outliers; inputs correlated and of unequal power, as hidden states are."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((rows, columns)) * 0.05
    w[rng.integers(0, rows, 6), rng.integers(0, columns, 6)] *= 4
    mix = rng.standard_normal((columns, columns)) / np.sqrt(columns)
    power = np.exp(rng.standard_normal(columns) * 0.7)
    x = rng.standard_normal((2 * columns, columns)) @ (np.eye(columns) + 0.8 * mix) * power
    x[:, dead] = 0
    return w.astype(np.float32), x.astype(np.float32)


def make_case(name, rows, columns, group, bits, symmetric, act_order, dead=()):
    for seed in range(1000):
        w, x = random_problem(rows, columns, group, list(dead), seed)
        result = gptq(w, x, bits, group, symmetric, act_order)
        if result["margin"] > MARGIN:
            break
    else:
        raise SystemExit(f"{name}: no seed keeps clear of ties")
    tensors = {"W": w, "X": x, "codes": result["codes"].astype(np.uint8), "scale": result["scale"], "zero": result["zero"],
               "dequantized": result["value"].astype(np.float32), "rtn_codes": result["rtn_codes"].astype(np.uint8),
               "order": result["order"].astype(np.int64)}
    metadata = {"bits": bits, "group": group, "sym": int(symmetric), "act_order": int(act_order), "seed": seed,
                "margin": result["margin"], "error": result["error"], "rtn_error": result["rtn_error"]}
    path = OUT / f"{name}.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, str(path), metadata={k: str(v) for k, v in metadata.items()})
    assert path.stat().st_size < 300_000
    assert result["error"] < result["rtn_error"], name
    print(f"{name}: seed {seed}, margin {result['margin']:.1e}, error / RTN's {result['error'] / result['rtn_error']:.3f}")
    return name


def nano_inputs():
    """Token ids [8, 64] of calib.txt and the float32 inputs of each named linear, from the full-precision model."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM
    folder = ROOT / "data/nano-llama"
    text = (folder / "text/calib.txt").read_text(encoding="utf-8")
    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text[:20000]).ids[:512]
    ids = torch.tensor(ids).reshape(8, 64)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    seen = {}
    for name in NANO_LINEARS:
        def keep(module, args, name=name):
            seen[name] = args[0].reshape(-1, args[0].shape[-1]).numpy()
        model.get_submodule(name).register_forward_pre_hook(keep)
    with torch.no_grad():
        model(ids, use_cache=False)
    return ids.tolist(), {name: (model.get_submodule(name).weight.detach().numpy(), seen[name]) for name in NANO_LINEARS}


def make_nano():
    ids, linears = nano_inputs()
    figures = {}
    for name, (w, x) in linears.items():
        result = gptq(w, x, 3, 128, False, True)
        figures[name] = {"error": result["error"], "rtn_error": result["rtn_error"], "ratio": result["error"] / result["rtn_error"],
                         "relative_error": result["error"] / result["power"],
                         "rtn_relative_error": result["rtn_error"] / result["power"]}
        print(f"{name}: error {result['error']:.4f}, RTN {result['rtn_error']:.4f}, ratio {figures[name]['ratio']:.4f}")
    document = {"about": "Layer errors tr((W - Wq) H (W - Wq)^T), H = (2/n) X^T X over the 512 tokens; relative_error divides by tr(W H W^T).",
                "model": "data/nano-llama", "options": {"bits": 3, "group": 128, "sym": False, "act_order": True, "damp": 0.01,
                                                        "scale_dtype": "float32"},
                "ids": ids, "linears": figures}
    (OUT / "nano.json").write_text(json.dumps(document) + "\n")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    small, wide = (24, 64, 32), (40, 96, 32)
    names = [make_case("b2_asym", *small, 2, False, False), make_case("b3_asym", *small, 3, False, False),
             make_case("b4_asym", *small, 4, False, False), make_case("b2_sym", *small, 2, True, False),
             make_case("b3_sym_act", *small, 3, True, True), make_case("b4_sym", *wide, 4, True, False),
             make_case("b2_asym_act", *small, 2, False, True), make_case("b3_asym_act", *wide, 3, False, True),
             make_case("b4_asym_act", *wide, 4, False, True), make_case("b3_dead", *small, 3, False, False, dead=(0, 17, 40)),
             make_case("b3_dead_act", *wide, 3, False, True, dead=(5, 31, 32, 95))]
    (OUT / "cases.json").write_text(json.dumps(names, indent=1) + "\n")
    make_nano()


if __name__ == "__main__":
    main()
