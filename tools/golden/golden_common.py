"""What the reference scripts of quantization methods share: mpq's grids in float64 (scales float32), random problems, files.

Independent of mpq. W is [out, in], groups of `group` consecutive columns, qmax = 2^bits - 1, round() to the nearest, ties to even.
  range of a group: low = min(0, min w), high = max(0, max w)
  asymmetric: scale = float32((high - low) / qmax); zero = clamp(round(-low / scale), 0, qmax)
  symmetric:  zero = m = 2^(bits-1); far, near = the larger and smaller of high and -low;
              |scale| = float32(max(far / (m + 0.5), near / (m - 0.5))), negative where high > -low
  scale 0 is 1. Code: clamp(round(w / scale) + zero, 0, qmax); value: scale (code - zero).
The clip and fit of constant groups of mpq are not needed: no group of a golden is constant.

A `margin` is the distance, in codes, of the nearest rounded value to a tie: float32 arithmetic gives the same codes when it is
well above 1e-6.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parents[2]


def out_folder(name, doc):
    """Parses --out (default tests/golden/<name>) and makes the folder."""
    parser = argparse.ArgumentParser(description=doc.strip().splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "tests/golden" / name, help="folder to write to")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def grouped(w, group):
    return w.reshape(w.shape[0], -1, group)


def ranges(w, group):
    blocks = grouped(w, group)
    return np.minimum(blocks.min(axis=2), 0), np.maximum(blocks.max(axis=2), 0)


def grid_of_range(low, high, bits, symmetric):
    """scale float32 and zero float64, [out, groups], and how near a zero point came to a tie."""
    qmax, middle = 2**bits - 1, 2 ** (bits - 1)
    if symmetric:
        far, near = np.maximum(high, -low), np.minimum(high, -low)
        size = np.maximum(far / (middle + 0.5), near / (middle - 0.5))
        scale = np.where(high > -low, -size, size).astype(np.float32)
        scale[scale == 0] = 1
        return scale, np.full(scale.shape, float(middle)), 0.5
    scale = ((high - low) / qmax).astype(np.float32)
    scale[scale == 0] = 1
    ratio = -low / scale.astype(np.float64)
    return scale, np.clip(np.rint(ratio), 0, qmax), tie_distance(ratio, 0, qmax)


def tie_distance(value, least, most):
    """Distance of the nearest value to a boundary between two whole numbers of [least, most]."""
    boundary = np.clip(np.floor(value), least, most - 1) + 0.5
    return float(np.abs(value - boundary).min())


def encode(w, scale, zero, bits, group):
    """Codes [out, in] and their margin."""
    ratio = grouped(w, group) / scale.astype(np.float64)[:, :, None]
    zero = zero[:, :, None]
    codes = np.clip(np.rint(ratio) + zero, 0, 2**bits - 1)
    return codes.reshape(w.shape), tie_distance(ratio + zero, 0, 2**bits - 1)


def decode(codes, scale, zero, group):
    value = (grouped(codes, group) - zero[:, :, None]) * scale.astype(np.float64)[:, :, None]
    return value.reshape(codes.shape)


def rtn(w, bits, group, symmetric):
    """(value, margin) of rounding to nearest on the min/max grid."""
    scale, zero, near_zero = grid_of_range(*ranges(w, group), bits, symmetric)
    codes, near_code = encode(w, scale, zero, bits, group)
    return decode(codes, scale, zero, group), min(near_zero, near_code)


def hidden_states(rng, tokens, channels, spread=0.7):
    """Inputs as hidden states are: correlated, of unequal power, float32."""
    mix = rng.standard_normal((channels, channels)) / np.sqrt(channels)
    power = np.exp(rng.standard_normal(channels) * spread)
    return (rng.standard_normal((tokens, channels)) @ (np.eye(channels) + 0.8 * mix) * power).astype(np.float32)


def write_tensors(path, tensors, meta):
    """One metadata key, "meta", holding JSON: the library writes several keys in random order."""
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, str(path), metadata={"meta": json.dumps(meta)})
    path.chmod(0o644)
    assert path.stat().st_size < 200_000, path


def shorten(value, digits=10):
    """Nested lists with floats to `digits` significant digits."""
    if isinstance(value, dict):
        return {k: shorten(v, digits) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [shorten(v, digits) for v in value]
    if isinstance(value, np.ndarray):
        return shorten(value.tolist(), digits)
    if isinstance(value, (float, np.floating)):
        return float(f"{float(value):.{digits}g}")
    return value


def write_json(path, document, digits=10):
    path.write_text(json.dumps(shorten(document, digits)) + "\n")
    assert path.stat().st_size < 200_000, path
