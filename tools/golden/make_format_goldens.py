"""Writes tests/golden/formats: small quantized linears, and the tensors that the formats' own libraries make of them.

compressed-tensors.safetensors: by the package's compressors (compressed-tensors 0.20, torch), for int2 to int8 with and without zero points, fp8,
nvfp4 and mxfp4. gptq.safetensors: by AutoGPTQ's loops in numpy, with its case of 3 bits, and for 5, 6 and 7 bits GPTQModel's, one bitstream.
mlx.safetensors: by mlx 0.32 (mx.quantize and mx.dequantize); only with --mlx, in an environment that has it.

Tensors CASE/in.codes uint8 [out, in] (for floats: ranks of the levels in ascending order), CASE/in.scale float32 [out, groups], where there are any
CASE/in.zero, CASE/in.offset, CASE/in.scale_code float32 [out, groups], CASE/in.super_scale float32 [out, 1]; CASE/out.SUFFIX, the tensor
MODULE.SUFFIX; CASE/value float32 [out, in], as the library reads it. Metadata "meta", JSON: {CASE: {"encoding": as mpq names it, "weights": scheme}}.
"""

import argparse
import json
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests/golden/formats"
E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]


def signed(magnitudes):
    return np.array(sorted({s * m for m in magnitudes for s in (1, -1)}), dtype=np.float32) + 0.0  # no -0


def e4m3_levels():
    return signed([(m / 8) * 2.0**-6 if e == 0 else (1 + m / 8) * 2.0 ** (e - 7) for e in range(16) for m in range(8) if (e, m) != (15, 7)])


def wide(per_group, columns):
    return np.repeat(per_group, columns // per_group.shape[1], axis=1)


def integer_case(rng, rows, columns, bits, group, symmetric):
    codes = rng.integers(0, 2**bits, (rows, columns))
    scale = (rng.integers(1, 200, (rows, columns // group)) / 1024).astype(np.float32)
    zero = np.full(scale.shape, 2 ** (bits - 1)) if symmetric else rng.integers(0, 2**bits, scale.shape)
    return {"codes": codes.astype(np.uint8), "scale": scale, "zero": zero.astype(np.float32)}


def float_case(rng, rows, columns, levels, scale):
    codes = rng.integers(0, len(levels), (rows, columns))
    return {"codes": codes.astype(np.uint8), "scale": scale}, levels[codes] * wide(scale, columns)


def compressed(weight, scheme, parameters, compressor):
    """What the package writes for a weight on its grid, and what it reads back."""
    import torch
    from compressed_tensors.quantization import QuantizationScheme

    scheme = QuantizationScheme(targets=["Linear"], weights=scheme)
    state = {"weight": torch.tensor(weight, dtype=torch.float32), **{k: torch.tensor(v) for k, v in parameters.items()}}
    packed = compressor.compress(state, scheme)
    value = compressor.decompress(dict(packed), scheme)["weight"]
    return {k: v.detach() for k, v in packed.items()}, value.detach().to(torch.float32)


def compressed_tensors_cases(rng):
    from compressed_tensors.compressors.mxfp4.base import MXFP4PackedCompressor
    from compressed_tensors.compressors.naive_quantized.base import FloatQuantizationCompressor
    from compressed_tensors.compressors.nvfp4.base import NVFP4PackedCompressor
    from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor

    rows, columns, group = 32, 32, 16
    for bits in range(2, 9):
        for symmetric in (True, False):
            case = integer_case(rng, rows, columns, bits, group, symmetric)
            middle = 2 ** (bits - 1)
            weight = (case["codes"] - wide(case["zero"], columns)) * wide(case["scale"], columns)
            scheme = {"num_bits": bits, "type": "int", "symmetric": symmetric, "strategy": "group", "group_size": group, "dynamic": False}
            parameters = {"weight_scale": case["scale"], "weight_zero_point": (case["zero"] - middle).astype(np.int8)}
            encoding = f"int:bits={bits},group={group}" + (",sym" if symmetric else "")
            yield f"int{bits}{'sym' if symmetric else ''}", encoding, scheme, case, compressed(weight, scheme, parameters, PackedQuantizationCompressor)

    floats = {"num_bits": 4, "type": "float", "symmetric": True, "dynamic": False}
    case, weight = float_case(rng, rows, columns, e4m3_levels(), (rng.integers(1, 200, (rows, 1)) / 4096).astype(np.float32))
    scheme = {**floats, "num_bits": 8, "strategy": "channel"}
    yield "fp8", "fp8", scheme, case, compressed(weight, scheme, {"weight_scale": case["scale"]}, FloatQuantizationCompressor)

    case, weight = float_case(rng, rows, columns, signed(E2M1), (2.0 ** rng.integers(-9, 3, (rows, columns // 32))).astype(np.float32))
    scheme = {**floats, "strategy": "group", "group_size": 32, "scale_dtype": "torch.uint8"}
    yield "mxfp4", "mxfp4", scheme, case, compressed(weight, scheme, {"weight_scale": case["scale"]}, MXFP4PackedCompressor)

    levels = e4m3_levels()
    scale_code = levels[rng.integers(len(levels) // 2 + 20, len(levels), (rows, columns // 16))]
    global_scale = np.array([2048], dtype=np.float32)
    case, weight = float_case(rng, rows, columns, signed(E2M1), scale_code / global_scale)
    case |= {"scale_code": scale_code, "super_scale": np.full((rows, 1), 1 / 2048, np.float32)}
    scheme = {**floats, "strategy": "tensor_group", "group_size": 16, "scale_dtype": "torch.float8_e4m3fn"}
    parameters = {"weight_scale": scale_code, "weight_global_scale": global_scale}
    yield "nvfp4", "nvfp4", scheme, case, compressed(weight, scheme, parameters, NVFP4PackedCompressor)


def pack_three(codes):
    """AutoGPTQ's pack of 3 bits along the first axis: 32 codes make 3 words, two of which share a code."""
    codes = codes.astype(np.uint32)
    words = np.zeros((codes.shape[0] // 32 * 3, codes.shape[1]), dtype=np.uint32)
    for block in range(codes.shape[0] // 32):
        i, row = block * 32, block * 3
        for j in range(10):
            words[row] |= codes[i + j] << (3 * j)
        words[row] |= codes[i + 10] << 30
        words[row + 1] |= (codes[i + 10] >> 2) & 1
        for j in range(10):
            words[row + 1] |= codes[i + 11 + j] << (3 * j + 1)
        words[row + 1] |= codes[i + 21] << 31
        words[row + 2] |= (codes[i + 21] >> 1) & 3
        for j in range(10):
            words[row + 2] |= codes[i + 22 + j] << (3 * j + 2)
    return words


def gptq_words(codes, bits):
    """int32 words along the first axis."""
    if bits == 3:
        words = pack_three(codes)
    elif bits in (2, 4, 8):
        each = 32 // bits
        words = np.zeros((codes.shape[0] // each, codes.shape[1]), dtype=np.uint32)
        for i in range(codes.shape[0]):
            words[i // each] |= codes[i].astype(np.uint32) << (bits * (i % each))
    else:
        flags = (codes[:, :, None].astype(np.uint8) >> np.arange(bits, dtype=np.uint8)) & 1  # [in, out, bits]
        stream = flags.transpose(1, 0, 2).reshape(codes.shape[1], -1)
        words = np.ascontiguousarray(np.packbits(stream, axis=1, bitorder="little")).view("<u4").T
    return np.ascontiguousarray(words).view(np.int32)


def gptq_cases(rng):
    rows, columns, group = 32, 64, 32
    for bits in range(2, 9):
        for version, symmetric in ((1, True), (2, False)):
            case = integer_case(rng, rows, columns, bits, group, symmetric)
            case["scale"] *= rng.choice([-1, 1], case["scale"].shape) if symmetric else 1
            zero = case["zero"].astype(np.int64) - (1 if version == 1 else 0)
            tensors = {"qweight": gptq_words(case["codes"].T, bits), "qzeros": np.ascontiguousarray(gptq_words(zero, bits).T),
                       "scales": np.ascontiguousarray(case["scale"].T.astype(np.float16)), "g_idx": (np.arange(columns) // group).astype(np.int32)}
            # qzeros are packed along out, so the loops above run over the transposed matrix: [groups, out] -> [groups, words].
            value = (case["codes"] - wide(case["zero"], columns)) * wide(case["scale"], columns)
            encoding = f"int:bits={bits},group={group},scale=f16" + (",sym" if symmetric else "")
            yield f"v{version}int{bits}", encoding, {"bits": bits, "group_size": group}, case, (tensors, value.astype(np.float32))


def mlx_cases(rng):
    import mlx.core as mx

    rows, columns = 8, 128
    for bits in (2, 3, 4, 5, 6, 8):
        for group in (32, 64, 128):
            weight = mx.array(rng.standard_normal((rows, columns)).astype(np.float32))
            words, scales, biases = mx.quantize(weight, group_size=group, bits=bits)
            value = np.array(mx.dequantize(words, scales, biases, group_size=group, bits=bits))
            scale, offset = np.array(scales), np.array(biases)
            codes = np.rint((value - wide(offset, columns)) / wide(scale, columns))
            case = {"codes": codes.astype(np.uint8), "scale": scale, "offset": offset}
            encoding = f"int:bits={bits},group={group},zero=offset,scale=f32"
            tensors = {"weight": np.array(words), "scales": scale, "biases": offset}
            yield f"int{bits}g{group}", encoding, {"group_size": group, "bits": bits, "mode": "affine"}, case, (tensors, value)


def as_bytes(tensor):
    """dtype name, shape and bytes, of numpy and torch alike."""
    if not isinstance(tensor, np.ndarray):
        import torch

        names = {torch.float32: "F32", torch.int32: "I32", torch.int64: "I64", torch.uint8: "U8", torch.float8_e4m3fn: "F8_E4M3"}
        tensor = tensor.contiguous()
        return names[tensor.dtype], list(tensor.shape), tensor.view(torch.uint8).numpy().tobytes() if tensor.dim() else b""
    names = {"float32": "F32", "float16": "F16", "int32": "I32", "uint32": "U32", "uint8": "U8"}
    return names[str(tensor.dtype)], list(tensor.shape), np.ascontiguousarray(tensor).tobytes()


def write(name, cases):
    """safetensors by hand, since numpy has no small floats."""
    tensors, meta = {}, {}
    for case, encoding, weights, parameters, (out, value) in cases:
        meta[case] = {"encoding": encoding, "weights": weights}
        tensors |= {f"{case}/in.{k}": v for k, v in parameters.items()}
        tensors |= {f"{case}/out.{k}": v for k, v in out.items()}
        tensors[f"{case}/value"] = value
    stored = sorted(((k, *as_bytes(v)) for k, v in tensors.items()), key=lambda t: (t[1] not in ("I64",), "F8" in t[1] or t[1] == "U8", t[1] == "F16", t[0]))
    header, data = {"__metadata__": {"meta": json.dumps(meta)}}, b""
    for key, dtype, shape, content in stored:
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    assert path.stat().st_size < 200_000, path
    print(f"{path}: {len(meta)} cases, {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--mlx", action="store_true", help="write mlx.safetensors, and nothing else")
    if parser.parse_args().mlx:
        write("mlx", mlx_cases(np.random.default_rng(3)))
        return
    write("compressed-tensors", compressed_tensors_cases(np.random.default_rng(1)))
    write("gptq", gptq_cases(np.random.default_rng(2)))


if __name__ == "__main__":
    main()
