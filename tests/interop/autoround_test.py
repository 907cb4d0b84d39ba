"""What transformers computes with auto-round from mpq's auto-round folder is what mpq computes from it: logits and greedy text.

Widths 2 to 8 in groups of 32, 64 and 128, symmetric and not, mixed over the model's linears. auto-round's kernel computes in float16.

    python tests/interop/autoround_test.py --mpq BINARY [--model DIR] [--work DIR]
"""

from reader import Reader

SYMMETRIC = ["gptq:bits=4,group=128,sym", "rtn:bits=3,group=64,sym", "gptq:bits=2,group=32,sym", "rtn:bits=8,group=128,sym",
             "gptq:bits=6,group=64,sym", "rtn:bits=5,group=128,sym", "rtn:bits=7,group=32,sym"]
MIXED = ["gptq:bits=4,group=128", "rtn:bits=3,group=64", "gptq:bits=2,group=32", "rtn:bits=8,group=128,sym", "gptq:bits=6,group=64"]


def main():
    with Reader("autoround", __doc__) as reader:
        reader.compare("dense", reader.model, 1e-9)
        plan = reader.plan("--format", "auto-round")
        for what, specs in (("symmetric", SYMMETRIC), ("symmetric and asymmetric", MIXED)):
            reader.compare(what, reader.quantize(plan, specs, "--format", "auto-round"), 1e-5)


if __name__ == "__main__":
    main()
