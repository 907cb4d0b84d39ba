"""Writes tests/golden/io/dtypes.safetensors with the safetensors library: one tensor of every dtype that mpq reads.

The values are repeated in tests/io/golden_test.cpp. One metadata key only: the library writes several in random order.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

OUT = Path(__file__).resolve().parents[2] / "tests/golden/io/dtypes.safetensors"
FLOATS = [[0.0, -1.5, 2.0], [448.0, 0.015625, -0.5]]  # exact in every float type
FLOAT_TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
               "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}
INTEGER_TYPES = {"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "U32": torch.uint32}


def main():
    tensors = {name: torch.tensor(FLOATS, dtype=torch.float64).to(dtype) for name, dtype in FLOAT_TYPES.items()}
    for name, dtype in INTEGER_TYPES.items():
        tensors[name] = torch.tensor([torch.iinfo(dtype).min, 0, 1, torch.iinfo(dtype).max], dtype=dtype)
    tensors["BOOL"] = torch.tensor([[True, False], [False, True], [True, True]])
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 4)
    tensors["größe \"重み\""] = torch.ones(1)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, OUT, metadata={"format": "pt"})


if __name__ == "__main__":
    main()
