"""What transformers computes (with auto-round as the reader of GPTQ v1) from mpq's GPTQ folder is what mpq computes from it: logits and greedy
text. Once at 4 bits everywhere, as most readers want it, once with 2, 3, 4 and 8 bits mixed by `dynamic`; symmetric, as all of them want it.

    python tests/interop/gptq_test.py --mpq BINARY [--model DIR] [--work DIR]
"""

from reader import Reader

UNIFORM = ["gptq:bits=4,group=128,sym"]
MIXED = ["gptq:bits=4,group=128,sym", "rtn:bits=3,group=64,sym", "gptq:bits=2,group=32,sym", "rtn:bits=8,group=128,sym",
         "gptq:bits=8,group=64,sym"]


def main():
    with Reader("autoround", __doc__) as reader:
        plan = reader.plan("--format", "gptq", "--target", "gptq")
        for what, specs in (("4 bits", UNIFORM), ("mixed", MIXED)):
            reader.compare(what, reader.quantize(plan, specs, "--format", "gptq"), 1e-5)


if __name__ == "__main__":
    main()
