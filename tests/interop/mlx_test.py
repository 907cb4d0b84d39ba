"""What MLX computes from mpq's MLX folder is what mpq computes from it: logits and greedy text.

Widths 2, 3, 4, 5, 6 and 8 in groups of 32, 64 and 128, symmetric and with an offset, mixed over the model's linears.

    python tests/interop/mlx_test.py --mpq BINARY [--model DIR] [--work DIR]
"""

from reader import Reader

SPECS = ["gptq:bits=3,group=64,sym", "rtn:bits=4,group=128,zero=offset", "gptq:bits=2,group=32,zero=offset", "rtn:bits=6,group=64,sym",
         "rtn:bits=5,group=128,sym", "gptq:bits=8,group=32,sym", "rtn:bits=3,group=128,zero=offset"]
LIMIT = 1e-9


def main():
    with Reader("mlx", __doc__) as reader:
        reader.compare("dense", reader.model, LIMIT)
        plan = reader.plan("--format", "mlx", "--target", "mlx")
        reader.compare("mixed", reader.quantize(plan, SPECS, "--format", "mlx"), LIMIT)


if __name__ == "__main__":
    main()
