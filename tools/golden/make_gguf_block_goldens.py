"""Writes tests/golden/gguf/blocks.safetensors: random blocks of ggml's types and what gguf 0.19.0 dequantizes them to.

    pip install gguf==0.19.0 numpy safetensors

For every type TYPE (lower case): TYPE.bytes, uint8 [rows, row bytes], and TYPE.values, float32 [rows, columns]. All bytes are random but the
scales': float16 numbers are finite, one of them subnormal and some negative; the powers of two of mxfp4 hold the least and the greatest;
those of nvfp4 are E4M3 numbers without sign. gguf does not dequantize q1_0 and q2_0: their values are by the definition in ggml-quants.c,
with one float32 product a value. Metadata: the number of each type in "types".
"""

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize
from golden_common import out_folder, write_tensors

SEED = 20
ROWS = 2
# Where the float16 numbers of a block lie.
HALVES = {"Q1_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2],
          "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64], "MXFP4": [], "NVFP4": [], "F16": [0]}
Q2_0 = 42  # of which gguf 0.19.0 knows nothing: 64 numbers, 18 bytes


def random_blocks(rng, count, size, halves):
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in halves:
        numbers = (rng.standard_normal(count) * np.exp(rng.uniform(-8, 4, count))).astype(np.float16)
        numbers[0] = 3e-6
        blocks[:, at:at + 2] = numbers.view(np.uint8).reshape(count, 2)
    return blocks


def signs_and_codes(blocks, bits, least, step):
    """(least + step code) d, of float16 d and then the codes, lowest bits first."""
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    codes = (blocks[:, 2:, None] >> np.arange(0, 8, bits, dtype=np.uint8)) & (2**bits - 1)
    return scale * (least + step * codes.reshape(len(blocks), -1).astype(np.float32))


def main():
    folder = out_folder("gguf", __doc__)
    rng = np.random.default_rng(SEED)
    tensors, types = {}, {}
    for name, halves in HALVES.items():
        kind = GGMLQuantizationType[name]
        columns, size = GGML_QUANT_SIZES[kind]
        count = ROWS * (1 if columns > 64 else 2)
        blocks = random_blocks(rng, count, size, halves)
        if name == "MXFP4":
            blocks[:, 0] = [0, 1, 127, 252]
        if name == "NVFP4":
            blocks[:, :4] = rng.integers(0, 127, (count, 4))
            blocks[0, :4] = [0, 3, 126, 8]
        if name == "Q1_0":
            values = signs_and_codes(blocks, 1, -1, 2)
        else:
            values = dequantize(blocks, kind)
        tensors[name.lower()], types[name.lower()] = (blocks, values), int(kind)
    blocks = random_blocks(rng, 2 * ROWS, 18, [0])
    tensors["q2_0"], types["q2_0"] = (blocks, signs_and_codes(blocks, 2, -1, 1)), Q2_0
    bits = rng.standard_normal(8).astype(np.float32).view(np.uint8)
    tensors["f32"], types["f32"] = (bits, bits.view(np.float32)), 0
    tensors["bf16"], types["bf16"] = (bits, dequantize(bits, GGMLQuantizationType.BF16)), 30
    out = {}
    for name, (blocks, values) in tensors.items():
        out[f"{name}.bytes"], out[f"{name}.values"] = blocks.reshape(ROWS, -1), values.astype(np.float32).reshape(ROWS, -1)
        assert np.isfinite(values).all(), name
    write_tensors(folder / "blocks.safetensors", out, {"types": types})


if __name__ == "__main__":
    main()
